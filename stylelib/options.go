package stylelib

import (
	"fmt"
	"strconv"

	"github.com/gouache-art/gouache/stylelib/vgg/conv"
)

// Options say how a studio computes. The objective does not depend on them but for rounding, to Precision at most; a
// picture in tiles is painted with a shorter memory of the optimiser's, too.
type Options struct {
	// Tile bounds the side of what is computed at once, in pixels: a larger picture is computed in tiles, in memory for
	// one of them and some vectors of the picture's size. Zero does so only for a picture that would not fit into
	// memory, with the largest tiles that do, and Whole never.
	Tile int
	// Tune chooses each layer's convolutions by measuring them when a size first needs them on a device, and keeps the
	// choices in the user's cache (conv.Tuner). Without it a table chooses.
	Tune bool
	// Measuring hears how far the measuring has come, and Warn why its results cannot be kept. Both may be nil.
	Measuring func(done, total int)
	Warn      func(error)
	// Precision of the convolutions' products; empty for TF32 on a CUDA device, as PyTorch has it, and Float32 elsewhere.
	Precision conv.Precision
}

// Whole as Options.Tile computes each picture whole, whatever its size.
const Whole = -1

// MinTile is the least side of a tile: a margin of up to 96 pixels goes around what it is for.
const MinTile = 256

// ParseTile reads Options.Tile: "auto", "off" or a number of pixels.
func ParseTile(text string) (int, error) {
	switch text {
	case "auto":
		return 0, nil
	case "off":
		return Whole, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < MinTile || n > MaxSize {
		return 0, fmt.Errorf("%q is no side of tiles: choose auto, off, or %d to %d pixels", text, MinTile, MaxSize)
	}
	return n, nil
}
