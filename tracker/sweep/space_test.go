package sweep

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/gouache-art/gouache/stylelib/setting"
)

func TestDimensionValues(t *testing.T) {
	for _, c := range []struct {
		d    Dimension
		want []any
	}{
		{Dimension{Kind: setting.Int, Low: -1, High: 2}, []any{int64(-1), int64(0), int64(1), int64(2)}},
		{Dimension{Kind: setting.Int, Low: 1, High: 3, Log: true}, []any{int64(1), int64(2), int64(3)}},
		{Dimension{Kind: setting.Float, Low: 1, High: 1000, Log: true, Steps: 4}, []any{1.0, 10.0, 100.0, 1000.0}},
		{Dimension{Kind: setting.Float, Low: 0, High: 0.3, Steps: 4}, []any{0.0, 0.1, 0.2, 0.3}},
		{Dimension{Kind: setting.Int, Low: 64, High: 512, Log: true, Steps: 3}, []any{int64(64), int64(181), int64(512)}},
		{Dimension{Kind: setting.Text, Values: []any{"a", true}}, []any{"a", true}},
	} {
		var got []any
		for i := range c.d.size() {
			got = append(got, c.d.value(i))
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%+v: got %v, want %v", c.d, got, c.want)
		}
	}
}

// TestCells: the cells of values that can be counted lie side by side from 0 to 1, and all places
// of a cell are its value; on a continuous range each place is its value's.
func TestCells(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for _, d := range append(mixed[:len(mixed):len(mixed)], Dimension{Kind: setting.Int, Low: 64, High: 512, Log: true, Steps: 3}) {
		for range 1000 {
			unit := r.Float64()
			v := d.at(unit)
			from, to, ok := d.cell(v)
			// Exponentials and logarithms of numbers up to ln 1000 cost some units of 1e-15.
			if !ok || unit < from-1e-14 || unit > to+1e-14 || (d.size() == 0) != (from == to) {
				t.Fatalf("%s: %v is %v, whose cell is %v to %v", d.Name, unit, v, from, to)
			}
			if middle := d.at((from + to) / 2); !reflect.DeepEqual(v, middle) && d.size() > 0 {
				t.Fatalf("%s: the middle of %v's cell is %v", d.Name, v, middle)
			}
		}
		end := 0.0
		for i := range d.size() {
			from, to, ok := d.cell(d.value(i))
			if !ok || math.Abs(from-end) > 1e-14 || to <= from {
				t.Fatalf("%s: the cell of %v is %v to %v, the one before ends at %v", d.Name, d.value(i), from, to, end)
			}
			end = to
		}
		if d.size() > 0 && math.Abs(end-1) > 1e-14 {
			t.Errorf("%s: the last cell ends at %v", d.Name, end)
		}
		if d.Values == nil {
			if low, high := d.at(0), d.at(1); !sameValue(low, d.typed(d.Low)) || !sameValue(high, d.typed(d.High)) {
				t.Errorf("%s goes from %v to %v", d.Name, low, high)
			}
		}
		for _, none := range []any{nil, "nothing", -7.5, 1e9} {
			if _, _, ok := d.cell(none); ok {
				t.Errorf("%s: %v has a cell", d.Name, none)
			}
		}
	}
}
