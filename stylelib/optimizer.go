package stylelib

import (
	"errors"
	"fmt"
	"math"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/adam"
	"github.com/gouache-art/gouache/stylelib/lbfgs"
	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/optimize"
	"github.com/gouache-art/gouache/stylelib/spectrum"
)

// compactHistory is how many pairs L-BFGS keeps of a picture that is computed in tiles, in
// half the bytes each: at 4096×3072 pixels a vector takes 151 MB, and ten pairs in float32 take 3
// GB. In a painting of 150 evaluations five compact pairs ended at 0.2351, ten in float32 at
// 0.2337, and three compact ones at 0.2440.
const compactHistory = 5

// stepSizes are the step sizes of presets that have none, in grey levels a pixel and channel.
var stepSizes = map[optimize.Method]float64{
	optimize.LBFGS: 1,          // saves three evaluations a scale beside steps of length 1
	optimize.Adam:  0.02 * 255, // that of style-transfer-pytorch
}

// optimizer returns the stage's optimiser.
func (s *stage) optimizer() (optimize.Minimizer, error) {
	if s.run.job.Preset.Optimizer == optimize.Adam {
		return s.adam()
	}
	minimizer := lbfgs.Minimizer{
		MaxIterations: s.iterations,
		FirstStep:     s.run.job.Preset.StepSize * math.Sqrt(float64(3*s.height*s.width)),
		Recorder:      s.observe,
		Refine:        s.refine,
		SaveState:     s.savesState,
		ConsumeStart:  true,
		Graphs:        s.run.studio.graphs,
	}
	switch law := s.run.law; {
	case s.compact():
		minimizer.Compact, minimizer.History = true, compactHistory
	case law != nil:
		scaling := s.transform.Scaling(*law)
		minimizer.Scaling = scaling
		s.freeAlso(scaling.Free)
	}
	return minimizer, nil
}

// scaled reports whether a scale of a run can have other variables than the pixels: those that L-BFGS has learnt at the
// scales before. In tiles it has pixels, since the Fourier transform of a large picture takes too much memory.
func (s *stage) scaled() bool {
	return s.run.job.Preset.Optimizer != optimize.Adam && !s.compact() && (s.scale > 0 || s.run.law != nil)
}

// prepareScaling compiles the scalings of the stage's size, unless the studio has them.
func (s *stage) prepareScaling() (err error) {
	if !s.scaled() {
		return nil
	}
	studio := s.run.studio
	var release func()
	s.transform, release, err = studio.transforms.Get([2]int{s.height, s.width}, func() (*spectrum.Transform, int64, error) {
		t, err := spectrum.NewTransform(studio.backend.XLA(), s.height, s.width)
		return t, 1, err
	})
	if err != nil {
		return deviceError(err)
	}
	s.freeAlso(release)
	return nil
}

// learns reports whether the end of the scale says how the objective curves, which is learnt once.
func (s *stage) learns() bool {
	return s.run.law == nil && s.run.job.Preset.Optimizer != optimize.Adam && !s.compact() && s.scale < len(s.run.scales)-1 &&
		s.height*s.width <= mostLearned
}

// learn measures how the objective curves, from how the scale ended. The scales after it then have variables along which
// it curves alike: without them, with trained weights, the last scale comes down more slowly than a run that has no other
// (bench/NOTES.md).
func (s *stage) learn(end optimize.State) error {
	state, ok := end.(*lbfgs.State)
	if !ok || !s.learns() {
		return nil
	}
	steps, changes, err := state.Pairs(learnedPairs)
	if err != nil {
		return err
	}
	defer optimize.Free(append(steps, changes...)...)
	pairs := make([]spectrum.Pair, len(steps))
	for i := range pairs {
		if pairs[i].Step, err = toHost(steps[i], "optimiser's steps"); err != nil {
			return err
		}
		if pairs[i].Change, err = toHost(changes[i], "optimiser's steps"); err != nil {
			return err
		}
	}
	if law, ok := spectrum.Fit(s.height, s.width, pairs); ok {
		s.run.law = &law
	}
	return nil
}

const (
	learnedPairs = 5       // the latest, which are read
	mostLearned  = 1 << 20 // pixels: the state is copied to the host, and what free memory there is must not change the result
)

// compact reports whether L-BFGS keeps less than usual.
func (s *stage) compact() bool { return s.objective.Tiles() > 1 }

