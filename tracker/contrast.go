package tracker

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gouache-art/gouache/internal/format"
)

// MaxContrast is the most runs that can be compared at once.
const MaxContrast = 12

// Contrast is what distinguishes runs, and what makes comparing them unfair.
type Contrast struct {
	Runs []Run `json:"runs"`
	// Inputs are the pictures that each run began with.
	Inputs [][]Picture `json:"inputs"`
	// Differs are the parameters, inputs and parts of the provenance that differ between runs.
	Differs []ContrastRow `json:"differs"`
	// Common are those that do not.
	Common []ContrastRow `json:"common"`
	// Final are all metrics at each run's highest step.
	Final []ContrastRow `json:"final"`
	// Unfair are sentences on why the runs' pictures do not show the effect of their settings. It
	// is empty if all runs have the same content picture, size, seed and number of iterations, and
	// are finished.
	Unfair []string `json:"unfair"`
}

// ContrastRow is one thing that runs have, side by side.
type ContrastRow struct {
	Name string       `json:"name"`
	Kind ContrastKind `json:"kind"`
	// Values has one value for each run, nil where the run has none. A picture's value is its name,
	// with the beginning of its hash where different pictures have the same name.
	Values []any `json:"values"`
	// Same reports whether all values are equal.
	Same bool `json:"same"`
}

// MarshalJSON writes the row. Values that are not finite are strings, as in Metrics.
func (r ContrastRow) MarshalJSON() ([]byte, error) {
	type plain ContrastRow // without this method
	row := plain(r)
	row.Values = slices.Clone(row.Values)
	for i, v := range row.Values {
		if f, ok := v.(float64); ok {
			row.Values[i] = jsonNumber(f)
		}
	}
	return json.Marshal(row)
}

// ContrastKind is what a row of a contrast is about.
type ContrastKind string

// The kinds of rows.
const (
	ContrastParam      ContrastKind = "param"
	ContrastInput      ContrastKind = "input"
	ContrastProvenance ContrastKind = "provenance"
	ContrastMetric     ContrastKind = "metric"
)

// NewContrast compares 2 to MaxContrast different runs, given by their ids: as many as fit side by
// side.
func NewContrast(ctx context.Context, store Reader, ids []string) (*Contrast, error) {
	if len(ids) < 2 || len(ids) > MaxContrast {
		return nil, Errorf(CodeInvalid, "there are %d runs to compare: choose 2 to %d", len(ids), MaxContrast)
	}
	var runs []Run
	var began [][]Picture
	for i, id := range ids {
		if slices.Contains(ids[:i], id) {
			return nil, Errorf(CodeInvalid, "run %s is named twice: choose different runs to compare", id)
		}
		run, err := store.Run(ctx, id)
		if err != nil {
			return nil, err
		}
		pictures, err := store.Pictures(ctx, id, PictureQuery{})
		if err != nil {
			return nil, err
		}
		runs = append(runs, *run)
		began = append(began, slices.DeleteFunc(pictures, func(p Picture) bool { return p.Role == RoleSnapshot || p.Role == RoleResult }))
	}
	return ContrastOf(runs, began), nil
}

// ContrastOf compares any number of runs, each given with the pictures that it began with.
func ContrastOf(runs []Run, inputs [][]Picture) *Contrast {
	c := &Contrast{Runs: runs, Inputs: inputs, Unfair: []string{}, Differs: []ContrastRow{}, Common: []ContrastRow{}, Final: []ContrastRow{}}
	for _, row := range slices.Concat(c.inputs(), c.params(), c.provenance()) {
		switch {
		case !row.Same:
			c.Differs = append(c.Differs, row)
		case row.Values[0] != nil:
			c.Common = append(c.Common, row)
		}
	}
	metrics := c.names(func(r *Run) []string { return keys(r.Final) })
	for _, name := range metrics {
		c.Final = append(c.Final, c.row(ContrastMetric, name, func(i int) any { return orNil(c.Runs[i].Final, name) }))
	}
	c.judge()
	return c
}

func (c *Contrast) row(kind ContrastKind, name string, value func(run int) any) ContrastRow {
	row := ContrastRow{Name: name, Kind: kind, Same: true}
	for i := range c.Runs {
		row.Values = append(row.Values, value(i))
		row.Same = row.Same && equal(row.Values[i], row.Values[0])
	}
	return row
}

// equal reports whether two values are the same to people: 50 equals 50.0, and NaN equals NaN.
func equal(a, b any) bool {
	switch a := a.(type) {
	case int64:
		if b, ok := b.(float64); ok {
			return float64(a) == b
		}
	case float64:
		switch b := b.(type) {
		case int64:
			return a == float64(b)
		case float64:
			return a == b || math.IsNaN(a) && math.IsNaN(b)
		}
	}
	return a == b
}

func (c *Contrast) params() []ContrastRow {
	var rows []ContrastRow
	for _, name := range c.names(func(r *Run) []string { return keys(r.Params) }) {
		if role, ok := strings.CutSuffix(name, pictureSuffix); ok && c.hasInput(role) {
			continue // the row of inputs has it, and compares the files
		}
		rows = append(rows, c.row(ContrastParam, name, func(i int) any { return orNil(c.Runs[i].Params, name) }))
	}
	return rows
}

