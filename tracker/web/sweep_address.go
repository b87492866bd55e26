package web

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/gouache-art/gouache/tracker"
)

// dots are names that would mean another folder in an address, or none, and those that stand for them there.
var dots = regexp.MustCompile(`^~*(\.{1,2}|/)$`)

// sweepPath is the address of a sweep's pages; sweepName reads the part of it that is the name.
func sweepPath(name string, more ...string) string {
	if dots.MatchString(name) {
		name = "~" + name
	}
	return strings.Join(append([]string{"/sweeps", url.PathEscape(name)}, more...), "/")
}

func sweepName(part string) string {
	if dots.MatchString(part) {
		return strings.TrimPrefix(part, "~")
	}
	return part
}

// Path is the address of one of the sweep's pages, or of the first.
func (st *study) Path(more ...string) string { return sweepPath(st.Name, more...) }

// List is the address of the sweep's runs among all.
func (st *study) List() string { return listAddress(tracker.Where("sweep", tracker.Equal, st.Name)) }
