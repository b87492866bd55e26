package stylelib

import (
	"errors"
	"slices"
	"strings"

	"github.com/gouache-art/gouache/stylelib/loss"
)

// fineBlocks are the blocks of the network whose layers [Job.StrokesOf] gives: their fields are 3 to 10 pixels wide, as
// wide as a stroke. Gatys et al. ("Controlling perceptual factors in neural style transfer", CVPR 2017, section 6) draw
// the line there, too, at 512 pixels.
var fineBlocks = []string{"block1_", "block2_"}

// isFine reports whether a layer is one of the fine ones.
func isFine(layer string) bool {
	return slices.ContainsFunc(fineBlocks, func(block string) bool { return strings.HasPrefix(layer, block) })
}

// fineLayers returns the fine ones of the layers.
func fineLayers(layers []string) (fine []string) {
	for _, name := range layers {
		if isFine(name) {
			fine = append(fine, name)
		}
	}
	return fine
}

// strokesFor returns the picture that gives the strokes to a region, in the colours of the region's styles: the fine
// layers see colours, too.
func (j Job) strokesFor(r region) []Style {
	p := j.StrokesOf
	return []Style{{Picture: p.Recoloured(p.Palette().To(r.palette())), Weight: 1}}
}

// withStrokes replaces the targets of the fine layers by others, which are those layers' alone and in the same order.
func withStrokes(targets, fine []loss.Target) []loss.Target {
	targets = slices.Clone(targets) // which others use, too
	for i, t := range targets {
		if isFine(t.Layer) {
			targets[i], fine = fine[0], fine[1:]
		}
	}
	return targets
}

// checkStrokes returns an error if there is a painting for the strokes, and no layer for them.
func (j Job) checkStrokes() error {
	switch {
	case j.StrokesOf == nil:
		return nil
	case transparent(j.StrokesOf):
		return errors.New("the painting that gives the strokes is transparent everywhere: take another picture")
	case len(j.Styles) == 0:
		return errors.New("there is a painting for the strokes and none for the style: give a style, too")
	case len(fineLayers(j.Preset.StyleLayers)) == 0:
		return errors.New("there is a painting for the strokes and no layer that sees them: add one of block1 or block2 to style-layers, or leave the painting out")
	}
	return nil
}
