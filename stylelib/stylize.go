package stylelib

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/stylelib/vgg"
)

// Stylize paints one picture and tells the observer, which may be nil, of each iteration. When ctx ends it returns
// the best picture so far, with the status interrupted and no error. It returns an error, and no picture, for a job
// that makes no sense, that does not fit into memory, or that the device fails at.
func (s *Studio) Stylize(ctx context.Context, job Job, observer progress.Observer) (*progress.Result, error) {
	return s.stylize(ctx, job, nil, observer)
}

// Resume goes on with a job from a checkpoint, exactly as it would have gone on without the interruption: the result is
// the same picture to the byte, on the same machine. It returns an error for a checkpoint of another job.
func (s *Studio) Resume(ctx context.Context, job Job, from *Checkpoint, observer progress.Observer) (*progress.Result, error) {
	return s.stylize(ctx, job, from, observer)
}

func (s *Studio) stylize(ctx context.Context, job Job, from *Checkpoint, observer progress.Observer) (*progress.Result, error) {
	job, err := job.withDefaults()
	if err != nil {
		return nil, err
	}
	net, err := s.Network(job.Preset.Pooling)
	if err != nil {
		return nil, err
	}
	room, err := s.room(job)
	if err != nil {
		return nil, err
	}
	if observer == nil {
		observer = progress.Multi{}
	}
	r := &run{studio: s, net: net, job: job, room: room, observer: observer, scales: job.scales(), began: time.Now()}
	if from != nil {
		if err := r.resume(from); err != nil {
			return nil, err
		}
	}
	r.eta = progress.NewETA(r.left())
	observer.Observe(r.describe())
	result, err := r.paint(ctx)
	if err != nil {
		observer.Observe(progress.Result{Status: progress.Failed, Reason: err.Error(), Elapsed: time.Since(r.began), Err: err})
		return nil, err
	}
	observer.Observe(*result)
	return result, nil
}

// run is one job being painted.
type run struct {
	studio   *Studio
	net      *vgg.Network
	job      Job
	room     int64 // bytes of memory for the run
	observer progress.Observer
	scales   []progress.Scale
	began    time.Time // so much earlier, if it is resumed, as it took before
	eta      *progress.ETA
	from     *Checkpoint // what it is resumed from, until it is
	last     *Checkpoint // where it was interrupted

	evaluating time.Duration // spent in evaluations

	iterations, evaluations int // of the scales that are done
	total                   float64
	terms                   []progress.Term // of the latest iteration
	identity                string          // the job's fingerprint, once it is needed
}

// resume makes the run one that goes on from a checkpoint.
func (r *run) resume(from *Checkpoint) error {
	if err := from.fits(r); err != nil {
		return err
	}
	r.from = from
	r.iterations, r.evaluations = from.head.Iterations, from.head.Evaluations
	r.total, r.terms = from.head.Total, from.head.Terms
	r.began = r.began.Add(-from.head.Elapsed)
	return nil
}

func (r *run) firstScale() int {
	if r.from == nil {
		return 0
	}
	return r.from.head.Scale
}

// left returns the scales with the iterations that are still to be made.
func (r *run) left() []progress.Scale {
	left := slices.Clone(r.scales)
	if r.from != nil {
		for i := range r.firstScale() {
			left[i].Iterations = 0
		}
		left[r.firstScale()].Iterations -= r.from.state.Iterations()
	}
	return left
}

func (r *run) describe() progress.Run {
	settings := r.job.Settings()
	settings["scales"] = int64(len(r.scales))
	if r.job.Start != nil {
		settings["init"] = "picture"
	}
	if len(r.job.Styles) > 1 {
		settings["style_mix"] = r.job.styleMix()
	}
	run := progress.Run{
		Scales:   r.scales,
		Device:   r.studio.backend.DeviceName(),
		Network:  r.net.Name(),
		Weights:  r.studio.weights.Name,
		Settings: settings,
	}
	if r.from != nil {
		run.Done = r.from.Iterations()
	}
	return run
}

func formatWeight(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// paint goes through the scales, each starting from the picture of the one before.
func (r *run) paint(ctx context.Context) (*progress.Result, error) {
	full := r.scales[len(r.scales)-1]
	x := r.start()
	result := &progress.Result{Status: progress.Finished}
	for i := r.firstScale(); i < len(r.scales); i++ {
		done, err := r.paintScale(ctx, i, x)
		if err != nil {
			return nil, err
		}
		x = done.picture
		r.iterations += done.iterations
		r.evaluations += done.evaluations
		result.Reason = done.reason
		if ctx.Err() != nil {
			result.Status = progress.Interrupted
			result.Reason = fmt.Sprintf("interrupted at %d×%d pixels", r.scales[i].Width, r.scales[i].Height)
			break
		}
	}
	result.Picture = x.Resize(full.Width, full.Height)
	result.Picture.Clamp()
	if r.job.Content.Alpha != nil {
		result.Picture.Alpha = r.job.Content.Resize(full.Width, full.Height).Alpha
	}
	result.Iterations, result.Evaluations = r.iterations, r.evaluations
	result.Total, result.Terms = r.total, r.terms
	result.Elapsed = time.Since(r.began)
	if r.last != nil {
		result.Checkpoint = r.last.writeTo
	}
	return result, nil
}

// start returns the picture that the first scale begins with, at any size.
func (r *run) start() *picture.Picture {
	first := r.scales[0]
	switch {
	case r.job.Noise:
		return picture.Noise(first.Width, first.Height, r.job.Seed)
	case r.job.Start != nil:
		return r.job.Start
	}
	return r.job.Content
}
