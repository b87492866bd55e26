package vgg

import (
	"math"
	"slices"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// Stage is a part of the network, from the picture or from what was pooled before one block to a layer or to what is
// pooled after another block. It is computed in windows of its own. The whole picture's pooled features are kept between
// two stages, so that a window needs a margin for the layers of its stage only: 8 and 16 pixels for the first two blocks,
// 48 and 64 for the last two, where the whole network needs 80 and 96.
//
// Stages are for objectives: each is planned with a pullback.
type Stage struct {
	*Plan          // of a window
	Tiling *Tiling // in pixels, as all tilings are
	last   bool
}

// stageBlocks are the blocks before which the network is cut. What is kept of a picture before block 3 takes 8 numbers a
// pixel, and 4 before block 4.
var stageBlocks = []int{3, 4}

// Stages cuts the network, up to the deepest of the layers in groups, into stages for pictures of the given size. The
// layers of a group are in one stage. The first stage has windows of the network's side ([Network.Tiled]), and the others
// have larger ones that need as much memory.
func (n *Network) Stages(height, width int, groups [][]string) ([]*Stage, error) {
	deepest, err := n.deepest(slices.Concat(groups...))
	if err != nil {
		return nil, err
	}
	cuts := []int{} // indices of the layers that stages begin with
	for i, l := range n.layers[:deepest+1] {
		if !l.first || !slices.Contains(stageBlocks, l.block) {
			continue
		}
		apart := true // whether the cut tears no group
		for _, group := range groups {
			before, after := false, false
			for _, name := range group {
				at, _ := n.find(name) // deepest found it
				before, after = before || at < i, after || at >= i
			}
			apart = apart && !(before && after)
		}
		if apart {
			cuts = append(cuts, i)
		}
	}
	var stages []*Stage
	first, ends := 0, append(cuts, deepest+1)
	for _, next := range ends {
		s := &Stage{last: next > deepest}
		side := int(float64(n.side) * math.Sqrt(n.numbers(0, ends[0]-1)/n.numbers(first, next-1)))
		if s.Tiling, err = n.tiling(height, width, side, n.reach(first, next-1, !s.last)); err != nil {
			return nil, err
		}
		if s.Plan, err = n.planFrom(first, next-1, s.Tiling.WindowHeight, s.Tiling.WindowWidth, true); err != nil {
			return nil, err
		}
		stages, first = append(stages, s), next
	}
	return stages, nil
}

// numbers returns how many features there are for a pixel at the layers from first to last.
func (n *Network) numbers(first, last int) (sum float64) {
	for _, l := range n.layers[first : last+1] {
		sum += float64(l.out) / float64(int(1)<<(2*(l.block-1)))
	}
	return sum
}

// Has says whether a layer is in the stage.
func (s *Stage) Has(layerName string) bool {
	i, err := s.net.find(layerName)
	return err == nil && i >= s.first && i < s.first+len(s.layers)
}

// Last says whether the stage is the last one. Others end with pooled features.
func (s *Stage) Last() bool { return s.last }

// shift returns the binary logarithm of the stride of what the stage begins with.
func (s *Stage) shift() int { return s.layers[0].block - 1 }

// next returns the layer that the next stage begins with.
func (s *Stage) next() layer { return s.net.layers[s.first+len(s.layers)] }

// InputDimensions returns those of what the stage begins with, of the whole picture.
func (s *Stage) InputDimensions() []int { return s.dimensions(s.layers[0]) }

// PooledDimensions returns those of the pooled features with which the stage ends, of the whole picture.
func (s *Stage) PooledDimensions() []int { return s.dimensions(s.next()) }

func (s *Stage) dimensions(begin layer) []int {
	shift := begin.block - 1
	return []int{1, s.Tiling.Height >> shift, s.Tiling.Width >> shift, begin.in}
}

// Forward puts the stage into the graph of x, which is what it begins with of the whole picture, for a window: that of
// [Network.Window].
func (s *Stage) Forward(x *graph.Node, window *Window, inputs []*graph.Node) *Pass {
	x.AssertDims(s.InputDimensions()...)
	return s.Plan.Forward(window.cut(x, s.shift()), inputs)
}

// OwnPooled returns the window's part of the gradient with respect to the whole picture's pooled features, with which the
// stage ends, with zeros where another tile owns them.
func (s *Stage) OwnPooled(whole *graph.Node, window *Window) *graph.Node {
	return window.Features(whole, s.next().name)
}

// AssemblePooled copies what a tile owns of the pooled features into those of the whole picture, which
// [Network.Zeros] made. It finalizes the tile's.
func (s *Stage) AssemblePooled(whole, pooled *tensors.Tensor, tile Tile) error {
	defer func() { _ = pooled.FinalizeAll() }()
	return assemble(whole, pooled, tile, s.next().block-1)
}

// AddGradient adds the gradient of a tile's window to that with respect to what the stage begins with, which [Network.Zeros]
// made. It finalizes the window's.
func (s *Stage) AddGradient(whole, window *tensors.Tensor, tile Tile) error {
	return addGradient(whole, window, tile, s.shift())
}
