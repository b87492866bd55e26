package figures

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/spatial/kdtree"
	"gonum.org/v1/gonum/stat"
)

// quantiles describe a cloud of points by its quantiles along random directions: a row for each
// direction. Their mean distance is the sliced Wasserstein distance of two clouds (Bonneel et al.,
// "Sliced and Radon Wasserstein barycenters of measures", 2015).
type quantiles [][]float64

// project returns n quantiles of points, one a row, along a number of directions.
func project(points *mat.Dense, directions, n int) quantiles {
	_, dimensions := points.Dims()
	d := mat.NewDense(dimensions, directions, newTwister(0).numpyNormals(dimensions*directions))
	at := make([]float64, n)
	for i := range at {
		at[i] = (float64(i) + 0.5) / float64(n)
	}
	var along mat.Dense
	along.Mul(points, d)
	q := make(quantiles, directions)
	for i := range q {
		column := mat.Col(nil, i, &along)
		length := mat.Norm(d.ColView(i), 2)
		for k := range column {
			column[k] /= length
		}
		q[i] = quantilesOf(column, at)
	}
	return q
}

// distance is the mean absolute difference.
func (q quantiles) distance(other quantiles) float64 {
	var sum, n float64
	for i := range q {
		for k, v := range q[i] {
			sum += math.Abs(v - other[i][k])
			n++
		}
	}
	return sum / n
}

// quantilesOf returns quantiles, interpolated between neighbours (definition 7 of Hyndman and Fan,
// "Sample quantiles in statistical packages", 1996).
func quantilesOf(values, at []float64) []float64 {
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	list := make([]float64, len(at))
	for i, q := range at {
		place := q * float64(len(sorted)-1)
		below := int(place)
		above := min(below+1, len(sorted)-1)
		list[i] = sorted[below] + (place-float64(below))*(sorted[above]-sorted[below])
	}
	return list
}

// paletteOf returns quantiles of colours.
func paletteOf(lab [3]plane) quantiles {
	points := mat.NewDense(len(lab[0].v), 3, nil)
	for c, p := range lab {
		points.SetCol(c, p.v)
	}
	return project(points, 64, 512)
}

// patchQuantiles are quantiles of patches in units of a deviation.
type patchQuantiles struct {
	quantiles
	deviation float64
}

// patchesOf returns quantiles of 6000 random patches of 7×7 pixels, divided by a deviation; 0 means
// their own.
func patchesOf(channels [3]plane, deviation float64) patchQuantiles {
	const side, n = 7, 6000
	random := newTwister(0)
	wide, high := channels[0].w-side+1, channels[0].h-side+1
	points := mat.NewDense(n, 3*side*side, nil)
	for i := range n {
		at := random.below(wide * high)
		row := points.RawRowView(i)
		for c, p := range channels {
			for y := range side {
				copy(row[(c*side+y)*side:], p.v[(at/wide+y)*p.w+at%wide:][:side])
			}
		}
	}
	if deviation == 0 {
		deviation = stat.StdDev(points.RawMatrix().Data, nil)
	}
	points.Scale(1/deviation, points)
	return patchQuantiles{project(points, 128, 256), deviation}
}

// levels is the number of levels of detail that are compared.
const levels = 3

// laplace returns the levels of a Laplacian pyramid, the finest first: what is lost when the
// picture is halved and enlarged again.
func laplace(channels [3]plane) (pyramid [levels][3]plane) {
	for level := range pyramid {
		for c, p := range channels {
			half := p.halved()
			pyramid[level][c] = p.minus(half.enlarged(p.w, p.h))
			channels[c] = half
		}
	}
	return pyramid
}

// halved averages blocks of 2×2 pixels, without an odd last row or column.
func (p plane) halved() plane {
	half := newPlane(p.w/2, p.h/2)
	for i := range half.v {
		at := 2*(i/half.w)*p.w + 2*(i%half.w)
		half.v[i] = (p.v[at] + p.v[at+1] + p.v[at+p.w] + p.v[at+p.w+1]) / 4
	}
	return half
}

// enlarged interpolates linearly, with the corners of the pictures at the same place.
func (p plane) enlarged(w, h int) plane {
	place := func(i, n, of int) (below, above int, t float64) {
		at := max(0, (float64(i)+0.5)*float64(n)/float64(of)-0.5)
		below = int(at)
		return below, min(below+1, n-1), at - float64(below)
	}
	out := newPlane(w, h)
	for y := range h {
		y0, y1, ty := place(y, p.h, h)
		for x := range w {
			x0, x1, tx := place(x, p.w, w)
			top := p.v[y0*p.w+x0]*(1-tx) + p.v[y0*p.w+x1]*tx
			bottom := p.v[y1*p.w+x0]*(1-tx) + p.v[y1*p.w+x1]*tx
			out.v[y*w+x] = top*(1-ty) + bottom*ty
		}
	}
	return out
}

// colours are the colours of a picture, rounded to 2 in Lab.
type colours struct{ tree *kdtree.Tree }

func newColours(lab [3]plane) *colours {
	known := map[[3]float64]bool{}
	var points kdtree.Points
	for i := range lab[0].v {
		var colour [3]float64
		for c, p := range lab {
			colour[c] = 2 * math.RoundToEven(p.v[i]/2)
		}
		if !known[colour] {
			known[colour] = true
			points = append(points, colour[:])
		}
	}
	return &colours{kdtree.New(points, false)}
}

// farther returns the share of pixels that are farther than a distance from all of the colours.
func (c *colours) farther(lab [3]plane, distance float64) float64 {
	n := 0
	for i := range lab[0].v {
		_, squared := c.tree.Nearest(kdtree.Point{lab[0].v[i], lab[1].v[i], lab[2].v[i]})
		if squared > distance*distance {
			n++
		}
	}
	return float64(n) / float64(len(lab[0].v))
}
