package lbfgs

import (
	"github.com/gomlx/gomlx/core/tensors"
)

// maxMemory bounds the number of pairs. Nocedal and Wright (section 7.2) recommend 3 to 20.
const maxMemory = 100

// pair is a step and the change of the gradient over it. In what follows, the pairs are numbered from 0, the oldest, to
// k−1, and this one is number j.
type pair struct {
	s, y *tensors.Tensor
	inner
}

// inner holds the inner products of a pair; a state writes it as JSON.
type inner struct {
	GS float64   `json:"gs"` // g·sⱼ, for the gradient g at the current point
	GY float64   `json:"gy"` // g·yⱼ
	YS []float64 `json:"ys"` // yⱼ·sᵢ for i ≤ j
	YY []float64 `json:"yy"` // yⱼ·yᵢ for i ≤ j
}

// newInner returns the inner products of a new pair: those of s and y with the gradient where it leads to, s·y, y·y, and
// y with the history.
func newInner(gs, gy, sy, yy float64, yh []float64) inner {
	n := inner{GS: gs, GY: gy}
	for i := 0; i < len(yh); i += 2 {
		n.YS = append(n.YS, yh[i])
		n.YY = append(n.YY, yh[i+1])
	}
	n.YS, n.YY = append(n.YS, sy), append(n.YY, yy)
	return n
}

// curved reports whether a pair that was just made may enter the memory. This is L-BFGS-B's test (mainlb, "skip the
// L-BFGS update"), where −g·s = y·s − g⁺·s: a curvature below rounding would spoil the estimate.
func (n inner) curved(epsilon float64) bool {
	j := len(n.YS) - 1
	return n.YY[j] > 0 && n.YS[j] > epsilon*(n.YS[j]-n.GS)
}

func (p pair) free() { free(p.s, p.y) }

// memory is the limited memory of the inverse Hessian.
//
// Of the (2k+1)² inner products of {s, y, g} it keeps those that the two-loop recursion reads, and obtains them with
// few passes over the vectors: of a new pair, y·sᵢ and y·yᵢ are computed (the recursion never reads s·yᵢ for an older
// i), while g⁺·sᵢ and g⁺·yᵢ are known from the trial that became the new point.
type memory struct {
	limit int
	pairs []pair // the oldest first
}

// vectors returns the history: s₀, y₀, s₁, y₁, …
func (m *memory) vectors() []*tensors.Tensor {
	var list []*tensors.Tensor
	for _, p := range m.pairs {
		list = append(list, p.s, p.y)
	}
	return list
}

// gradient returns the products of the gradient with the history.
func (m *memory) gradient() []float64 {
	var list []float64
	for _, p := range m.pairs {
		list = append(list, p.GS, p.GY)
	}
	return list
}

// move brings the products with the gradient to the new point.
func (m *memory) move(gh []float64) {
	for i := range m.pairs {
		m.pairs[i].GS, m.pairs[i].GY = gh[2*i], gh[2*i+1]
	}
}

// add stores the pair of the step that move was called for, and drops the oldest if there are too many.
func (m *memory) add(p pair) {
	m.pairs = append(m.pairs, p)
	m.trim(m.limit)
}

// trim drops the oldest pairs, so that so many are left at most.
func (m *memory) trim(most int) {
	for len(m.pairs) > most {
		m.pairs[0].free()
		m.pairs = m.pairs[1:]
		for i := range m.pairs {
			m.pairs[i].YS, m.pairs[i].YY = m.pairs[i].YS[1:], m.pairs[i].YY[1:]
		}
	}
}

func (m *memory) clear() {
	for _, p := range m.pairs {
		p.free()
	}
	m.pairs = nil
}

// direction returns the coefficients of −H·g with respect to vectors and g, in that order, where H is the estimate of
// the inverse Hessian that starts from γI: the two-loop recursion (Nocedal and Wright, algorithm 7.4) on coefficients
// (Chen, Wang and Zhou, algorithm 3), with γ = s·y/y·y of the newest pair (equation 7.20). An empty memory gives −g.
func (m *memory) direction() []float64 {
	k := len(m.pairs)
	c := make([]float64, 2*k+1)
	c[2*k] = -1
	if k == 0 {
		return c
	}
	alpha := make([]float64, k)
	for i := k - 1; i >= 0; i-- {
		sq := -m.pairs[i].GS // sᵢ·q
		for j := i + 1; j < k; j++ {
			sq += c[2*j+1] * m.pairs[j].YS[i]
		}
		alpha[i] = sq / m.pairs[i].YS[i]
		c[2*i+1] = -alpha[i]
	}
	gamma := m.pairs[k-1].YS[k-1] / m.pairs[k-1].YY[k-1]
	for i := range c {
		c[i] *= gamma
	}
	for i := range k {
		yr := c[2*k] * m.pairs[i].GY // yᵢ·r
		for j := range k {
			yr += c[2*j+1] * m.pairs[max(i, j)].YY[min(i, j)]
		}
		for j := range i {
			yr += c[2*j] * m.pairs[i].YS[j]
		}
		c[2*i] += alpha[i] - yr/m.pairs[i].YS[i]
	}
	return c
}

// slope returns g·d for the direction d of the given coefficients, where gg is g·g.
func (m *memory) slope(d []float64, gg float64) float64 {
	k := len(m.pairs)
	slope := d[2*k] * gg
	for i, p := range m.pairs {
		slope += d[2*i]*p.GS + d[2*i+1]*p.GY
	}
	return slope
}
