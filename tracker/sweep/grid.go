package sweep

import (
	"slices"

	"github.com/gouache-art/gouache/tracker"
)

// maxGrid is how many points a grid may have.
const maxGrid = 1_000_000

// grid walks through all combinations of values, the last dimension's values fastest. Combinations that differ only in
// inactive dimensions are one point.
type grid struct {
	space  Space
	asked  []bool // for each dimension whether a condition asks for it
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

// Points returns how many there are.
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
			if !g.asked[i] { // there are as many below each value
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

// count returns how many points begin with the values that the dimensions before i have in p: more than maxGrid is
// maxGrid+1.
func (g *grid) count(i int, p tracker.Params) int {
	if i == len(g.space) {
		return 1
	}
	d := &g.space[i]
	if !g.space[:i+1].Active(p)[i] {
		return g.count(i+1, p)
	}
	if !g.asked[i] {
		return capped(d.size(), g.count(i+1, p))
	}
	defer delete(p, d.Name)
	sum := 0
	for k := 0; k < d.size() && sum <= maxGrid; k++ {
		p[d.Name] = d.value(k)
		sum += g.count(i+1, p)
	}
	return min(sum, maxGrid+1)
}

// capped returns a product, but not more than maxGrid+1.
func capped(a, b int) int {
	if a > maxGrid || b > maxGrid {
		return maxGrid + 1
	}
	return min(a*b, maxGrid+1)
}
