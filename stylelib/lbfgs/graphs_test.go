package lbfgs

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/optimize"
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
				checkCompact(t, n, mean, 1e-6)
			})
		}
	}
}

// vectors returns some with elements around multiples of the mean, on the host and as tensors.
func vectors[T float32 | float64](count, n int, mean float64) (hosts [][]T, on []*tensors.Tensor) {
	for i := range count {
		v := noise[T](n, uint64(i))
		for j := range v {
			v[j] += T(mean * float64(i+1))
		}
		hosts, on = append(hosts, v), append(on, tensor(v))
	}
	return hosts, on
}

// product is an inner product that was computed, of two vectors.
type product[T float32 | float64] struct {
	name string
	got  float64
	a, b []T
}

func checkProducts[T float32 | float64](t *testing.T, tolerance float64, list ...product[T]) {
	t.Helper()
	for _, p := range list {
		want, size := inner64(p.a, p.b)
		if math.Abs(p.got-want) > tolerance*size {
			t.Errorf("%T: %s = %v, expected %v: an error of %.2g of Σ|aᵢbᵢ|", p.a, p.name, p.got, want, math.Abs(p.got-want)/size)
		}
	}
}

func checkMeasure[T float32 | float64](t *testing.T, n int, mean, tolerance float64) {
	t.Helper()
	hosts, on := vectors[T](6, n, mean) // x, x⁺, g, g⁺, and a history of one pair
	d, err := newOperations(xla, layout{pairs: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	m := history{limit: 3, pairs: []pair{{s: on[4], y: on[5], inner: inner{GS: 5, GY: 7}}}}
	q, p, err := d.measure(point{x: on[0], g: on[2]}, point{x: on[1], g: on[3]}, &m)
	if err != nil {
		t.Fatal(err)
	}
	defer p.free()
	s, y, g := minus(hosts[1], hosts[0]), minus(hosts[3], hosts[2]), hosts[3]
	if !slices.Equal(values[T](t, p.s), s) || !slices.Equal(values[T](t, p.y), y) {
		t.Error("s and y are not the differences")
	}
	for _, v := range []struct{ vector, from, to *tensors.Tensor }{{p.s, on[0], on[1]}, {p.y, on[2], on[3]}} {
		again, err := d.difference(v.to, v.from)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(values[T](t, again), values[T](t, v.vector)) {
			t.Error("a difference that is made again is another")
		}
		optimize.Free(again)
	}
	checkProducts(t, tolerance,
		product[T]{"g·g", q.gg, g, g}, product[T]{"s·s", q.ss, s, s}, product[T]{"g·s", p.inner.GS, g, s}, product[T]{"g·y", p.inner.GY, g, y},
		product[T]{"s·y", p.inner.YS[1], s, y}, product[T]{"y·y", p.inner.YY[1], y, y},
		product[T]{"y·h₀", p.inner.YS[0], y, hosts[4]}, product[T]{"y·h₁", p.inner.YY[0], y, hosts[5]})
	if want := []float64{5 + p.inner.YS[0], 7 + p.inner.YY[0]}; !slices.Equal(q.gh, want) {
		t.Errorf("g⁺·h = %v, expected %v", q.gh, want)
	}
	if q.before != q.gg-p.inner.GY {
		t.Errorf("g⁺·g = %v, expected %v", q.before, q.gg-p.inner.GY)
	}
}

// With a compact history the vectors of a pair are rounded, and its inner products are those of the rounded ones.
func checkCompact(t *testing.T, n int, mean, tolerance float64) {
	t.Helper()
	hosts, on := vectors[float32](6, n, mean)
	d, err := newOperations(xla, layout{pairs: 3, compact: true})
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	difference := func(a, b int) (*tensors.Tensor, []float32) {
		v, err := d.difference(on[a], on[b])
		if err != nil {
			t.Fatal(err)
		}
		got := wide(t, v)
		if !slices.Equal(got, rounded(minus(hosts[a], hosts[b]))) {
			t.Error("s and y are not the rounded differences")
		}
		return v, got
	}
	m := history{limit: 3, pairs: []pair{{}}}
	defer m.clear()
	var h0, h1 []float32
	m.pairs[0].s, h0 = difference(4, 0)
	m.pairs[0].y, h1 = difference(5, 0)
	q, p, err := d.measure(point{x: on[0], g: on[2]}, point{x: on[1], g: on[3]}, &m)
	if err != nil {
		t.Fatal(err)
	}
	if p.s != nil || p.y != nil {
		t.Error("measuring a trial made vectors")
	}
	s, g := minus(hosts[1], hosts[0]), hosts[3]
	checkProducts(t, tolerance,
		product[float32]{"g·g", q.gg, g, g}, product[float32]{"g⁺·g", q.before, g, hosts[2]}, product[float32]{"s·s", q.ss, s, s},
		product[float32]{"g·h₀", q.gh[0], g, h0}, product[float32]{"g·h₁", q.gh[1], g, h1})

	defer p.free()
	var y []float32
	p.s, s = difference(1, 0)
	p.y, y = difference(3, 2)
	if p.inner, err = d.products(on[3], p, m.vectors()); err != nil {
		t.Fatal(err)
	}
	checkProducts(t, tolerance,
		product[float32]{"g·s", p.inner.GS, g, s}, product[float32]{"g·y", p.inner.GY, g, y},
		product[float32]{"s·y", p.inner.YS[1], s, y}, product[float32]{"y·y", p.inner.YY[1], y, y},
		product[float32]{"y·h₀", p.inner.YS[0], y, h0}, product[float32]{"y·h₁", p.inner.YY[0], y, h1})
}

// wide returns the elements of a vector of a compact history.
func wide(t *testing.T, v *tensors.Tensor) []float32 {
	t.Helper()
	list, err := tensors.CopyFlatData[bfloat16.BFloat16](v)
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, len(list))
	for i, e := range list {
		x[i] = e.Float32()
	}
	return x
}

// rounded returns numbers rounded to eight bits of mantissa, to even where there are two nearest.
func rounded(x []float32) []float32 {
	list := make([]float32, len(x))
	for i, v := range x {
		bits := math.Float32bits(v)
		list[i] = math.Float32frombits((bits + 0x7fff + bits>>16&1) &^ 0xffff)
	}
	return list
}

// The trial point is the linear combination.
func TestAdvance(t *testing.T) {
	const n = 1001
	d, err := newOperations(xla, layout{pairs: 3})
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
		optimize.Free(x)
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

// Runs that share graphs, beside each other and with other shapes and memories, find what runs with separate graphs do.
func TestSharedGraphs(t *testing.T) {
	graphs := NewGraphs(xla)
	defer graphs.Close()
	function := rosenbrock(t)
	var together sync.WaitGroup
	for _, memory := range []int{3, 5} {
		for _, n := range []int{20, 50} {
			x0 := tensor(noise[float32](n, uint64(n)))
			alone := minimum(t, Minimizer{History: memory, MaxIterations: 30}, function, x0)
			together.Go(func() {
				for range 3 {
					shared, err := Minimizer{History: memory, MaxIterations: 30, Graphs: graphs}.Minimize(t.Context(), xla, function, x0)
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
	if len(graphs.cache) != 2 {
		t.Errorf("%d sets of graphs for two memories", len(graphs.cache))
	}
}
