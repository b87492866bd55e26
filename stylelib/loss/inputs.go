package loss

import (
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/gouache-art/gouache/stylelib/vgg"
)

// Inputs is what a term's Loss, or its Sums and Of, are built from.
type Inputs struct {
	net      *vgg.Network
	tiling   *vgg.Tiling
	pass     *vgg.Pass     // nil in Of
	window   *vgg.Window   // nil if the picture is computed whole
	picture  *graph.Node   // the whole
	targets  []*graph.Node // of the term at hand
	layers   []string      // of the term at hand
	features map[string]*graph.Node
	onPixels *graph.Node // a copy of picture, once a term asked for it
}

// Feature returns the features of a layer, which the term must have listed, shaped [1, h, w, channels]. Of a picture
// that is computed in tiles it returns those of one window, with zeros where they are another tile's.
func (in *Inputs) Feature(name string) *graph.Node {
	layer := in.listed(name)
	if in.pass == nil {
		panic(fmt.Errorf("a term's Of asks for features of %s: only its Sums may", layer))
	}
	if in.features[layer] == nil {
		// A copy, whose gradient holds only the paths that do not lead through deeper layers: those are the
		// pullback's. (A copy made with StopGradient has a gradient of zero.)
		in.features[layer] = graph.Identity(in.pass.Feature(layer))
	}
	return in.window.Own(in.features[layer], layer)
}

// listed returns the full name of a layer that the term lists.
func (in *Inputs) listed(name string) string {
	layer, err := in.net.Layer(name)
	if err != nil {
		panic(err)
	}
	if !slices.Contains(in.layers, layer) {
		panic(fmt.Errorf("the term reads layer %s, which its Layers do not list: %v", layer, in.layers))
	}
	return layer
}

// Positions returns the number of positions, h·w, of a layer's features for the whole picture.
func (in *Inputs) Positions(name string) int {
	h, w, err := in.net.FeatureSize(in.listed(name), in.tiling.Height, in.tiling.Width)
	if err != nil {
		panic(err)
	}
	return h * w
}

// Picture returns the picture itself, whole, shaped [1, height, width, 3], RGB, 0..255.
func (in *Inputs) Picture() *graph.Node {
	if in.onPixels == nil {
		in.onPixels = graph.Identity(in.picture)
	}
	return in.onPixels
}

// Target returns the term's i-th target.
func (in *Inputs) Target(i int) *graph.Node { return in.targets[i] }

// TargetFeature returns the term's i-th target where that is a picture's features at a layer: those that belong to what
// [Inputs.Feature] returns.
func (in *Inputs) TargetFeature(i int, name string) *graph.Node {
	return in.window.Features(in.targets[i], in.listed(name))
}
