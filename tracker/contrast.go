package tracker

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strconv"
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
	// Unfair are sentences on why the runs' pictures do not show the effect of their settings. It is empty if all
	// runs have the same content picture, size, seed, number of iterations and weights, and are finished.
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

// Distinct returns one of the row's values for people. A string that would look like another value of the row, as "0.1"
// and the number 0.1 do, is quoted.
func (r ContrastRow) Distinct(value any) any {
	text, ok := value.(string)
	if !ok {
		return value
	}
	for _, other := range r.Values {
		if _, same := other.(string); !same && format.Value(other) == text {
			return strconv.Quote(text)
		}
	}
	return value
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

// NewContrast compares 2 to MaxContrast different runs, given by their ids: as many as fit side by side.
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
	metrics := names(runs, func(r *Run) map[string]float64 { return r.Final })
	slices.SortFunc(metrics, CompareMetrics)
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
	roles := c.roles()
	for _, name := range names(c.Runs, func(r *Run) map[string]any { return r.Params }) {
		if role, ok := strings.CutSuffix(name, pictureSuffix); ok && slices.Contains(roles, role) {
			continue // the row of inputs has it, and compares the files
		}
		rows = append(rows, c.row(ContrastParam, name, func(i int) any { return orNil(c.Runs[i].Params, name) }))
	}
	return rows
}

func (c *Contrast) provenance() []ContrastRow {
	var rows []ContrastRow
	for k, name := range []string{"version", "commit", "xla", "platform", "weights_sha256"} {
		rows = append(rows, c.row(ContrastProvenance, name, func(i int) any {
			p := &c.Runs[i].Provenance
			if text := []string{p.Version, p.Commit, p.XLA, p.Platform, p.WeightsSHA256}[k]; text != "" {
				return text
			}
			return nil
		}))
	}
	return rows
}

// inputs returns a row for each role. Different files with the same name are distinguished by their hashes.
func (c *Contrast) inputs() []ContrastRow {
	type called struct{ role, name string }
	hashes, ambiguous := map[called]string{}, map[called]bool{}
	for _, p := range slices.Concat(c.Inputs...) {
		key := called{p.Role, p.Name}
		other, known := hashes[key]
		ambiguous[key] = ambiguous[key] || known && other != p.Hash
		hashes[key] = p.Hash
	}
	var rows []ContrastRow
	for _, role := range c.roles() {
		row := c.row(ContrastInput, role, func(i int) any {
			return c.describe(i, role, func(p Picture) string {
				if p.Name == "" || ambiguous[called{role, p.Name}] {
					return strings.TrimSpace(p.Name + " " + p.Hash[:8])
				}
				return p.Name
			})
		})
		row.Same = c.sameFiles(role)
		rows = append(rows, row)
	}
	return rows
}

// roles returns the roles of all inputs, sorted.
func (c *Contrast) roles() []string {
	roles := map[string]bool{}
	for _, p := range slices.Concat(c.Inputs...) {
		roles[p.Role] = true
	}
	return slices.Sorted(maps.Keys(roles))
}

// describe joins what of returns for a run's inputs of a role. It returns nil if there are none.
func (c *Contrast) describe(run int, role string, of func(Picture) string) any {
	var list []string
	for _, p := range c.Inputs[run] {
		if p.Role == role {
			list = append(list, of(p))
		}
	}
	if list == nil {
		return nil
	}
	return strings.Join(list, ", ")
}

func (c *Contrast) sameFiles(role string) bool {
	hash := func(p Picture) string { return p.Hash }
	return c.row(ContrastInput, role, func(i int) any { return c.describe(i, role, hash) }).Same
}

// judge finds what makes the comparison unfair.
func (c *Contrast) judge() {
	unfair := func(format string, args ...any) { c.Unfair = append(c.Unfair, fmt.Sprintf(format, args...)) }
	if !c.sameFiles(RoleContent) {
		unfair("they repaint different content pictures")
	}
	runs := make([]*Run, len(c.Runs))
	for i := range c.Runs {
		runs[i] = &c.Runs[i]
	}
	for reason, values := range Unlike(runs) {
		var texts []string
		for _, v := range values {
			texts = append(texts, format.Value(v))
		}
		unfair("%s (%s)", reason, strings.Join(texts, ", "))
	}
	for _, r := range c.Runs {
		if r.Status != StatusFinished {
			unfair("%s is %s: its picture is not what its settings lead to", r.Name, r.Status)
		}
	}
}

// Unlike yields what runs have not in common, and must, so that their pictures show the effect of their other settings: as
// the beginning of a sentence, with each run's value, nil where it has none.
func Unlike(runs []*Run) iter.Seq2[string, []any] {
	return func(yield func(string, []any) bool) {
		for _, must := range []struct {
			of     func(*Run) any
			reason string
		}{
			{func(r *Run) any { return orNil(r.Params, "size") }, "their pictures have different sizes"},
			{(*Run).seed, "they began with different seeds"},
			{func(r *Run) any { return orNil(r.Params, "iterations") }, "they had different numbers of iterations to spend"},
			{(*Run).weights, "they were painted with different weights"},
		} {
			var values []any
			same := true
			for _, r := range runs {
				values = append(values, must.of(r))
				same = same && equal(values[len(values)-1], values[0])
			}
			if !same && !yield(must.reason, values) {
				return
			}
		}
	}
}

func (r *Run) seed() any {
	if _, recorded := r.Params["seed"]; !recorded && r.Provenance.Seed != nil {
		return *r.Provenance.Seed
	}
	return orNil(r.Params, "seed")
}

// weights is the name of the network's weights, nil if there is none.
func (r *Run) weights() any {
	if r.Provenance.Weights != "" {
		return r.Provenance.Weights
	}
	return orNil(r.Params, "weights")
}

// names collects names over runs, sorted.
func names[V any](runs []Run, of func(*Run) map[string]V) []string {
	all := map[string]V{}
	for i := range runs {
		maps.Copy(all, of(&runs[i]))
	}
	return slices.Sorted(maps.Keys(all))
}

func orNil[V any](m map[string]V, name string) any {
	if v, ok := m[name]; ok {
		return v
	}
	return nil
}
