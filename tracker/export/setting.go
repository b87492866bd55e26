package export

import (
	"maps"
	"slices"
	"strings"

	"github.com/gouache-art/gouache/tracker"
)

// setting is one thing that a run was made with.
type setting struct {
	Kind        tracker.ContrastKind
	Name, Value string
	exact       string // what is compared: two files called content.jpg are not one picture
}

type settingKey struct {
	kind tracker.ContrastKind
	name string
}

func (s setting) key() settingKey { return settingKey{s.Kind, s.Name} }

// settings returns what a run was made with: inputs, then parameters, then those parts of its provenance that change
// what comes out, as [tracker.NewContrast] compares them.
func (e *entry) settings() []setting {
	var list []setting
	for _, role := range slices.Compact(slices.Sorted(slices.Values(roles(e)))) {
		list = append(list, setting{tracker.ContrastInput, role, e.labels(role), strings.Join(hashes(e, role), " ")})
	}
	for _, name := range slices.Sorted(maps.Keys(e.Params)) {
		text := tracker.FormatValue(e.Params[name])
		list = append(list, setting{tracker.ContrastParam, name, text, text})
	}
	p := e.Provenance
	for _, s := range [][2]string{
		{"version", p.Version}, {"commit", p.Commit}, {"xla", p.XLA}, {"platform", p.Platform}, {"weights_sha256", p.WeightsSHA256},
	} {
		if s[1] != "" {
			list = append(list, setting{tracker.ContrastProvenance, s[0], s[1], s[1]})
		}
	}
	return list
}

// labels names the run's pictures of a role.
func (e *entry) labels(role string) string {
	var list []string
	for _, p := range e.inputs() {
		if p.Role == role {
			list = append(list, label(&p))
		}
	}
	return strings.Join(list, ", ")
}

// label is what a picture is called.
func label(p *tracker.Picture) string {
	if p.Name != "" {
		return p.Name
	}
	return p.Hash[:8]
}

// contrast is what sets any number of runs apart.
type contrast struct {
	differs   map[settingKey]bool
	ambiguous map[setting]bool // with exact empty: inputs whose name stands for several pictures
	Common    []setting
}

// newContrast finds the settings that all runs agree in, and those that they do not. [tracker.NewContrast] sets a dozen
// runs side by side in a table; a gallery has as many as there are, and says of each what is its own.
func newContrast(entries []entry) *contrast {
	c := &contrast{differs: map[settingKey]bool{}, ambiguous: map[setting]bool{}}
	first, count := map[settingKey]setting{}, map[settingKey]int{}
	called := map[setting]string{}
	for i := range entries {
		for _, s := range entries[i].settings() {
			if _, known := first[s.key()]; !known {
				first[s.key()] = s
			}
			count[s.key()]++
			c.differs[s.key()] = c.differs[s.key()] || s.exact != first[s.key()].exact
			name := setting{s.Kind, s.Name, s.Value, ""}
			if other, known := called[name]; known && other != s.exact {
				c.ambiguous[name] = true
			}
			called[name] = s.exact
		}
	}
	for key, n := range count {
		c.differs[key] = c.differs[key] || n < len(entries)
	}
	for _, s := range entries[0].settings() {
		if !c.differs[s.key()] {
			c.Common = append(c.Common, s)
		}
	}
	return c
}

// of returns what sets a run apart from the others; of one that is alone, all its parameters.
func (c *contrast) of(e *entry, alone bool) []setting {
	var list []setting
	for _, s := range e.settings() {
		if !c.differs[s.key()] && !(alone && s.Kind == tracker.ContrastParam) {
			continue
		}
		if c.ambiguous[setting{s.Kind, s.Name, s.Value, ""}] {
			s.Value += " (" + short(s.exact) + ")"
		}
		list = append(list, s)
	}
	return list
}

// short writes the beginnings of hashes.
func short(hashes string) string {
	list := strings.Fields(hashes)
	for i, h := range list {
		list[i] = h[:min(len(h), 8)]
	}
	return strings.Join(list, " ")
}
