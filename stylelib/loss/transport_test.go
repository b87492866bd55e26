package loss

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/gouache-art/gouache/stylelib/progress"
)

// TestTransport compares with the definition, with eigenvectors that are found again from what is measured slowly.
func TestTransport(t *testing.T) {
	f := newFixture(t)
	const layer = "block2_conv1"
	targets, err := StyleTargets(f.net, []Style{{Picture: noise(3, 24, 17)}}, Transport, layer)
	if err != nil {
		t.Fatal(err)
	}
	value, _ := slowMoments(f.features(t, f.x, layer))
	style, mean := slowMoments(f.features(t, noise(3, 24, 17), layer))
	n := len(style)
	var eigen mat.EigenSym
	if !eigen.Factorize(mat.NewSymDense(n, slices.Concat(style...)), true) {
		t.Fatal("no eigenvalues")
	}
	var u, difference mat.Dense
	eigen.VectorsTo(&u)
	difference.Sub(mat.NewDense(n, n, slices.Concat(value...)), mat.NewDense(n, n, slices.Concat(style...)))
	difference.Product(u.T(), &difference, &u)
	lambda := eigen.Values(nil)
	epsilon := damping * floats.Sum(lambda) / float64(n)
	var want float64
	for i := range n {
		for j := range n {
			want += 2 * difference.At(i, j) * difference.At(i, j) / (lambda[i] + lambda[j] + 2*epsilon)
		}
	}
	checkValue(t, f.evaluate(t, TransportedCovariance(targets[0], 3)), progress.Term{Name: "style", Loss: want, Weighted: 3 * want})
	if energy := floats.Sum(lambda); math.Abs(targets[0].Energy-energy) > 1e-5*energy || targets[1].Energy != targets[0].Energy {
		t.Errorf("the energies are %v and %v, and the trace is %v", targets[0].Energy, targets[1].Energy, energy)
	}
	if got := flat(t, targets[1].Tensor); math.Abs(float64(got[0])-mean[0][0]) > 1e-5*math.Abs(mean[0][0]) {
		t.Errorf("the mean begins with %v, not %v", got[0], mean[0][0])
	}
}

// TestTransportIsWasserstein: near the target it is four times the squared Wasserstein distance of the covariances,
// tr(Σ + Σ' − 2(Σ'^½ΣΣ'^½)^½), as far as the damping is small beside the eigenvalues.
func TestTransportIsWasserstein(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const n = 6
	m := moments{first: make([]float64, n), second: make([]float64, n*n)}
	factor := mat.NewDense(n, 3*n, nil)
	for i := range factor.RawMatrix().Data {
		factor.RawMatrix().Data[i] = random.NormFloat64()
	}
	var a, b mat.SymDense
	a.SymOuterK(1, factor)
	for i := range n {
		for j := range n {
			m.second[i*n+j] = a.At(i, j)
		}
	}
	for i := range factor.RawMatrix().Data {
		factor.RawMatrix().Data[i] *= 1 + 1e-3*random.NormFloat64()
	}
	b.SymOuterK(1, factor)
	root := func(s mat.Symmetric) *mat.SymDense {
		var r mat.SymDense
		r.PowPSD(s, 0.5)
		return &r
	}
	half := root(&a)
	var inner mat.Dense
	inner.Product(half, &b, half)
	wasserstein := a.Trace() + b.Trace() - 2*root(mat.NewSymDense(n, inner.RawMatrix().Data)).Trace()

	target := transportTarget(m)
	defer target.Finalize()
	u, lambda := mat.NewDense(n, n, widened(flat(t, target.Tensor))), flat(t, target.Spectrum)
	var difference, turned mat.Dense
	difference.Sub(&b, &a)
	turned.Product(u.T(), &difference, u)
	var damped, exact float64
	for i := range n {
		for j := range n {
			square := 2 * turned.At(i, j) * turned.At(i, j)
			damped += square / float64(lambda[n+i]+lambda[n+j])
			exact += square / float64(lambda[i]+lambda[j])
		}
	}
	// To second order: the steps of 1e-3 leave a relative error of about 1e-3.
	if math.Abs(exact-4*wasserstein) > 0.02*exact || damped >= exact || damped < exact/2 {
		t.Errorf("%v, and %v without damping, for a distance of %v", damped, exact, wasserstein)
	}
}

func widened(values []float32) []float64 {
	wide := make([]float64, len(values))
	for i, v := range values {
		wide[i] = float64(v)
	}
	return wide
}
