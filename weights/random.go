package weights

import (
	"math"
	"math/rand/v2"
	"sync"
)

func init() {
	Register(Source{
		Name:        "random",
		Network:     VGG19,
		Description: "random numbers from a seed, for tests and measurements; needs no file",
		License:     "none needed",
		Rank:        100,
		Make:        func(seed int64) *Set { return Random(VGG19, seed) },
	})
}

// Random returns weights drawn at random: normally distributed kernels with variance 2/(9·In), which keeps the
// features' size from layer to layer, and no biases (He et al., "Delving deep into rectifiers", 2015, equation 10).
// The same network and seed give the same weights, and VGG16 and VGG19 agree up to block3_conv3. An unknown network
// gives a set without layers.
//
// Such weights need no file. They are for tests and measurements of speed: they paint texture, but not well.
func Random(network string, seed int64) *Set {
	set := &Set{Name: "random", Network: network, Layout: "random", Source: "random numbers"}
	set.Layers = findArchitecture(network).layers()
	var all sync.WaitGroup
	for i := range set.Layers {
		all.Go(func() {
			l, r := &set.Layers[i], rand.New(rand.NewPCG(uint64(seed), uint64(i)))
			deviation := math.Sqrt(2 / float64(9*l.In))
			l.Kernel, l.Bias = make([]float32, 9*l.In*l.Out), make([]float32, l.Out)
			for i := range l.Kernel {
				l.Kernel[i] = float32(r.NormFloat64() * deviation)
			}
		})
	}
	all.Wait()
	return set
}
