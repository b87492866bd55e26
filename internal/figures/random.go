package figures

import (
	"math"

	"gonum.org/v1/gonum/mathext/prng"
)

// twister draws the numbers that NumPy's RandomState and PyTorch's generator of the CPU draw: both
// use the Mersenne Twister of 32 bits, and differ in what they make of its words. With them figures
// are the same to the last digits as those of programs in Python.
type twister struct{ *prng.MT19937 }

func newTwister(seed uint64) twister {
	t := twister{prng.NewMT19937()}
	t.Seed(seed)
	return t
}

// numpyNormals returns n normal numbers as RandomState.randn does: by Marsaglia's polar method, of
// whose pairs the second number comes first.
func (t twister) numpyNormals(n int) []float64 {
	uniform := func() float64 { // 53 bits
		high, low := t.Uint32()>>5, t.Uint32()>>6
		return (float64(high)*(1<<26) + float64(low)) / (1 << 53)
	}
	list := make([]float64, 0, n+1)
	for len(list) < n {
		x, y := 2*uniform()-1, 2*uniform()-1
		if r := x*x + y*y; r < 1 && r != 0 {
			f := math.Sqrt(-2 * math.Log(r) / r)
			list = append(list, f*y, f*x)
		}
	}
	return list[:n]
}

// torchNormals returns n normal numbers as torch.randn does for a multiple of 16: by Box and
// Muller's method, in blocks of 16.
func (t twister) torchNormals(n int) []float32 {
	list := make([]float32, n)
	for i := range list {
		list[i] = float32(t.Uint32()&(1<<24-1)) / (1 << 24)
	}
	for block := range n / 16 {
		for i := 16 * block; i < 16*block+8; i++ {
			radius := math.Sqrt(-2 * math.Log(1-float64(list[i])))
			sin, cos := math.Sincos(2 * math.Pi * float64(list[i+8]))
			list[i], list[i+8] = float32(radius*cos), float32(radius*sin)
		}
	}
	return list
}

// below returns a whole number from 0 to n-1, as torch.randint does.
func (t twister) below(n int) int { return int(t.Uint32() % uint32(n)) }
