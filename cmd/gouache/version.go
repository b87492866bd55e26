package main

import (
	"runtime"
	"runtime/debug"
)

// commit is what git calls the sources, with "+changes" if they had been edited. make sets it; a plain go build leaves
// it to Go, which may be told not to ask git.
var commit string

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
	if commit != "" && text == "(devel)" {
		text = commit
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
