package sweep

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/gouache-art/gouache/stylelib/setting"
	"github.com/gouache-art/gouache/tracker"
)

// randomSpace returns a space of lists, whole numbers and steps, with conditions on earlier
// dimensions.
func randomSpace(r *rand.Rand) Space {
	space := make(Space, 1+r.IntN(6))
	for i := range space {
		d := &space[i]
		*d = Dimension{Name: fmt.Sprintf("d%d", i), Kind: setting.Int, Low: 3, High: 3 + float64(1+r.IntN(3)), Log: r.IntN(2) == 0}
		switch r.IntN(3) {
		case 0:
			d.Values = []any{"a", true, 2.5, int64(4)}[:1+r.IntN(4)]
		case 1:
			d.Kind, d.Steps = setting.Float, 2+r.IntN(2)
		}
		for j := range i {
			if r.IntN(3) > 0 {
				continue
			}
			on := &space[j]
			c := Condition{Name: on.Name}
			for k := range on.size() {
				if len(c.Values) == 0 || r.IntN(2) == 0 {
					c.Values = append(c.Values, on.value(k))
				}
			}
			d.When = append(d.When, c)
		}
	}
	return space
}

// reference lists a grid's points another way: all combinations, inactive dimensions taken out,
// each point once.
func reference(space Space) []tracker.Params {
	index := make([]int, len(space))
	var points []tracker.Params
	seen := map[string]bool{}
	for {
		p := tracker.Params{}
		for i := range space {
			p[space[i].Name] = space[i].value(index[i])
		}
		for again := true; again; { // a dimension that goes may take others along
			again = false
			for _, d := range space {
				for _, c := range d.When {
					met := false
					for _, v := range c.Values {
						met = met || p[c.Name] == v
					}
					if _, has := p[d.Name]; has && !met {
						delete(p, d.Name)
						again = true
					}
				}
			}
		}
		if key := fmt.Sprintf("%#v", p); !seen[key] { // fmt sorts keys
			seen[key] = true
			points = append(points, p)
		}
		i := len(space) - 1
		for ; i >= 0; i-- {
			if index[i]++; index[i] < space[i].size() {
				break
			}
			index[i] = 0
		}
		if i < 0 {
			return points
		}
	}
}

// TestGrid: the grid has every point of 300 spaces once, in the file's order.
func TestGrid(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	conditional := 0
	for range 300 {
		space := randomSpace(r)
		want := reference(space)
		g := newGrid(space)
		if g.Points() != len(want) {
			t.Fatalf("%+v: %d points, want %d", space, g.Points(), len(want))
		}
		full := 1
		for i := range space {
			full *= space[i].size()
		}
		if full != len(want) {
			conditional++
		}
		for i, p := range want {
			if got, err := g.Ask(i+1, nil); err != nil || !reflect.DeepEqual(got, p) {
				t.Fatalf("%+v: point %d is %v, %v, want %v", space, i+1, got, err, p)
			}
		}
		for _, n := range []int{0, len(want) + 1} {
			if _, err := g.Ask(n, nil); tracker.ErrorCode(err) != tracker.CodeInvalid {
				t.Errorf("trial %d of %d: %v", n, len(want), err)
			}
		}
	}
	if conditional < 100 {
		t.Errorf("only %d spaces have dimensions that are inactive somewhere", conditional)
	}
}

func TestGridTooLarge(t *testing.T) {
	space := Space{{Name: "a", Kind: setting.Int, Low: 0, High: 1e15}, {Name: "b", Kind: setting.Int, Low: 0, High: 1e15}}
	space = append(space, Dimension{Name: "c", Kind: setting.Text, Values: []any{"x"}, When: []Condition{{"a", []any{int64(3)}}}})
	if got := newGrid(space).Points(); got != maxGrid+1 {
		t.Errorf("got %d", got)
	}
}
