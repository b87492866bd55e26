package stylelib

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/optimize"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/stylelib/vgg"
)

// Job describes one picture to paint. Only Content must be set, and Styles unless the preset has no use for them.
type Job struct {
	// Content is the photograph.
	Content *picture.Picture
	// Styles are the paintings. The statistics of those with one region are mixed by weight.
	Styles []Style
	// Size is the longer side of the result, in pixels; zero means DefaultSize. The shorter follows.
	Size int
	// Iterations of the optimiser, at all scales together; zero means DefaultIterations.
	Iterations int
	// Scales is the number of sizes that are painted, coarse to fine, each the preset's ScaleFactor times the one
	// before. One paints at the full size from the start; zero begins near the preset's Coarsest.
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
	// Colour is where colours come from; empty means ColourStyle.
	Colour Colour
	// Palette is how much of the styles' palette there is, from 0, the content picture's, to 1. It moves the colours
	// that styles paint with, and those that ColourKeep keeps, along the optimal map between the two palettes. Nil
	// means 1 with ColourStyle, and 0 otherwise.
	Palette *float64
	// Stroke is the size of the styles relative to the picture's, along the longer side, MinStroke to MaxStroke; zero
	// means 1. Styles are never enlarged. Painting begins at a size smaller by as much.
	Stroke float64
	// Freedom is from 0, faithful to the content picture, to 1, free. The weights of content and tone are the preset's
	// times 4^(1−2·Freedom). Of two content layers the first counts 1−Freedom, and the second Freedom. Nil means 0.5,
	// which leaves the preset as it is.
	Freedom *float64
	// Smooth multiplies the preset's weight of the total variation, 0 to MaxSmooth. Nil means 1.
	Smooth *float64
	// ColourNoise divides the preset's weight of the variation of colour, MinColourNoise to MaxColourNoise; zero means 1.
	ColourNoise float64
	// Background is the colour that content, styles and start are laid on where they are transparent, as
	// [picture.ParseColour] reads it; empty means white. The result has the content's alpha. Transparent parts of a
	// style take no part in its statistics.
	Background string
	// StrokesOf is a painting whose strokes are used in place of the styles': the style layers of the network's first two
	// blocks are compared with it, in the colours of the styles of each region, and the deeper ones with the styles. It
	// may be nil.
	StrokesOf *picture.Picture
	// Protect is a mask of the result: where it is 1, the content counts four times as much. It has the content
	// picture's shape, at any size. It may be nil.
	Protect *picture.Mask
}

// Style is a painting and its share of the mix.
type Style struct {
	Picture *picture.Picture
	Weight  float64 // relative to those of the same region; zero for all means equal shares
	// Region is where in the result the style paints: a mask with the content picture's shape, at any size. Styles
	// with the same mask mix. Those without one paint what the others' regions leave. Where regions overlap, their
	// styles share the place.
	Region *picture.Mask
	// Part is which part of the painting counts, beside its alpha: a mask with the painting's shape, at any size. Nil
	// is all of it. However small, it is painted with: at a scale where it has no position at a layer, the nearest
	// positions stand for it, as [loss.Style] says.
	Part *picture.Mask
}

// Default values.
const (
	DefaultSize       = 512
	DefaultIterations = 300
	DefaultBackground = "white"
	CoarsestSize      = 128 // of the longer side at the first scale, in pixels, about, unless the preset says another
)

// Bounds of a Job.
const (
	MinSize       = 64
	MaxSize       = 16384
	MaxIterations = 100_000
)

// leastShorterSide of a coarse scale, in pixels: below it the deepest features are a position or two wide.
const leastShorterSide = 32

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
	j.Preset.Optimizer = cmp.Or(j.Preset.Optimizer, optimize.LBFGS)
	j.Preset.StepSize = cmp.Or(j.Preset.StepSize, stepSizes[j.Preset.Optimizer])
	j.Preset.ScaleFactor = cmp.Or(j.Preset.ScaleFactor, math.Sqrt2)
	j.Preset.Coarsest = cmp.Or(j.Preset.Coarsest, CoarsestSize)
	j.Colour = cmp.Or(j.Colour, ColourStyle)
	j.Palette = cmp.Or(j.Palette, new(j.Colour.palette()))
	j.Stroke, j.ColourNoise = cmp.Or(j.Stroke, 1), cmp.Or(j.ColourNoise, 1)
	j.Freedom, j.Smooth = cmp.Or(j.Freedom, new(0.5)), cmp.Or(j.Smooth, new(1.0))
	j.Background = cmp.Or(j.Background, DefaultBackground)
	return j
}

// withDefaults returns the job with its zero values replaced, or what is wrong with it.
func (j Job) withDefaults() (Job, error) {
	j = j.filled()
	if err := j.checkObjective(); err != nil {
		return j, err
	}
	switch {
	case j.Scales > j.Iterations:
		return j, fmt.Errorf("%d scales are out of range: choose 1 to the number of iterations, %d", j.Scales, j.Iterations)
	case j.Noise && j.Start != nil:
		return j, errors.New("a job starts from noise or from a picture, not from both")
	}
	w, h := j.Content.FitLonger(j.Size)
	if min(w, h) < minSide {
		return j, fmt.Errorf("the content picture is too narrow: at size %d it is %d×%d pixels, and the network needs %d: choose a larger size or crop it",
			j.Size, w, h, minSide)
	}
	return j, nil
}

