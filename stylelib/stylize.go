package stylelib

import (
	"context"
	"fmt"
	"image"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/lbfgs"
	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/stylelib/vgg"
)

// Result is a painted picture and how it came about.
type Result struct {
	// Picture has the size that was asked for, whether or not the run reached it.
	Picture *picture.Picture
	Status  progress.Status
	// Reason says in one sentence why the run ended.
	Reason      string
	Iterations  int
	Evaluations int
	// Total and Terms are those of the last scale's objective, which sees the preset's margin, too.
	Total   float64
	Terms   []progress.Term
	Elapsed time.Duration
}

// Stylize paints one picture and tells the observer, which may be nil, of each iteration. When ctx ends it returns
// the best picture so far, with the status interrupted and no error. It returns an error, and no picture, for a job
// that makes no sense, that does not fit into memory, or that the device fails at.
func (s *Studio) Stylize(ctx context.Context, job Job, observer progress.Observer) (*Result, error) {
	job, err := job.withDefaults()
	if err != nil {
		return nil, err
	}
	net, err := s.Network(job.Preset.Pooling)
	if err != nil {
		return nil, err
	}
	if err := s.checkMemory(job); err != nil {
		return nil, err
	}
	if observer == nil {
		observer = progress.Multi{}
	}
	r := &run{studio: s, net: net, job: job, observer: observer, scales: job.scales(), began: time.Now()}
	r.eta = progress.NewETA(r.scales)
	observer.Started(r.describe())
	result, err := r.paint(ctx)
	outcome := progress.Outcome{Status: progress.Failed, Elapsed: time.Since(r.began), Err: err}
	if err == nil {
		outcome.Status, outcome.Reason = result.Status, result.Reason
		outcome.Picture = func() (image.Image, error) { return result.Picture.Image(), nil }
	} else {
		outcome.Reason = err.Error()
	}
	observer.Finished(outcome)
	return result, err
}

// run is one job being painted.
type run struct {
	studio   *Studio
	net      *vgg.Network
	job      Job
	observer progress.Observer
	scales   []progress.Scale
	began    time.Time
	eta      *progress.ETA

	iterations, evaluations int // of the scales that are done
	lastIteration           time.Time
}

func (r *run) describe() progress.Run {
	p := r.job.Preset
	run := progress.Run{
		Scales:  r.scales,
		Device:  r.studio.backend.DeviceName(),
		Network: r.net.Name(),
		Weights: r.studio.weights.Name,
		Settings: map[string]string{
			"size":           strconv.Itoa(r.job.Size),
			"iterations":     strconv.Itoa(r.job.Iterations),
			"scales":         strconv.Itoa(len(r.scales)),
			"preset":         p.Name,
			"pooling":        string(p.Pooling),
			"margin":         strconv.Itoa(p.Margin),
			"content-weight": formatWeight(p.ContentWeight),
			"style-weight":   formatWeight(p.StyleWeight),
			"tv-weight":      formatWeight(p.TVWeight),
			"seed":           strconv.FormatInt(r.job.Seed, 10),
			"init":           "content",
		},
	}
	switch {
	case r.job.Noise:
		run.Settings["init"] = "noise"
	case r.job.Start != nil:
		run.Settings["init"] = "picture"
	}
	if len(r.job.Styles) > 1 {
		run.Settings["style-mix"] = r.job.styleMix()
	}
	return run
}

