package tracker

import (
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// A store may be damaged, or made by somebody else to do harm. The functions here turn what it holds into what the rest
// of the program may rely on: texts are UTF-8 and not longer than what is kept, numbers and times are in their ranges.
// They allow what earlier versions kept, for example control characters, which whoever writes to a terminal or a page
// escapes.

// Mend replaces what no store keeps, and adds the names of the fields to r.Damaged. It is for implementations of
// [RunReader]. The id is theirs: CheckID must accept it.
func (r *Run) Mend() {
	m := mender{&r.Damaged}
	m.text("name", &r.Name, maxName)
	m.text("experiment", &r.Experiment, maxName)
	m.text("sweep", &r.Sweep, maxName)
	mendNumber(m, "trial", &r.Trial, 0, math.MaxInt32)
	m.replace("status", !slices.Contains(Statuses, r.Status), func() { r.Status = StatusInterrupted })
	m.text("reason", &r.Reason, maxText)
	m.times(r)
	mendNumber(m, "idle", &r.Idle, 0, longestRun)
	mendNumber(m, "tries", &r.Tries, 0, math.MaxInt32)
	mendNumber(m, "attempt", &r.Attempt, 1, math.MaxInt32)
	m.text("needs", &r.Needs, maxName)
	mendNumber(m, "priority", &r.Priority, -MaxPriority, MaxPriority)
	m.params(r.Params)
	m.final(r.Final)
	for i := range r.Tags {
		m.text("tags", &r.Tags[i], maxName)
	}
	m.text("note", &r.Note, maxNote)
	m.text("note_by", &r.NoteBy, maxName)
	m.time("note_at", &r.NoteAt)
	mendNumber(m, "rating", &r.Rating, 0, maxRating)
	m.replace("picture", r.Picture != "" && CheckHash(r.Picture) != nil, func() { r.Picture = "" })
	m.provenance(&r.Provenance)
	r.Process.mend(m)
	slices.Sort(r.Damaged)
	r.Damaged = slices.Compact(r.Damaged)
}

func (p *Process) mend(m mender) {
	m.text("host", &p.Host, maxName)
	m.text("boot", &p.Boot, maxName)
	mendNumber(m, "pid", &p.PID, 0, math.MaxInt32)
	m.time("process", &p.StartedAt)
}

// Mend replaces what no store keeps, for implementations of [SweepStore], and returns the names of the fields.
func (s *Sweep) Mend() (damaged []string) {
	m := mender{&damaged}
	m.text("name", &s.Name, maxName)
	m.text("experiment", &s.Experiment, maxName)
	m.text("text", &s.Text, maxSweep)
	m.replace("dir", checkDir(s.Dir) != nil, func() { s.Dir = fitText(s.Dir, maxText) })
	mendNumber(m, "trials", &s.Trials, 0, math.MaxInt32)
	m.time("started", &s.StartedAt)
	return damaged
}

// Mend replaces texts and times that no store keeps, for implementations of [PictureReader], which leave out the
// pictures that Check refuses.
func (p *Picture) Mend() {
	m := mender{new([]string)}
	m.text("name", &p.Name, maxName)
	m.text("source", &p.Source, maxText)
	m.time("at", &p.At)
}

// Check returns an error of CodeInvalid for a picture that no store can have described: its texts are not looked at.
func (p *Picture) Check() error {
	const mostPixels = 1 << 20 // a side; what can be decoded is smaller
	if err := CheckHash(p.Hash); err != nil {
		return err
	}
	if err := checkName("role", p.Role); err != nil {
		return err
	}
	bad := p.Step < 0 || p.Bytes < 0 || p.Bytes > MaxPicture || !slices.Contains(Formats, p.Format) ||
		p.Width < 1 || p.Height < 1 || p.Width > mostPixels || p.Height > mostPixels
	return invalidIf(bad, "picture %s is a %.20q of %d×%d pixels and %d bytes at step %d: no store has described it", p.Hash, p.Format, p.Width, p.Height, p.Bytes, p.Step)
}

// Formats are those of the pictures that stores keep.
var Formats = []string{"png", "jpeg", "gif", "webp", "tiff", "heic", "avif"}

// Mend replaces what no store keeps, for implementations of [JudgementStore], which leave out judgements whose verdict is
// not Known.
func (j *Judgement) Mend() {
	m := mender{new([]string)}
	m.text("rater", &j.Rater, maxName)
	m.time("at", &j.At)
}

// longestRun bounds the time in which nobody worked on a run, so that sums of it and of times do not overflow.
const longestRun = 100 * 365 * 24 * time.Hour

// maxRating is the best rating.
const maxRating = 5

// mender mends the fields of a record and notes the names of those that it changed.
type mender struct{ damaged *[]string }

func (m mender) replace(name string, bad bool, mend func()) {
	if bad {
		*m.damaged = append(*m.damaged, name)
		mend()
	}
}

func (m mender) text(name string, text *string, most int) {
	if len(*text) > most || !utf8.ValidString(*text) || strings.IndexByte(*text, 0) >= 0 {
		m.replace(name, true, func() { *text = fitText(*text, most) })
	}
}

// isName reports whether checkName accepts a name. Lists of runs have hundreds of thousands of names, nearly all of them
// plain, for which the regular expression takes ten times as long.
func isName(name string) bool {
	if name == "" || len(name) > maxName {
		return false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_':
		case i > 0 && ('0' <= c && c <= '9' || c == '.' || c == '/' || c == '-'):
		default:
			return validName.MatchString(name)
		}
	}
	return true
}

