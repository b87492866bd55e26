package mask

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"

	"github.com/gouache-art/gouache/stylelib/picture"
)

// MaxClusters is the greatest number of colours that [KMeans] finds.
const MaxClusters = 32

const (
	kmeansPieces = 4000 // superpixels whose colours are clustered
	kmeansPiece  = 32   // the fewest pixels of one, on average
	kmeansStarts = 4    // starts, of which the best is taken
)

// KMeans divides a photograph into k regions of like colours, by k-means in OKLab, 2 to
// [MaxClusters]. Region 1 is the darkest. A region may have several parts; specks go to the region
// around them. The same picture gives the same regions.
//
// The colours are the means of small superpixels and not those of single pixels, which would cut fur
// or foliage into specks, and draw a line of a third colour along each edge.
//
// It is Lloyd's algorithm from a start by k-means++ (Arthur and Vassilvitskii, SODA 2007). Go's
// packages for it have not been kept up, and draw from a generator whose seed is the time.
func KMeans(p *picture.Picture, k int) (*Regions, error) {
	if k < 2 || k > MaxClusters {
		return nil, fmt.Errorf("k-means finds 2 to %d colours, not %d", MaxClusters, k)
	}
	small := reduced(p)
	s := newSLIC(small, max(1, min(kmeansPieces, small.Width*small.Height/kmeansPiece)))
	s.run()
	samples := make([]sample, len(s.centres))
	for n, c := range s.centres {
		samples[n].lab = c.lab
	}
	for _, n := range s.labels {
		samples[n].weight++
	}
	random := rand.New(rand.NewPCG(1, 0))
	var centres [][3]float32
	least := math.Inf(1)
	for range kmeansStarts {
		found, inertia := lloyd(samples, seeds(samples, k, random))
		if inertia < least {
			centres, least = found, inertia
		}
	}
	slices.SortFunc(centres, func(a, b [3]float32) int { return cmp.Compare(a[0], b[0]) })
	r := &Regions{Width: s.width, Height: s.height, Number: s.labels}
	for i, piece := range s.labels {
		n, _ := nearest(samples[piece].lab, centres)
		r.Number[i] = int32(n)
	}
	absorb(r.Number, r.Width, int(speck*float64(len(r.Number))))
	r.renumber()
	return r.resized(p.Width, p.Height), nil
}

// sample is a colour that counts so often.
type sample struct {
	lab    [3]float32
	weight float64
}

// renumber gives the numbers that occur, in their order, the numbers from 1 on.
func (r *Regions) renumber() {
	occurs := slices.Clone(r.Number)
	slices.Sort(occurs)
	occurs = slices.Compact(occurs)
	number := make([]int32, occurs[len(occurs)-1]+1)
	for i, n := range occurs {
		number[n] = int32(i + 1)
	}
	for i, n := range r.Number {
		r.Number[i] = number[n]
	}
	r.Count = len(occurs)
}

// seeds draws k of the samples, each with a probability that grows with the square of its distance
// from those drawn before.
func seeds(samples []sample, k int, random *rand.Rand) [][3]float32 {
	far := make([]float64, len(samples))
	for i, s := range samples {
		far[i] = s.weight
	}
	var centres [][3]float32
	for len(centres) < k {
		left := random.Float64() * floats.Sum(far)
		next := 0
		for i, d := range far {
			if left -= d; d > 0 {
				next = i
				if left <= 0 {
					break
				}
			}
		}
		centres = append(centres, samples[next].lab)
		for i, s := range samples {
			_, d := nearest(s.lab, centres)
			far[i] = s.weight * float64(d)
		}
	}
	return centres
}

// lloyd moves the centres, in place, to the means of the samples that are nearest to them, until
// none changes its centre. It returns them and the sum of the squared distances.
func lloyd(samples []sample, centres [][3]float32) (_ [][3]float32, inertia float64) {
	const most = 100
	assigned := make([]int, len(samples))
	for step := range most {
		inertia = 0
		sums := make([][4]float64, len(centres)) // of lightness, a, b and weights
		changed := step == 0
		for i, s := range samples {
			n, d := nearest(s.lab, centres)
			inertia += s.weight * float64(d)
			changed = changed || n != assigned[i]
			assigned[i] = n
			for c, v := range s.lab {
				sums[n][c] += s.weight * float64(v)
			}
			sums[n][3] += s.weight
		}
		if !changed {
			break
		}
		for n, sum := range sums {
			for c := range 3 {
				if sum[3] > 0 {
					centres[n][c] = float32(sum[c] / sum[3])
				}
			}
		}
	}
	return centres, inertia
}

// nearest returns the centre that is nearest to a colour, and the square of its distance.
func nearest(c [3]float32, centres [][3]float32) (n int, least float32) {
	least = math.MaxFloat32
	for i, centre := range centres {
		if d := distance(c, centre); d < least {
			n, least = i, d
		}
	}
	return n, least
}
