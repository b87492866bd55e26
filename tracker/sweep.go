package tracker

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/gouache-art/gouache/internal/suggest"
)

// Sweep is a search for good settings: a number of runs, its trials, each with its own settings. A
// store keeps what is needed to resume it.
type Sweep struct {
	Name       string    `json:"name"`
	Experiment string    `json:"experiment"`       // of its trials
	Text       string    `json:"text"`             // the file that describes it, as it was given
	Dir        string    `json:"dir"`              // the folder of relative paths in the file
	Trials     int       `json:"trials,omitempty"` // planned; 0 if there is no limit
	Rated      bool      `json:"rated,omitempty"`  // it looks for pictures that people prefer, not for a low loss
	Active     bool      `json:"active,omitempty"` // workers take trials from it
	StartedAt  time.Time `json:"started_at"`
}

// maxSweep is the largest size of a sweep's file, in bytes.
const maxSweep = 1 << 20

// Check returns an error of CodeInvalid for a sweep that cannot be kept.
func (s *Sweep) Check() error {
	return cmp.Or(
		invalidIf(s.Name == "", "a sweep's name must not be empty"),
		checkLine("sweep", s.Name),
		checkLine("experiment", s.Experiment),
		checkText("a sweep's file", s.Text, maxSweep),
		checkDir(s.Dir),
		invalidIf(s.Trials < 0, "%d trials: there must be 0 or more", s.Trials),
	)
}

// checkDir refuses what is no folder's name. Any other byte may be in one.
func checkDir(dir string) error {
	return invalidIf(len(dir) > maxText || strings.ContainsRune(dir, 0), "a sweep's folder has %d bytes: at most %d are kept, without zero bytes", len(dir), maxText)
}

// Same reports whether s and t are one sweep: what begins separately, even with the same file, has trials of its own.
func (s *Sweep) Same(t *Sweep) bool {
	return s.Name == t.Name && s.Text == t.Text && s.StartedAt.Equal(t.StartedAt)
}

// otherName returns the name that the sweep gets in a store that has another one with its name.
func (s *Sweep) otherName() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s", s.StartedAt.UnixMicro(), s.Text))
	suffix := "-" + hex.EncodeToString(sum[:3])
	return fitText(s.Name, maxName-len(suffix)) + suffix
}

// NoSuchSweep is the error for a name that no known sweep has.
func NoSuchSweep(name string, known []string) *Error {
	if len(known) == 0 {
		return Errorf(CodeNotFound, "there is no sweep %q: the store has none", name)
	}
	return Errorf(CodeNotFound, "%w", suggest.Unknown("sweep", name, known))
}

// Judgement is a person's answer to two runs' pictures shown side by side.
type Judgement struct {
	ID      int64     `json:"id"`   // the store's number for it; later ones have higher numbers
	Left    string    `json:"left"` // the ids of the runs, as they were shown
	Right   string    `json:"right"`
	Verdict Verdict   `json:"verdict"`
	Rater   string    `json:"rater,omitempty"` // who made it, if that is known
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

// Known reports whether the judgement has one of the verdicts.
func (j *Judgement) Known() bool {
	return j.Verdict == LeftBetter || j.Verdict == RightBetter || j.Verdict == Tie
}

// Check returns an error of CodeInvalid for a judgement without a verdict, or of a run and itself.
func (j *Judgement) Check() error {
	return cmp.Or(
		invalidIf(!j.Known(), "the verdict is %s, %s or %s, not %q", LeftBetter, RightBetter, Tie, j.Verdict),
		invalidIf(j.Left == j.Right, "run %s was compared with itself: choose two", j.Left),
		checkLine("rater", j.Rater),
	)
}
