// Package texture makes more of a texture: a picture whose features have the same statistics as a sample's, and which is
// otherwise new (Gatys, Ecker and Bethge, "Texture synthesis using convolutional neural networks", NIPS 2015). It is an
// example of a model that is built of Gouache's parts, vgg, loss and lbfgs, on any GoMLX backend.
package texture

import (
	"context"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/lbfgs"
	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/optimize"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/vgg"
	"github.com/gouache-art/gouache/weights"
)

// Layers are those whose statistics are compared.
var Layers = []string{"block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1"}

const smoothness = 0.05

// Options configure Synthesize.
type Options struct {
	Width, Height int   // of the texture, in pixels
	Iterations    int   // of L-BFGS
	Seed          int64 // of the noise that it begins with
	// Observe receives each iteration and its loss: the mean over the layers of the Gram matrices' squared distance to the
	// sample's, relative to theirs, and a little for noise. It may be nil.
	Observe func(iteration int, loss float64)
}

// Synthesize makes a texture of a sample. The network runs on the backend with the weights of set.
func Synthesize(ctx context.Context, backend compute.Backend, set *weights.Set, sample *picture.Picture, o Options) (*picture.Picture, error) {
	net, err := vgg.New(backend, set, vgg.Options{Pooling: vgg.AveragePooling})
	if err != nil {
		return nil, err
	}
	targets, err := loss.StyleTargets(net, []loss.Style{{Picture: tensorOf(sample)}}, loss.GramMatrices, Layers...)
	if err != nil {
		return nil, err
	}
	// Against noise, relative to neighbours that all differ by 255. More than this makes the texture flat.
	terms := []loss.Term{loss.TotalVariation(smoothness / (255 * 2 * 3 * float64(o.Width*o.Height)))}
	for _, t := range targets {
		defer t.Finalize()
		terms = append(terms, loss.Gram(t, 1/(t.Energy*float64(len(targets)))))
	}
	objective, err := loss.NewObjective(net, o.Height, o.Width, terms)
	if err != nil {
		return nil, err
	}
	defer objective.Close()
	minimizer := lbfgs.Minimizer{MaxIterations: o.Iterations, ConsumeStart: true, Recorder: func(i optimize.Iteration) error {
		if o.Observe != nil {
			o.Observe(i.Iteration, i.F)
		}
		return nil
	}}
	found, err := minimizer.Minimize(ctx, backend, objective.Function(nil), tensorOf(picture.Noise(o.Width, o.Height, o.Seed)))
	if err != nil {
		return nil, err
	}
	defer found.X.MustFinalizeAll()
	made := &picture.Picture{Width: o.Width, Height: o.Height, Pix: tensors.MustCopyFlatData[float32](found.X)}
	return made, nil
}

// tensorOf returns a picture as the network takes it: [1, height, width, 3], RGB, 0..255.
func tensorOf(p *picture.Picture) *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(p.Pix, 1, p.Height, p.Width, 3)
}
