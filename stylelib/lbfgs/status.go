package lbfgs

import "fmt"

// Status is why a run ended.
type Status int

// The reasons to end.
const (
	GradientVanished Status = iota + 1 // the gradient is within GradientTolerance
	DecreaseVanished                   // the last decrease is within DecreaseTolerance
	IterationLimit                     // MaxIterations
	EvaluationLimit                    // MaxEvaluations
	Interrupted                        // ctx ended
	NoDecrease                         // not even along the gradient a lower value was found
	NotFinite                          // the function was not a number three times running
)

// String returns the reason as one sentence, without a full stop.
func (s Status) String() string {
	switch s {
	case GradientVanished:
		return "the gradient is as small as asked for"
	case DecreaseVanished:
		return "the last iteration lowered the function by no more than asked for"
	case IterationLimit:
		return "all iterations are done"
	case EvaluationLimit:
		return "all evaluations are used up"
	case Interrupted:
		return "interrupted"
	case NoDecrease:
		return "no lower value can be found from here: this is a minimum as far as the precision goes"
	case NotFinite:
		return "the function or its gradient was infinite or not a number three times running; this is the best point before that"
	}
	return fmt.Sprintf("lbfgs.Status(%d)", int(s))
}
