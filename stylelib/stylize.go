package stylelib

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gouache-art/gouache/stylelib/optimize"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/stylelib/spectrum"
	"github.com/gouache-art/gouache/stylelib/vgg"
)

// Stylize paints one picture. The observer, which may be nil, receives the run's events. When ctx ends, or when a
// [progress.Stopper] among the observers ends the run, Stylize returns the best picture so far, with the status
// interrupted and no error. It does so within half a second: an evaluation, a compilation or measuring that is under way
// is left, and ends in the background. Otherwise an error comes without a result; errors.Is tells its kind: ErrJob,
// ErrMemory or ErrDevice.
func (s *Studio) Stylize(ctx context.Context, job Job, observer progress.Observer) (*progress.Result, error) {
	return s.Resume(ctx, job, nil, observer)
}

// run is one job being painted.
type run struct {
	studio   *Studio
	net      *vgg.Network
	job      Job
	colours  *colours
	scales   []progress.Scale
	memory   int64 // bytes that the run may take
	observer progress.Observer
	from     *Checkpoint // until its scale is prepared; nil if the run is not resumed
	eta      *progress.ETA
	began    time.Time          // earlier by what a resumed run took before
	weights  map[string]float64 // that an observer changed, by setting; replaced, never changed

	ended optimize.State // of the optimiser at the end of the scale before, for those that carry something over
	law   *spectrum.Law  // of the variables at the scales after the one that it was learnt at; nil before

	evaluating              time.Duration // time in evaluations
	scale                   int           // index of the current one
	iterations, evaluations int           // of the scales that are done
	total                   float64       // of the latest iteration, as are the terms
	terms                   []progress.Term
}

// Resume continues a job from a checkpoint, or begins it if that is nil. On the same machine the result is the one that
// the job would have had without the interruption, to the byte. It returns an error for a checkpoint of another job.
func (s *Studio) Resume(ctx context.Context, job Job, from *Checkpoint, observer progress.Observer) (*progress.Result, error) {
	job, err := job.withDefaults()
	if err != nil {
		return nil, ofKind(ErrJob, err)
	}
	net, err := s.Network(job.Preset.Network())
	if err != nil {
		return nil, err
	}
	memory, err := s.memoryFor(job)
	if err != nil {
		return nil, err
	}
	if observer == nil {
		observer = progress.Multi{}
	}
	if stopper, ok := observer.(progress.Stopper); ok {
		var release context.CancelFunc
		ctx, release = stopper.Context(ctx)
		defer release()
	}
	r := &run{studio: s, net: net, job: job, colours: job.colours(), scales: job.stages(), memory: memory, observer: observer, from: from, began: time.Now()}
	left, done := slices.Clone(r.scales), 0
	if from != nil {
		if err := from.fits(r); err != nil {
			return nil, ofKind(ErrJob, err)
		}
		if c := from.head.Convolutions; c != nil && s.tuner != nil {
			if err := s.tuner.Adopt(*c); err != nil && s.options.Warn != nil {
				s.options.Warn(err)
			}
		}
		r.scale, r.iterations, r.evaluations = from.head.Scale, from.head.Iterations, from.head.Evaluations
		r.total, r.terms, r.weights, r.law = from.head.Total, from.head.Terms, from.head.Weights, from.head.Law
		r.began = r.began.Add(-from.head.Elapsed)
		done = from.Iterations()
		for i := range r.scale {
			left[i].Iterations = 0
		}
		left[r.scale].Iterations -= from.state.Iterations()
	}
	r.eta = progress.NewETA(left)
	p, err := r.start()
	if err != nil {
		return nil, err
	}
	var first *stage
	if job.Terms != nil { // prepared before the run begins, which says how they are weighted
		if first, err = r.prepare(ctx, p); err != nil && ctx.Err() == nil {
			return nil, err
		}
	}
	observer.Observe(progress.Run{
		Scales: r.scales, Device: s.backend.DeviceName(), Network: net.Name(), Weights: s.weights.Name, Settings: r.settings(first), Done: done,
		Warnings: job.Warnings(),
	})
	result, err := r.paint(ctx, first, p)
	if err != nil {
		observer.Observe(progress.Result{Status: progress.Failed, Reason: err.Error(), Elapsed: time.Since(r.began), Err: err})
		return nil, err
	}
	observer.Observe(*result)
	return result, nil
}

