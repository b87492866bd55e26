package main

import (
	"io"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/stylelib/backend"
)

// TestEvaluations measures contenders of which one fails and one is hopeless.
func TestEvaluations(t *testing.T) {
	m := &measurement{
		settings: &settings{device: backend.CPU, times: 1},
		report:   &report{Versions: map[string]string{}, Full: agreement{Tolerance: tolerance(backend.CPU)}, Reduced: agreement{Tolerance: reducedTolerance}},
		dir:      t.TempDir(),
		messages: io.Discard,
	}
	own := newFake(t, "answers")
	own.program = nameGouache
	rounded := own
	rounded.options = []string{mixed}
	m.contenders = []contender{own, rounded}
	m.report.own = m.contenders
	for _, c := range []struct {
		how     string
		options []string
	}{
		{"answers", nil},
		{"answers", []string{channelsLast}},
		{"fails", []string{compiled}},
		{"answers", []string{channelsLast, compiled}}, // adds to one that fails
		{"slow", []string{xla}},
	} {
		mode := newFake(t, c.how)
		mode.options = c.options
		m.contenders = append(m.contenders, mode)
	}
	if err := m.evaluations(t.Context(), size{32, 3}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range m.results {
		got = append(got, r.String())
	}
	if want := "Fake, Fake (channels last), Fake (XLA)"; strings.Join(got, ", ") != want {
		t.Errorf("measured were %q, expected %s", got, want)
	}
	for i, own := range m.results[1].own {
		if len(own) != 3 || !(m.results[1].ownPeak[i] > 1e6) {
			t.Errorf("%d rounds of Gouache's mode %d and a peak of %v, expected 3", len(own), i, m.results[1].ownPeak[i])
		}
	}
	if n := len(m.results[1].seconds); n != 3 {
		t.Errorf("%d rounds, expected 3", n)
	}
	if n := len(m.results[2].seconds); n != 1 {
		t.Errorf("%d rounds of what is hopeless, expected 1", n)
	}
	if len(m.LeftOut) != 2 || !strings.HasPrefix(m.LeftOut[0], "32 px: Fake (compiled) failed: ") ||
		!strings.Contains(m.LeftOut[1], "32 px: Fake (XLA) takes") {
		t.Errorf("left out were %q", m.LeftOut)
	}
	if err := m.evaluations(t.Context(), size{48, 1}); err != nil {
		t.Fatal(err)
	}
	if n := len(m.results); n != 5 {
		t.Errorf("%d results at two sizes, expected 5", n)
	}
	m.contenders[2] = newFake(t, "dies")
	if err := m.evaluations(t.Context(), size{32, 1}); err == nil || !strings.Contains(err.Error(), "the library is missing") {
		t.Errorf("a plain mode that fails: %v", err)
	}
}
