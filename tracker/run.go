package tracker

import (
	"fmt"
	"slices"
	"time"
)

// Status says where a run stands.
type Status string

// The statuses. A run whose process is gone without a word is StatusInterrupted for everybody who asks.
const (
	StatusRunning     Status = "running"
	StatusFinished    Status = "finished"
	StatusInterrupted Status = "interrupted"
	StatusFailed      Status = "failed"
)

// Statuses are all statuses, in the order in which people are shown them.
var Statuses = []Status{StatusRunning, StatusFinished, StatusInterrupted, StatusFailed}

// Run is a run as lists show it. Its curves and pictures are asked for separately.
type Run struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	Experiment string    `json:"experiment"`
	Sweep      string    `json:"sweep,omitempty"` // the sweep that it is a trial of
	Trial      int       `json:"trial,omitempty"` // its number there, from 1
	Status     Status    `json:"status"`
	Reason     string    `json:"reason,omitempty"` // one sentence: why it ended
	StartedAt  time.Time `json:"started_at"`       // UTC, to the microsecond, as all times here
	EndedAt    time.Time `json:"ended_at,omitzero"`
	SeenAt     time.Time `json:"seen_at"` // the last sign of life
	// Idle is how long nobody worked on it, from where it ended to where ContinueRun took it up again.
	Idle time.Duration `json:"idle_ns,omitempty"`
	// Tries counts how often it was taken up again since it last saved a checkpoint, or began.
	Tries  int      `json:"tries,omitempty"`
	Params Params   `json:"params"`
	Final  Metrics  `json:"final"` // each metric at its highest step
	Tags   []string `json:"tags"`  // sorted
	Note   string   `json:"note,omitempty"`
	Rating int      `json:"rating,omitempty"` // 1 to 5, 0 for none
	// Picture shows the run in a list: its last result, else its last snapshot; "" while it has neither.
	Picture    string     `json:"picture,omitempty"`
	Provenance Provenance `json:"provenance"`
	Process    Process    `json:"process"`
}

// Duration is how long the run took, and while it is running how long until its last sign of life.
func (r *Run) Duration() time.Duration {
	if r.EndedAt.IsZero() {
		return r.SeenAt.Sub(r.StartedAt) - r.Idle
	}
	return r.EndedAt.Sub(r.StartedAt) - r.Idle
}

// MaxCheckpoint is the largest checkpoint that is kept, in bytes.
const MaxCheckpoint = 16 << 30

// ReasonGone is the reason of a run that ended without a word.
const ReasonGone = "its process ended without a word"

// NewRun describes a run that begins. Everything may be left out.
type NewRun struct {
	Experiment string
	Name       string // the default is the id
	Sweep      string
	Trial      int
	Params     Params
	Tags       []string
	Note       string
	// Inputs are the pictures that it begins with. Their roles are RoleContent, RoleStyle, RoleInit or any other.
	Inputs     []NewPicture
	Provenance Provenance
	// Process records the run; the zero value stands for this one.
	Process Process
}

// pictureSuffix ends the names of the parameters that name inputs: content and style alone are terms of an objective.
const pictureSuffix = "_picture"

// AddInput adds a picture to the inputs, and its name to the parameter ROLE_picture. Pictures of one role have their
// order for a step, which tells those of one name apart.
func (n *NewRun) AddInput(role, name, source string, data []byte) {
	input := NewPicture{Role: role, Name: name, Source: source, Data: data}
	for _, other := range n.Inputs {
		if other.Role == role {
			input.Step++
		}
	}
	n.Inputs = append(n.Inputs, input)
	if n.Params == nil {
		n.Params = Params{}
	}
	if input.Step > 0 {
		name = fmt.Sprint(n.Params[role+pictureSuffix], " + ", name)
	}
	n.Params[role+pictureSuffix] = name
}

// Normal returns the run with defaults filled in and each value in its stored form, or an error of CodeInvalid.
func (n NewRun) Normal() (NewRun, error) {
	for kind, text := range map[string]string{"experiment": n.Experiment, "name": n.Name, "sweep": n.Sweep} {
		if err := checkLine(kind, text); err != nil {
			return n, err
		}
	}
	if n.Trial < 0 {
		return n, Errorf(CodeInvalid, "trial %d: it must be 0 or more", n.Trial)
	}
	if err := checkText("note", n.Note, maxNote); err != nil {
		return n, err
	}
	var err error
	if n.Params, err = n.Params.Normal(); err != nil {
		return n, err
	}
	if n.Tags, err = normalTags(n.Tags); err != nil {
		return n, err
	}
	if n.Process == (Process{}) {
		n.Process = ThisProcess()
	}
	return n, nil
}

func normalTags(tags []string) ([]string, error) {
	tags = slices.Clone(tags)
	for _, t := range tags {
		if t == "" {
			return nil, Errorf(CodeInvalid, "a tag must not be empty")
		}
		if err := checkLine("tag", t); err != nil {
			return nil, err
		}
	}
	slices.Sort(tags)
	return slices.Compact(tags), nil
}

// Update changes what people say about a run. A nil field is left as it is.
type Update struct {
	Name, Experiment, Note *string
	Rating                 *int // 1 to 5, 0 for none
	Tag, Untag             []string
	// Params are added, in the place of those of the same names.
	Params     Params
	Provenance *Provenance
}

// Normal returns the update with each value in its stored form, or an error of CodeInvalid.
func (u Update) Normal() (Update, error) {
	lines := map[string]*string{"name": u.Name, "experiment": u.Experiment}
	for kind, text := range lines {
		if text != nil {
			if err := checkLine(kind, *text); err != nil {
				return u, err
			}
		}
	}
	if u.Name != nil && *u.Name == "" {
		return u, Errorf(CodeInvalid, "a run's name must not be empty")
	}
	if u.Note != nil {
		if err := checkText("note", *u.Note, maxNote); err != nil {
			return u, err
		}
	}
	if u.Rating != nil && (*u.Rating < 0 || *u.Rating > 5) {
		return u, Errorf(CodeInvalid, "rating %d: choose 1 to 5, or 0 for none", *u.Rating)
	}
	var err error
	if u.Tag, err = normalTags(u.Tag); err != nil {
		return u, err
	}
	u.Params, err = u.Params.Normal()
	return u, err
}

// Outcome is how a run ended.
type Outcome struct {
	Status     Status // any but StatusRunning
	Reason     string // at most 4 KiB of it are kept
	PeakMemory int64  // of the process, in bytes; 0 if unknown
}

// Normal returns the outcome as a store keeps it. A reason is often the text of an error, so one that is too long or
// not UTF-8 is cut to what fits rather than refused. Any other mistake is CodeInvalid.
func (o Outcome) Normal() (Outcome, error) {
	switch o.Status {
	case StatusFinished, StatusInterrupted, StatusFailed:
		o.Reason = fitText(o.Reason, maxText)
		return o, nil
	}
	return o, Errorf(CodeInvalid, "a run ends as %s, %s or %s, not as %q", StatusFinished, StatusInterrupted, StatusFailed, o.Status)
}
