package vgg

import "github.com/gomlx/gomlx/core/graph"

// Mask returns how much each position of a layer counts, shaped [1, height', width', 1], for a mask of the whole
// picture's pixels, shaped [1, height, width, 1]: the mean over the pixels of the layer's stride that the position
// stands for, as average pooling has it. As [Window.Own] does, it returns the window's part, with zeros where another
// tile owns the position; window is nil for a picture that is computed whole.
func (n *Network) Mask(mask *graph.Node, window *Window, layerName string) *graph.Node {
	mask = window.cut(mask, 0)
	for range n.shift(layerName) {
		mask = pool(mask, AveragePooling)
	}
	return window.Own(mask, layerName)
}
