package figures

import (
	"math"
	"sync"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// layer is a convolution of 3×3 pixels without padding, then a ReLU.
type layer struct {
	in, out int
	pool    bool      // average 2×2 pixels before
	kernel  []float32 // [out, in, 3, 3]
}

// network returns four layers with random weights that all programs share: untrained, they see
// local structure without having learned any.
var network = sync.OnceValue(func() []layer {
	layers := []layer{{in: 3, out: 32}, {in: 32, out: 48, pool: true}, {in: 48, out: 64, pool: true}, {in: 64, out: 96, pool: true}}
	random := newTwister(1)
	for i := range layers {
		l := &layers[i]
		l.kernel = random.torchNormals(9 * l.in * l.out)
		scale := float32(math.Sqrt(2 / float64(9*l.in)))
		for k := range l.kernel {
			l.kernel[k] *= scale
		}
	}
	return layers
})

// features are the channels of a layer, [c, h, w].
type features struct {
	c, h, w int
	v       []float32
}

// gram is a Gram matrix, divided by the number of positions.
type gram []float32

// grams returns a picture's Gram matrices at each layer.
func grams(channels [3]plane) (list []gram) {
	f := features{3, channels[0].h, channels[0].w, nil}
	for _, p := range channels {
		for _, v := range p.v {
			f.v = append(f.v, float32(v*2-1))
		}
	}
	for _, l := range network() {
		if l.pool {
			f = f.halved()
		}
		f = l.convolve(f)
		n := f.h * f.w
		g := make(gram, f.c*f.c)
		m := blas32.General{Rows: f.c, Cols: n, Stride: n, Data: f.v}
		blas32.Gemm(blas.NoTrans, blas.Trans, 1/float32(n), m, m, 0, blas32.General{Rows: f.c, Cols: f.c, Stride: f.c, Data: g})
		list = append(list, g)
	}
	return list
}

// distance is ‖g−of‖²/‖of‖².
func (g gram) distance(of gram) float64 {
	var apart, size float64
	for i, v := range of {
		d := float64(g[i]) - float64(v)
		apart += d * d
		size += float64(v) * float64(v)
	}
	return apart / size
}

// convolve applies the layer, row by row: a product of the kernel with what each position sees.
func (l layer) convolve(f features) features {
	out := features{l.out, f.h - 2, f.w - 2, make([]float32, l.out*(f.h-2)*(f.w-2))}
	seen := blas32.General{Rows: 9 * l.in, Cols: out.w, Stride: out.w, Data: make([]float32, 9*l.in*out.w)}
	kernel := blas32.General{Rows: l.out, Cols: 9 * l.in, Stride: 9 * l.in, Data: l.kernel}
	for y := range out.h {
		for k := range seen.Rows {
			c, dy, dx := k/9, k/3%3, k%3
			copy(seen.Data[k*out.w:(k+1)*out.w], f.v[(c*f.h+y+dy)*f.w+dx:])
		}
		// The rows of the result are those at y of all channels.
		row := blas32.General{Rows: l.out, Cols: out.w, Stride: out.h * out.w, Data: out.v[y*out.w:]}
		blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, kernel, seen, 0, row)
	}
	for i, v := range out.v {
		out.v[i] = max(v, 0)
	}
	return out
}

// halved averages blocks of 2×2 positions, without an odd last row or column.
func (f features) halved() features {
	half := features{f.c, f.h / 2, f.w / 2, nil}
	for c := range f.c {
		for y := range half.h {
			for x := range half.w {
				at := (c*f.h+2*y)*f.w + 2*x
				half.v = append(half.v, (f.v[at]+f.v[at+1]+f.v[at+f.w]+f.v[at+f.w+1])/4)
			}
		}
	}
	return half
}
