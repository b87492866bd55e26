package main

import "math"

// distances returns, for each pixel of a picture of the given width, how far the nearest marked one is, in pixels. The
// method is Felzenszwalb and Huttenlocher's (Distance Transforms of Sampled Functions, 2012): first along the columns,
// then along the rows, each time the lower envelope of parabolas.
func distances(marked []bool, width int) []float64 {
	height := len(marked) / width
	d := make([]float64, len(marked))
	for i, m := range marked {
		if !m {
			d[i] = 1e12
		}
	}
	e := newEnvelope(max(width, height))
	for x := range width {
		e.transform(d[x:], width, height)
	}
	for y := range height {
		e.transform(d[y*width:], 1, width)
	}
	for i := range d {
		d[i] = math.Sqrt(d[i])
	}
	return d
}

// An envelope is the room in which one line is transformed.
type envelope struct {
	values []float64
	roots  []int     // the parabolas of the envelope
	from   []float64 // where each begins to be the lowest
}

func newEnvelope(n int) *envelope {
	return &envelope{make([]float64, n), make([]int, n), make([]float64, n+1)}
}

// transform replaces the n squared distances line[0], line[stride] … by those that the line's own points allow.
func (e *envelope) transform(line []float64, stride, n int) {
	for i := range n {
		e.values[i] = line[i*stride]
	}
	last := 0
	e.roots[0], e.from[0], e.from[1] = 0, math.Inf(-1), math.Inf(1)
	for i := 1; i < n; i++ {
		s := e.meet(i, e.roots[last])
		for s <= e.from[last] {
			last--
			s = e.meet(i, e.roots[last])
		}
		last++
		e.roots[last], e.from[last], e.from[last+1] = i, s, math.Inf(1)
	}
	for i, k := 0, 0; i < n; i++ {
		for e.from[k+1] < float64(i) {
			k++
		}
		away := float64(i - e.roots[k])
		line[i*stride] = away*away + e.values[e.roots[k]]
	}
}

// meet returns where the parabolas at i and j cross.
func (e *envelope) meet(i, j int) float64 {
	return (e.values[i] + float64(i*i) - e.values[j] - float64(j*j)) / float64(2*(i-j))
}
