// Package loss composes the objective of style transfer: an [Objective] is a weighted sum of terms,
// each a function of a picture and of its features (Gatys, Ecker and Bethge, "Image style transfer
// using convolutional neural networks", CVPR 2016).
//
//	content, err := loss.ContentTargets(net, photograph, "block4_conv2")
//	style, err := loss.StyleTargets(net, []loss.Style{{Picture: painting}}, loss.GramMatrices, "block1_conv1", "block2_conv1")
//	objective, err := loss.NewObjective(net, height, width, []loss.Term{
//		loss.Content(content[0], 5),
//		loss.Gram(style[0], 100),
//		loss.Gram(style[1], 100),
//		loss.TotalVariation(1e-3),
//	})
//	at, err := objective.Evaluate(picture)
//
// A [Preset] chooses layers, weights and scales. A [Term] can be any function of the features that
// GoMLX can differentiate; the network's own pullback takes the gradient to the picture.
//
// Tensors are float32 on the device. Pictures are [1, height, width, 3], RGB, 0..255.
package loss

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/vgg"
)

// Term is one summand of an objective: Weight · Scale · Loss.
type Term struct {
	// Name says what the term is for: "content", "style", "tv" or a name of the caller's. Terms
	// with one name, such as the layers of a style loss, are reported together.
	Name string
	// Weight is how much the term matters. It is the user's choice.
	Weight float64
	// Scale brings the loss into the units of its definition, for example one over the number of features. Zero means
	// one. Weight and Scale are inputs of the compiled graph: changing them compiles nothing.
	Scale float64
	// Layers are those whose features the term reads.
	Layers []string
	// Targets are what the term compares with, on the device or on the host. They are inputs of the graph too.
	Targets []*tensors.Tensor
	// Loss returns a scalar of the picture or its features. It builds a graph, and panics on a mistake as GoMLX does.
	Loss func(in *Inputs) *graph.Node
	// Sums and Of replace Loss: the loss is Of the Sums, each of which is a sum over the positions
	// of features. Such a term can be computed in tiles ([vgg.Tiling]); one that reads features in
	// its Loss cannot. Of cannot read features.
	Sums func(in *Inputs) []*graph.Node
	Of   func(in *Inputs, sums []*graph.Node) *graph.Node
	// kind names the graph that a term of this package builds. Terms of one kind that read the same layers build the
	// same graph, so that objectives share it when it is compiled ([Objective.With]). Other terms share nothing.
	kind string
}

func (t *Term) scale() float64 {
	if t.Scale == 0 {
		return 1
	}
	return t.Scale
}

// build returns the term's loss for a picture that is computed whole.
func (t *Term) build(in *Inputs) *graph.Node {
	if t.Loss != nil {
		return t.Loss(in)
	}
	return t.Of(in, t.Sums(in))
}

// Target is what a term compares one layer with.
type Target struct {
	Layer string
	// Cell is the side of the cells, in positions, in which the layer's features are averaged before they are compared:
	// see [Preset.ShallowCells]. Zero and one average nothing.
	Cell int
	// Tensor holds a content picture's features, [1, h, w, c], or a statistic of a style: a Gram
	// matrix or covariance, [c, c], its eigenvectors, or a mean, [c].
	Tensor *tensors.Tensor
	// Spectrum holds eigenvalues if Tensor holds eigenvectors: see [TransportedCovariance].
	Spectrum *tensors.Tensor
	// Energy is the loss of a picture without any features at the layer: the sum of the squares of Tensor, or about tr
	// Σ' for [Transport].
	Energy float64
	// Mask is how much each pixel of the picture that is optimised counts in the comparison, from 0 up, [1, height,
	// width, 1], as [Style.Mask] says it of a style. A statistic is divided by the mask's area, a content term is not.
	// A mask that counts nothing at the layer makes the statistic 0, whatever the picture. Nil counts all alike.
	Mask *tensors.Tensor
	// Share is how much of the picture the target is for, by which a preset weighs its term, from 0 to 1. Zero means all.
	Share float64
}

// Finalize frees the target's memory on the device, except for the mask, which several targets may share.
func (t Target) Finalize() {
	t.Tensor.FinalizeAll()
	if t.Spectrum != nil {
		t.Spectrum.FinalizeAll()
	}
}

// Inputs is what a term's Loss, or its Sums and Of, are built from.
type Inputs struct {
	net      *vgg.Network
	tiling   *vgg.Tiling
	pass     *vgg.Pass     // nil in Of
	window   *vgg.Window   // nil if the picture is computed whole
	picture  *graph.Node   // the whole
	targets  []*graph.Node // of the current term
	layers   []string      // of the current term
	features map[string]*graph.Node
	onPixels *graph.Node // a copy of picture, once a term has asked for it
}

