// Package lbfgs minimises a function of one device tensor with the limited-memory BFGS method (Nocedal and Wright,
// "Numerical optimization", 2nd edition, 2006, algorithm 7.5), with the choices of L-BFGS-B 3.0 (Zhu, Byrd, Lu and
// Nocedal, 1997; Morales and Nocedal, 2011), which SciPy ships: it needs about as many evaluations.
//
// The caller gives a function that returns the value and the gradient at a point:
//
//	minimizer := lbfgs.Minimizer{MaxIterations: 200}
//	found, err := minimizer.Minimize(ctx, backend, function, x0)
//	if err != nil {
//		return err
//	}
//	defer found.X.MustFinalizeAll()
//
// Vectors never leave the device: the history, the direction and the trial point are tensors made by compiled graphs,
// and the host works with their inner products, in float64. This is the vector-free form of Chen, Wang and Zhou
// ("Large-scale L-BFGS using MapReduce", 2014): the direction is a linear combination of the history and the
// gradient, and its coefficients follow from inner products alone.
//
// Beside the function's evaluations, an iteration costs 5 ms at 256×256×3 and 14 ms at 512×512×3, with float32, ten pairs,
// and two cores of an AMD EPYC (BenchmarkUpdate; the two-loop recursion written out in a graph takes 25 ms at the
// latter). Compilation for a new size takes 0.2 s.
//
// The device keeps 2·Memory + 2 vectors from iteration to iteration, and as much as Memory + 2 where Minimizer.Compact
// halves those of the pairs. A trial point and its gradient are two more. One more, the gradient, is kept of a trial that
// was lower than the current point while its search goes on, which is rare. Without Compact, measuring a trial takes two
// beyond that. So the most is 2·Memory + 7, or Memory + 5, besides what the function needs.
//
// The same start gives the same result to the byte, on the same machine. So does a run that was saved as a [State]
// and resumed.
package lbfgs

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"
)

// Function computes a value and its gradient at x, which it must neither keep nor finalize. The gradient is a tensor of
// its own of x's shape and type, and belongs to the optimiser. When ctx ends, the function may return at once with any
// error.
type Function func(ctx context.Context, x *tensors.Tensor) (f float64, gradient *tensors.Tensor, err error)

// Minimizer says when to stop and whom to tell. The zero value stops where no progress is possible any more. It holds
// nothing of a run, so one value serves for many, also at the same time.
type Minimizer struct {
	// Memory is the number of pairs of steps and gradient differences that are kept. Zero means 10, as in SciPy.
	Memory int
	// MaxIterations bounds the iterations, those before a resumed state included. Zero means no bound.
	MaxIterations int
	// MaxEvaluations bounds the evaluations of the function, likewise. Zero means no bound. An evaluation that is not
	// a number counts, too.
	MaxEvaluations int
	// GradientTolerance stops the run when the root mean square of the gradient's elements is at most this. With
	// zero, only a gradient of zero does.
	GradientTolerance float64
	// DecreaseTolerance stops the run when an iteration lowers f by at most this times the larger |f| of before and
	// after. (L-BFGS-B's factr, times the machine's epsilon, but for its bound of |f| from below by 1, which would
	// make the meaning depend on the scale of f.) With zero, nothing stops.
	DecreaseTolerance float64
	// FirstStep is the Euclidean length of the first step. Zero means 1, as in L-BFGS-B.
	FirstStep float64
	// Observe is told of each iteration. Its error ends the run and is returned. It may be nil.
	Observe func(Iteration) error
	// KeepState tells for which ends Found.State is filled in; nil for none.
	KeepState func(Status) bool
	// Compact keeps the pairs as bfloat16, with 8 significant bits, which takes half the memory. Points and gradients stay
	// as they are, and must be float32. It takes 1 to 2 % more evaluations (TestCompactEvaluations); of style
	// transfer the loss after 150 was within 1 %, with 3, 5 and 10 pairs.
	Compact bool
	// TakeStart hands the starting point over to Minimize, which finalizes it, whatever comes of the run. Otherwise x0
	// is a vector more to keep.
	TakeStart bool
	// Graphs holds the compiled graphs when several runs are to share them. With nil each run compiles its own.
	Graphs *Graphs
}