func formatWeight(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// paint goes through the scales, each starting from the picture of the one before.
func (r *run) paint(ctx context.Context) (*Result, error) {
	full := r.scales[len(r.scales)-1]
	x := r.start()
	result := &Result{Status: progress.Finished}
	for i := range r.scales {
		done, err := r.paintScale(ctx, i, x)
		if err != nil {
			return nil, err
		}
		x = done.picture
		r.iterations += done.iterations
		r.evaluations += done.evaluations
		result.Reason = done.reason
		if done.evaluation != nil {
			result.Total, result.Terms = done.evaluation.Total, terms(done.evaluation)
		}
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
	result.Elapsed = time.Since(r.began)
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

// painted is what one scale came to.
type painted struct {
	picture                 *picture.Picture
	iterations, evaluations int
	evaluation              *loss.Evaluation
	reason                  string
}

func (r *run) paintScale(ctx context.Context, index int, start *picture.Picture) (*painted, error) {
	scale := r.scales[index]
	margin := r.job.Preset.Margin
	content := mirrored(r.job.Content.Resize(scale.Width, scale.Height), margin)
	targets, err := newTargets(r.net, r.job.Preset, content, r.styles(max(scale.Width, scale.Height)))
	if err != nil {
		return nil, err
	}
	defer targets.finalize()
	objective, err := loss.NewObjective(r.net, content.Height, content.Width, targets.terms)
	if err != nil {
		return nil, err
	}
	defer objective.Close()

	x0 := pictureTensor(mirrored(start.Resize(scale.Width, scale.Height), margin))
	defer x0.MustFinalizeAll()
	var tried []*loss.Evaluation // all of this scale: a line search may go back to one before its last
	var accepted *loss.Evaluation
	r.lastIteration = time.Now()
	minimizer := lbfgs.Minimizer{
		MaxIterations: scale.Iterations,
		FirstStep:     math.Sqrt(float64(x0.Size())), // one grey level a pixel and channel: saves three evaluations a scale
		Observe: func(i lbfgs.Iteration) error {
			accepted = tried[i.Evaluation-1]
			r.observe(index, i, accepted)
			return nil
		},
	}
	function := objective.Function(func(e *loss.Evaluation) { tried = append(tried, e) })
	found, err := minimizer.Minimize(ctx, r.studio.backend.XLA(), function, x0)
	if err != nil {
		return nil, err
	}
	defer found.X.MustFinalizeAll()
	p, err := tensorPicture(found.X)
	if err != nil {
		return nil, err
	}
	return &painted{picture: cropped(p, margin), iterations: found.Iterations, evaluations: found.Evaluations, evaluation: accepted, reason: found.Status.String()}, nil
}

// styles returns the style pictures with longer sides of the given size, but never larger than they are: enlarging
// would teach the blur that comes of it.
func (r *run) styles(size int) []Style {
	list := slices.Clone(r.job.Styles)
	for i, s := range list {
		w, h := s.Picture.FitLonger(min(size, max(s.Picture.Width, s.Picture.Height)))
		list[i].Picture = s.Picture.Resize(max(w, minSide), max(h, minSide))
	}
	return list
}

func (r *run) observe(scale int, i lbfgs.Iteration, at *loss.Evaluation) {
	now := time.Now()
	r.eta.Iterated(scale, now.Sub(r.lastIteration))
	r.lastIteration = now
	r.observer.Iterated(progress.Iteration{
		Scale:       scale,
		Iteration:   r.iterations + i.Iteration,
		Evaluations: r.evaluations + i.Evaluations,
		Total:       i.F,
		Terms:       terms(at),
		Elapsed:     now.Sub(r.began),
		Remaining:   r.eta.Remaining(),
		Picture: func() (image.Image, error) {
			p, err := tensorPicture(i.X())
			if err != nil {
				return nil, err
			}
			return cropped(p, r.job.Preset.Margin).Image(), nil
		},
	})
}

func terms(e *loss.Evaluation) []progress.Term {
	list := make([]progress.Term, len(e.Terms))
	for i, v := range e.Terms {
		list[i] = progress.Term{Name: v.Name, Loss: v.Loss, Weighted: v.Weighted}
	}
	return list
}

func tensorPicture(t *tensors.Tensor) (*picture.Picture, error) {
	pix, err := tensors.CopyFlatData[float32](t)
	if err != nil {
		return nil, fmt.Errorf("bringing the picture from the device: %w", err)
	}
	d := t.Shape().Dimensions
	return &picture.Picture{Height: d[1], Width: d[2], Pix: pix}, nil
}
