package tracker

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gouache-art/gouache/internal/terminal"
)

// Archive is a whole run, without the contents of its pictures and files.
type Archive struct {
	Run      Run       `json:"run"`
	Series   []Series  `json:"series"`
	Pictures []Picture `json:"pictures"`
	Files    []File    `json:"files,omitempty"`
	// Checkpoint is read once, and holds the state that the run continues from. It is nil if there is none.
	Checkpoint io.Reader `json:"-"`
}

// The reasons of runs that had not ended when they were imported.
const (
	reasonImported       = "it was still running when it was imported"
	reasonImportedQueued = "it was waiting for a worker when it was imported"
)

// Bounds on archives that no store of this program reaches.
const (
	maxProvenance = 1 << 20        // bytes of JSON
	maxAhead      = 24 * time.Hour // of another machine's clock
)

// Normal returns the archive as a store keeps it, or an error of CodeInvalid for one that no store can have made. now
// is the present; times may be from 1970 to a day later.
//
// What is not printable is escaped, since earlier versions may have recorded it. A run that is running becomes
// interrupted unless its process is alive on this machine: nobody would end it here. So does one that is queued: nobody
// paints by himself what another store wanted.
func (a *Archive) Normal(now time.Time) (*Archive, error) {
	r := a.Run
	id, _ := CanonicalID(r.ID)
	if id != r.ID || len(id) != idLength {
		return nil, Errorf(CodeInvalid, "%q is no run's id", r.ID)
	}
	inRun := func(err error) error {
		if err == nil {
			return nil
		}
		return Errorf(CodeInvalid, "run %s: %w", id, err)
	}
	switch {
	case r.Status == StatusQueued:
		r.Status, r.Reason, r.EndedAt = StatusInterrupted, reasonImportedQueued, r.SeenAt
	case r.Status == StatusRunning && !r.Process.aliveHere():
		r.Status, r.Reason, r.EndedAt = StatusInterrupted, reasonImported, r.SeenAt
	}
	n, err := NewRun{
		Experiment: cleanName(r.Experiment), Name: cmp.Or(cleanName(r.Name), id), Sweep: cleanName(r.Sweep), Trial: r.Trial,
		Params: cleanParams(r.Params), Tags: cleanTags(r.Tags), Note: cleanText(r.Note), NoteBy: cleanName(r.NoteBy), Needs: cleanName(r.Needs), Priority: r.Priority,
		Process: r.Process, // any but the zero value, which would mean this process
	}.Normal()
	if err != nil {
		return nil, inRun(err)
	}
	r.Experiment, r.Name, r.Sweep, r.Params, r.Tags, r.Note, r.NoteBy, r.Needs = n.Experiment, n.Name, n.Sweep, n.Params, n.Tags, n.Note, n.NoteBy, n.Needs
	if r.Note == "" {
		r.NoteAt = time.Time{}
	}
	r.Reason = cleanText(r.Reason)
	r.Attempt = max(r.Attempt, 1)
	r.Provenance, r.Process = r.Provenance.clean(), r.Process.clean()
	_, rating := Update{Rating: &r.Rating}.Normal()
	err = cmp.Or(
		invalidIf(len(r.Damaged) > 0, "its record is damaged: %s", strings.Join(r.Damaged, ", ")),
		invalidIf(!slices.Contains(Statuses, r.Status), "it has the unknown status %q", r.Status),
		checkText("reason", r.Reason, maxText),
		rating,
		invalidIf(r.Idle < 0 || r.Tries < 0, "it was idle for %v and tried again %d times: both must be 0 or more",
			r.Idle, r.Tries),
		checkTime("it began", r.StartedAt, now),
		checkTime("it was seen", r.SeenAt, now),
		checkKnownTime("its note was written", r.NoteAt, now),
		r.Provenance.check(),
		r.Process.check(now),
		CheckSeries(a.Series),
	)
	if r.Status == StatusRunning {
		r.EndedAt = time.Time{}
	} else {
		err = cmp.Or(err, checkTime("it ended", r.EndedAt, now))
	}
	pictures := slices.Clone(a.Pictures)
	for i := range pictures {
		p := &pictures[i]
		p.Name, p.Source = NameFrom(p.Name), fitText(cleanLine(p.Source), maxText)
		err = cmp.Or(err, p.check(now))
	}
	err = cmp.Or(err, CheckFileCount(len(a.Files)))
	for _, f := range a.Files {
		err = cmp.Or(err, f.Check(), checkTime("file "+f.Name+" was added", f.At, now))
	}
	return &Archive{Run: r, Series: a.Series, Pictures: pictures, Files: slices.Clone(a.Files), Checkpoint: a.Checkpoint}, inRun(err)
}

// checkTime refuses times that no clock can have shown.
func checkTime(what string, at, now time.Time) error {
	const day = "2 January 2006"
	return cmp.Or(
		invalidIf(at.Unix() < 0, "%s on %s, before 1970: its record is damaged", what, at.UTC().Format(day)),
		invalidIf(at.After(now.Add(maxAhead)), "%s on %s, which is still to come: correct the clock of this machine, or import it then",
			what, at.UTC().Format(day)),
	)
}

