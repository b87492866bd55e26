package live

import (
	"cmp"
	"fmt"
	"image"
	"math"
	"slices"

	"golang.org/x/image/draw"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/gouache-art/gouache/stylelib"
)

// FeatureMaps shows the strongest channels of a layer, those with the largest sums of squares, as
// grey pictures in a grid: black is 0, white the channel's maximum. A caption has the channel's
// number and its true size.
func FeatureMaps(f *stylelib.Features, count, columns int) {
	channels := f.Shape[3]
	energy := make([]float64, channels)
	for i, v := range f.Data {
		energy[i%channels] += float64(v) * float64(v)
	}
	order := make([]int, channels)
	for c := range order {
		order[c] = c
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(energy[b], energy[a]) })
	var pictures []Captioned
	for _, c := range order[:min(count, channels)] {
		pictures = append(pictures, Captioned{FeatureMap(f, c), fmt.Sprintf("%s, channel %d: %d×%d", f.Layer, c, f.Shape[2], f.Shape[1])})
	}
	Grid(columns, pictures...)
}

// FeatureMap returns one channel as a picture: black is 0, white the channel's maximum. Deep layers
// are small, and are enlarged by whole factors, so that their pixels show.
func FeatureMap(f *stylelib.Features, channel int) image.Image {
	height, width, channels := f.Shape[1], f.Shape[2], f.Shape[3]
	values := make([]float64, height*width)
	for i := range values {
		values[i] = float64(f.Data[i*channels+channel])
	}
	return enlarge(grey(values, width, slices.Max(values)))
}

// GramMatrix returns a layer's Gram matrix, FᵀF over the number of positions (loss.GramMatrix), row
// by row: [channels, channels].
func GramMatrix(f *stylelib.Features) []float32 {
	channels := f.Shape[3]
	positions := len(f.Data) / channels
	features := blas32.General{Rows: positions, Cols: channels, Stride: channels, Data: f.Data}
	gram := blas32.General{Rows: channels, Cols: channels, Stride: channels, Data: make([]float32, channels*channels)}
	blas32.Gemm(blas.Trans, blas.NoTrans, 1/float32(positions), features, features, 0, gram)
	return gram.Data
}

// Gram returns a layer's Gram matrix as a picture: a pixel's brightness is how much two channels
// occur together. It is the cube root, since a few pairs outshine all others.
func Gram(f *stylelib.Features) image.Image {
	gram := GramMatrix(f)
	values := make([]float64, len(gram))
	for i, v := range gram {
		values[i] = math.Cbrt(float64(v))
	}
	return enlarge(grey(values, f.Shape[3], slices.Max(values)))
}

// grey is a picture of numbers from 0, black, to high, white.
func grey(values []float64, width int, high float64) *image.Gray {
	m := image.NewGray(image.Rect(0, 0, width, len(values)/width))
	if high <= 0 {
		return m
	}
	for i, v := range values {
		m.Pix[i] = uint8(math.Round(255 * min(max(v/high, 0), 1)))
	}
	return m
}

// enlarge repeats pixels until the longer side has 128 at least.
func enlarge(m *image.Gray) image.Image {
	b := m.Bounds()
	factor := max(1, (127+max(b.Dx(), b.Dy()))/max(b.Dx(), b.Dy()))
	large := image.NewGray(image.Rect(0, 0, b.Dx()*factor, b.Dy()*factor))
	draw.NearestNeighbor.Scale(large, large.Bounds(), m, b, draw.Src, nil)
	return large
}