// checkObjective returns an error for what no objective can be made of: the preset, another setting, or a picture.
func (j Job) checkObjective() error {
	if err := j.Preset.Validate(); err != nil {
		return err
	}
	if err := j.checkSettings(); err != nil {
		return err
	}
	if err := j.checkControls(); err != nil {
		return err
	}
	switch {
	case j.Content == nil:
		return errors.New("no content picture given")
	case len(j.Styles) == 0 && (len(j.Preset.StyleLayers) > 0 || j.Preset.Smoothness.Relative()):
		return errors.New("no style picture given")
	}
	var weights []float64
	for _, s := range j.Styles {
		switch {
		case s.Picture == nil:
			return errors.New("a style has no picture")
		case transparent(s.Picture):
			return errors.New("a style picture is transparent everywhere, and transparent parts do not count: take another picture")
		}
		weights = append(weights, s.Weight)
	}
	if err := cmp.Or(j.checkMasks(), j.checkStrokes()); err != nil {
		return err
	}
	if len(weights) == 0 {
		return nil
	}
	_, err := loss.Shares(weights)
	return err
}

// transparent reports whether no pixel of a picture shows. It begins in the middle, where most pictures have one that
// does: a sweep checks thousands of jobs.
func transparent(p *picture.Picture) bool {
	shows := func(alpha float32) bool { return alpha > 0 }
	middle := p.Alpha[len(p.Alpha)/2:]
	return p.Alpha != nil && !slices.ContainsFunc(middle, shows) && !slices.ContainsFunc(p.Alpha, shows)
}

// pictures returns all the job's pictures.
func (j Job) pictures() []*picture.Picture {
	list := []*picture.Picture{j.Content}
	for _, s := range j.Styles {
		list = append(list, s.Picture)
	}
	for _, p := range []*picture.Picture{j.StrokesOf, j.Start} {
		if p != nil {
			list = append(list, p)
		}
	}
	return list
}

// background returns the colour behind the pictures of a job that was checked.
func (j Job) background() picture.Colour {
	colour, err := picture.ParseColour(j.Background)
	if err != nil {
		panic(err)
	}
	return colour
}

// laidStyle returns a style's picture as laid does, with the style's part in its alpha.
func (j Job) laidStyle(s Style, width, height int) *picture.Picture {
	p := j.laid(s.Picture, width, height)
	if s.Part == nil {
		return p
	}
	return &picture.Picture{Width: width, Height: height, Pix: p.Pix, Alpha: masked(p, s.Part)}
}

// laid returns a picture on the job's background, resized. It has an alpha only as the mask of what counts in
// statistics: its colours are those of the background where it is transparent.
func (j Job) laid(p *picture.Picture, width, height int) *picture.Picture {
	same := width == p.Width && height == p.Height
	on := p.On(j.background())
	if !same {
		on = on.Resize(width, height)
	}
	if p.Alpha == nil || slices.Min(p.Alpha) >= 255 {
		return on
	}
	if !same {
		p = p.Resize(width, height)
	}
	return &picture.Picture{Width: width, Height: height, Pix: on.Pix, Alpha: p.Alpha}
}

// Warnings returns what is not as it should be and keeps no job from being painted, each once: what pictures' files say
// and could not be used, a part of the picture that no style paints, and paintings with too few pixels.
func (j Job) Warnings() []error {
	var warnings []error
	add := func(warning error) {
		if warning != nil && !slices.ContainsFunc(warnings, func(w error) bool { return w.Error() == warning.Error() }) {
			warnings = append(warnings, warning)
		}
	}
	for _, p := range j.pictures() {
		if p != nil {
			add(p.Warning)
		}
	}
	for _, m := range j.masks() {
		add(m.Warning)
	}
	add(j.uncovered())
	for _, warning := range j.tooSmall() {
		add(warning)
	}
	return warnings
}

// Plan returns the sizes that the job is painted at, and the iterations at each. Its error is that of Check.
func (j Job) Plan() ([]progress.Scale, error) {
	j, err := j.withDefaults()
	if err != nil {
		return nil, ofKind(ErrJob, err)
	}
	return j.stages(), nil
}

// scales returns the sizes to paint at. Each gets the same number of iterations, unless the preset says otherwise,
// since the coarse ones, which determine the composition, are also the cheap ones.
func (j Job) scales() []progress.Scale {
	size := func(below int) (w, h int) { // of a scale, counted back from the last
		return j.Content.FitLonger(max(int(math.Round(float64(j.Size)*math.Pow(j.Preset.ScaleFactor, float64(-below)))), 1))
	}
	n := j.Scales
	if n == 0 {
		steps := math.Log(float64(j.Size)*j.Stroke/float64(j.Preset.Coarsest)) / math.Log(j.Preset.ScaleFactor)
		for n = 1 + max(int(math.Round(steps)), 0); n > 1; n-- {
			if w, h := size(n - 1); min(w, h) >= leastShorterSide {
				break
			}
		}
	}
	n = min(n, j.Iterations)
	shares, done := n, 0
	if j.Preset.FirstTwice {
		shares = n + 1
	}
	scales := make([]progress.Scale, n)
	for i := range scales {
		w, h := size(n - 1 - i)
		until := (shares - n + i + 1) * j.Iterations / shares
		scales[i] = progress.Scale{Width: max(w, minSide), Height: max(h, minSide), Iterations: until - done}
		done = until
	}
	return scales
}
