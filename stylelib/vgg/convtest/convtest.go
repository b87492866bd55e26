// Package convtest holds a slow convolution, written as its definition, and helpers to compare with it in tests.
package convtest

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// Planes are features on the host, [height, width, channels], in float64.
type Planes struct {
	Height, Width, Channels int
	Values                  []float64
}

// NewPlanes returns planes of zeros.
func NewPlanes(height, width, channels int) *Planes {
	return &Planes{height, width, channels, make([]float64, height*width*channels)}
}

// At returns the address of a value.
func (p *Planes) At(y, x, c int) *float64 { return &p.Values[(y*p.Width+x)*p.Channels+c] }

// Convolution is the definition: Y(y, x, o) = Σ K(i, j, c, o)·X(y+i−1, x+j−1, c), zero outside.
func Convolution(x *Planes, kernel []float32, out int) *Planes {
	result := NewPlanes(x.Height, x.Width, out)
	x.EachTap(func(row, column, i, j int) {
		for c := range x.Channels {
			v := *x.At(row+i-1, column+j-1, c)
			for o := range out {
				*result.At(row, column, o) += float64(kernel[((3*i+j)*x.Channels+c)*out+o]) * v
			}
		}
	})
	return result
}

// EachTap visits each position and each of its 3×3 neighbours that lies inside.
func (p *Planes) EachTap(visit func(row, column, i, j int)) {
	for row := range p.Height {
		for column := range p.Width {
			for i := range 3 {
				for j := range 3 {
					if y, x := row+i-1, column+j-1; y >= 0 && y < p.Height && x >= 0 && x < p.Width {
						visit(row, column, i, j)
					}
				}
			}
		}
	}
}

// Normal returns normal numbers of the given deviation.
func Normal(random *rand.Rand, n int, deviation float64) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(deviation * random.NormFloat64())
	}
	return values
}

// Run runs a graph of one output and returns it on the host.
func Run(t testing.TB, device compute.Backend, build func(in []*graph.Node) *graph.Node, inputs ...*tensors.Tensor) []float32 {
	t.Helper()
	args := make([]any, len(inputs))
	for i, in := range inputs {
		args[i] = in
	}
	out, err := graph.CallOnce(device, build, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer out.MustFinalizeAll()
	return Flat(t, out)
}

// Flat returns a tensor's values.
func Flat(t testing.TB, x *tensors.Tensor) []float32 {
	t.Helper()
	values, err := tensors.CopyFlatData[float32](x)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// RelativeL2 is ‖got−want‖/‖want‖.
func RelativeL2(got []float32, want []float64) float64 {
	var difference, size float64
	for i, w := range want {
		d := float64(got[i]) - w
		difference += d * d
		size += w * w
	}
	return math.Sqrt(difference / size)
}

// Doubles returns the values as float64.
func Doubles(values []float32) []float64 {
	wide := make([]float64, len(values))
	for i, v := range values {
		wide[i] = float64(v)
	}
	return wide
}
