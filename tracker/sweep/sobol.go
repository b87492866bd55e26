package sweep

import (
	"math/rand/v2"
	"sync"

	"github.com/c-bata/goptuna/sobol"

	"github.com/gouache-art/gouache/tracker"
)

func init() {
	Register("sobol", Caps{}, func(space Space, seed int64) (Sampler, error) { return newSobol(space, seed), nil })
}

// quasirandom returns the points of Sobol's sequence, which fill the unit cube more evenly than
// random ones do. The seed moves them by a digital shift: each coordinate's binary digits are
// flipped where those of a random number are 1. This keeps them as even as they are (Owen,
// "Randomly permuted (t,m,s)-nets and (t,s)-sequences", 1995, has the general form). The first
// point, the origin before the shift, stays among them: without it 2^m points are no net (Owen, "On
// dropping the first Sobol' point", 2020).
type quasirandom struct {
	space Space
	shift []uint32

	mu     sync.Mutex
	engine *sobol.Engine
	drawn  [][]uint32 // the points so far, unshifted
}

func newSobol(space Space, seed int64) *quasirandom {
	q := &quasirandom{space: space, shift: make([]uint32, len(space))}
	r := rand.New(rand.NewPCG(uint64(seed), 0))
	for i := range q.shift {
		q.shift[i] = r.Uint32()
	}
	return q
}

// Points returns 0: there are 2^29 points, more than a sweep can have.
func (*quasirandom) Points() int { return 0 }

// Ask returns point n-1 of the shifted sequence.
func (q *quasirandom) Ask(n int, _ []Observation) (tracker.Params, error) {
	point := q.point(n - 1)
	unit := make([]float64, len(point))
	for i, x := range point {
		unit[i] = float64(x^q.shift[i]) / (1 << 32)
	}
	return q.space.At(unit), nil
}

// point returns a point of the sequence, counted from 0, each coordinate as its first 32 binary
// digits, with Joe and Kuo's direction numbers new-joe-kuo-6. goptuna's engine omits the origin and
// the second dimension.
func (q *quasirandom) point(n int) []uint32 {
	q.mu.Lock()
	defer q.mu.Unlock()
	dims := len(q.space)
	if q.engine == nil {
		q.engine = sobol.NewEngine(uint32(max(dims-1, 1)))
		q.drawn = [][]uint32{make([]uint32, dims)}
	}
	for len(q.drawn) <= n {
		point := make([]uint32, 0, dims)
		for i, x := range q.engine.Draw() {
			point = append(point, uint32(x*(1<<32)))
			if i == 0 {
				point = append(point, second(uint32(len(q.drawn))))
			}
		}
		q.drawn = append(q.drawn, point[:dims])
	}
	return q.drawn[n]
}

// second returns the second dimension's coordinate of a point. Its primitive polynomial is x+1 and
// its first direction number 1/2, so each direction number is the one before, exclusive-or'ed with
// itself shifted right by one.
func second(n uint32) uint32 {
	gray := n ^ n>>1
	x, direction := uint32(0), uint32(1)<<31
	for ; gray != 0; gray >>= 1 {
		if gray&1 != 0 {
			x ^= direction
		}
		direction ^= direction >> 1
	}
	return x
}
