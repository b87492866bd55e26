package sweep

import (
	"fmt"
	"slices"

	"github.com/gouache-art/gouache/tracker"
)

func init() {
	Register("grid", Caps{CountableOnly: true}, func(space Space, _ int64) (Sampler, error) {
		g := newGrid(space)
		if g.points > maxGrid {
			return nil, fmt.Errorf("the grid has more than %d points: search less, or choose another sampler", maxGrid)
		}
		return g, nil
	})
}

// maxGrid is the largest number of points of a grid.
const maxGrid = 1_000_000

// grid goes through all combinations of values, the last dimension's values fastest. Combinations
// that differ only in inactive dimensions are one point.
type grid struct {
	space  Space
	asked  []bool // for each dimension, whether a condition depends on it
	points int    // maxGrid+1 if there are more than maxGrid
}

func newGrid(space Space) *grid {
	g := &grid{space: space, asked: make([]bool, len(space))}
	for i, d := range space {
		g.asked[i] = slices.ContainsFunc(space, func(later Dimension) bool {
			return slices.ContainsFunc(later.When, func(c Condition) bool { return c.Name == d.Name })
		})
	}
	g.points = g.count(0, tracker.Params{})
	return g
}

// Points returns the number of combinations.
func (g *grid) Points() int { return g.points }

// Ask returns the n-th point.
func (g *grid) Ask(n int, _ []Observation) (tracker.Params, error) {
	if n < 1 || n > g.points {
		return nil, tracker.Errorf(tracker.CodeInvalid, "the grid has %d points: there is no trial %d", g.points, n)
	}
	rest, p := n-1, tracker.Params{}
	for i := range g.space {
		d := &g.space[i]
		if !g.space[:i+1].Active(p)[i] {
			continue
		}
		for k := 0; ; k++ {
			p[d.Name] = d.value(k)
			below := g.count(i+1, p)
			if !g.asked[i] { // each value has the same number of points below it
				p[d.Name] = d.value(rest / below)
				rest %= below
				break
			}
			if rest < below {
				break
			}
			rest -= below
		}
	}
	return p, nil
}

// count returns the number of points that begin with the values that the dimensions before i have
// in p, or maxGrid+1 if it is more than maxGrid.
func (g *grid) count(i int, p tracker.Params) int {
	if i == len(g.space) {
		return 1
	}
	d := &g.space[i]
	if !g.space[:i+1].Active(p)[i] {
		return g.count(i+1, p)
	}
	if !g.asked[i] {
		return min(min(d.size(), maxGrid+1)*g.count(i+1, p), maxGrid+1)
	}
	defer delete(p, d.Name)
	sum := 0
	for k := 0; k < d.size() && sum <= maxGrid; k++ {
		p[d.Name] = d.value(k)
		sum += g.count(i+1, p)
	}
	return min(sum, maxGrid+1)
}
