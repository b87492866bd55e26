package tracker

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Status is the state of a run.
type Status string

// The statuses. A run whose process is gone without ending it is StatusInterrupted for every reader, or StatusQueued
// if it came from the queue. [RunStore] has the table of how a run gets from one to another.
const (
	StatusQueued      Status = "queued" // nobody works on it: it waits for a worker
	StatusRunning     Status = "running"
	StatusFinished    Status = "finished"
	StatusInterrupted Status = "interrupted"
	StatusFailed      Status = "failed"
)

// Statuses are all statuses, in the order in which people are shown them.
var Statuses = []Status{StatusQueued, StatusRunning, StatusFinished, StatusInterrupted, StatusFailed}

// The reasons of runs that a program did not end.
const (
	ReasonGone     = "its process ended without a word"
	ReasonStopped  = "it was stopped by hand"
	ReasonNotBegun = "it was stopped before it began"
)

// Ended reports whether nothing more happens to a run with the status by itself.
func (s Status) Ended() bool { return s != StatusQueued && s != StatusRunning }

// Run is the record of a run. Its curves and pictures are read separately.
type Run struct {
	// Its identity, and its place in an experiment and a sweep.
	ID         string `json:"id"`
	Name       string `json:"name"`
	Experiment string `json:"experiment"`
	Sweep      string `json:"sweep,omitempty"` // the sweep that it is a trial of
	Trial      int    `json:"trial,omitempty"` // its number there, from 1

	// How it went. Times are UTC, to the microsecond.
	Status    Status        `json:"status"`
	Reason    string        `json:"reason,omitempty"`  // one sentence: why it ended
	Stopped   bool          `json:"stopped,omitempty"` // see RunStore.StopRun: a running one is about to end
	StartedAt time.Time     `json:"started_at"`        // of one that has not begun, when it was queued
	EndedAt   time.Time     `json:"ended_at,omitzero"`
	SeenAt    time.Time     `json:"seen_at"`            // the last sign of life
	Idle      time.Duration `json:"idle_ns,omitempty"`  // between its ends and the calls of ContinueRun
	Tries     int           `json:"tries,omitempty"`    // calls of ContinueRun since it began, was queued or saved a checkpoint
	Attempt   int           `json:"attempt"`            // see Claim
	Needs     string        `json:"needs,omitempty"`    // the kind of device, such as cuda, that it has to be painted on; "" for any
	Priority  int           `json:"priority,omitempty"` // in the queue: the greatest is taken first; see MaxPriority

	// What it was made with and what it reached.
	Params Params  `json:"params"`
	Final  Metrics `json:"final"` // each metric at its highest step

	// What people say about it.
	Tags []string `json:"tags"` // sorted
	Note string   `json:"note,omitempty"`
	// NoteBy wrote the note last, at NoteAt. Both are zero if that is not known, and without a note.
	NoteBy string    `json:"note_by,omitempty"`
	NoteAt time.Time `json:"note_at,omitzero"`
	Rating int       `json:"rating,omitempty"` // 1 to 5, 0 for none

	// Picture is the hash of the picture that shows the run in a list: its last result, else its
	// last snapshot, else "".
	Picture    string     `json:"picture,omitempty"`
	Provenance Provenance `json:"provenance"`
	Process    Process    `json:"process"`

	// Damaged are the names of what the store holds damaged of this record: cut, empty or in a bound. "record" is all of it,
	// "pictures" are some of its pictures, which only Run looks for.
	Damaged []string `json:"damaged,omitempty"`
}

// Claim is the right to write to a run: its id, and its attempt. A run begins with attempt 1. The number rises by one
// each time that a process takes the run. A store refuses what is written with an earlier one: a process that was presumed
// dead may wake after another has taken over.
type Claim struct {
	Run     string `json:"run"`
	Attempt int    `json:"attempt"`
}

// Claim returns the latest claim of the run.
func (r *Run) Claim() Claim { return Claim{r.ID, r.Attempt} }

// Refused is the error for a claim that is not that of the run as it is, for implementations of [RunStore].
func (c Claim) Refused(now Claim, p Process) *Error {
	return Errorf(CodeConflict, "run %s was given to process %d on %s, as attempt %d: attempt %d may not write to it any more",
		c.Run, p.PID, p.Host, now.Attempt, c.Attempt)
}

