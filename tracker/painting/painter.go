package painting

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"path/filepath"
	"strings"
	"sync"

	"github.com/gouache-art/gouache/internal/filename"
	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// Painter paints the trials of a sweep in one studio, which computes and compiles once what they
// share. Describe and Trial are for [sweep.Options].
type Painter struct {
	Studio *stylelib.Studio
	File   *sweep.File
	// Provenance is recorded with each trial.
	Provenance tracker.Provenance
	// Watch returns another observer of a trial. It may be nil.
	Watch func(t *sweep.Trial) progress.Observer
	// Warn is called with errors that end no trial. It may be nil.
	Warn func(error)
	// Kept returns the file of a picture that is not at its path any more, or nil; see [Kept]. It may be nil.
	Kept func(ctx context.Context, path string) ([]byte, error)
	// Stored means that File comes out of a store, and may be anybody's: no path that it names is read, only Kept and the
	// samples.
	Stored bool

	mu    sync.Mutex
	files map[string]*loaded // by name
}

// loaded is a picture that several trials use.
type loaded struct {
	data    []byte
	picture *picture.Picture
	mask    *picture.Mask // once it was asked for
}

// Check finds errors that would make trials fail. It loads all pictures, and checks the jobs of trials as
// [sweep.File.Check] chooses them, with the studio once there is one. An error has CodeInvalid and a line of the file
// for each mistake. In a sweep that has begun, what only some of the trials need is a warning: those have ended, or
// will fail.
func (p *Painter) Check(ctx context.Context, begun bool) error {
	missing, err := p.checkPictures(ctx)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && (!begun || missing == nil):
		return err
	case err != nil:
		p.warn(err)
	}
	err = p.File.Check(func(a sweep.Assignment) error {
		for in := range inputs(a) {
			if missing[in.name] {
				return nil
			}
		}
		job, err := p.Job(ctx, a)
		switch {
		case err != nil:
			return err
		case p.Studio == nil:
			return job.Check()
		}
		return p.Studio.Check(job)
	})
	if err != nil && begun {
		p.warn(err)
		err = nil
	}
	return err
}

// checkPictures loads all pictures. With an error it returns those that cannot be loaded, or nil if all trials need one
// of them.
func (p *Painter) checkPictures(ctx context.Context) (missing map[string]bool, err error) {
	missing = map[string]bool{}
	var mistakes []error
	needed := false // one of those that are missing, by all trials
	check := func(parameter, name string, searched bool) {
		if _, err := p.load(ctx, name); err != nil {
			mistakes = append(mistakes, p.File.Mistake(parameter, name, err))
			missing[name], needed = true, needed || !searched
		}
	}
	for _, d := range p.File.Search {
		if d.Name == "content_picture" || d.Name == "style_picture" {
			for _, v := range d.Values {
				check(d.Name, v.(string), true)
			}
		}
	}
	for in := range inputs(p.File.Assign(nil)) {
		check(in.role, in.name, false)
	}
	switch {
	case len(mistakes) == 0:
		return missing, nil
	case needed:
		missing = nil
	}
	return missing, tracker.Errorf(tracker.CodeInvalid, "%w", errors.Join(mistakes...))
}

// load loads a picture once.
func (p *Painter) load(ctx context.Context, name string) (*loaded, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l, ok := p.files[name]; ok {
		return l, nil
	}
	path := p.File.Resolve(name)
	data, err := p.read(ctx, path)
	if err != nil {
		return nil, err
	}
	l := &loaded{data: data}
	if l.picture, err = picture.Decode(ctx, path, data); err != nil {
		return nil, err
	}
	if l.picture.Warning != nil {
		p.warn(l.picture.Warning)
	}
	if p.files == nil {
		p.files = map[string]*loaded{}
	}
	p.files[name] = l
	return l, nil
}

// read reads a picture's file.
func (p *Painter) read(ctx context.Context, path string) (data []byte, err error) {
	if p.Stored && !strings.HasPrefix(path, filename.SamplePrefix) {
		err = fmt.Errorf("the store does not have the picture %s: %w", path, fs.ErrNotExist)
	} else {
		data, err = picture.ReadFile(path)
	}
	if !errors.Is(err, fs.ErrNotExist) || p.Kept == nil {
		return data, err
	}
	kept, failed := p.Kept(ctx, path)
	if failed != nil || kept != nil {
		return kept, failed
	}
	return nil, err
}

// Job returns what a trial with this assignment paints.
func (p *Painter) Job(ctx context.Context, a sweep.Assignment) (stylelib.Job, error) {
	var job stylelib.Job
	s, strong := a.Params[strength].(float64)
	if err := setWithStrength(&job, settings(a.Params), s, strong); err != nil {
		return job, err
	}
	content, err := p.load(ctx, a.Content)
	if err != nil {
		return job, fmt.Errorf("content: %w", err)
	}
	job.Content = content.picture
	for _, s := range a.Styles {
		file, err := p.load(ctx, s.File)
		if err != nil {
			return job, fmt.Errorf("style: %w", err)
		}
		style := stylelib.Style{Picture: file.picture, Weight: s.Weight}
		if style.Region, err = p.loadMask(ctx, s.Region); err != nil {
			return job, fmt.Errorf("region: %w", err)
		}
		if style.Part, err = p.loadMask(ctx, s.Part); err != nil {
			return job, fmt.Errorf("part: %w", err)
		}
		job.Styles = append(job.Styles, style)
	}
	if a.StrokesOf != "" {
		strokes, err := p.load(ctx, a.StrokesOf)
		if err != nil {
			return job, fmt.Errorf("strokes_of: %w", err)
		}
		job.StrokesOf = strokes.picture
	}
	if job.Protect, err = p.loadMask(ctx, a.Protect); err != nil {
		return job, fmt.Errorf("protect: %w", err)
	}
	return job, nil
}

