package sweep

import (
	"math/rand/v2"

	"github.com/gouache-art/gouache/tracker"
)

func init() {
	Register("random", Caps{}, func(space Space, seed int64) (Sampler, error) { return random{space, seed}, nil })
}

// random draws each trial's point uniformly from the unit cube.
type random struct {
	space Space
	seed  int64
}

// Points returns 0: there is no last point.
func (random) Points() int { return 0 }

// Ask returns a point that the seed and n determine.
func (r random) Ask(n int, _ []Observation) (tracker.Params, error) {
	return r.space.At(randomUnit(source(r.seed, n), len(r.space))), nil
}

// source returns the random numbers of trial n.
func source(seed int64, n int) *rand.Rand { return rand.New(rand.NewPCG(uint64(seed), uint64(n))) }

// randomUnit returns a point of the unit cube.
func randomUnit(r *rand.Rand, dims int) []float64 {
	unit := make([]float64, dims)
	for i := range unit {
		unit[i] = r.Float64()
	}
	return unit
}