// checkKnownTime is checkTime for a time that may be unknown.
func checkKnownTime(what string, at, now time.Time) error {
	if at.IsZero() {
		return nil
	}
	return checkTime(what, at, now)
}

// check refuses a description of a picture that no store can have made. What its file says is not looked at.
func (p *Picture) check(now time.Time) error {
	err := NewPicture{Role: p.Role, Step: p.Step}.check()
	return cmp.Or(err, CheckHash(p.Hash), checkTime("picture "+p.Role+" was added", p.At, now))
}

// clean returns the provenance with what is not printable escaped.
func (p Provenance) clean() Provenance {
	for _, text := range []*string{
		&p.Version, &p.Commit, &p.Dir, &p.Go, &p.Platform, &p.XLA, &p.Device, &p.Network, &p.Weights, &p.WeightsSHA256,
	} {
		*text = cleanLine(*text)
	}
	p.Command = cleanLines(p.Command)
	if p.Labels != nil {
		labels := make(map[string]string, len(p.Labels))
		for name, text := range p.Labels {
			labels[cleanLine(name)] = cleanText(text)
		}
		p.Labels = labels
	}
	return p
}

func (p *Provenance) check() error {
	text, err := json.Marshal(p)
	return cmp.Or(err,
		invalidIf(len(text) > maxProvenance, "its provenance has %d bytes: at most %d are kept", len(text), maxProvenance),
		invalidIf(p.PeakMemory < 0, "it used %d bytes of memory", p.PeakMemory),
	)
}

func (p Process) clean() Process {
	p.Host, p.Boot = cleanLine(p.Host), cleanLine(p.Boot)
	return p
}

func (p *Process) check(now time.Time) error {
	err := cmp.Or(
		checkLine("host", p.Host), checkLine("boot", p.Boot),
		invalidIf(p.PID < 0 || p.PID > math.MaxInt32, "its process has the number %d", p.PID),
	)
	if !p.StartedAt.IsZero() { // as it is where the system does not say
		err = cmp.Or(err, checkTime("its process began", p.StartedAt, now))
	}
	return err
}

// cleanLine escapes what is not printable in a text of one line. The result is not longer than the text, or a name.
func cleanLine(text string) string { return fitText(terminal.Line(text), max(len(text), maxName)) }

// cleanName is cleanLine for a name, which is none if it is blank.
func cleanName(text string) string {
	if strings.TrimSpace(text) == "" {
		return ""
	}
	return cleanLine(text)
}

// cleanTags returns the tags that are not blank.
func cleanTags(tags []string) []string {
	var clean []string
	for _, tag := range tags {
		if tag = cleanName(tag); tag != "" {
			clean = append(clean, tag)
		}
	}
	return clean
}

// cleanText is cleanLine for texts that may have several lines.
func cleanText(text string) string {
	clean := terminal.Text(strings.ReplaceAll(text, "\r\n", "\n"))
	return fitText(clean, max(len(text), maxText))
}

func cleanLines(lines []string) []string {
	clean := slices.Clone(lines)
	for i := range clean {
		clean[i] = cleanLine(clean[i])
	}
	return clean
}

func cleanParams(params Params) Params {
	clean := make(Params, len(params))
	for name, value := range params {
		if text, ok := value.(string); ok {
			value = cleanText(text)
		}
		clean[name] = value
	}
	return clean
}

// Pack reads an archive of a run, without a checkpoint.
func Pack(ctx context.Context, from Reader, id string) (*Archive, error) {
	run, err := from.Run(ctx, id)
	if err != nil {
		return nil, err
	}
	curves, err := from.Curves(ctx, id, CurveQuery{})
	if err != nil {
		return nil, err
	}
	pictures, err := from.Pictures(ctx, id, PictureQuery{})
	if err != nil {
		return nil, err
	}
	files, err := from.Files(ctx, id)
	if err != nil {
		return nil, err
	}
	a := &Archive{Run: *run, Pictures: pictures, Files: files}
	for _, c := range curves {
		a.Series = append(a.Series, c.Series)
	}
	return a, nil
}

// ReadPicture reads the file of an archive's picture, and returns the picture as that file describes it. A file that
// does not match the picture's hash is CodeInvalid.
func ReadPicture(ctx context.Context, p Picture, open OpenPicture) (Picture, []byte, error) {
	data, err := readContent(ctx, p.Hash, MaxPicture, open)
	if err != nil {
		return p, nil, err
	}
	read, err := NewPicture{Role: p.Role, Step: p.Step, Name: p.Name, Source: p.Source, Data: data}.Describe(p.At)
	if err != nil {
		return p, nil, err
	}
	return read, data, invalidIf(read.Hash != p.Hash, "picture %s is damaged: its hash is %s", p.Hash, read.Hash)
}

// readContent reads the content with a hash, up to one byte more than most. That byte shows the caller that it is too large.
func readContent(ctx context.Context, hash string, most int64, open OpenPicture) ([]byte, error) {
	if err := CheckHash(hash); err != nil {
		return nil, err
	}
	file, err := open(ctx, hash)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, most+1))
}
