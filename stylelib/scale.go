package stylelib

import (
	"context"
	"fmt"
	"image"
	"io"
	"math"
	"runtime/debug"
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
	index    int
	scale    progress.Scale
	tile     int  // the side of tiles; zero computes the picture whole
	elements int  // of what is optimised
	lean     bool // the optimiser keeps little: see leanPairs
	// tried are the evaluations of this scale, but for the first ones, so many as skipped, that a resumed run made
	// before: a line search may go back to one before its last.
	tried   []*loss.Evaluation
	skipped int
	made    int       // iterations
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
	s.elements, s.tile = 3*s.height()*s.width(), r.tile(index)
	objective, release, err := s.objective()
	if err != nil {
		return nil, err
	}
	defer release()
	objective.Progress = s.tiled
	minimizer := lbfgs.Minimizer{
		MaxIterations: s.scale.Iterations,
		FirstStep:     math.Sqrt(float64(s.elements)), // one grey level a pixel and channel: saves three evaluations a scale
		Recorder:      s.observe,
		SaveState:     func(end lbfgs.Status) bool { return end == lbfgs.Interrupted && s.roomForState() },
		ConsumeStart:  true,
		Graphs:        r.studio.graphs,
	}
	if s.lean = objective.Tiles() > 1; s.lean {
		minimizer.Compact, minimizer.History = true, leanPairs
		debug.FreeOSMemory() // what the targets took: the rest of the process now lives with little
	}
	function := objective.Function(func(e *loss.Evaluation) { s.tried = append(s.tried, e) })
	found, err := s.minimize(ctx, minimizer, s.timed(function), start)
	if err != nil {
		return nil, err
	}
	defer found.X.MustFinalizeAll()
	if found.State != nil {
		r.last = s.checkpoint()
		r.last.state = found.State
	}
	p, err := tensorPicture(found.X)
	if err != nil {
		return nil, err
	}
	return &painted{picture: cropped(p, r.job.Preset.Margin), iterations: found.Iterations, evaluations: found.Evaluations, reason: found.Status.String()}, nil
}

// leanPairs is how many pairs the optimiser keeps of a picture that is computed in tiles, in half the bytes each: at
// 4096×3072 pixels a vector takes 151 MB, and ten pairs of whole ones 3 GB. In a painting of 150 evaluations five halved
// pairs ended at 0.2351, ten whole ones at 0.2337, and three halved ones at 0.2440.
const leanPairs = 5

// roomForState tells whether there is room for a copy of the optimiser's memory in what keeps it: the point, the gradient,
// and two vectors a pair. Who interrupts a large painting is not to lose it for that.
func (s *stage) roomForState() bool {
	vectors := 2 + 2*lbfgs.DefaultHistory
	if s.lean {
		vectors = 2 + leanPairs // in whole ones
	}
	available, err := AvailableMemory()
	return err == nil && 4*int64(vectors)*int64(s.elements) < available
}

// timed counts the time that a function takes as evaluating.
func (r *run) timed(function lbfgs.Function) lbfgs.Function {
	return func(ctx context.Context, x *tensors.Tensor) (float64, *tensors.Tensor, error) {
		began := time.Now()
		defer func() { r.evaluating += time.Since(began) }()
		return function(ctx, x)
	}
}

// height and width are those of what is optimised.
func (s *stage) height() int { return s.scale.Height + 2*s.job.Preset.Margin }
func (s *stage) width() int  { return s.scale.Width + 2*s.job.Preset.Margin }

// tile returns the side of the tiles that a scale is computed in, zero for whole: a resumed one's is as it was, since
// another would round otherwise.
func (r *run) tile(index int) int {
	if r.from != nil && r.from.head.Scale == index {
		return r.from.head.Tile
	}
	margin := 2 * r.job.Preset.Margin
	return r.studio.options.tile(r.scales[index].Height+margin, r.scales[index].Width+margin, r.room)
}

// objective returns the scale's objective.
func (s *stage) objective() (*loss.Objective, func(), error) {
	content := mirrored(s.job.Content.Resize(s.scale.Width, s.scale.Height), s.job.Preset.Margin)
	return s.studio.objective(s.net.Tiled(s.tile), s.job.Preset, content, s.styles(max(s.scale.Width, s.scale.Height)))
}

// minimize runs the optimiser.
func (s *stage) minimize(ctx context.Context, m lbfgs.Minimizer, function lbfgs.Function, start *picture.Picture) (*lbfgs.Result, error) {
	xla := s.studio.backend.XLA()
	if from := s.from; from != nil {
		s.from = nil
		s.skipped, s.made = from.state.Evaluations(), from.state.Iterations()
		return m.Resume(ctx, xla, function, from.state)
	}
	return m.Minimize(ctx, xla, function, pictureTensor(mirrored(start.Resize(s.scale.Width, s.scale.Height), s.job.Preset.Margin)))
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
	s.eta.Add(s.index, now.Sub(s.last))
	s.last = now
	s.made = i.Iteration
	s.total, s.terms = i.F, terms(s.tried[i.Evaluation-1-s.skipped])
	s.observer.Observe(progress.Iteration{
		Scale:       s.index,
		Iteration:   s.iterations + i.Iteration,
		Evaluations: s.evaluations + i.Evaluations,
		Total:       s.total,
		Terms:       s.terms,
		Elapsed:     now.Sub(s.began),
		Evaluating:  s.evaluating,
		Remaining:   s.eta.Remaining(),
		Picture: func() (image.Image, error) {
			p, err := tensorPicture(i.X())
			if err != nil {
				return nil, err
			}
			return cropped(p, s.job.Preset.Margin).Image(), nil
		},
		Checkpoint: s.writeCheckpoint(i),
	})
	return nil
}

// writeCheckpoint returns what writes a checkpoint of an iteration, or nil if there is no room for a copy of it.
func (s *stage) writeCheckpoint(i lbfgs.Iteration) func(io.Writer) error {
	if s.lean && !s.roomForState() {
		return nil
	}
	return func(w io.Writer) error { return s.checkpoint().write(w, i.WriteState) }
}

// tiled passes on how far an evaluation has come.
func (s *stage) tiled(done, total int) {
	s.observer.Observe(progress.Tiles{
		Scale: s.index, Iteration: s.iterations + s.made + 1,
		Evaluations: s.evaluations + s.skipped + len(s.tried), Done: done, Total: total,
	})
}

// checkpoint returns what the run can be resumed from in this scale, but for the optimiser's state.
func (s *stage) checkpoint() *Checkpoint {
	return &Checkpoint{head: checkpointHead{
		Job: s.fingerprint(), Scale: s.index, Tile: s.tile, Iterations: s.iterations, Evaluations: s.evaluations,
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
