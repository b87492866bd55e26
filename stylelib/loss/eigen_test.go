package loss

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// TestEigen compares the eigenvectors of covariances of low and of full rank with the covariance: UΛUᵀ is Σ, and the
// columns of U are at right angles.
func TestEigen(t *testing.T) {
	const channels = 48
	ones := make([]float64, channels)
	floats.AddConst(1, ones)
	for _, positions := range []int{1, 2, 16, 24, 40, 400} {
		r := rand.New(rand.NewPCG(1, uint64(positions)))
		var m moments
		for range positions {
			features := make([]float64, channels)
			for i := range features {
				// Eigenvalues fall over five orders of size, and float32 rounds as on the device.
				features[i] = float64(float32(3 + r.NormFloat64()*math.Pow(10, -2.5*float64(i)/channels)))
			}
			var second mat.Dense
			vector := mat.NewVecDense(channels, features)
			second.Outer(1, vector, vector)
			m.add(1/float64(positions), moments{features, second.RawMatrix().Data})
		}
		values, vectors := m.eigen()
		var again, unit mat.Dense
		again.Product(vectors, mat.NewDiagDense(channels, values), vectors.T())
		trace := m.variance()
		if got, want := again.RawMatrix().Data, m.covariance(); floats.Distance(got, want, math.Inf(1)) > 2*leastPivot*trace {
			t.Errorf("of %d positions: UΛUᵀ is %g from the covariance, whose trace is %g", positions, floats.Distance(got, want, math.Inf(1)), trace)
		}
		unit.Mul(vectors.T(), vectors)
		unit.Sub(&unit, mat.NewDiagDense(channels, ones))
		if off := mat.Norm(&unit, 2); off > 1e-9 {
			t.Errorf("of %d positions: the eigenvectors are %g from right angles", positions, off)
		}
	}
}
