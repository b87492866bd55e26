package loss

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"gonum.org/v1/gonum/mat"

	"github.com/gouache-art/gouache/stylelib/vgg/convtest"
)

// TestWasserstein compares the term with the definition, on features that are measured slowly.
func TestWasserstein(t *testing.T) {
	f := newFixture(t)
	const layer = "block2_conv1"
	value, _ := slowMoments(f.features(t, f.x, layer))
	style, mean := slowMoments(f.features(t, noise(3, 24, 17), layer))
	for statistic, c := range map[Statistic]struct {
		root root
		term func(Target, float64) Term
	}{Wasserstein: {converged, WassersteinCovariance}, TruncatedWasserstein: {truncated, TruncatedWassersteinCovariance}} {
		targets, err := StyleTargets(f.net, []Style{{Picture: noise(3, 24, 17)}}, statistic, layer)
		if err != nil {
			t.Fatal(err)
		}
		n := len(style)
		m := moments{first: make([]float64, n), second: slices.Concat(style...)}
		want, _ := slowDistance(c.root, mat.NewSymDense(n, slices.Concat(value...)), m)
		energy := m.variance()
		// The distance is what is left of the two traces, each some fifty times as large here: float32 rounds it like them.
		traces := energy
		for i, row := range value {
			traces += row[i]
		}
		got := f.evaluate(t, c.term(targets[0], 3)).Terms[0]
		if got.Name != "style" || math.Abs(got.Loss-want) > 1e-6*traces || math.Abs(got.Weighted-3*want) > 3e-6*traces {
			t.Errorf("got %+v, want a distance of %v", got, want)
		}
		if math.Abs(targets[0].Energy-energy) > 1e-5*energy || targets[1].Energy != targets[0].Energy {
			t.Errorf("the energies are %v and %v, and the trace is %v", targets[0].Energy, targets[1].Energy, energy)
		}
		if got := flat(t, targets[1].Tensor); math.Abs(float64(got[0])-mean[0][0]) > 1e-5*math.Abs(mean[0][0]) {
			t.Errorf("the mean begins with %v, not %v", got[0], mean[0][0])
		}
	}
}

// slowDistance is the distance of a covariance to that of moments, and its gradient, in float64: by eigenvalues, to each
// of which the steps of the root are applied as to a number.
func slowDistance(r root, covariance *mat.SymDense, target moments) (float64, *mat.Dense) {
	n := covariance.SymmetricDim()
	wanted := mat.NewSymDense(n, target.covariance())
	epsilon := r.epsilon(wanted.Trace(), n)
	damped := mat.NewSymDense(n, nil)
	damped.CopySym(covariance)
	for i := range n {
		wanted.SetSym(i, i, wanted.At(i, i)+epsilon)
		damped.SetSym(i, i, damped.At(i, i)+epsilon)
	}
	var half mat.SymDense
	if err := half.PowPSD(wanted, 0.5); err != nil {
		panic(err)
	}
	var a mat.Dense
	a.Product(&half, damped, &half)
	var eigen mat.EigenSym
	eigen.Factorize(mat.NewSymDense(n, a.RawMatrix().Data), true)
	values, size, root := eigen.Values(nil), mat.Norm(&a, 2), 0.0
	for i, v := range values {
		y, z := v/size, 1.0
		for range r.steps {
			step := (3 - z*y) / 2
			y, z = y*step, z*step
		}
		root += y * math.Sqrt(size)
		values[i] = z / math.Sqrt(size)
	}
	var u, gradient mat.Dense
	eigen.VectorsTo(&u)
	gradient.Product(&half, &u, mat.NewDiagDense(n, values), u.T(), &half)
	gradient.Sub(mat.NewDiagDense(n, slices.Repeat([]float64{1}, n)), &gradient)
	return damped.Trace() + wanted.Trace() - 2*root, &gradient
}

// TestRoots compares value and gradient on covariances like those of a network, whose eigenvalues fall by five orders
// of magnitude. There the steps of the short root leave half of them far from their roots.
func TestRoots(t *testing.T) {
	const n = 48
	random := rand.New(rand.NewPCG(1, 2))
	covariance := func() []float64 {
		factor := mat.NewDense(n, 3*n, nil)
		for i := range n {
			for j := range 3 * n {
				factor.Set(i, j, random.NormFloat64()*math.Pow(10, -2.5*float64(i)/n))
			}
		}
		var turned, product mat.Dense
		var q mat.QR
		q.Factorize(mat.NewDense(n, n, convtest.Doubles(convtest.Normal(random, n*n, 1))))
		q.QTo(&turned)
		factor.Mul(&turned, factor)
		product.Mul(factor, factor.T())
		return product.RawMatrix().Data
	}
	target := moments{first: make([]float64, n), second: covariance()}
	at := covariance()
	for _, r := range []root{converged, truncated} {
		want, wantGradient := slowDistance(r, mat.NewSymDense(n, slices.Clone(at)), target)
		got := convtest.Run(t, device, func(in []*graph.Node) *graph.Node {
			value := r.distance(in[0], in[1])
			gradient := graph.Gradient(value, in[0])[0]
			return graph.Concatenate([]*graph.Node{graph.Reshape(value, 1), graph.Reshape(gradient, n*n)}, 0)
		}, tensors.FromFlatDataAndDimensions(rounded(at), n, n), r.target(target).Tensor)
		if d := math.Abs(float64(got[0]) - want); d > 1e-5*want {
			t.Errorf("%s: the distance is %v, want %v", r.kind, got[0], want)
		}
		// float32 leaves 1e-6 of the largest eigenvalues, which the inverse root multiplies by at most 1.5^steps.
		if e := convtest.RelativeL2(got[1:], wantGradient.RawMatrix().Data); e > 1e-3 {
			t.Errorf("%s: the gradient differs by %.2g (relative L2)", r.kind, e)
		}
	}
	// The one is the distance itself, and the other is not.
	exact := root{steps: 60, damping: converged.damping}
	a, _ := slowDistance(converged, mat.NewSymDense(n, slices.Clone(at)), target)
	b, _ := slowDistance(exact, mat.NewSymDense(n, slices.Clone(at)), target)
	if math.Abs(a-b) > 1e-4*b {
		t.Errorf("after %d steps the distance is %v, and in the end %v", converged.steps, a, b)
	}
}
