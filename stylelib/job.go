package stylelib

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/progress"
)

// Job is one picture to be painted. Only Content and Styles must be set.
type Job struct {
	// Content is the photograph.
	Content *picture.Picture
	// Styles are the paintings; their Gram matrices are mixed by weight.
	Styles []Style
	// Size is the longer side of the result, in pixels; zero means DefaultSize. The shorter follows.
	Size int
	// Iterations of the optimiser, at all scales together; zero means DefaultIterations.
	Iterations int
	// Scales is the number of sizes that are painted, coarse to fine, each √2 times the one before; one paints at
	// the full size from the start, zero begins near CoarsestSize.
	Scales int
	// Preset holds layers, weights and pooling; a Preset without a name means loss.Gouache().
	Preset loss.Preset
	// Start is the picture to start from, resized; nil means the content picture, or noise if Noise is set.
	Start *picture.Picture
	// Noise starts from noise that Seed determines.
	Noise bool
	Seed  int64
}

// Style is a painting and how much of it goes into the mix.
type Style struct {
	Picture *picture.Picture
	Weight  float64 // relative to the others'; zero for all means equal shares
}

// What a Job's zero values mean.
const (
	DefaultSize       = 512
	DefaultIterations = 300
	CoarsestSize      = 128 // pixels of the longer side at the first scale, at least
)

// Bounds of a Job.
const (
	MinSize       = 64
	MaxSize       = 16384
	MaxIterations = 100_000
)

// leastShorterSide of a coarse scale, in pixels: below it the deepest features are a position or two wide.
const leastShorterSide = 48

// Check says what is wrong with a job, as far as that can be told without computing anything.
func (j Job) Check() error {
	_, err := j.withDefaults()
	return err
}

// withDefaults returns the job with its zero values filled in, or says what is wrong with it.
func (j Job) withDefaults() (Job, error) {
	if j.Size == 0 {
		j.Size = DefaultSize
	}
	if j.Iterations == 0 {
		j.Iterations = DefaultIterations
	}
	if j.Preset.Name == "" {
		j.Preset = loss.Gouache()
	}
	if err := j.checkSettings(); err != nil {
		return j, err
	}
	switch {
	case j.Content == nil:
		return j, errors.New("no content picture given")
	case len(j.Styles) == 0:
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

// Plan returns the sizes that the job is painted at, and the iterations at each, or says what is wrong with the job.
func (j Job) Plan() ([]progress.Scale, error) {
	j, err := j.withDefaults()
	if err != nil {
		return nil, err
	}
	return j.scales(), nil
}

// styleMix writes the styles' weights as a proportion, such as 2:1.
func (j Job) styleMix() string {
	weights := make([]string, len(j.Styles))
	for i, s := range j.Styles {
		weights[i] = formatWeight(s.Weight)
	}
	return strings.Join(weights, ":")
}

// scales returns the sizes to paint at and how the iterations are shared among them: alike, since the coarse ones,
// which settle the composition, are also the cheap ones.
func (j Job) scales() []progress.Scale {
	n := j.Scales
	if n == 0 {
		n = j.automaticScales()
	}
	n = min(n, j.Iterations)
	scales := make([]progress.Scale, n)
	for i := range scales {
		size := int(math.Round(float64(j.Size) * math.Pow(math.Sqrt2, float64(i+1-n))))
		w, h := j.Content.FitLonger(max(size, 1))
		scales[i] = progress.Scale{Width: max(w, minSide), Height: max(h, minSide), Iterations: (i+1)*j.Iterations/n - i*j.Iterations/n}
	}
	return scales
}

func (j Job) automaticScales() int {
	n := 1
	for {
		size := int(math.Round(float64(j.Size) * math.Pow(math.Sqrt2, float64(-n))))
		w, h := j.Content.FitLonger(max(size, 1))
		if size < CoarsestSize || min(w, h) < leastShorterSide {
			return n
		}
		n++
	}
}
