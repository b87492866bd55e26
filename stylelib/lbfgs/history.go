package lbfgs

import (
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/optimize"
)

// pair is a step and the change of the gradient over it. In the comments below, the pairs are numbered
// from 0, the oldest, to k−1, and this one is number j.
type pair struct {
	s, y  *tensors.Tensor
	inner inner
}

func (p pair) free() { optimize.Free(p.s, p.y) }

// inner holds the inner products of a pair. A state stores it as JSON.
type inner struct {
	GS float64   `json:"gs"` // g·sⱼ, for the gradient g at the current point
	GY float64   `json:"gy"` // g·yⱼ
	YS []float64 `json:"ys"` // yⱼ·sᵢ for i ≤ j
	YY []float64 `json:"yy"` // yⱼ·yᵢ for i ≤ j
}

// newInner returns the inner products of a new pair: those of s and y with the gradient at the end of
// the step, s·y, y·y, and y with the history.
func newInner(gs, gy, sy, yy float64, yh []float64) inner {
	n := inner{GS: gs, GY: gy}
	for i := 0; i < len(yh); i += 2 {
		n.YS = append(n.YS, yh[i])
		n.YY = append(n.YY, yh[i+1])
	}
	n.YS, n.YY = append(n.YS, sy), append(n.YY, yy)
	return n
}

// curved reports whether a new pair may enter the history. This is L-BFGS-B's test (mainlb, "skip the
// L-BFGS update"), where −g·s = y·s − g⁺·s: a curvature below rounding would spoil the estimate.
func (n inner) curved(epsilon float64) bool {
	j := len(n.YS) - 1
	return n.YY[j] > 0 && n.YS[j] > epsilon*(n.YS[j]-n.GS)
}

// history is the limited memory of the inverse Hessian.
//
// Of the (2k+1)² inner products of {s, y, g} it keeps those that the two-loop recursion reads, and obtains them with
// few passes over the vectors: of a new pair, y·sᵢ and y·yᵢ are computed (the recursion never reads s·yᵢ for an older
// i), while g⁺·sᵢ and g⁺·yᵢ are known from the trial that became the new point.
type history struct {
	limit int
	pairs []pair // the oldest first
}

// vectors returns the vectors of all pairs: s₀, y₀, s₁, y₁, …
func (h *history) vectors() []*tensors.Tensor {
	var list []*tensors.Tensor
	for _, p := range h.pairs {
		list = append(list, p.s, p.y)
	}
	return list
}

// gradient returns the products of the gradient with the vectors.
func (h *history) gradient() []float64 {
	var list []float64
	for _, p := range h.pairs {
		list = append(list, p.inner.GS, p.inner.GY)
	}
	return list
}

// move replaces the products with the gradient by those at the new point.
func (h *history) move(gh []float64) {
	for i := range h.pairs {
		h.pairs[i].inner.GS, h.pairs[i].inner.GY = gh[2*i], gh[2*i+1]
	}
}

// add stores the pair of the step that move was called for, and drops the oldest if there are too many.
func (h *history) add(p pair) {
	h.pairs = append(h.pairs, p)
	h.trim(h.limit)
}

// trim drops the oldest pairs until n are left at most.
func (h *history) trim(n int) {
	for len(h.pairs) > n {
		h.pairs[0].free()
		h.pairs = h.pairs[1:]
		for i := range h.pairs {
			p := &h.pairs[i].inner
			p.YS, p.YY = p.YS[1:], p.YY[1:]
		}
	}
}

func (h *history) clear() {
	for _, p := range h.pairs {
		p.free()
	}
	h.pairs = nil
}

// direction returns the coefficients of −H·g with respect to vectors and g, in that order, where H is the estimate of
// the inverse Hessian that starts from γI: the two-loop recursion (Nocedal and Wright, algorithm 7.4) on coefficients
// (Chen, Wang and Zhou, algorithm 3), with γ = s·y/y·y of the newest pair (equation 7.20). An empty history gives −g.
func (h *history) direction() []float64 {
	k := len(h.pairs)
	c := make([]float64, 2*k+1)
	c[2*k] = -1
	if k == 0 {
		return c
	}
	in := func(i int) *inner { return &h.pairs[i].inner }
	alpha := make([]float64, k)
	for i := k - 1; i >= 0; i-- {
		sq := -in(i).GS // sᵢ·q
		for j := i + 1; j < k; j++ {
			sq += c[2*j+1] * in(j).YS[i]
		}
		alpha[i] = sq / in(i).YS[i]
		c[2*i+1] = -alpha[i]
	}
	gamma := in(k - 1).YS[k-1] / in(k - 1).YY[k-1]
	for i := range c {
		c[i] *= gamma
	}
	for i := range k {
		yr := c[2*k] * in(i).GY // yᵢ·r
		for j := range k {
			yr += c[2*j+1] * in(max(i, j)).YY[min(i, j)]
		}
		for j := range i {
			yr += c[2*j] * in(i).YS[j]
		}
		c[2*i] += alpha[i] - yr/in(i).YS[i]
	}
	return c
}

// slope returns g·d for the direction d of the given coefficients, where gg is g·g.
func (h *history) slope(d []float64, gg float64) float64 {
	return measurement{before: gg, gh: h.gradient()}.slope(d)
}
