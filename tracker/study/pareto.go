package study

import (
	"math"
	"slices"
)

// Pareto returns the indices of the points that no other point beats, both coordinates of which are to be small: by the
// first coordinate, then the second, then the index. A point beats another if it is less in one coordinate and not more
// in the other, so equal points are all on the front. Points with NaN are not.
func Pareto(points [][2]float64) []int {
	var order []int
	for i, p := range points {
		if !math.IsNaN(p[0]) && !math.IsNaN(p[1]) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return slices.Compare(points[a][:], points[b][:]) })
	var front []int
	for _, i := range order {
		if n := len(front); n == 0 || points[i][1] < points[front[n-1]][1] || points[i] == points[front[n-1]] {
			front = append(front, i)
		}
	}
	return front
}
