// Package lbfgs minimises a function of one device tensor with the limited-memory BFGS method
// (Nocedal and Wright, "Numerical optimization", 2nd edition, 2006, algorithm 7.5). Line search,
// curvature test and restarts are those of L-BFGS-B 3.0 (Zhu, Byrd, Lu and Nocedal, 1997; Morales
// and Nocedal, 2011), which SciPy ships: it needs about as many evaluations.
//
// The caller gives a function that returns the value and the gradient at a point:
//
//	minimizer := lbfgs.Minimizer{MaxIterations: 200}
//	result, err := minimizer.Minimize(ctx, backend, function, x0)
//	if err != nil {
//		return err
//	}
//	defer result.X.FinalizeAll()
//
// Vectors never leave the device. The history, the direction and the trial point are tensors made by
// compiled graphs, and the host works with their inner products, in float64. This is the vector-free
// form of Chen, Wang and Zhou ("Large-scale L-BFGS using MapReduce", 2014): the direction is a linear
// combination of the history and the gradient, and its coefficients follow from inner products alone.
//
// Besides the function's evaluations, an iteration costs 5 ms at 256×256×3 and 14 ms at 512×512×3,
// with float32, ten pairs, and two cores of an AMD EPYC (BenchmarkUpdate; the two-loop recursion
// written out in a graph takes 25 ms at the latter). Compilation for a new size takes 0.2 s.
//
// Between iterations the device holds 2·History + 2 vectors, or the memory of History + 2 with
// Minimizer.Compact, which halves those of the pairs. A trial point and its gradient are two more.
// One more, a gradient, is kept of a trial that was lower than the current point while its search
// continues, which is rare. Without Compact, measuring a trial takes two beyond that. The maximum is
// therefore 2·History + 7 vectors, or History + 5, besides what the function needs.
//
// The same start gives the same result to the byte, on the same machine. So does a run that was saved
// as a [State] and resumed.
//
// Result.X is the point with the lowest f that a line search accepted, and Result.F and the iterations'
// values are those there. An iteration's step is the factor by which the line search multiplied the
// direction.
package lbfgs

import (
	"context"
	"errors"
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/optimize"
)

// Minimizer configures a minimisation. The zero value is ready to use and stops where no progress is possible any
// more. It holds nothing of a run, so one value can be used for many runs, concurrent ones included.
type Minimizer struct {
	// History is the number of pairs of steps and gradient differences that are kept.
	// If it is 0, DefaultHistory is used.
	History int
	// MaxIterations bounds the iterations, those before a resumed state included. If it is 0, there is no bound.
	MaxIterations int
	// MaxEvaluations bounds the evaluations of the function, likewise. An evaluation whose result is
	// not a number counts, too.
	MaxEvaluations int
	// GradientTolerance stops the run when the root mean square of the gradient's elements is at most
	// this. If it is 0, only a gradient of zero stops it.
	GradientTolerance float64
	// DecreaseTolerance stops the run when an iteration lowers f by at most this times the larger |f| of before and
	// after. (This is L-BFGS-B's factr, times the machine's epsilon, without its lower bound of 1 on |f|, which would
	// make the meaning depend on the scale of f.) If it is 0, no decrease is too small.
	DecreaseTolerance float64
	// FirstStep is the Euclidean length of the first step. If it is 0, 1 is used, as in L-BFGS-B.
	FirstStep float64
	// Scaling changes the variables. Lengths, gradients and their norms are then those of the variables, and the points
	// that the function, the recorder and the caller receive are what Scaling makes of them. If it is nil, the variables
	// are the point. With it the device holds three more vectors.
	Scaling Scaling
	// Recorder is called after each iteration. Its error ends the run and is returned. It may be nil.
	Recorder func(optimize.Iteration) error
	// SaveState reports for which statuses Result.State is filled in. If it is nil, for none.
	SaveState func(optimize.Status) bool
	// Refine is called where no lower value can be found. It may replace the function by one that rounds less, and reports
	// whether it did: the run then continues from its point as after Changed (see [optimize.Snapshot]). It may be nil.
	Refine func() (bool, error)
	// Compact stores the pairs as bfloat16, with 8 significant bits, in half the memory. Points and gradients keep
	// their type, which must be float32. It takes 1 to 2 % more evaluations (TestCompactEvaluations); in style
	// transfer the loss after 150 of them was within 1 %, with 3, 5 and 10 pairs.
	Compact bool
	// ConsumeStart makes Minimize use the starting point's own memory and finalize it, even if it
	// returns an error. Otherwise x0 is one more vector in memory.
	ConsumeStart bool
	// Graphs holds compiled graphs that several runs share. If it is nil, the run compiles its own.
	Graphs *Graphs
}