func (c *Contrast) provenance() []ContrastRow {
	var rows []ContrastRow
	for _, field := range []struct {
		name string
		of   func(p *Provenance) string
	}{
		{"version", func(p *Provenance) string { return p.Version }},
		{"commit", func(p *Provenance) string { return p.Commit }},
		{"xla", func(p *Provenance) string { return p.XLA }},
		{"platform", func(p *Provenance) string { return p.Platform }},
		{"weights_sha256", func(p *Provenance) string { return p.WeightsSHA256 }},
	} {
		rows = append(rows, c.row(ContrastProvenance, field.name, func(i int) any {
			if text := field.of(&c.Runs[i].Provenance); text != "" {
				return text
			}
			return nil
		}))
	}
	return rows
}

// inputs returns a row for each role.
func (c *Contrast) inputs() []ContrastRow {
	var rows []ContrastRow
	roles := []string{}
	for _, pictures := range c.Inputs {
		for _, p := range pictures {
			if !slices.Contains(roles, p.Role) {
				roles = append(roles, p.Role)
			}
		}
	}
	slices.Sort(roles)
	ambiguous := c.ambiguous()
	for _, role := range roles {
		row := c.row(ContrastInput, role, func(i int) any { return c.labels(i, role, ambiguous) })
		row.Same = c.row(ContrastInput, role, func(i int) any { return c.hashes(i, role) }).Same
		rows = append(rows, row)
	}
	return rows
}

func (c *Contrast) hasInput(role string) bool {
	return slices.ContainsFunc(c.Inputs, func(pictures []Picture) bool {
		return slices.ContainsFunc(pictures, func(p Picture) bool { return p.Role == role })
	})
}

func (c *Contrast) hashes(run int, role string) string {
	var list []string
	for _, p := range c.Inputs[run] {
		if p.Role == role {
			list = append(list, p.Hash)
		}
	}
	return strings.Join(list, " ")
}

// labels names a run's pictures of a role. Different files with the same name are distinguished by
// their hashes.
func (c *Contrast) labels(run int, role string, ambiguous map[[2]string]bool) any {
	var list []string
	for _, p := range c.Inputs[run] {
		if p.Role != role {
			continue
		}
		label := p.Name
		if label == "" || ambiguous[[2]string{role, label}] {
			label = strings.TrimSpace(label + " " + p.Hash[:8])
		}
		list = append(list, label)
	}
	if list == nil {
		return nil
	}
	return strings.Join(list, ", ")
}

// ambiguous returns the pairs of role and name that several different pictures have.
func (c *Contrast) ambiguous() map[[2]string]bool {
	hashes, ambiguous := map[[2]string]string{}, map[[2]string]bool{}
	for _, p := range slices.Concat(c.Inputs...) {
		called := [2]string{p.Role, p.Name}
		if other, known := hashes[called]; known && other != p.Hash {
			ambiguous[called] = true
		}
		hashes[called] = p.Hash
	}
	return ambiguous
}

// judge finds what makes the comparison unfair.
func (c *Contrast) judge() {
	if !c.row(ContrastInput, RoleContent, func(i int) any { return c.hashes(i, RoleContent) }).Same {
		c.unfair("they repaint different content pictures")
	}
	for _, p := range []struct{ name, what string }{
		{"size", "their pictures have different sizes"},
		{"seed", "they began with different seeds"},
		{"iterations", "they had different numbers of iterations to spend"},
	} {
		row := c.row(ContrastParam, p.name, func(i int) any { return c.setting(i, p.name) })
		if !row.Same {
			var values []string
			for _, v := range row.Values {
				values = append(values, format.Value(v))
			}
			c.unfair("%s (%s)", p.what, strings.Join(values, ", "))
		}
	}
	for _, r := range c.Runs {
		if r.Status != StatusFinished {
			c.unfair("%s is %s: its picture is not what its settings lead to", r.Name, r.Status)
		}
	}
}

// setting returns a run's parameter. A seed may be in its provenance only.
func (c *Contrast) setting(run int, name string) any {
	r := &c.Runs[run]
	if v, ok := r.Params[name]; ok {
		return v
	}
	if name == "seed" && r.Provenance.Seed != nil {
		return *r.Provenance.Seed
	}
	return nil
}

func (c *Contrast) unfair(format string, args ...any) {
	c.Unfair = append(c.Unfair, fmt.Sprintf(format, args...))
}

// names collects names over all runs, sorted.
func (c *Contrast) names(of func(*Run) []string) []string {
	var all []string
	for i := range c.Runs {
		all = append(all, of(&c.Runs[i])...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func keys[V any](m map[string]V) []string {
	list := make([]string, 0, len(m))
	for k := range m {
		list = append(list, k)
	}
	return list
}

func orNil[V any](m map[string]V, name string) any {
	if v, ok := m[name]; ok {
		return v
	}
	return nil
}
