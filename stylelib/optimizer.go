package stylelib

import (
	"math"

	"github.com/gouache-art/gouache/stylelib/lbfgs"
	"github.com/gouache-art/gouache/stylelib/optimize"
)

// compactHistory is how many pairs L-BFGS keeps of a picture that is computed in tiles, in
// half the bytes each: at 4096×3072 pixels a vector takes 151 MB, and ten pairs in float32 take 3
// GB. In a painting of 150 evaluations five compact pairs ended at 0.2351, ten in float32 at
// 0.2337, and three compact ones at 0.2440.
const compactHistory = 5

// optimizer returns the stage's optimiser.
func (s *stage) optimizer() optimize.Minimizer {
	minimizer := lbfgs.Minimizer{
		MaxIterations: s.iterations,
		FirstStep:     math.Sqrt(float64(3 * s.height * s.width)), // one grey level a pixel and channel: saves three evaluations a scale
		Recorder:      s.observe,
		SaveState:     s.savesState,
		ConsumeStart:  true,
		Graphs:        s.run.studio.graphs,
	}
	if s.compact() {
		minimizer.Compact, minimizer.History = true, compactHistory
	}
	return minimizer
}

// compact reports whether the optimiser keeps less than usual.
func (s *stage) compact() bool { return s.objective.Tiles() > 1 }

// stateVectors returns the memory of the optimiser's state, in vectors of float32.
func (s *stage) stateVectors() int {
	if s.compact() {
		return 2 + compactHistory
	}
	return 2 + 2*lbfgs.DefaultHistory
}

// savesState reports whether the optimiser's state is needed when it ends so.
func (s *stage) savesState(end optimize.Status) bool {
	return end == optimize.Interrupted && s.canCopyState()
}
