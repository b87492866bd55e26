package main

import (
	"cmp"
	"runtime/debug"
	"strings"

	"github.com/gouache-art/gouache/tracker"
)

// commit is what git calls the sources, with "+changes" if they had been edited. make sets it; a plain go build leaves
// it to Go, which may be told not to ask git.
var commit string

// versionText names the build: the module's version or the beginning of its commit, and Go's.
func versionText() string {
	p := tracker.NewProvenance()
	text := cmp.Or(p.Version, "(devel)")
	if hash := cmp.Or(commit, p.Commit); text == "(devel)" && hash != "" {
		hash, changes, _ := strings.Cut(hash, "+")
		text = hash[:min(len(hash), 12)]
		if changes != "" {
			text += "+" + changes
		}
	}
	return text + " " + p.Go
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