// Duration is the time that the run took. Of a running one it is the time until its last sign of life. It is 0 if the
// clock was set back by more than that.
func (r *Run) Duration() time.Duration {
	until := r.EndedAt
	if until.IsZero() {
		until = r.SeenAt
	}
	return max(0, until.Sub(r.StartedAt)-r.Idle)
}

// NewRun describes a run that begins. Every field is optional.
type NewRun struct {
	ID         string   `json:"id,omitempty"`     // a new one by default; see NewID
	Queued     bool     `json:"queued,omitempty"` // it waits for a worker: nobody works on it yet, and Process stays empty
	Experiment string   `json:"experiment,omitempty"`
	Name       string   `json:"name,omitempty"` // the default is the id
	Sweep      string   `json:"sweep,omitempty"`
	Trial      int      `json:"trial,omitempty"`
	Params     Params   `json:"params,omitempty"`
	Tags       []string `json:"tags,omitempty"`
	Note       string   `json:"note,omitempty"`
	NoteBy     string   `json:"note_by,omitempty"` // who wrote the note, if that is known
	// Inputs are the pictures that the run begins with. Their roles are those of InputRoles or any
	// other.
	Inputs     []NewPicture `json:"inputs,omitempty"`
	Provenance Provenance   `json:"provenance,omitzero"`
	Needs      string       `json:"needs,omitempty"`    // the kind of device that it has to be painted on, "" for any
	Priority   int          `json:"priority,omitempty"` // in the queue: the greatest is taken first
	// Process is the process that records the run. The zero value means this one.
	Process Process `json:"process,omitzero"`
}

// pictureSuffix ends the names of parameters that name inputs: content and style alone are terms of an objective.
const pictureSuffix = "_picture"

// AddInput adds a picture to the inputs, and its name to the parameter ROLE_picture. The name may be any text: it is
// kept as NameFrom has it. The step of an input is its index among those of its role, which tells inputs with the same
// name apart.
func (n *NewRun) AddInput(role, name, source string, data []byte) {
	var step int64
	for _, other := range n.Inputs {
		if other.Role == role {
			step++
		}
	}
	n.AddInputOf(step, role, name, source, data)
}

// AddInputOf is AddInput with a step: a mask has that of its style.
func (n *NewRun) AddInputOf(step int64, role, name, source string, data []byte) {
	name = NameFrom(name)
	n.Inputs = append(n.Inputs, NewPicture{Role: role, Step: step, Name: name, Source: source, Data: data})
	if n.Params == nil {
		n.Params = Params{}
	}
	if before, ok := n.Params[role+pictureSuffix]; ok {
		name = fmt.Sprint(before, " + ", name)
	}
	n.Params[role+pictureSuffix] = shorten(name, maxText)
}

// Normal returns the run with defaults filled in and each value in its stored form, or an error of CodeInvalid.
func (n NewRun) Normal() (NewRun, error) {
	err := cmp.Or(
		checkLine("experiment", n.Experiment), checkLine("name", n.Name), checkLine("sweep", n.Sweep),
		invalidIf(n.Trial < 0, "trial %d: it must be 0 or more", n.Trial),
		checkText("note", n.Note, maxNote), checkLine("name of who wrote the note", n.NoteBy), checkLine("device", n.Needs), checkPriority(n.Priority),
	)
	if n.Note == "" {
		n.NoteBy = ""
	}
	if n.ID != "" {
		err = cmp.Or(err, CheckID(n.ID))
	}
	if err != nil {
		return n, err
	}
	if n.Params, err = n.Params.Normal(); err != nil {
		return n, err
	}
	if n.Tags, err = normalTags(n.Tags); err != nil {
		return n, err
	}
	n.Provenance = n.Provenance.withoutPasswords()
	switch {
	case n.Queued:
		n.Process = Process{}
	case n.Process == (Process{}):
		n.Process = ThisProcess()
	}
	return n, nil
}

// MaxPriority is the greatest priority of a run in the queue, and -MaxPriority the least.
const MaxPriority = 100

func checkPriority(n int) error {
	return invalidIf(n < -MaxPriority || n > MaxPriority, "priority %d: choose a number from %d to %d", n, -MaxPriority, MaxPriority)
}

func normalTags(tags []string) ([]string, error) {
	for _, t := range tags {
		if err := cmp.Or(invalidIf(t == "", "a tag must not be empty"), checkLine("tag", t)); err != nil {
			return nil, err
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(tags))), nil
}