func mendNumber[T ~int | ~int64](m mender, name string, n *T, least, most T) {
	m.replace(name, *n < least || *n > most, func() { *n = min(max(*n, least), most) })
}

// Bounds on times: those that JSON and pages can show.
var (
	earliest = time.Unix(0, 0).UTC()
	latest   = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
)

func (m mender) time(name string, t *time.Time) {
	bad := !t.IsZero() && (t.Before(earliest) || t.After(latest))
	m.replace(name, bad, func() { *t = earliest })
}

// times mends a run's times, each of which has some.
func (m mender) times(r *Run) {
	m.time("started", &r.StartedAt)
	m.time("ended", &r.EndedAt)
	m.time("seen", &r.SeenAt)
	ended := r.Status.Ended()
	m.replace("ended", ended == r.EndedAt.IsZero(), func() {
		if r.EndedAt = r.SeenAt; !ended {
			r.EndedAt = time.Time{}
		}
	})
}

func (m mender) params(params Params) {
	for name, value := range params {
		m.replace("params", !isName(name) || len(params) > maxParams, func() { delete(params, name) })
		switch v := value.(type) {
		case bool, int64:
		case string:
			m.text("params", &v, maxText)
			if value != v && params[name] != nil {
				params[name] = v
			}
		case float64: // JSON has no place for those that are not finite
			m.replace("params", math.IsNaN(v) || math.IsInf(v, 0), func() { delete(params, name) })
		default:
			m.replace("params", true, func() { delete(params, name) })
		}
	}
}

func (m mender) final(final Metrics) {
	for name := range final {
		m.replace("metrics", !isName(name), func() { delete(final, name) })
	}
}

func (m mender) provenance(p *Provenance) {
	for i := range p.Command {
		m.text("provenance", &p.Command[i], maxSweep) // an argument of a command has at most 128 KiB
	}
	for _, text := range []*string{
		&p.Version, &p.Commit, &p.Dir, &p.Go, &p.Platform, &p.XLA, &p.Device, &p.Network, &p.Weights, &p.WeightsSHA256,
	} {
		m.text("provenance", text, maxText)
	}
	for name, label := range p.Labels {
		text, whole := name, label
		m.text("provenance", &text, maxText)
		m.text("provenance", &whole, maxNote)
		if text != name {
			delete(p.Labels, name)
		}
		p.Labels[text] = whole
	}
	mendNumber(m, "provenance", &p.PeakMemory, 0, math.MaxInt64)
}
