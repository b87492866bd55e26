// Package foreign makes runs that other programs recorded ready for [tracker.Import]. A package for a format describes
// each run as a [Run], and [NewSource] gives it an id that is the same at each import: what was imported before is
// known again, and brought up to date if the other program has recorded more of it.
package foreign

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

// Run is a run that another program recorded.
type Run struct {
	// Origin is what the other program calls the run. It must never change, and no other run may have it.
	Origin string
	// Record needs StartedAt and SeenAt. The id is given by NewSource. Texts may be any: they are made to fit.
	Record tracker.Run
	// Read reads what the record does not hold. It is called again for each import.
	Read func(ctx context.Context) (*Content, error)
}

// Content is what a run holds besides its record.
type Content struct {
	Series   []tracker.Series
	pictures []Picture
	files    []File
	bytes    int64 // of pictures and files
}

// Add adds a picture. It returns an error of CodeInvalid if the run has more than MaxPictures bytes of them.
func (c *Content) Add(p Picture) error {
	if err := c.hold(p.Data); err != nil {
		return err
	}
	c.pictures = append(c.pictures, p)
	return nil
}

// AddFile is Add for a file.
func (c *Content) AddFile(f File) error {
	if err := c.hold(f.Data); err != nil {
		return err
	}
	c.files = append(c.files, f)
	return nil
}

// perFile is what a picture or a file takes in memory besides its content, in bytes, at the most.
const perFile = 1 << 10

func (c *Content) hold(data []byte) error {
	if c.bytes += int64(len(data)) + perFile; c.bytes > MaxPictures {
		return tracker.Errorf(tracker.CodeInvalid, "it has more than %d bytes of pictures and files", MaxPictures)
	}
	return nil
}

// Left is how many bytes the next file of a run may have.
func (c *Content) Left() int64 { return max(MaxPictures-c.bytes-perFile, 0) }

// Picture is a picture of a run, with the time at which it was recorded.
type Picture struct {
	tracker.NewPicture
	At time.Time
}

// File is a file of a run, with the time at which it was recorded.
type File struct {
	tracker.NewFile
	At time.Time
}

// PictureOf returns a picture that another program has at a step under a tag: with that role, if Gouache has one of this
// name, and else as a snapshot with the tag as its name.
func PictureOf(tag string, step int64, at time.Time, data []byte) Picture {
	p := Picture{NewPicture: tracker.NewPicture{Role: tracker.RoleSnapshot, Step: step, Name: tag, Data: data}, At: at}
	if tag == tracker.RoleResult || tag == tracker.RoleSnapshot || slices.Contains(tracker.InputRoles, tag) {
		p.Role, p.Name = tag, ""
	}
	return p
}

// MaxPictures is how many bytes of pictures and files a run may have: they are held in memory while it is imported.
const MaxPictures = 1 << 30

// Source has runs of another program. It is a [tracker.Source] without checkpoints and judgements, and selects no runs
// by a filter.
type Source struct {
	runs   []tracker.Run // sorted by id
	read   map[string]func(context.Context) (*Content, error)
	sweeps []tracker.Sweep
	warn   func(error)

	mu       sync.Mutex
	latest   string // the id of the run whose content is held
	series   []tracker.Series
	pictures []tracker.Picture
	others   []tracker.File    // sorted by name
	contents map[string][]byte // of pictures and files, by hash
}

var _ tracker.Source = (*Source)(nil)

// NewSource returns a source of runs and of the sweeps that they name. warn is called for each picture, and each
// file, that cannot be kept and is left out.
func NewSource(runs []Run, sweeps []tracker.Sweep, warn func(error)) *Source {
	s := &Source{read: map[string]func(context.Context) (*Content, error){}, sweeps: sweeps, warn: warn}
	runs = slices.Clone(runs)
	slices.SortFunc(runs, func(a, b Run) int {
		return cmp.Or(a.Record.StartedAt.Compare(b.Record.StartedAt), cmp.Compare(a.Origin, b.Origin))
	})
	for _, r := range runs {
		record := normal(r.Record)
		for n := 0; record.ID == "" || s.read[record.ID] != nil; n++ {
			record.ID = id(record.StartedAt, fmt.Sprint(r.Origin, "#", n))
		}
		s.runs, s.read[record.ID] = append(s.runs, record), r.Read
	}
	slices.SortFunc(s.runs, func(a, b tracker.Run) int { return cmp.Compare(a.ID, b.ID) })
	return s
}