// Update changes what people say about a run. A nil field changes nothing.
type Update struct {
	Name       *string     `json:"name,omitempty"`
	Experiment *string     `json:"experiment,omitempty"`
	Note       *string     `json:"note,omitempty"`
	NoteBy     string      `json:"note_by,omitempty"` // who writes the note, if that is known
	Rating     *int        `json:"rating,omitempty"`  // 1 to 5, 0 for none
	Tag        []string    `json:"tag,omitempty"`
	Untag      []string    `json:"untag,omitempty"`
	Needs      *string     `json:"needs,omitempty"`
	Priority   *int        `json:"priority,omitempty"`
	Params     Params      `json:"params,omitempty"` // are added, and replace those of the same names
	Provenance *Provenance `json:"provenance,omitempty"`
}

// Normal returns the update with each value in its stored form, or an error of CodeInvalid.
func (u Update) Normal() (Update, error) {
	rating := orZero(u.Rating)
	err := cmp.Or(
		checkLine("name", orZero(u.Name)), checkLine("experiment", orZero(u.Experiment)),
		invalidIf(u.Name != nil && *u.Name == "", "a run's name must not be empty"),
		checkText("note", orZero(u.Note), maxNote), checkLine("name of who wrote the note", u.NoteBy),
		invalidIf(rating < 0 || rating > 5, "rating %d: choose 1 to 5, or 0 for none", rating),
		checkLine("device", orZero(u.Needs)), checkPriority(orZero(u.Priority)),
	)
	if err != nil {
		return u, err
	}
	if orZero(u.Note) == "" {
		u.NoteBy = ""
	}
	if u.Tag, err = normalTags(u.Tag); err != nil {
		return u, err
	}
	if u.Provenance != nil {
		p := u.Provenance.withoutPasswords()
		u.Provenance = &p
	}
	u.Params, err = u.Params.Normal()
	return u, err
}