// adam returns Adam as style-transfer-pytorch uses it (stylize in style_transfer.py): grey levels stay in
// their range, and at a new scale the moments are those of the scale before, resized.
func (s *stage) adam() (optimize.Minimizer, error) {
	preset := s.run.job.Preset
	minimizer := adam.Minimizer{
		MaxIterations: s.iterations,
		StepSize:      preset.StepSize,
		Beta1:         0.9,
		Beta2:         0.99,
		// That program's gradients are per range, these per grey level. Their root mean square was 7e-6 at 192×144
		// pixels, and falls with the number of pixels: even at 4096 it is far above this.
		Epsilon:      adam.DefaultEpsilon / 255,
		High:         255,
		Averaging:    preset.Averaging,
		Recorder:     s.observe,
		SaveState:    s.savesState,
		ConsumeStart: true,
		Graphs:       s.run.studio.adam,
	}
	before, ok := s.run.ended.(*adam.State)
	if s.run.ended = nil; !ok || s.resumable != nil {
		return minimizer, nil
	}
	moments, err := before.Moments()
	if err != nil {
		return nil, fmt.Errorf("taking over Adam's moments: %w", err)
	}
	if moments.First, err = s.resized(moments.First); err != nil {
		return nil, err
	}
	if moments.Second, err = s.resized(moments.Second); err != nil {
		return nil, err
	}
	// A mean of squares is no less than the square of the mean. A cubic resizes it to less at edges, even below zero, and
	// pixels would jump to black or white there. (That program resizes the second moments bilinearly.)
	share := 1 - math.Pow(minimizer.Beta2, float64(moments.Steps)) // of the second moments that is not their start, zero
	var firstErr error
	err = moments.Second.MutableFlatData(func(second any) {
		firstErr = moments.First.ConstFlatData(func(first any) {
			v, m := second.([]float32), first.([]float32)
			for i := range v {
				v[i] = max(v[i], m[i]*m[i]*float32(share))
			}
		})
	})
	minimizer.Moments = moments
	return minimizer, errors.Join(err, firstErr)
}

// resized returns a vector of an earlier scale, with its margin, at this scale's size and with its margin.
func (s *stage) resized(t *tensors.Tensor) (*tensors.Tensor, error) {
	defer t.FinalizeAll()
	p, err := tensorPicture(t)
	if err != nil {
		return nil, err
	}
	margin := s.run.job.Preset.Margin
	return pictureTensor(s.mirrored(window(p, margin, p.Width-2*margin, p.Height-2*margin))), nil
}

// stateVectors returns the memory of the optimiser's state, in vectors of float32.
func (s *stage) stateVectors() int {
	switch {
	case s.run.job.Preset.Optimizer == optimize.Adam:
		return 4
	case s.compact():
		return 2 + compactHistory
	}
	return 3 + 2*lbfgs.DefaultHistory // with the point of a scaling's variables
}

// savesState reports whether the optimiser's state is needed when it ends so: for a checkpoint, or for what the next scale
// takes over.
func (s *stage) savesState(end optimize.Status) bool {
	if end == optimize.Interrupted {
		return s.canCopyState()
	}
	return s.run.job.Preset.Optimizer == optimize.Adam && s.scale < len(s.run.scales)-1 || s.learns()
}

// optimizerSettings are the settings of the preset's optimiser.
func optimizerSettings() []jobSetting {
	optimizer := word("optimizer", "`NAME` of the optimiser", optimize.Methods, nil)
	optimizer.Usage += " (default: the preset's)"
	step := decimal("step_size", fmt.Sprintf("grey `LEVELS` by which a step of adam changes a pixel, about, or the first of lbfgs (default: the preset's, or %v and %v)",
		stepSizes[optimize.Adam], stepSizes[optimize.LBFGS]), loss.MinStepSize, loss.MaxStepSize)
	averaging := decimal("averaging", "`SHARE` that the average of adam's iterates, which is the picture, keeps of itself at each step (default: the preset's; 0 takes the last iterate)",
		0, loss.MaxAveraging)
	return []jobSetting{
		{optimizer, func(j *Job) any { return (*string)(&j.Preset.Optimizer) }},
		{step, func(j *Job) any { return &j.Preset.StepSize }},
		{averaging, func(j *Job) any { return &j.Preset.Averaging }},
	}
}
