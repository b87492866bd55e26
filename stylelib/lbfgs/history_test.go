package lbfgs

import (
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/floats"

	"github.com/gouache-art/gouache/stylelib/optimize"
)

// The direction from inner products is that of the two-loop recursion on vectors, at each of twenty steps of a random
// walk, although the products with older gradients are carried along and not computed anew.
func TestDirection(t *testing.T) {
	for _, limit := range []int{1, 2, 5, 30} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			checkDirections[float64](t, limit, 1e-13) // 1e-15 was seen
			checkDirections[float32](t, limit, 1e-5)  // 4e-7 was seen
		})
	}
}

// checkDirections walks on a quadratic function whose curvatures span three orders of magnitude.
func checkDirections[T float32 | float64](t *testing.T, limit int, tolerance float64) {
	t.Helper()
	const n = 3000
	d, err := newOperations(xla, layout{pairs: limit})
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	slow := twoLoop{limit: limit}
	fast := history{limit: limit}
	defer fast.clear()
	x := noise[T](n, 1)
	at := point{x: tensor(x), g: tensor(bowl(x))}
	for step := range 20 {
		g := bowl(x)
		next := make([]T, n)
		for i, r := range noise[T](n, uint64(100+step)) {
			next[i] = x[i] - 0.0005*g[i] + 0.01*r
		}
		to := point{x: tensor(next), g: tensor(bowl(next))}
		q, p, err := d.measure(at, to, &fast)
		if err != nil {
			t.Fatal(err)
		}
		fast.move(q.gh)
		fast.add(p)
		slow.add(widen(minus(next, x)), widen(minus(bowl(next), g)))
		x, at = next, to

		origin := tensor(make([]T, n))
		c := fast.direction()
		moved, err := d.advance(origin, at.g, fast.vectors(), c)
		if err != nil {
			t.Fatal(err)
		}
		gradient := widen(bowl(x))
		got, want := widen(values[T](t, moved)), slow.direction(gradient)
		optimize.Free(moved, origin)
		if e := distance(got, want); !(e < tolerance) {
			t.Fatalf("%T, step %d: the direction differs by %.2g of its length", x, step, e)
		}
		slope := floats.Dot(want, gradient)
		if got := fast.slope(c, q.gg); math.Abs(got-slope) > tolerance*math.Abs(slope) {
			t.Fatalf("%T, step %d: a slope of %v, expected %v", x, step, got, slope)
		}
	}
}

// The slope at a trial point is that of the gradient there, along a direction that the memory knows.
func TestSlope(t *testing.T) {
	const n, limit = 500, 4
	d, err := newOperations(xla, layout{pairs: limit})
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	m := history{limit: limit}
	defer m.clear()
	var points [][]float64
	for i := range 5 {
		points = append(points, noise[float64](n, uint64(i)))
	}
	at := func(i int) point { return point{x: tensor(points[i]), g: tensor(bowl(points[i]))} }
	for i := range 3 {
		q, p, err := d.measure(at(i), at(i+1), &m)
		if err != nil {
			t.Fatal(err)
		}
		m.move(q.gh)
		m.add(p)
	}
	q, p, err := d.measure(at(3), at(4), &m)
	if err != nil {
		t.Fatal(err)
	}
	defer p.free()
	c := noise[float64](7, 77)
	direction := make([]float64, n)
	floats.AddScaled(direction, c[6], bowl(points[3]))
	for i := range 3 {
		floats.AddScaled(direction, c[2*i], minus(points[i+1], points[i]))
		floats.AddScaled(direction, c[2*i+1], minus(bowl(points[i+1]), bowl(points[i])))
	}
	want := floats.Dot(direction, bowl(points[4]))
	if got := q.slope(c); math.Abs(got-want) > 1e-11*floats.Norm(direction, 2)*floats.Norm(bowl(points[4]), 2) {
		t.Errorf("a slope of %v, expected %v", got, want)
	}
}

// bowl is the gradient of a quadratic function with curvatures from 1 to 1000.
func bowl[T float32 | float64](x []T) []T {
	g := make([]T, len(x))
	for i, v := range x {
		g[i] = v * T(math.Pow(1000, float64(i)/float64(len(x)-1)))
	}
	return g
}

// distance returns the distance of two vectors as a fraction of the second one's length.
func distance(got, want []float64) float64 {
	return floats.Distance(got, want, 2) / floats.Norm(want, 2)
}

func widen[T float32 | float64](x []T) []float64 {
	list := make([]float64, len(x))
	for i, v := range x {
		list[i] = float64(v)
	}
	return list
}

// twoLoop is algorithm 7.4 of Nocedal and Wright as it stands in the book, on vectors.
type twoLoop struct {
	limit int
	s, y  [][]float64
}

func (m *twoLoop) add(s, y []float64) {
	m.s, m.y = append(m.s, s), append(m.y, y)
	if len(m.s) > m.limit {
		m.s, m.y = m.s[1:], m.y[1:]
	}
}

func (m *twoLoop) direction(g []float64) []float64 {
	q := append([]float64(nil), g...)
	alpha := make([]float64, len(m.s))
	for i := len(m.s) - 1; i >= 0; i-- {
		alpha[i] = floats.Dot(m.s[i], q) / floats.Dot(m.s[i], m.y[i])
		floats.AddScaled(q, -alpha[i], m.y[i])
	}
	last := len(m.s) - 1
	floats.Scale(floats.Dot(m.s[last], m.y[last])/floats.Dot(m.y[last], m.y[last]), q)
	for i := range m.s {
		beta := floats.Dot(m.y[i], q) / floats.Dot(m.s[i], m.y[i])
		floats.AddScaled(q, alpha[i]-beta, m.s[i])
	}
	floats.Scale(-1, q)
	return q
}