// Found is where a run ended.
type Found struct {
	// X is the point with the lowest f that a line search accepted. It is on the device; the caller finalizes it.
	X *tensors.Tensor
	// F is the function's value at X, and GradientNorm its gradient's Euclidean norm. Both are NaN if ctx ended before
	// the function was evaluated once.
	F, GradientNorm float64
	Iterations      int
	Evaluations     int
	Status          Status
	// State continues the run when it is given to Resume. It is nil unless asked for.
	State *State
}

// Iteration is what the observer is told: a line search has found a better point.
type Iteration struct {
	Iteration   int // from 1
	Evaluations int // so far
	// Evaluation is the number, from 1, of the evaluation that F comes from. It is the last one, unless the line
	// search went back to an earlier trial.
	Evaluation   int
	F            float64
	GradientNorm float64 // Euclidean
	Step         float64 // the factor that the line search gave the direction

	run *run
}

// X returns the point. It is valid until the observer returns, and must not be finalized.
func (i Iteration) X() *tensors.Tensor { return i.run.at.x }

// State copies all that is needed to resume the run from here to the host: 2·Memory + 2 vectors. It may be called
// until the observer returns.
func (i Iteration) State() (*State, error) { return i.run.state(false) }

// WriteState writes what State returns, as State.WriteTo would, but brings one vector at a time to the host. It may be
// called until the observer returns.
func (i Iteration) WriteState(w io.Writer) error { return i.run.writeState(w) }

const (
	defaultMemory    = 10
	defaultFirstStep = 1
)

func (m Minimizer) withDefaults() (Minimizer, error) {
	if m.Memory == 0 {
		m.Memory = defaultMemory
	}
	if m.FirstStep == 0 {
		m.FirstStep = defaultFirstStep
	}
	switch {
	case m.Memory < 1 || m.Memory > maxMemory:
		return m, fmt.Errorf("lbfgs: a memory of %d pairs: choose 1 to %d", m.Memory, maxMemory)
	case m.MaxIterations < 0 || m.MaxEvaluations < 0:
		return m, errors.New("lbfgs: a negative number of iterations or evaluations")
	case !(m.GradientTolerance >= 0) || !(m.DecreaseTolerance >= 0):
		return m, errors.New("lbfgs: a tolerance must be a number from 0 up")
	case !(m.FirstStep > 0) || !finite(m.FirstStep):
		return m, fmt.Errorf("lbfgs: a first step of length %v: it must be a positive number", m.FirstStep)
	}
	return m, nil
}

// Minimize looks for a minimum of the function from x0 on, which has any shape and float32 or float64 elements. It
// does not keep or change x0, unless TakeStart is set.
//
// When ctx ends it returns the best point so far, with the status Interrupted and no error. Errors are those of the
// function, of the observer and of the device, and a function that is not a number at x0.
func (m Minimizer) Minimize(ctx context.Context, backend compute.Backend, function Function, x0 *tensors.Tensor) (*Found, error) {
	r, err := m.newRun(backend, function)
	if err == nil {
		defer r.close()
		err = r.start(x0)
	}
	if err != nil {
		if m.TakeStart {
			free(x0)
		}
		return nil, err
	}
	return r.finish(r.begin(ctx))
}

// Resume continues a run from a state: it goes on exactly as the run would have that the state was taken from, if the
// function and the settings are the same; Compact must be. It uses the state up: each vector is freed on the host once
// it is on the device.
func (m Minimizer) Resume(ctx context.Context, backend compute.Backend, function Function, state *State) (*Found, error) {
	r, err := m.newRun(backend, function)
	if err != nil {
		return nil, err
	}
	defer r.close()
	if err := r.restore(state); err != nil {
		return nil, err
	}
	return r.finish(r.minimize(ctx))
}

func (m Minimizer) newRun(backend compute.Backend, function Function) (*run, error) {
	m, err := m.withDefaults()
	if err != nil {
		return nil, err
	}
	shared := m.Graphs != nil
	if !shared {
		m.Graphs = NewGraphs(backend)
	}
	device, err := m.Graphs.device(backend, layout{pairs: m.Memory, compact: m.Compact})
	if err != nil {
		return nil, err
	}
	return &run{
		Minimizer: m,
		shared:    shared,
		device:    device,
		function:  function,
		memory:    memory{limit: m.Memory},
		length:    m.FirstStep,
	}, nil
}
