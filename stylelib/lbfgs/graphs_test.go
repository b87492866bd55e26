package lbfgs

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"
)

// Inner products agree with sums in float64 on the host, as far as the vectors' type allows.
func TestMeasure(t *testing.T) {
	for _, n := range []int{1, 7, 1000, 3 * 257 * 311, 512 * 512 * 3} {
		for _, mean := range []float64{0, 1, 100} {
			t.Run(fmt.Sprintf("%d/mean %v", n, mean), func(t *testing.T) {
				// With float32, 2e-7 is the largest error seen; a sum one by one errs by 1e-4 at the larger sizes. With
				// float64 it is the sum here that errs, by up to 4e-14.
				checkMeasure[float32](t, n, mean, 1e-6)
				checkMeasure[float64](t, n, mean, 1e-12)
			})
		}
	}
}

func checkMeasure[T float32 | float64](t *testing.T, n int, mean, tolerance float64) {
	t.Helper()
	var hosts [][]T // x, x⁺, g, g⁺, and a history of one pair
	var on []*tensors.Tensor
	for i := range 6 {
		v := noise[T](n, uint64(i))
		for j := range v {
			v[j] += T(mean * float64(i+1))
		}
		hosts, on = append(hosts, v), append(on, tensor(v))
	}
	d, err := newDevice(xla, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	s, y, m, err := d.measure(point{x: on[0], g: on[2]}, point{x: on[1], g: on[3]}, on[4:])
	if err != nil {
		t.Fatal(err)
	}
	defer free(s, y)
	sHost, yHost, g := minus(hosts[1], hosts[0]), minus(hosts[3], hosts[2]), hosts[3]
	if !slices.Equal(values[T](t, s), sHost) || !slices.Equal(values[T](t, y), yHost) {
		t.Error("s and y are not the differences")
	}
	if len(m.yh) != 2 {
		t.Fatalf("%d products with the history, expected 2", len(m.yh))
	}
	for _, c := range []struct {
		name string
		got  float64
		a, b []T
	}{
		{"g·g", m.gg, g, g}, {"g·s", m.gs, g, sHost}, {"g·y", m.gy, g, yHost},
		{"s·s", m.ss, sHost, sHost}, {"s·y", m.sy, sHost, yHost}, {"y·y", m.yy, yHost, yHost},
		{"y·h₀", m.yh[0], yHost, hosts[4]}, {"y·h₁", m.yh[1], yHost, hosts[5]},
	} {
		want, size := inner64(c.a, c.b)
		if math.Abs(c.got-want) > tolerance*size {
			t.Errorf("%T: %s = %v, expected %v: an error of %.2g of Σ|aᵢbᵢ|", c.a, c.name, c.got, want, math.Abs(c.got-want)/size)
		}
	}
}

// The trial point is the linear combination.
func TestAdvance(t *testing.T) {
	const n = 1001
	d, err := newDevice(xla, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	var hosts [][]float64
	var on []*tensors.Tensor
	for i := range 8 {
		hosts = append(hosts, noise[float64](n, uint64(i)))
		on = append(on, tensor(hosts[i]))
	}
	for _, pairs := range []int{0, 1, 3} {
		c := noise[float64](2*pairs+1, 99)
		x, err := d.advance(on[0], on[1], on[2:][:2*pairs], c)
		if err != nil {
			t.Fatal(err)
		}
		got := values[float64](t, x)
		free(x)
		for i := range n {
			want := hosts[0][i] + c[2*pairs]*hosts[1][i]
			for j := range 2 * pairs {
				want += c[j] * hosts[2+j][i]
			}
			if math.Abs(got[i]-want) > 1e-14*20 {
				t.Fatalf("%d pairs: element %d is %v, expected %v", pairs, i, got[i], want)
			}
		}
	}
}

// inner64 returns a·b and Σ|aᵢbᵢ|, summed in float64.
func inner64[T float32 | float64](a, b []T) (dot, size float64) {
	for i := range a {
		p := float64(a[i]) * float64(b[i])
		dot += p
		size += math.Abs(p)
	}
	return dot, size
}

func minus[T float32 | float64](a, b []T) []T {
	list := make([]T, len(a))
	for i := range a {
		list[i] = a[i] - b[i]
	}
	return list
}

// Runs that share graphs, beside each other and with other shapes and memories, find what runs of their own do.
func TestSharedGraphs(t *testing.T) {
	graphs := NewGraphs(xla)
	defer graphs.Close()
	function := rosenbrock(t)
	var together sync.WaitGroup
	for _, memory := range []int{3, 5} {
		for _, n := range []int{20, 50} {
			x0 := tensor(noise[float32](n, uint64(n)))
			alone := minimum(t, Minimizer{Memory: memory, MaxIterations: 30}, function, x0)
			together.Go(func() {
				for range 3 {
					shared, err := Minimizer{Memory: memory, MaxIterations: 30, Graphs: graphs}.Minimize(t.Context(), xla, function, x0)
					if err != nil {
						t.Error(err)
						return
					}
					if !slices.Equal(values[float32](t, shared.X), values[float32](t, alone.X)) {
						t.Errorf("memory %d, %d elements: the points differ", memory, n)
					}
					shared.X.MustFinalizeAll()
				}
			})
		}
	}
	together.Wait()
	if len(graphs.devices) != 2 {
		t.Errorf("%d sets of graphs for two memories", len(graphs.devices))
	}
}
