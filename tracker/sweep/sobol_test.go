package sweep

import (
	"math"
	"reflect"
	"slices"
	"testing"
)

// TestSobolPoints compares with SciPy's sequence, which is not scrambled.
func TestSobolPoints(t *testing.T) {
	for dims := 1; dims <= len(golden.Sobol[0]); dims++ {
		q := newSobol(make(Space, dims), 0)
		for i, want := range golden.Sobol {
			if got := q.point(i); !reflect.DeepEqual(got, want[:dims]) {
				t.Fatalf("%d dimensions, point %d: got %v, want %v", dims, i, got, want[:dims])
			}
		}
	}
}

// TestSobolNet: whatever the seed, the first 2^m points have one in each 2^m-th of every dimension,
// and for the first two dimensions one in each rectangle of area 2^-m whose sides are powers of a
// half.
func TestSobolNet(t *testing.T) {
	const m = 6
	space := function{dims: 5}.cube()
	for seed := range int64(10) {
		s := newSobol(space, seed)
		points := make([][]float64, 1<<m)
		for n := range points {
			p, err := s.Ask(n+1, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range space {
				points[n] = append(points[n], p[d.Name].(float64))
			}
		}
		for dim := range space {
			if !oneEach(points, func(x []float64) int { return int(x[dim] * (1 << m)) }) {
				t.Errorf("seed %d: dimension %d is not even", seed, dim)
			}
		}
		for k := range m + 1 {
			if !oneEach(points, func(x []float64) int {
				return int(x[0]*math.Exp2(float64(k)))<<(m-k) + int(x[1]*math.Exp2(float64(m-k)))
			}) {
				t.Errorf("seed %d: the first two dimensions are not a net", seed)
			}
		}
	}
}

// oneEach reports whether each box holds one point.
func oneEach(points [][]float64, box func(x []float64) int) bool {
	var boxes []int
	for _, x := range points {
		boxes = append(boxes, box(x))
	}
	slices.Sort(boxes)
	for i, b := range boxes {
		if b != i {
			return false
		}
	}
	return true
}
