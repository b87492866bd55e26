// Package adam minimises a function of one device tensor with Adam (Kingma and Ba, "Adam: a method for
// stochastic optimization", ICLR 2015, algorithm 1), as programs for PyTorch and TensorFlow do. It takes a
// step at each evaluation, without a line search:
//
//	minimizer := adam.Minimizer{MaxIterations: 300, StepSize: 5, Low: 0, High: 255}
//	result, err := minimizer.Minimize(ctx, backend, function, x0)
//
// Adam's iterates do not settle: near a minimum each element still moves by about the step size. Averaging
// smooths that away. The average of the iterates is then the point that the recorder and the result have.
//
// Vectors never leave the device. One compiled graph makes a step; it reads and writes each vector once
// (BenchmarkStep). Between iterations the device holds three vectors, or four with an average, and twice as
// many and the gradient during a step.
//
// The same start gives the same result to the byte, on the same machine. So does a run that was saved
// as a [State] and resumed.
package adam

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/optimize"
)

// Minimizer configures a minimisation. MaxIterations must be set. It holds nothing of a run, so one value
// can be used for many runs, concurrent ones included.
type Minimizer struct {
	// MaxIterations bounds the iterations, those before a resumed state included. Each takes one
	// evaluation of the function.
	MaxIterations int
	// StepSize is the paper's α: about what each element moves by at a step, in its own units. If it is
	// 0, DefaultStepSize is used.
	StepSize float64
	// Beta1 and Beta2 are the decay rates of the gradient's mean and of its square's mean, from 0 to
	// below 1. If both are 0, 0.9 and 0.999 are used, as in the paper.
	Beta1, Beta2 float64
	// Epsilon keeps the steps small where the gradient is smaller than it. If it is 0, DefaultEpsilon
	// is used.
	Epsilon float64
	// Low and High bound each element after each step. If both are 0, there are no bounds.
	Low, High float64
	// Averaging is the decay rate of the average of the iterates, from 0 to below 1. If it is 0, there is
	// no average. The average begins with the first iterate and is not biased towards it, as the paper's
	// section 7.2 has it: after n iterates their weights fall by this factor each, back from the last.
	Averaging float64
	// Moments are what the means begin with. If it is nil, they are zero. They are neither kept nor changed.
	Moments *Moments
	// Recorder is called after each iteration. Its error ends the run and is returned. It may be nil.
	Recorder func(optimize.Iteration) error
	// SaveState reports for which statuses Result.State is filled in. If it is nil, for none.
	SaveState func(optimize.Status) bool
	// ConsumeStart makes Minimize use the starting point's own memory and finalize it, even if it
	// returns an error. Otherwise x0 is one more vector in memory.
	ConsumeStart bool
	// Graphs holds compiled graphs that several runs share. If it is nil, the run compiles its own.
	Graphs *Graphs
}

// The values of α and ε in the paper.
const (
	DefaultStepSize = 1e-3
	DefaultEpsilon  = 1e-8
)

// Moments are the running means that steps are made of.
type Moments struct {
	First, Second *tensors.Tensor // of the gradient and of its square, shaped as the point
	Steps         int             // that they were made in
}

// Free frees the tensors.
func (m *Moments) Free() {
	if m != nil {
		optimize.Free(m.First, m.Second)
	}
}

func (m Minimizer) withDefaults() (Minimizer, error) {
	if m.StepSize == 0 {
		m.StepSize = DefaultStepSize
	}
	if m.Epsilon == 0 {
		m.Epsilon = DefaultEpsilon
	}
	if m.Beta1 == 0 && m.Beta2 == 0 {
		m.Beta1, m.Beta2 = 0.9, 0.999
	}
	if m.Low == 0 && m.High == 0 {
		m.Low, m.High = math.Inf(-1), math.Inf(1)
	}
	rate := func(v float64) bool { return v >= 0 && v < 1 }
	switch {
	case m.MaxIterations < 1:
		return m, fmt.Errorf("adam: %d iterations: choose 1 at least", m.MaxIterations)
	case !(m.StepSize > 0) || !optimize.Finite(m.StepSize):
		return m, fmt.Errorf("adam: a step size of %v: it must be a positive number", m.StepSize)
	case !(m.Epsilon > 0) || !optimize.Finite(m.Epsilon):
		return m, fmt.Errorf("adam: an epsilon of %v: it must be a positive number", m.Epsilon)
	case !rate(m.Beta1) || !rate(m.Beta2) || !rate(m.Averaging):
		return m, fmt.Errorf("adam: decay rates of %v and %v, and %v for the average: each must be from 0 to below 1", m.Beta1, m.Beta2, m.Averaging)
	case !(m.Low < m.High):
		return m, fmt.Errorf("adam: bounds of %v and %v: the first must be lower", m.Low, m.High)
	case m.Moments != nil && m.Moments.Steps < 1:
		return m, errors.New("adam: moments of no steps: leave them out")
	}
	return m, nil
}

// Minimize follows the gradient from x0: see [optimize.Minimizer]. It neither keeps nor changes x0, unless
// ConsumeStart is set.
//
// Result.X is the average of the iterates, or the last of them. Result.F and the iterations' F are the
// values at the iterate that the last step began from: no step is evaluated twice. The run ends with the
// status NotFinite when an evaluation is not a number; the iterate that it was made at is then the last.
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
	return r.minimize(ctx)
}

// Resume continues a run from a state: see [optimize.Minimizer]. Averaging must be set if and only if it
// was. Moments has no effect: the state has its own.
func (m Minimizer) Resume(ctx context.Context, backend compute.Backend, function optimize.Function, state optimize.State) (*optimize.Result, error) {
	r, err := m.newRun(backend, function)
	if err != nil {
		return nil, err
	}
	defer r.close()
	if err := r.restore(state); err != nil {
		return nil, err
	}
	return r.minimize(ctx)
}
