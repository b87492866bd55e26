package vgg

import (
	"github.com/gouache-art/gouache/weights"
)

// planes are features on the host, [height, width, channels], in float64, for the slow reference.
type planes struct {
	height, width, channels int
	values                  []float64
}

func newPlanes(height, width, channels int) *planes {
	return &planes{height, width, channels, make([]float64, height*width*channels)}
}

func fromFloats(values []float32, height, width, channels int) *planes {
	p := newPlanes(height, width, channels)
	for i, v := range values {
		p.values[i] = float64(v)
	}
	return p
}

func (p *planes) at(y, x, c int) *float64 { return &p.values[(y*p.width+x)*p.channels+c] }

// slowConvolution is the definition: Y(y, x, o) = Σ K(i, j, c, o)·X(y+i−1, x+j−1, c), zero outside.
func slowConvolution(x *planes, kernel []float32, out int) *planes {
	result := newPlanes(x.height, x.width, out)
	x.eachTap(func(row, column, i, j int) {
		for c := range x.channels {
			v := *x.at(row+i-1, column+j-1, c)
			for o := range out {
				*result.at(row, column, o) += float64(kernel[((3*i+j)*x.channels+c)*out+o]) * v
			}
		}
	})
	return result
}

// slowConvolutionPullback is the definition's transpose: it adds each product to where its factor came from.
func slowConvolutionPullback(g *planes, kernel []float32, in int) *planes {
	result := newPlanes(g.height, g.width, in)
	g.eachTap(func(row, column, i, j int) {
		for c := range in {
			for o := range g.channels {
				*result.at(row+i-1, column+j-1, c) += float64(kernel[((3*i+j)*in+c)*g.channels+o]) * *g.at(row, column, o)
			}
		}
	})
	return result
}

// eachTap visits each position and each of its 3×3 neighbours that lies inside.
func (p *planes) eachTap(visit func(row, column, i, j int)) {
	for row := range p.height {
		for column := range p.width {
			for i := range 3 {
				for j := range 3 {
					if y, x := row+i-1, column+j-1; y >= 0 && y < p.height && x >= 0 && x < p.width {
						visit(row, column, i, j)
					}
				}
			}
		}
	}
}

// slowPool returns the pooled planes.
func slowPool(x *planes, kind Pooling) *planes {
	result := newPlanes(x.height/2, x.width/2, x.channels)
	for row := range result.height {
		for column := range result.width {
			for c := range x.channels {
				a, b := *x.at(2*row, 2*column, c), *x.at(2*row, 2*column+1, c)
				d, e := *x.at(2*row+1, 2*column, c), *x.at(2*row+1, 2*column+1, c)
				if kind == AveragePooling {
					*result.at(row, column, c) = (a + b + d + e) / 4
				} else {
					*result.at(row, column, c) = max(a, b, d, e)
				}
			}
		}
	}
	return result
}

// slowForward computes all features of a network, by its weights as they are in the file.
func slowForward(set *weights.Set, picture []float32, height, width int, pooling Pooling) map[string]*planes {
	bgr := newPlanes(height, width, 3)
	for i := range height * width {
		for c := range 3 {
			bgr.values[3*i+c] = float64(picture[3*i+2-c]) - float64(Mean[2-c])
		}
	}
	features := map[string]*planes{}
	x := bgr
	for i, l := range set.Layers {
		if i > 0 && l.Name[:6] != set.Layers[i-1].Name[:6] {
			x = slowPool(x, pooling)
		}
		x = slowConvolution(x, l.Kernel, l.Out)
		for p := range x.height * x.width {
			for o := range l.Out {
				v := &x.values[p*l.Out+o]
				*v = max(0, *v+float64(l.Bias[o]))
			}
		}
		features[l.Name] = x
	}
	return features
}