// id returns the id of a run that began at a time: that of NewID, with the letters that are random there made of the origin.
func id(at time.Time, origin string) string {
	sum := sha256.Sum256([]byte(origin))
	return tracker.IDOf(at, binary.LittleEndian.Uint64(sum[:]))
}

// normal makes what a program recorded fit for a store, as far as [tracker.Archive.Normal] does not.
func normal(r tracker.Run) tracker.Run {
	r.Name, r.Experiment, r.Sweep = tracker.NameFrom(r.Name), tracker.NameFrom(r.Experiment), tracker.NameFrom(r.Sweep)
	r.StartedAt, r.SeenAt = tracker.StoredTime(r.StartedAt), tracker.StoredTime(r.SeenAt)
	if r.SeenAt.Before(r.StartedAt) {
		r.SeenAt = r.StartedAt
	}
	if r.Status.Ended() && r.EndedAt.IsZero() {
		r.EndedAt = r.SeenAt
	}
	if !r.EndedAt.IsZero() {
		r.EndedAt = tracker.StoredTime(r.EndedAt)
	}
	for i := range r.Tags {
		r.Tags[i] = tracker.NameFrom(r.Tags[i])
	}
	r.Reason, r.Note = fit(r.Reason, maxText), fit(r.Note, maxNote)
	r.Params = params(r.Params)
	return r
}

// Bounds on texts that tracker refuses beyond, in bytes.
const (
	maxText = 4 << 10
	maxNote = 64 << 10
)

// fit cuts a text to what is kept.
func fit(text string, most int) string {
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "")
	return strings.ToValidUTF8(text[:min(len(text), most)], "")
}

// params gives parameters names that a filter can contain. Numbers that are not finite become strings.
func params(from tracker.Params) tracker.Params {
	to := tracker.Params{}
	for name, v := range from {
		switch x := v.(type) {
		case string:
			v = fit(x, maxText)
		case float64:
			if math.IsNaN(x) || math.IsInf(x, 0) {
				v = fmt.Sprint(x)
			}
		}
		to[tracker.NearestName(name)] = v
	}
	return to
}

// Find implements tracker.Source.
func (s *Source) Find(_ context.Context, ref string) (string, error) {
	begin, err := tracker.CanonicalID(ref)
	if err != nil {
		return "", err
	}
	var matches []string
	for _, r := range s.runs {
		if strings.HasPrefix(r.ID, begin) {
			matches = append(matches, r.ID)
		}
	}
	return tracker.FindID(ref, matches)
}

// Run implements tracker.Source.
func (s *Source) Run(_ context.Context, id string) (*tracker.Run, error) {
	i, found := slices.BinarySearchFunc(s.runs, id, func(r tracker.Run, id string) int { return cmp.Compare(r.ID, id) })
	if !found {
		return nil, tracker.NoSuchRun(id)
	}
	run := s.runs[i]
	return &run, nil
}

// Runs implements tracker.Source. It always sorts by id.
func (s *Source) Runs(_ context.Context, q tracker.RunQuery) (*tracker.RunPage, error) {
	q, err := q.Normal()
	if err != nil {
		return nil, err
	}
	if q.Filter != nil {
		return nil, tracker.Errorf(tracker.CodeInvalid, "runs of other programs cannot be chosen by a filter: import all of them")
	}
	from := min(q.Offset, len(s.runs))
	return &tracker.RunPage{Runs: slices.Clone(s.runs[from:min(from+q.Limit, len(s.runs))]), Total: len(s.runs)}, nil
}