// settings returns what is recorded: the job's settings as they turned out, and the weights of the
// caller's own terms.
func (r *run) settings(first *stage) map[string]any {
	settings := r.job.recorded()
	if r.job.Terms == nil {
		return settings
	}
	var names []string
	if first != nil { // else the run was interrupted before
		for _, t := range first.terms.own {
			if weight := t.Name + "_weight"; settings[weight] == nil {
				settings[weight] = t.Weight
			}
			if !slices.Contains(names, t.Name) {
				names = append(names, t.Name)
			}
		}
	}
	settings["own_terms"] = strings.Join(names, ",")
	return settings
}

// prepare prepares the current scale, which begins with a picture of any size.
func (r *run) prepare(ctx context.Context, start *picture.Picture) (*stage, error) {
	return wait(ctx, r.studio, func() (*stage, error) { return r.newStage(r.scale, start) }, (*stage).free)
}

// paint paints each scale from the picture of the one before, p. The first may be prepared already.
func (r *run) paint(ctx context.Context, s *stage, p *picture.Picture) (_ *progress.Result, err error) {
	result := &progress.Result{Status: progress.Finished}
	var next *ahead
	for ; ; r.scale++ {
		switch {
		case s != nil:
		case next != nil:
			s, err = next.begin(ctx, p)
		default:
			s, err = r.prepare(ctx, p)
		}
		if err != nil && ctx.Err() == nil {
			return nil, err
		}
		if err != nil {
			break
		}
		begun := make(chan struct{})
		s.begun = sync.OnceFunc(func() { close(begun) })
		next = r.ahead(r.scale+1, begun)
		var end *optimize.Result
		p, end, err = s.paint(ctx)
		s.begun()
		s.free()
		if err != nil {
			next.drop()
			return nil, err
		}
		if end.State != nil {
			result.Checkpoint = s.checkpoint(end.State.Write)
		}
		r.iterations += end.Iterations
		r.evaluations += end.Evaluations
		result.Reason = end.Status.String()
		if r.scale == len(r.scales)-1 || ctx.Err() != nil {
			next.drop()
			break
		}
		s = nil
	}
	if ctx.Err() != nil {
		result.Status = progress.Interrupted
		result.Reason = fmt.Sprintf("interrupted at %d×%d pixels", r.scales[r.scale].Width, r.scales[r.scale].Height)
	}
	result.Picture = r.finish(p)
	result.Iterations, result.Evaluations = r.iterations, r.evaluations
	result.Total, result.Terms = r.total, r.terms
	result.Elapsed = time.Since(r.began)
	return result, nil
}

// start returns the picture that the run begins with, at any size, or which it has come to at its checkpoint.
func (r *run) start() (*picture.Picture, error) {
	first := r.scales[0]
	switch {
	case r.from != nil:
		p, err := r.from.Picture()
		if err != nil {
			return nil, ofKind(ErrJob, err)
		}
		margin := r.job.Preset.Margin
		return window(p, margin, p.Width-2*margin, p.Height-2*margin), nil
	case r.job.Noise:
		return picture.Noise(first.Width, first.Height, r.job.Seed), nil
	case r.job.Start != nil:
		return r.job.Start.On(r.job.background()), nil
	}
	return r.coloured(first.Width, first.Height), nil
}

// coloured returns the content picture in the colours that painting begins with.
func (r *run) coloured(width, height int) *picture.Picture {
	if r.job.Preset.Recolour {
		return r.colours.toward(r.colours.painted(), 1, width, height)
	}
	return r.job.Content.On(r.job.background()).Resize(width, height)
}

// finish returns a picture of any scale as the result: at full size, clamped, with the content picture's alpha.
func (r *run) finish(p *picture.Picture) *picture.Picture {
	full := r.scales[len(r.scales)-1]
	p = p.Resize(full.Width, full.Height)
	p.Clamp()
	if kept := r.colours.kept(p.Width, p.Height); kept != nil {
		p = p.WithColoursOf(kept)
	}
	if r.job.Content.Alpha != nil {
		p.Alpha = r.job.Content.Resize(full.Width, full.Height).Alpha
	}
	return p
}
