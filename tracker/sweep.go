package tracker

import (
	"time"

	"github.com/gouache-art/gouache/internal/suggest"
)

// Sweep is a search for good settings: a number of runs, its trials, each with settings of its own. A store keeps what
// is needed to go on with it.
type Sweep struct {
	Name       string    `json:"name"`
	Experiment string    `json:"experiment"`       // of its trials
	Text       string    `json:"text"`             // the file that describes it, as it was given
	Dir        string    `json:"dir"`              // the folder that relative paths in the file start from
	Trials     int       `json:"trials,omitempty"` // how many are planned; 0 if that is open
	Rated      bool      `json:"rated,omitempty"`  // it looks for what people find better rather than for a low loss
	StartedAt  time.Time `json:"started_at"`
}

// maxSweep is the longest file that describes a sweep, in bytes.
const maxSweep = 1 << 20

// Check returns an error of CodeInvalid for a sweep that cannot be kept.
func (s *Sweep) Check() error {
	if s.Name == "" {
		return Errorf(CodeInvalid, "a sweep's name must not be empty")
	}
	for _, line := range []struct{ kind, text string }{{"sweep", s.Name}, {"experiment", s.Experiment}} {
		if err := checkLine(line.kind, line.text); err != nil {
			return err
		}
	}
	if err := checkText("a sweep's file", s.Text, maxSweep); err != nil {
		return err
	}
	if err := checkText("a sweep's folder", s.Dir, maxText); err != nil {
		return err
	}
	if s.Trials < 0 {
		return Errorf(CodeInvalid, "%d trials: there must be 0 or more", s.Trials)
	}
	return nil
}

// NoSuchSweep is the error for a name that no known sweep has.
func NoSuchSweep(name string, known []string) *Error {
	if len(known) == 0 {
		return Errorf(CodeNotFound, "there is no sweep %q: the store has none", name)
	}
	return Errorf(CodeNotFound, "%w", suggest.Unknown("sweep", name, known))
}