// loadMask loads a mask once. It returns nil for no name.
func (p *Painter) loadMask(ctx context.Context, name string) (*picture.Mask, error) {
	if name == "" {
		return nil, nil
	}
	l, err := p.load(ctx, name)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.mask == nil {
		l.mask = l.picture.Mask()
	}
	return l.mask, nil
}

// input is a picture that a trial is painted from, as the file names it.
type input struct {
	role string
	step int64 // of a style and its masks
	name string
}

// inputs yields the pictures of a trial.
func inputs(a sweep.Assignment) iter.Seq[input] {
	return func(yield func(input) bool) {
		list := []input{{tracker.RoleContent, 0, a.Content}}
		for i, s := range a.Styles {
			list = append(list, input{tracker.RoleStyle, int64(i), s.File},
				input{tracker.RoleRegion, int64(i), s.Region}, input{tracker.RolePart, int64(i), s.Part})
		}
		for _, in := range append(list, input{tracker.RoleProtect, 0, a.Protect}, input{tracker.RoleStrokes, 0, a.StrokesOf}) {
			if in.name != "" && !yield(in) {
				return
			}
		}
	}
}

// Describe adds a trial's pictures and its provenance to what is recorded when it begins.
func (p *Painter) Describe(ctx context.Context, a sweep.Assignment, n *tracker.NewRun) error {
	n.Provenance = p.Provenance
	// If the sampler chose a picture, the parameter that names it is recorded already, as the file has it, so that the
	// sampler knows the value again.
	chosen := maps.Clone(n.Params)
	for in := range inputs(a) {
		l, err := p.load(ctx, in.name)
		if err != nil {
			return err
		}
		base, source := filepath.Base(in.name), filename.Absolute(p.File.Resolve(in.name))
		if _, searched := chosen[in.role+"_picture"]; searched {
			n.Inputs = append(n.Inputs, tracker.NewPicture{Role: in.role, Step: in.step, Name: base, Source: source, Data: l.data})
		} else {
			n.AddInputOf(in.step, in.role, base, source, l.data)
		}
	}
	return nil
}

// Trial paints a trial, from its checkpoint if it has one.
func (p *Painter) Trial(ctx context.Context, t *sweep.Trial) error {
	job, err := p.Job(ctx, t.Assignment)
	if err != nil {
		return err
	}
	from, err := p.checkpoint(ctx, t)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	recorder := tracker.Observer(t.Run, tracker.RecorderOptions{
		Checkpoint: p.File.Checkpoint,
		PeakMemory: stylelib.PeakMemory,
		Warn:       func(error) { stop() }, // a trial that is not recorded is useless to the sweep
	})
	judge := &judge{trial: t, stop: stop}
	observers := progress.Multi{judge, pruning{recorder, t}}
	if p.Watch != nil {
		observers = append(observers, pruning{p.Watch(t), t})
	}
	if from == nil {
		_, err = p.Studio.Stylize(ctx, job, observers)
	} else {
		_, err = p.Studio.Resume(ctx, job, from, observers)
	}
	switch {
	case err != nil:
		return err
	case judge.err != nil:
		return judge.err
	case t.Run.Err() != nil:
		return t.Run.Err()
	}
	return ctx.Err()
}

// checkpoint reads the checkpoint of a trial, or returns nil. If it cannot be read, the trial
// begins again.
func (p *Painter) checkpoint(ctx context.Context, t *sweep.Trial) (*stylelib.Checkpoint, error) {
	file, err := t.OpenCheckpoint(ctx)
	if err != nil || file == nil {
		return nil, err
	}
	defer file.Close()
	from, err := stylelib.ReadCheckpoint(file)
	if err != nil {
		p.warn(fmt.Errorf("trial %d begins again: %w", t.Number, err))
	}
	return from, nil
}

func (p *Painter) warn(err error) {
	if p.Warn != nil {
		p.Warn(err)
	}
}

// judge reports a trial's losses to the sweep, and stops the trial when it is pruned.
type judge struct {
	trial *sweep.Trial
	stop  func()
	err   error // the store's
}

// Observe comes before the recorder, so that no checkpoint is saved without the objective of its
// iteration.
func (j *judge) Observe(e progress.Event) {
	i, ok := e.(progress.Iteration)
	if !ok || j.err != nil || j.trial.Pruned() != "" {
		return
	}
	if err := j.trial.Report(int64(i.Iteration), tracker.IterationMetrics(i)); err != nil {
		if j.trial.Pruned() == "" {
			j.err = err
		}
		j.stop()
	}
}

// pruning is an observer for which a pruned trial has finished.
type pruning struct {
	progress.Observer
	trial *sweep.Trial
}

func (p pruning) Observe(e progress.Event) {
	if r, ok := e.(progress.Result); ok && r.Status == progress.Interrupted && p.trial.Pruned() != "" {
		r.Status, r.Reason = progress.Finished, p.trial.Pruned()
		e = r
	}
	p.Observer.Observe(e)
}
