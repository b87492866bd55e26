package stylelib

import (
	"context"
	"fmt"
	"image"
	"io"
	"math"
	"slices"
	"time"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/lbfgs"
	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/progress"
)

// stage is one scale of a run being painted.
type stage struct {
	*run
	index int
	scale progress.Scale
	// tried are the evaluations of this scale, but for the first ones, so many as skipped, that a resumed run made
	// before: a line search may go back to one before its last.
	tried   []*loss.Evaluation
	skipped int
	last    time.Time // when the latest iteration ended
}

// painted is what one scale came to.
type painted struct {
	picture                 *picture.Picture
	iterations, evaluations int
	reason                  string
}

// paintScale paints one scale, from a picture of any size, or from where a resumed run was.
func (r *run) paintScale(ctx context.Context, index int, start *picture.Picture) (*painted, error) {
	s := &stage{run: r, index: index, scale: r.scales[index], last: time.Now()}
	margin := r.job.Preset.Margin
	content := mirrored(r.job.Content.Resize(s.scale.Width, s.scale.Height), margin)
	objective, release, err := r.studio.objective(r.net, r.job.Preset, content, r.styles(max(s.scale.Width, s.scale.Height)))
	if err != nil {
		return nil, err
	}
	defer release()
	minimizer := lbfgs.Minimizer{
		MaxIterations: s.scale.Iterations,
		FirstStep:     math.Sqrt(float64(len(content.Pix))), // one grey level a pixel and channel: saves three evaluations a scale
		Observe:       s.observe,
		KeepState:     func(end lbfgs.Status) bool { return end == lbfgs.Interrupted && roomForState(len(content.Pix)) },
		Graphs:        r.studio.graphs,
	}
	function := objective.Function(func(e *loss.Evaluation) { s.tried = append(s.tried, e) })
	found, err := s.minimize(ctx, minimizer, function, start)
	if err != nil {
		return nil, err
	}
	defer found.X.MustFinalizeAll()
	if found.State != nil {
		r.last = s.checkpoint(found.State)
	}
	p, err := tensorPicture(found.X)
	if err != nil {
		return nil, err
	}
	return &painted{picture: cropped(p, margin), iterations: found.Iterations, evaluations: found.Evaluations, reason: found.Status.String()}, nil
}

// minimize runs the optimiser.
func (s *stage) minimize(ctx context.Context, m lbfgs.Minimizer, function lbfgs.Function, start *picture.Picture) (*lbfgs.Found, error) {
	xla := s.studio.backend.XLA()
	if from := s.from; from != nil {
		s.from = nil
		s.skipped = from.state.Evaluations()
		return m.Resume(ctx, xla, function, from.state)
	}
	x0 := pictureTensor(mirrored(start.Resize(s.scale.Width, s.scale.Height), s.job.Preset.Margin))
	defer x0.MustFinalizeAll()
	return m.Minimize(ctx, xla, function, x0)
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

// observe passes an iteration of the optimiser on to the run's observer.
func (s *stage) observe(i lbfgs.Iteration) error {
	now := time.Now()
	s.eta.Iterated(s.index, now.Sub(s.last))
	s.last = now
	s.total, s.terms = i.F, terms(s.tried[i.Evaluation-1-s.skipped])
	s.observer.Iterated(progress.Iteration{
		Scale:       s.index,
		Iteration:   s.iterations + i.Iteration,
		Evaluations: s.evaluations + i.Evaluations,
		Total:       s.total,
		Terms:       s.terms,
		Elapsed:     now.Sub(s.began),
		Remaining:   s.eta.Remaining(),
		Picture: func() (image.Image, error) {
			p, err := tensorPicture(i.X())
			if err != nil {
				return nil, err
			}
			return cropped(p, s.job.Preset.Margin).Image(), nil
		},
		Checkpoint: func(w io.Writer) error {
			state, err := i.State()
			if err != nil {
				return err
			}
			return s.checkpoint(state).write(w)
		},
	})
	return nil
}

// checkpoint returns what the run can be resumed from, at a state of the optimiser in this scale.
func (s *stage) checkpoint(state *lbfgs.State) *Checkpoint {
	return &Checkpoint{state: state, head: checkpointHead{
		Job: s.fingerprint(), Scale: s.index, Iterations: s.iterations, Evaluations: s.evaluations,
		Elapsed: time.Since(s.began), Total: s.total, Terms: s.terms,
	}}
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
