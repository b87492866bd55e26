package main

import (
	"runtime"
	"runtime/debug"
)

// versionText names the build: the module's version or commit, and Go's.
func versionText() string {
	text := "(devel)"
	info, ok := debug.ReadBuildInfo()
	if ok {
		if v := info.Main.Version; v != "" {
			text = v
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && text == "(devel)" {
				text = s.Value
			}
		}
	}
	return text + " " + runtime.Version()
}

// moduleVersion returns the version of a module that is built in, or "".
func moduleVersion(path string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range info.Deps {
		if m.Path == path {
			return m.Version
		}
	}
	return ""
}
