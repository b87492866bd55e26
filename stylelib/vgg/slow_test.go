package vgg

import (
	"github.com/gouache-art/gouache/stylelib/vgg/convtest"
	"github.com/gouache-art/gouache/weights"
)

// slowPool returns the pooled planes.
func slowPool(x *convtest.Planes, kind Pooling) *convtest.Planes {
	result := convtest.NewPlanes(x.Height/2, x.Width/2, x.Channels)
	for row := range result.Height {
		for column := range result.Width {
			for c := range x.Channels {
				a, b := *x.At(2*row, 2*column, c), *x.At(2*row, 2*column+1, c)
				d, e := *x.At(2*row+1, 2*column, c), *x.At(2*row+1, 2*column+1, c)
				if kind == AveragePooling {
					*result.At(row, column, c) = (a + b + d + e) / 4
				} else {
					*result.At(row, column, c) = max(a, b, d, e)
				}
			}
		}
	}
	return result
}

// slowForward computes all features of a network, by its weights as they are in the file.
func slowForward(set *weights.Set, picture []float32, height, width int, pooling Pooling) map[string]*convtest.Planes {
	bgr := convtest.NewPlanes(height, width, 3)
	for i := range height * width {
		for c := range 3 {
			bgr.Values[3*i+c] = float64(picture[3*i+2-c]) - float64(Mean[2-c])
		}
	}
	features := map[string]*convtest.Planes{}
	x := bgr
	for i, l := range set.Layers {
		if i > 0 && l.Name[:6] != set.Layers[i-1].Name[:6] {
			x = slowPool(x, pooling)
		}
		x = convtest.Convolution(x, l.Kernel, l.Out)
		for p := range x.Height * x.Width {
			for o := range l.Out {
				v := &x.Values[p*l.Out+o]
				*v = max(0, *v+float64(l.Bias[o]))
			}
		}
		features[l.Name] = x
	}
	return features
}