// hold reads the content of a run, unless it is held already. s.mu must be held.
func (s *Source) hold(ctx context.Context, id string) error {
	read := s.read[id]
	switch {
	case read == nil:
		return tracker.NoSuchRun(id)
	case s.latest == id:
		return nil
	}
	content, err := read(ctx)
	if err != nil {
		return err
	}
	s.latest, s.series, s.pictures, s.others, s.contents = id, nil, nil, nil, map[string][]byte{}
	type place struct {
		role, name string
		step       int64
	}
	places := map[place]int{} // in s.pictures
	for _, one := range content.Series {
		one.Name = tracker.NearestName(one.Name)
		one.Points = slices.DeleteFunc(one.Points, func(p tracker.Point) bool { return p.Step < 0 })
		s.series = append(s.series, one)
	}
	for _, p := range content.pictures {
		p.Role = tracker.NearestName(p.Role)
		described, err := p.Describe(tracker.StoredTime(p.At))
		if err != nil {
			s.warn(fmt.Errorf("run %s: %w", id, err))
			continue
		}
		at := place{described.Role, described.Name, described.Step}
		if i, again := places[at]; again { // it was recorded anew
			s.pictures[i] = described
		} else {
			places[at] = len(s.pictures)
			s.pictures = append(s.pictures, described)
		}
		s.contents[described.Hash] = p.Data
	}
	for _, f := range content.files {
		described, err := f.Describe(tracker.StoredTime(f.At))
		if err == nil {
			err = tracker.CheckFileCount(len(s.others) + 1)
		}
		if err != nil {
			s.warn(fmt.Errorf("run %s: %w", id, err))
			continue
		}
		s.others = append(s.others, described)
		s.contents[described.Hash] = f.Data
	}
	slices.SortFunc(s.others, func(a, b tracker.File) int { return cmp.Compare(a.Name, b.Name) })
	return nil
}

// Curves implements tracker.Source. It returns all points.
func (s *Source) Curves(ctx context.Context, id string, _ tracker.CurveQuery) ([]tracker.Curve, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.hold(ctx, id); err != nil {
		return nil, err
	}
	var curves []tracker.Curve
	for _, one := range s.series {
		summary := tracker.NewSummary()
		summary.Add(one.Points)
		curves = append(curves, tracker.NewCurve(one.Name, slices.Clone(one.Points), summary, tracker.CurveQuery{}))
	}
	return curves, nil
}

// Pictures implements tracker.Source. It returns all pictures.
func (s *Source) Pictures(ctx context.Context, id string, _ tracker.PictureQuery) ([]tracker.Picture, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.hold(ctx, id); err != nil {
		return nil, err
	}
	return slices.Clone(s.pictures), nil
}

// Files implements tracker.Source.
func (s *Source) Files(ctx context.Context, id string) ([]tracker.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.hold(ctx, id); err != nil {
		return nil, err
	}
	return slices.Clone(s.others), nil
}

// OpenPicture implements tracker.Source. It opens pictures and files of the run that was read last.
func (s *Source) OpenPicture(_ context.Context, hash string) (io.ReadSeekCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, ok := s.contents[hash]
	if !ok {
		return nil, tracker.Errorf(tracker.CodeNotFound, "there is no picture %s", hash)
	}
	return file{bytes.NewReader(data)}, nil
}

type file struct{ *bytes.Reader }

func (file) Close() error { return nil }

// OpenCheckpoint implements tracker.Source. There are none.
func (s *Source) OpenCheckpoint(_ context.Context, id string) (io.ReadCloser, error) {
	return nil, tracker.Errorf(tracker.CodeNotFound, "run %s has no checkpoint", id)
}

// Sweep implements tracker.Source.
func (s *Source) Sweep(_ context.Context, name string) (*tracker.Sweep, error) {
	var known []string
	for _, sweep := range s.sweeps {
		if sweep.Name == name {
			return &sweep, nil
		}
		known = append(known, sweep.Name)
	}
	return nil, tracker.NoSuchSweep(name, known)
}

// Sweeps implements tracker.Source.
func (s *Source) Sweeps(context.Context) ([]tracker.Sweep, error) { return s.sweeps, nil }

// Judgements implements tracker.Source. There are none.
func (s *Source) Judgements(context.Context, tracker.JudgementQuery) ([]tracker.Judgement, error) {
	return nil, nil
}
