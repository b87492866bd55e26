// Package optimize defines what optimisers share: the function that they minimise, what a recorder and
// the caller receive, and the file that a run's state is written to.
//
// A [Minimizer] is an optimiser with its settings. Packages lbfgs and adam have one each. Both work on a
// tensor that stays on the device:
//
//	var minimizer optimize.Minimizer = lbfgs.Minimizer{MaxIterations: 200}
//	result, err := minimizer.Minimize(ctx, backend, function, x0)
package optimize

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/internal/suggest"
)

// Method names an optimiser.
type Method string

// The optimisers, each of the package of that name.
const (
	LBFGS Method = "lbfgs"
	Adam  Method = "adam"
)

// Methods lists the optimisers' names, the default first.
var Methods = []string{string(LBFGS), string(Adam)}

// ParseMethod returns the optimiser of a name. An empty name is the default's.
func ParseMethod(name string) (Method, error) {
	if name == "" {
		return LBFGS, nil
	}
	for _, known := range Methods {
		if name == known {
			return Method(name), nil
		}
	}
	return "", suggest.Unknown("optimizer", name, Methods)
}

// Function computes a value and its gradient at x, which it must neither keep nor finalize. The
// gradient is a separate tensor of x's shape and type, and belongs to the optimiser. When ctx ends,
// the function may return at once with any error. One that still reads x then has a [patience.Left] in its error.
type Function func(ctx context.Context, x *tensors.Tensor) (f float64, gradient *tensors.Tensor, err error)

// Minimizer is an optimiser with its settings. It holds nothing of a run, so one value can be used for
// many runs, concurrent ones included.
type Minimizer interface {
	// Minimize looks for a minimum of the function from x0, which has any shape and float32 or float64
	// elements. When ctx ends it returns what it has, with the status Interrupted and no error. It
	// returns the errors of the function, of the recorder and of the device, and ErrStart.
	Minimize(ctx context.Context, backend compute.Backend, function Function, x0 *tensors.Tensor) (*Result, error)
	// Resume continues a run from a state of the same optimiser, to the byte as the run would have
	// continued, if the function and the settings are the same. It consumes the state.
	Resume(ctx context.Context, backend compute.Backend, function Function, state State) (*Result, error)
}

// ErrStart means that a function cannot be minimised from the starting point.
var ErrStart = errors.New("the function or its gradient is not a number, or too large, at the starting point")

// Result is the end of a run.
type Result struct {
	// X is the point that the run arrived at. It is on the device; the caller finalizes it.
	X *tensors.Tensor
	// F is the function's latest accepted value, and GradientNorm its gradient's Euclidean norm. Both
	// are NaN if ctx ended before the first evaluation. The optimiser's package says at which point.
	F, GradientNorm float64
	Iterations      int
	Evaluations     int
	Status          Status
	// State continues the run when it is given to Resume. It is nil unless it was asked for.
	State State
}

// State is a run between two iterations, on the host. [Snapshot.WriteState] and State.Write write one, and
// [ReadState] reads it.
type State interface {
	// Iterations and Evaluations return how many led to the state.
	Iterations() int
	Evaluations() int
	// X returns a copy of the point that a recorder would receive, on the host. The caller finalizes
	// it. It returns an error for a state that was resumed.
	X() (*tensors.Tensor, error)
	// Write writes the state as a .safetensors file, with a checksum. The given metadata are written,
	// too; the key that is the optimiser's name is the state's own.
	Write(w io.Writer, metadata map[string]string) error
}

// Snapshot is a run at an iteration. It is valid until the recorder returns.
type Snapshot interface {
	// X returns the point, which must not be finalized.
	X() *tensors.Tensor
	// WriteState writes what is needed to resume the run from here, as [State] does. The host holds one
	// of its vectors at a time.
	WriteState(w io.Writer, metadata map[string]string) error
	// Changed says that the function is another one from here on. The run then forgets what it knows of the values and the
	// curvature of the one before, and continues from its point.
	Changed()
}

// Iteration describes an iteration to a recorder.
type Iteration struct {
	Iteration   int // from 1
	Evaluations int // so far
	// Evaluation is the number, from 1, of the evaluation that F comes from.
	Evaluation   int
	F            float64
	GradientNorm float64 // Euclidean
	Step         float64 // the factor by which the optimiser multiplied its direction

	Snapshot
}

// Status is the reason why a run ended.
type Status int

// The reasons to end.
const (
	GradientVanished Status = iota + 1 // the gradient is as small as asked for, or zero
	DecreaseVanished                   // the last decrease is as small as asked for
	IterationLimit                     // all iterations are done
	EvaluationLimit                    // all evaluations are used up
	Interrupted                        // ctx ended
	NoDecrease                         // no lower value was found, not even along the gradient
	NotFinite                          // evaluations were not a number
)

var reasons = [...]string{
	GradientVanished: "the gradient is as small as asked for",
	DecreaseVanished: "the last iteration lowered the function by no more than asked for",
	IterationLimit:   "all iterations are done",
	EvaluationLimit:  "all evaluations are used up",
	Interrupted:      "interrupted",
	NoDecrease:       "no lower value can be found from here: this is a minimum as far as the precision goes",
	NotFinite:        "the function or its gradient became infinite or not a number; this is the best point before that",
}

// String returns the reason as one sentence, without a full stop.
func (s Status) String() string {
	if s < 1 || int(s) >= len(reasons) {
		return fmt.Sprintf("optimize.Status(%d)", int(s))
	}
	return reasons[s]
}