func orZero[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// Outcome is how a run ended.
type Outcome struct {
	Status     Status `json:"status"`                      // StatusFinished, StatusInterrupted or StatusFailed
	Reason     string `json:"reason,omitempty"`            // at most 4 KiB of it are kept
	PeakMemory int64  `json:"peak_memory_bytes,omitempty"` // of the process; 0 if unknown
}

// Normal returns the outcome as a store keeps it. A reason is often the text of an error, so one that is too long or
// not UTF-8 is cut to what fits rather than refused. Any other mistake is CodeInvalid.
func (o Outcome) Normal() (Outcome, error) {
	o.Reason = fitText(o.Reason, maxText)
	ended := slices.Contains(Statuses, o.Status) && o.Status.Ended()
	return o, invalidIf(!ended, "a run ends as %s, %s or %s, not as %q",
		StatusFinished, StatusInterrupted, StatusFailed, o.Status)
}

// Params are a run's settings by name. A value is a string, a bool, an int64 or a float64.
// [Params.Normal] converts Go's other strings and numbers.
type Params map[string]any

// MarshalJSON writes an object in which each float64 has a point or an exponent, which tells it from an int64.
func (p Params) MarshalJSON() ([]byte, error) {
	object := make(map[string]any, len(p))
	for name, v := range p {
		const whole = 1e21 // from there on encoding/json writes an exponent
		if f, ok := v.(float64); ok && f == math.Trunc(f) && math.Abs(f) < whole {
			v = json.RawMessage(strconv.FormatFloat(f, 'f', 1, 64))
		}
		object[name] = v
	}
	return json.Marshal(object)
}

// UnmarshalJSON reads what MarshalJSON writes. Values of other types are left to Normal.
func (p *Params) UnmarshalJSON(b []byte) error {
	object := map[string]any{}
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.UseNumber()
	if err := decoder.Decode(&object); err != nil {
		return err
	}
	for name, v := range object {
		n, ok := v.(json.Number)
		if !ok {
			continue
		}
		if whole, err := n.Int64(); err == nil {
			object[name] = whole
		} else if object[name], err = n.Float64(); err != nil {
			return Errorf(CodeInvalid, "parameter %s: %w", name, err)
		}
	}
	*p = object
	return nil
}

// Normal returns the parameters with each value as one of the four types. It refuses, with CodeInvalid, names that a
// filter cannot contain, numbers that are not finite, and values that are not strings, numbers or booleans.
func (p Params) Normal() (Params, error) {
	if len(p) > maxParams {
		return nil, Errorf(CodeInvalid, "there are %d parameters: at most %d are kept", len(p), maxParams)
	}
	normal := make(Params, len(p))
	for name, value := range p {
		v, err := normalValue(name, value)
		if err := cmp.Or(checkName("parameter", name), err); err != nil {
			return nil, err
		}
		normal[name] = v
	}
	return normal, nil
}

func normalValue(name string, value any) (any, error) {
	v := reflect.ValueOf(value)
	switch {
	case v.Kind() == reflect.String:
		return v.String(), checkText("parameter "+name, v.String(), maxText)
	case v.Kind() == reflect.Bool:
		return v.Bool(), nil
	case v.CanInt():
		return v.Int(), nil
	case v.CanUint():
		if v.Uint() > math.MaxInt64 {
			return float64(v.Uint()), nil
		}
		return int64(v.Uint()), nil
	case v.CanFloat():
		f := v.Float()
		return f, invalidIf(math.IsNaN(f) || math.IsInf(f, 0), "parameter %s is %v: it must be finite", name, f)
	}
	return nil, Errorf(CodeInvalid, "parameter %s is a %T: it must be a string, a number or a bool", name, value)
}

// parseNumber reads a finite decimal number. strconv alone also takes words such as inf and nan.
func parseNumber(text string) (float64, bool) {
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil && strings.Trim(text, "+-.0123456789eE") == ""
}

// idLetters are Crockford's base 32 in lower case, without the letters that are mistaken for
// others. They are in ASCII's order, so that ids sort as the numbers that they encode.
const idLetters = "0123456789abcdefghjkmnpqrstvwxyz"

// An id is 7 letters of the second when the run began, which last until the year 3058, and 5 random ones. A store in
// which a hundred runs begin in one second draws the same id twice with odds of 1 to 6,800, and then draws again.
const (
	idTimeLetters   = 7
	idRandomLetters = 5
	idLength        = idTimeLetters + idRandomLetters
)

// NewID returns an id for a run that begins at a time. Ids sort by that time. The beginning of an
// id may be used where it is unique; see [RunReader].
func NewID(at time.Time) string {
	var random [8]byte
	rand.Read(random[:]) // never fails, says crypto/rand
	return IDOf(at, binary.LittleEndian.Uint64(random[:]))
}

// IDOf is NewID with a number, of which 25 bits count, in place of a random one, for runs that are known elsewhere by
// another name.
func IDOf(at time.Time, number uint64) string {
	n := uint64(at.Unix())<<(5*idRandomLetters) | number&(1<<(5*idRandomLetters)-1)
	var id [idLength]byte
	for i := range id {
		id[idLength-1-i] = idLetters[n&31]
		n >>= 5
	}
	return string(id[:])
}

// CanonicalID converts the beginning of an id, as a person types it, to the form that ids have: lower case, and
// digits for o, i and l. It returns an error of CodeInvalid if no id begins like that.
func CanonicalID(text string) (string, error) {
	id := strings.NewReplacer("o", "0", "i", "1", "l", "1").Replace(strings.ToLower(text))
	if id == "" || len(id) > idLength || strings.Trim(id, idLetters) != "" {
		return "", Errorf(CodeInvalid, "%q is no run: its id is %d letters and digits, of which the first few are enough", text, idLength)
	}
	return id, nil
}

// CheckID returns an error of CodeInvalid for a string that is not a run's whole id.
func CheckID(text string) error {
	id, err := CanonicalID(text)
	return cmp.Or(err, invalidIf(id != text || len(id) != idLength, "%.40q is no run's id: it has %d letters and digits", text, idLength))
}

// FindID returns the one id that ref means, for implementations of [RunReader]. matches are the ids
// that begin with CanonicalID(ref), sorted; the first four are enough.
func FindID(ref string, matches []string) (string, error) {
	switch len(matches) {
	case 0:
		return "", NoSuchRun(ref)
	case 1:
		return matches[0], nil
	}
	list := strings.Join(matches[:min(len(matches), 3)], ", ")
	if len(matches) > 3 {
		list += " and others"
	}
	return "", Errorf(CodeConflict, "%q begins the ids of several runs, %s: write more of it", ref, list)
}

// NoSuchRun is the error for an id that no run has.
func NoSuchRun(id string) *Error { return Errorf(CodeNotFound, "there is no run %q", id) }