// Scaling is a change of variables by a symmetric linear map, which makes the function's curvature more even. Both
// methods return a new tensor of the argument's shape and type, on the device.
type Scaling interface {
	// Scale returns the point of variables. Since the map is symmetric, it returns the gradient with respect to the
	// variables of one with respect to the point, too.
	Scale(variables *tensors.Tensor) (point *tensors.Tensor, err error)
	// Unscale returns the variables of a point.
	Unscale(point *tensors.Tensor) (variables *tensors.Tensor, err error)
}

// DefaultHistory is the number of pairs that a Minimizer keeps by default, as in SciPy.
const DefaultHistory = 10

// maxHistory bounds the number of pairs. Nocedal and Wright (section 7.2) recommend 3 to 20.
const maxHistory = 100

func (m Minimizer) withDefaults() (Minimizer, error) {
	if m.History == 0 {
		m.History = DefaultHistory
	}
	if m.FirstStep == 0 {
		m.FirstStep = 1
	}
	switch {
	case m.History < 1 || m.History > maxHistory:
		return m, fmt.Errorf("lbfgs: a history of %d pairs: choose 1 to %d", m.History, maxHistory)
	case m.MaxIterations < 0 || m.MaxEvaluations < 0:
		return m, errors.New("lbfgs: a negative number of iterations or evaluations")
	case !(m.GradientTolerance >= 0) || !(m.DecreaseTolerance >= 0):
		return m, errors.New("lbfgs: a tolerance must be a number from 0 up")
	case !(m.FirstStep > 0) || !optimize.Finite(m.FirstStep):
		return m, fmt.Errorf("lbfgs: a first step of length %v: it must be a positive number", m.FirstStep)
	}
	return m, nil
}

// Minimize looks for a minimum of the function from x0, which has any shape and float32 or float64
// elements. It neither keeps nor changes x0, unless ConsumeStart is set.
//
// When ctx ends it returns the best point so far, with the status Interrupted and no error. It returns the errors of
// the function, of the recorder and of the device, and optimize.ErrStart if the function is not a number at x0.
func (m Minimizer) Minimize(ctx context.Context, backend compute.Backend, function optimize.Function, x0 *tensors.Tensor) (*optimize.Result, error) {
	r, err := m.newRun(backend, function)
	if err == nil {
		defer r.close()
		err = r.start(x0)
	}
	if err != nil {
		if m.ConsumeStart {
			optimize.Free(x0)
		}
		return nil, err
	}
	return r.result(r.begin(ctx))
}

// Resume continues a run from a state, exactly as the run would have continued that the state was
// taken from, if the function and the settings are the same; Compact must be the same. It consumes the
// state: each vector is freed on the host once it is on the device.
func (m Minimizer) Resume(ctx context.Context, backend compute.Backend, function optimize.Function, state optimize.State) (*optimize.Result, error) {
	r, err := m.newRun(backend, function)
	if err != nil {
		return nil, err
	}
	defer r.close()
	if err := r.restore(state); err != nil {
		return nil, err
	}
	return r.result(r.minimize(ctx))
}
