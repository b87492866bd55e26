package tracker

import "time"

// Judgement is what somebody who was shown two runs' pictures side by side said.
type Judgement struct {
	ID      int64     `json:"id"`   // the store's number for it; later ones have higher numbers
	Left    string    `json:"left"` // the ids of the runs, as they were shown
	Right   string    `json:"right"`
	Verdict Verdict   `json:"verdict"`
	Rater   string    `json:"rater,omitempty"` // who said it, if that is known
	At      time.Time `json:"at"`
}

// Verdict is which of two runs is better.
type Verdict string

// The verdicts.
const (
	LeftBetter  Verdict = "left"
	RightBetter Verdict = "right"
	Tie         Verdict = "tie"
)

// Check returns an error of CodeInvalid for a judgement that says nothing.
func (j *Judgement) Check() error {
	switch j.Verdict {
	case LeftBetter, RightBetter, Tie:
	default:
		return Errorf(CodeInvalid, "the verdict is %s, %s or %s, not %q", LeftBetter, RightBetter, Tie, j.Verdict)
	}
	if j.Left == j.Right {
		return Errorf(CodeInvalid, "run %s was compared with itself: choose two", j.Left)
	}
	return checkLine("rater", j.Rater)
}
