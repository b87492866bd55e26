package study

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// TestPareto compares with all pairs of points, many of which are equal in a coordinate or both.
func TestPareto(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for range 500 {
		points := make([][2]float64, r.IntN(20))
		x, y := make([]float64, len(points)), make([]float64, len(points))
		for i := range points {
			points[i] = [2]float64{float64(r.IntN(6)), float64(r.IntN(6))}
			if r.IntN(10) == 0 {
				points[i][r.IntN(2)] = []float64{math.NaN(), math.Inf(1), math.Inf(-1)}[r.IntN(3)]
			}
			x[i], y[i] = points[i][0], points[i][1]
		}
		finite := func(p [2]float64) bool { return !math.IsNaN(p[0]+p[1]) && !math.IsInf(p[0], 0) && !math.IsInf(p[1], 0) }
		var want []int
		for i, p := range points {
			beaten := !finite(p)
			for _, q := range points {
				beaten = beaten || finite(q) && q[0] <= p[0] && q[1] <= p[1] && q != p
			}
			if !beaten {
				want = append(want, i)
			}
		}
		got := Front(x, y)
		if !slices.IsSortedFunc(got, func(a, b int) int { return slices.Compare(points[a][:], points[b][:]) }) {
			t.Fatalf("%v: %v is not in order", points, got)
		}
		slices.Sort(got)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%v: got %v, want %v", points, got, want)
		}
	}
}
