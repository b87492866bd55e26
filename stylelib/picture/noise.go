package picture

import "math/rand/v2"

// noiseDeviation is the standard deviation of Noise, in grey levels.
const noiseDeviation = 25

// Noise returns a picture to start from that shows nothing: independent Gaussian noise about mid-grey, with a standard
// deviation of 25 grey levels, clamped. The seed determines it.
//
// It is neither a flat grey, where all places have the same gradient and patterns grow inwards from the border alone,
// nor noise over the whole range, whose own total variation and texture the optimiser would first have to remove.
func Noise(width, height int, seed int64) *Picture {
	p := blank(width, height)
	r := rand.New(rand.NewPCG(uint64(seed), 0))
	for i := range p.Pix {
		p.Pix[i] = float32(127.5 + noiseDeviation*r.NormFloat64())
	}
	p.Clamp()
	return p
}
