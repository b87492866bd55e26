package study

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/gouache-art/gouache/stylelib/setting"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
)

func TestDimensions(t *testing.T) {
	weights := func(values ...any) []any { return values }
	for _, c := range []struct {
		name   string
		d      sweep.Dimension
		values []any
		want   []string
	}{
		{"a list keeps its order", sweep.Dimension{Values: weights("max", "avg")}, weights("avg", "avg"), []string{"max", "avg"}},
		{"values beyond the list", sweep.Dimension{Values: weights(int64(2), int64(1))}, weights(2.0, 7.0), []string{"1", "2", "7"}},
		{"a list of numbers, one of them a word", sweep.Dimension{Values: weights(int64(2), "a", int64(1))}, weights(1.0), []string{"2", "a", "1"}},
		{"steps", sweep.Dimension{Low: 1, High: 100, Log: true, Steps: 3, Kind: setting.Float}, weights(100.0, 1.0, 10.0, 10.0), []string{"1", "10", "100"}},
		{"a range in bins", sweep.Dimension{Low: 0, High: 9, Kind: setting.Float}, weights(1.0, 2.0, 3.0, 4.0), []string{"1 – 2", "3 – 4"}},
		{"few whole numbers", sweep.Dimension{Low: 1, High: 5, Kind: setting.Int}, weights(int64(5), int64(1)), []string{"1", "5"}},
		{"some lack it", sweep.Dimension{Values: weights("a")}, weights(nil, "a"), []string{"a", "–"}},
		{"nobody has it", sweep.Dimension{Low: 0, High: 1, Kind: setting.Float}, weights(nil), []string{"–"}},
		{"no trials", sweep.Dimension{Low: 0, High: 1, Kind: setting.Float}, nil, nil},
		{"ends that look alike", sweep.Dimension{Low: 0, High: 9, Kind: setting.Float}, weights(1.0, 2.00001, 2.00002, 4.0), []string{"1 – 2", "2 – 4"}},
	} {
		d := newDimension(c.d, c.values)
		if !slices.Equal(d.Levels, c.want) {
			t.Errorf("%s: levels %q, want %q", c.name, d.Levels, c.want)
		}
		for _, v := range c.values {
			if k := d.level(v); k < 0 || k >= len(d.Levels) {
				t.Errorf("%s: %v has level %d", c.name, v, k)
			}
			if place, ok := d.Place(v); ok != (v != nil) || place < 0 || place > 1 {
				t.Errorf("%s: %v lies at %v (%v)", c.name, v, place, ok)
			}
		}
	}
}

// A list of numbers has an axis of numbers, whatever order the file has them in.
func TestListedNumbers(t *testing.T) {
	d := newDimension(sweep.Dimension{Name: "style_weight", Values: []any{0.001, int64(1000), 0.1, 10.0}}, []any{10.0, nil})
	var ticks []string
	for _, tick := range d.Ticks() {
		ticks = append(ticks, fmt.Sprintf("%s %.2f", tick.Text, tick.At))
	}
	if want := []string{"0.001 0.00", "0.1 0.33", "10 0.67", "1000 1.00"}; !slices.Equal(ticks, want) {
		t.Errorf("the axis has %q, want %q", ticks, want)
	}
	if at, ok := d.Place(int64(10)); !ok || math.Abs(at-2.0/3) > 1e-9 {
		t.Errorf("10 lies at %v (%v)", at, ok)
	}
}

// Without a file, the settings in which trials differ are searched.
func TestInferSpace(t *testing.T) {
	var runs []*tracker.Run
	for i := range 40 {
		runs = append(runs, &tracker.Run{Params: tracker.Params{
			"weight": math.Exp(float64(i) / 8), "pooling": []string{"max", "avg"}[i%2], "size": int64(256 * (1 + i%2)), "seed": int64(i), "same": "x", "iterations": int64(9),
		}})
	}
	var got []string
	for _, d := range inferSpace(runs) {
		got = append(got, fmt.Sprint(d.Name, " ", len(d.Values), " ", d.Log, " ", d.Kind == setting.Int))
	}
	if want := []string{"pooling 2 false false", "seed 0 false true", "size 2 false false", "weight 0 true false"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
