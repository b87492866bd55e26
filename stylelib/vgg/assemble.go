package vgg

import (
	"fmt"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"
)

// Assemble puts a tile's features at a layer, shaped as its window's, into those of the whole picture, which it returns.
// whole is nil for the first tile. It takes the tile's features over: the caller finalizes only the whole.
func (n *Network) Assemble(whole, features *tensors.Tensor, layerName string, tile Tile, height, width int) (*tensors.Tensor, error) {
	i, err := n.find(layerName)
	if err != nil {
		return nil, err
	}
	shift, d := n.layers[i].block-1, features.Shape().Dimensions
	if d[1] == height>>shift && d[2] == width>>shift {
		return features, nil
	}
	defer features.MustFinalizeAll()
	if whole == nil {
		if whole, err = n.Zeros(height>>shift, width>>shift, d[3]); err != nil {
			return nil, err
		}
	}
	own := Tile{Row: tile.Row >> shift, Column: tile.Column >> shift,
		Top: tile.Top >> shift, Bottom: tile.Bottom >> shift, Left: tile.Left >> shift, Right: tile.Right >> shift}
	return whole, eachRow(whole, features, own, func(to, from []float32) { copy(to, from) })
}

// AddGradient adds what a tile's window pulled back, shaped [1, window height, window width, 3], to the gradient with
// respect to the whole picture, which [Network.Zeros] made. The window's is finalized.
func (n *Network) AddGradient(whole, window *tensors.Tensor, tile Tile) error {
	defer window.MustFinalizeAll()
	d := window.Shape().Dimensions
	all := Tile{Row: tile.Row, Column: tile.Column, Top: tile.Row, Bottom: tile.Row + d[1], Left: tile.Column, Right: tile.Column + d[2]}
	return eachRow(whole, window, all, func(to, from []float32) {
		for i, v := range from {
			to[i] += v
		}
	})
}

// Zeros returns a tensor shaped [1, height, width, channels] for [Network.AddGradient]. Where host and device have one
// memory, as with the CPU, it is the device's own, so that nothing is copied when the device reads it.
func (n *Network) Zeros(height, width, channels int) (*tensors.Tensor, error) {
	t, err := tensors.FromShapeForBackend(n.backend, 0, shapes.Make(dtypes.Float32, 1, height, width, channels))
	if err != nil {
		return nil, fmt.Errorf("making room for what tiles come to: %w", err)
	}
	return t, nil
}

// eachRow calls a function with each row of what a tile owns, in the whole and in its window.
func eachRow(whole, window *tensors.Tensor, tile Tile, do func(to, from []float32)) error {
	channels, width, windowWidth := window.Shape().Dimensions[3], whole.Shape().Dimensions[2], window.Shape().Dimensions[2]
	n := (tile.Right - tile.Left) * channels
	var outer error
	err := window.ConstFlatData(func(fromFlat any) {
		outer = whole.MutableFlatData(func(toFlat any) {
			from, to := fromFlat.([]float32), toFlat.([]float32)
			for row := tile.Top; row < tile.Bottom; row++ {
				do(to[(row*width+tile.Left)*channels:][:n],
					from[((row-tile.Row)*windowWidth+tile.Left-tile.Column)*channels:][:n])
			}
		})
	})
	if err == nil {
		err = outer
	}
	if err != nil {
		return fmt.Errorf("putting tiles together: %w", err)
	}
	return nil
}
