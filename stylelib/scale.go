package stylelib

import (
	"context"
	"errors"
	"image"
	"runtime/debug"
	"slices"
	"time"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/internal/patience"
	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/optimize"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/stylelib/spectrum"
	"github.com/gouache-art/gouache/stylelib/vgg/conv"
)

// stage is one scale of a run.
type stage struct {
	run           *run
	scale         int // its index
	height, width int // of the picture that is optimised, with its margin
	iterations    int // planned
	tile          int // the side of tiles; zero computes the picture whole
	fingerprint   string

	kept      *picture.Picture // whose colours are shown, at the size of what is shown; nil for those that are painted
	start     *picture.Picture // what the scale begins with, with its margin
	objective *loss.Objective
	terms     jobTerms
	transform *spectrum.Transform // of the variables; nil if they are the pixels
	release   func()              // of the objective, and of what freeAlso was given
	refined   bool                // whether the objective is computed in float32 although the network's precision is less

	left <-chan struct{} // closed when an evaluation has ended that was left; nil if none was

	begun     func() // called after the first iteration, and after any other
	done      int    // iterations of this scale
	earlier   int    // evaluations up to the latest iteration
	recent    []*loss.Evaluation
	iterated  time.Time // when the latest iteration ended
	resumable optimize.State
}

// newStage prepares a scale of the run, which begins with a picture of any size. Without one, the scale must not depend
// on it, and begin follows. Its caller calls free when the scale is done.
func (r *run) newStage(scale int, start *picture.Picture) (*stage, error) {
	size, margin := r.scales[scale], r.job.Preset.Margin
	s := &stage{run: r, scale: scale, iterations: size.Iterations, height: size.Height + 2*margin, width: size.Width + 2*margin}
	var from *Checkpoint
	if r.from != nil && scale == r.scale {
		from, r.from = r.from, nil
	}
	if from == nil {
		s.tile = r.studio.options.tile(s.height, s.width, r.memory)
		if start != nil {
			s.begin(start)
		}
	} else {
		s.iterated = time.Now()
		s.start = from.start
		s.tile = from.head.Tile // with others the result would be rounded differently
		s.done, s.earlier, s.resumable = from.state.Iterations(), from.state.Evaluations(), from.state
	}
	job := r.job
	job.Content, job.Styles = s.mirrored(job.Content.On(job.background())), slices.Clone(r.colours.styles)
	for i, style := range job.Styles {
		w, h := style.Picture.FitLonger(job.styleSide(style, max(size.Width, size.Height)))
		job.Styles[i].Picture = job.laidStyle(style, max(w, minSide), max(h, minSide))
	}
	if p := job.StrokesOf; p != nil {
		w, h := p.FitLonger(job.styleSide(Style{Picture: p}, max(size.Width, size.Height)))
		job.StrokesOf = job.laid(p, max(w, minSide), max(h, minSide))
	}
	job.withMasks(s.mirroredMask)
	job.Preset = s.weighed(job.Preset)
	s.kept = r.colours.kept(size.Width, size.Height)
	tone := r.colours.tone(size.Width, size.Height, margin)
	var err error
	if s.objective, s.terms, s.release, err = r.studio.objective(r.net.Tiled(s.tile), job, s.matching(), tone); err != nil {
		return nil, err
	}
	if err = s.prepareScaling(); err != nil {
		s.release()
		return nil, err
	}
	if s.fingerprint, err = r.fingerprint(s.terms.own); err == nil && from != nil && from.head.Job != s.fingerprint {
		err = ofKind(ErrJob, errors.New("the checkpoint is one of another job: its own terms differ"))
	}
	if err == nil && from != nil && from.head.Refined {
		_, err = s.refine()
	}
	if err != nil {
		s.release()
		return nil, err
	}
	return s, nil
}

// refine computes the objective in float32 from now on. It returns false if it is computed so already. Near a minimum
// the rounding of products in bfloat16 hides what could still be gained: a painting of 64 pixels ended after 43
// of 100 iterations.
func (s *stage) refine() (bool, error) {
	r := s.run
	if s.refined || r.net.Precision() != conv.Mixed && r.net.Precision() != conv.BFloat16 {
		return false, nil
	}
	net, err := r.studio.network(r.job.Preset.Network(), conv.Float32)
	if err != nil {
		return false, err
	}
	terms, err := s.weighedTerms(r.weights)
	if err != nil {
		return false, err
	}
	objective, release, err := r.studio.compiled(net.Tiled(s.tile), s.height, s.width, terms)
	if err != nil {
		return false, err
	}
	objective.Progress = s.objective.Progress
	s.objective, s.refined = objective, true
	s.freeAlso(release)
	return true, nil
}

// freeAlso calls release when the stage is freed, before what was given earlier.
func (s *stage) freeAlso(release func()) {
	before := s.release
	s.release = func() {
		release()
		before()
	}
}

// free frees what the stage has on the device, after an evaluation that was left.
func (s *stage) free() {
	if s.left == nil {
		s.release()
		return
	}
	s.run.studio.preparing.Go(func() {
		<-s.left
		s.release()
	})
}

// begin gives the stage the picture, of any size, that it begins with.
func (s *stage) begin(start *picture.Picture) {
	s.iterated = time.Now()
	s.start = s.mirrored(start)
}

