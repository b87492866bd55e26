package vgg

import (
	"math"

	"github.com/gouache-art/gouache/stylelib/vgg/convtest"
	"github.com/gouache-art/gouache/weights"
)

// slowPool returns the pooled planes.
func slowPool(x *convtest.Planes, opts Options) *convtest.Planes {
	result := convtest.NewPlanes(x.Height/2, x.Width/2, x.Channels)
	for row := range result.Height {
		for column := range result.Width {
			for c := range x.Channels {
				a, b := *x.At(2*row, 2*column, c), *x.At(2*row, 2*column+1, c)
				d, e := *x.At(2*row+1, 2*column, c), *x.At(2*row+1, 2*column+1, c)
				at, factor := result.At(row, column, c), 1.0
				switch opts.Pooling {
				case AveragePooling:
					*at, factor = (a+b+d+e)/4, 2
				case L2Pooling:
					*at, factor = math.Sqrt(a*a+b*b+d*d+e*e), 0.78
				default:
					*at = max(a, b, d, e)
				}
				if opts.Rescale {
					*at *= factor
				}
			}
		}
	}
	return result
}

// slowReplicate returns planes with a border of one more position, a copy of the nearest.
func slowReplicate(x *convtest.Planes) *convtest.Planes {
	result := convtest.NewPlanes(x.Height+2, x.Width+2, x.Channels)
	for row := range result.Height {
		for column := range result.Width {
			for c := range x.Channels {
				*result.At(row, column, c) = *x.At(min(max(row-1, 0), x.Height-1), min(max(column-1, 0), x.Width-1), c)
			}
		}
	}
	return result
}

// cutOut returns the part of planes from a row and column on.
func cutOut(x *convtest.Planes, from, height, width int) *convtest.Planes {
	result := convtest.NewPlanes(height, width, x.Channels)
	for row := range height {
		for column := range width {
			for c := range x.Channels {
				*result.At(row, column, c) = *x.At(from+row, from+column, c)
			}
		}
	}
	return result
}

// slowForward computes all features of a network, by its weights as they are in the file.
func slowForward(set *weights.Set, picture []float32, height, width int, opts Options) map[string]*convtest.Planes {
	pre := set.Preprocessing
	if pre == (weights.Preprocessing{}) {
		pre = weights.Caffe
	}
	x := convtest.NewPlanes(height, width, 3)
	for i := range height * width {
		for c := range 3 {
			from := c
			if pre.Order == "BGR" {
				from = 2 - c
			}
			x.Values[3*i+c] = (float64(picture[3*i+from])/255*pre.Range - pre.Mean[from]) / pre.Deviation[from]
		}
	}
	features := map[string]*convtest.Planes{}
	for i, l := range set.Layers {
		if i > 0 && l.Name[:6] != set.Layers[i-1].Name[:6] {
			x = slowPool(x, opts)
		}
		if i == 0 && opts.Replicate {
			x = convtest.Convolution(slowReplicate(x), l.Kernel, l.Out)
			x = cutOut(x, 1, height, width)
		} else {
			x = convtest.Convolution(x, l.Kernel, l.Out)
		}
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