// Feature returns the features of a layer, which the term must list, shaped [1, h, w, channels]. For a picture that
// is computed in tiles it returns those of one window, with zeros at the positions of other tiles.
func (in *Inputs) Feature(name string) *graph.Node {
	layer := in.listed(name)
	if in.pass == nil {
		panic(fmt.Errorf("a term's Of asks for features of %s: only its Sums may", layer))
	}
	if in.features[layer] == nil {
		// The gradient of this copy excludes the paths through deeper layers, which are the
		// pullback's. (The gradient of a copy made with StopGradient would be zero.)
		in.features[layer] = graph.Identity(in.pass.Feature(layer))
	}
	return in.window.Own(in.features[layer], layer)
}

// listed returns the full name of a layer, and panics if the term does not list it.
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
func (in *Inputs) Positions(name string) int { return in.cells(name, 1) }

// cells returns the number of whole cells of a side in a layer's features for the whole picture.
func (in *Inputs) cells(name string, side int) int {
	h, w, err := in.net.FeatureSize(in.listed(name), in.tiling.Height, in.tiling.Width)
	if err != nil {
		panic(err)
	}
	return (h / side) * (w / side)
}

// Picture returns the whole picture, shaped [1, height, width, 3], RGB, 0..255.
func (in *Inputs) Picture() *graph.Node {
	if in.picture == nil {
		panic(errors.New("a term's Sums asks for the picture: only its Loss or its Of may"))
	}
	if in.onPixels == nil {
		in.onPixels = graph.Identity(in.picture)
	}
	return in.onPixels
}

// Mask returns the part of the term's i-th target, a mask shaped [1, height, width, 1] of the picture's pixels, that
// weighs the positions of the result of [Inputs.Feature]: [1, h, w, 1], with zeros at the positions of other tiles. In a
// term's Of it is that of the whole picture.
func (in *Inputs) Mask(i int, name string) *graph.Node {
	in.targets[i].AssertDims(1, in.tiling.Height, in.tiling.Width, 1)
	return in.net.Mask(in.targets[i], in.window, in.listed(name))
}

// Target returns the term's i-th target.
func (in *Inputs) Target(i int) *graph.Node { return in.targets[i] }

// TargetFeature returns the part of the term's i-th target, a picture's features at a layer, that
// corresponds to the result of [Inputs.Feature].
func (in *Inputs) TargetFeature(i int, name string) *graph.Node {
	return in.window.Features(in.targets[i], in.listed(name))
}

func sumOfSquares(x *graph.Node) *graph.Node { return graph.ReduceAllSum(graph.Square(x)) }

// toHost copies a tensor's numbers to the host and frees the tensor.
func toHost(t *tensors.Tensor) ([]float32, error) {
	values, err := tensors.CopyFlatData[float32](t)
	if err != nil {
		return nil, err
	}
	return values, t.FinalizeAll()
}

// accumulator adds up tensors on the host, in float64, so that rounding does not grow with the number of tiles.
type accumulator struct {
	sums   [][]float64
	shapes [][]int
}

// add adds float32 tensors, each to the sum at its index, and frees them.
func (a *accumulator) add(list []*tensors.Tensor) error {
	first := a.sums == nil
	for i, t := range list {
		if first {
			a.sums = append(a.sums, make([]float64, t.Size()))
			a.shapes = append(a.shapes, t.Shape().Dimensions)
		}
		values, err := toHost(t)
		if err != nil {
			return err
		}
		for j, v := range values {
			a.sums[i][j] += float64(v)
		}
	}
	return nil
}

// append adds another's sums behind these.
func (a *accumulator) append(b accumulator) {
	a.sums, a.shapes = append(a.sums, b.sums...), append(a.shapes, b.shapes...)
}

// tensors returns the sums rounded to float32. The caller finalizes them.
func (a *accumulator) tensors() []*tensors.Tensor {
	list := make([]*tensors.Tensor, len(a.sums))
	for i, sum := range a.sums {
		list[i] = tensors.FromFlatDataAndDimensions(rounded(sum), a.shapes[i]...)
	}
	return list
}

func rounded(values []float64) []float32 {
	single := make([]float32, len(values))
	for i, v := range values {
		single[i] = float32(v)
	}
	return single
}

func finalize(list []*tensors.Tensor) {
	for _, t := range list {
		t.FinalizeAll()
	}
}