// paint minimises the objective from the picture that the scale begins with, or from where a checkpoint was taken.
// It returns the picture with the optimiser's result, whose point is no longer on the device.
func (s *stage) paint(ctx context.Context) (*picture.Picture, *optimize.Result, error) {
	r, xla := s.run, s.run.studio.backend.XLA()
	if len(r.weights) > 0 {
		if err := s.retune(r.weights); err != nil {
			return nil, nil, err
		}
	}
	minimizer, err := s.optimizer()
	if err != nil {
		return nil, nil, err
	}
	if s.compact() {
		debug.FreeOSMemory() // what computing the targets took; what follows needs little
	}
	s.objective.Progress = func(done, total int) {
		if ctx.Err() == nil { // else the evaluation may have been left
			r.observer.Observe(progress.Tiles{
				Scale: s.scale, Iteration: r.iterations + s.done + 1, Evaluations: r.evaluations + s.earlier + len(s.recent), Done: done, Total: total,
			})
		}
	}
	var end *optimize.Result
	if state := s.resumable; state != nil {
		s.resumable = nil // so that its memory can be freed
		end, err = minimizer.Resume(ctx, xla, s.evaluate, state)
	} else {
		end, err = minimizer.Minimize(ctx, xla, s.evaluate, pictureTensor(s.start))
	}
	switch {
	case errors.Is(err, optimize.ErrStart):
		return nil, nil, overflow(r.job.Preset, s.recent[len(s.recent)-1].Terms)
	case err != nil:
		return nil, nil, deviceError(err)
	}
	defer end.X.FinalizeAll()
	if end.Status != optimize.Interrupted {
		if err := s.learn(end.State); err != nil {
			return nil, nil, err
		}
		r.ended, end.State = end.State, nil
	}
	p, err := tensorPicture(end.X)
	if err != nil {
		return nil, nil, err
	}
	return s.cropped(p), end, nil
}

// evaluate is the objective as a function for the optimiser.
func (s *stage) evaluate(ctx context.Context, x *tensors.Tensor) (float64, *tensors.Tensor, error) {
	began := time.Now()
	e, err := wait(ctx, s.run.studio, func() (e *loss.Evaluation, err error) {
		_, _, err = s.objective.Function(func(last *loss.Evaluation) { e = last })(ctx, x)
		return e, err
	}, func(e *loss.Evaluation) { optimize.Free(e.Gradient) })
	s.run.evaluating += time.Since(began)
	if left, ok := errors.AsType[*patience.Left](err); ok {
		s.left = left.Done
	}
	if err != nil {
		return 0, nil, err
	}
	s.recent = append(s.recent, e)
	return e.Total, e.Gradient, nil
}

// observe passes an iteration of the optimiser on to the run's observer.
func (s *stage) observe(i optimize.Iteration) error {
	s.begun()
	r, now := s.run, time.Now()
	r.eta.Add(s.scale, now.Sub(s.iterated))
	s.iterated = now
	r.total, r.terms = i.F, s.recent[i.Evaluation-1-s.earlier].Terms
	s.done, s.earlier, s.recent = i.Iteration, s.earlier+len(s.recent), s.recent[:0]
	iteration := progress.Iteration{
		Scale:       s.scale,
		Iteration:   r.iterations + i.Iteration,
		Evaluations: r.evaluations + i.Evaluations,
		Total:       r.total,
		Terms:       r.terms,
		Elapsed:     now.Sub(r.began),
		Evaluating:  r.evaluating,
		Remaining:   r.eta.Remaining(),
		Picture: func() (image.Image, error) {
			p, err := tensorPicture(i.X())
			if err != nil {
				return nil, err
			}
			p = s.cropped(p)
			if s.kept != nil {
				p = p.WithColoursOf(s.kept)
			}
			return p.Image(), nil
		},
	}
	if !s.compact() || s.canCopyState() {
		iteration.Checkpoint = s.checkpoint(i.WriteState)
	}
	s.tuned(i, iteration)
	s.iterated = time.Now() // an observer may have stopped the painting for a while
	return nil
}

// canCopyState reports whether there is enough memory for a copy of the optimiser's state. An
// interrupted painting must not fail for that.
func (s *stage) canCopyState() bool {
	available, err := AvailableMemory()
	return err == nil && 4*int64(s.stateVectors())*int64(3*s.height*s.width) < available
}

// mirrored returns a picture at the scale's size, without its alpha, with a margin in which it is mirrored.
func (s *stage) mirrored(p *picture.Picture) *picture.Picture {
	margin := s.run.job.Preset.Margin
	return window(p.Resize(s.width-2*margin, s.height-2*margin), -margin, s.width, s.height)
}

// cropped returns a picture, without its alpha, less the margin.
func (s *stage) cropped(p *picture.Picture) *picture.Picture {
	margin := s.run.job.Preset.Margin
	return window(p, margin, s.width-2*margin, s.height-2*margin)
}

// window returns the part of a picture and its mirror images that begins at column and row offset.
func window(p *picture.Picture, offset, width, height int) *picture.Picture {
	if offset == 0 {
		return p
	}
	out := &picture.Picture{Width: width, Height: height, Pix: make([]float32, 0, 3*width*height)}
	for y := range height {
		row := 3 * p.Width * mirror(y+offset, p.Height)
		for x := range width {
			at := row + 3*mirror(x+offset, p.Width)
			out.Pix = append(out.Pix, p.Pix[at:at+3]...)
		}
	}
	return out
}

// mirror returns the index below n that is seen at i between two mirrors, one before 0 and one after n−1.
func mirror(i, n int) int {
	i = ((i % (2 * n)) + 2*n) % (2 * n)
	return min(i, 2*n-1-i)
}
