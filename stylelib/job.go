package stylelib

import (
	"cmp"
	"errors"
	"fmt"
	"math"

	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/stylelib/vgg"
)

// Job describes one picture to paint. Only Content must be set, and Styles unless the preset has no use for them.
type Job struct {
	// Content is the photograph.
	Content *picture.Picture
	// Styles are the paintings. Their statistics are mixed by weight.
	Styles []Style
	// Size is the longer side of the result, in pixels; zero means DefaultSize. The shorter follows.
	Size int
	// Iterations of the optimiser, at all scales together; zero means DefaultIterations.
	Iterations int
	// Scales is the number of sizes that are painted, coarse to fine, each √2 times the one before.
	// One paints at the full size from the start; zero begins near CoarsestSize.
	Scales int
	// Preset is the objective. If nothing of it is set, loss.Gouache() is used.
	Preset loss.Preset
	// Terms returns terms of the caller's own, which are added to the preset's. It is called once for each scale,
	// with the network, the size and the targets of that scale; the tensors of the scene are valid until the scale is
	// done. A term must be computed alike in each run of the job: a checkpoint covers the terms' fields, but not
	// their code. A picture in tiles requires Sums for terms on features. Terms may be nil.
	Terms func(loss.Scene) ([]loss.Term, error)
	// Start is the picture to start from, resized. If it is nil, it is the content picture, or noise if Noise is set.
	Start *picture.Picture
	// Noise starts from noise that Seed determines.
	Noise bool
	Seed  int64
}

// Style is a painting and its share of the mix.
type Style struct {
	Picture *picture.Picture
	Weight  float64 // relative to the others'; zero for all means equal shares
}

// Default values.
const (
	DefaultSize       = 512
	DefaultIterations = 300
	CoarsestSize      = 128 // of the longer side at the first scale, in pixels, at least
)

// Bounds of a Job.
const (
	MinSize       = 64
	MaxSize       = 16384
	MaxIterations = 100_000
)

// leastShorterSide of a coarse scale, in pixels: below it the deepest features are a position or two wide.
const leastShorterSide = 48

// Check returns an error, of the kind ErrJob, for a job that cannot be painted, as far as that
// shows without computing.
func (j Job) Check() error {
	_, err := j.withDefaults()
	return ofKind(ErrJob, err)
}

// filled returns the job with its zero values replaced.
func (j Job) filled() Job {
	j.Size = cmp.Or(j.Size, DefaultSize)
	j.Iterations = cmp.Or(j.Iterations, DefaultIterations)
	if j.Preset.IsZero() {
		j.Preset = loss.Gouache()
	}
	j.Preset.Pooling = cmp.Or(j.Preset.Pooling, vgg.MaxPooling)
	return j
}

// withDefaults returns the job with its zero values replaced, or what is wrong with it.
func (j Job) withDefaults() (Job, error) {
	j = j.filled()
	if err := j.Preset.Validate(); err != nil {
		return j, err
	}
	if err := j.checkSettings(); err != nil {
		return j, err
	}
	switch {
	case j.Content == nil:
		return j, errors.New("no content picture given")
	case len(j.Styles) == 0 && (len(j.Preset.StyleLayers) > 0 || j.Preset.RelativeTV):
		return j, errors.New("no style picture given")
	case j.Scales > j.Iterations:
		return j, fmt.Errorf("%d scales are out of range: choose 1 to the number of iterations, %d", j.Scales, j.Iterations)
	case j.Noise && j.Start != nil:
		return j, errors.New("a job starts from noise or from a picture, not from both")
	}
	for _, s := range j.Styles {
		if s.Picture == nil {
			return j, errors.New("a style has no picture")
		}
	}
	w, h := j.Content.FitLonger(j.Size)
	if min(w, h) < minSide {
		return j, fmt.Errorf("the content picture is too narrow: at size %d it is %d×%d pixels, and the network needs %d: choose a larger size or crop it",
			j.Size, w, h, minSide)
	}
	return j, nil
}

// Plan returns the sizes that the job is painted at, and the iterations at each. Its error is that of Check.
func (j Job) Plan() ([]progress.Scale, error) {
	j, err := j.withDefaults()
	if err != nil {
		return nil, ofKind(ErrJob, err)
	}
	return j.scales(), nil
}

// scales returns the sizes to paint at. Each gets the same number of iterations, since the coarse
// ones, which determine the composition, are also the cheap ones.
func (j Job) scales() []progress.Scale {
	size := func(below int) (longer, w, h int) { // of a scale, counted back from the last
		longer = int(math.Round(float64(j.Size) * math.Pow(math.Sqrt2, float64(-below))))
		w, h = j.Content.FitLonger(max(longer, 1))
		return longer, w, h
	}
	n := j.Scales
	if n == 0 {
		for n = 1; ; n++ {
			if longer, w, h := size(n); longer < CoarsestSize || min(w, h) < leastShorterSide {
				break
			}
		}
	}
	n = min(n, j.Iterations)
	scales := make([]progress.Scale, n)
	for i := range scales {
		_, w, h := size(n - 1 - i)
		scales[i] = progress.Scale{Width: max(w, minSide), Height: max(h, minSide), Iterations: (i+1)*j.Iterations/n - i*j.Iterations/n}
	}
	return scales
}
