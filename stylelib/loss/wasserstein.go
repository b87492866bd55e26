package loss

import (
	"math"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"gonum.org/v1/gonum/mat"
)

// A root is how the square root of a matrix is found in a term: by a number of steps of Newton and Schulz, which have an
// eigenvalue λ of a matrix A exact if λ/‖A‖ is far above 1.5^(−2·steps), and with ε = damping · mean eigenvalue added
// to the target's covariance and to the picture's.
type root struct {
	kind    string
	steps   int
	damping float64
}

var (
	// converged keeps loss and gradient in agreement, as a line search needs it.
	converged = root{"wasserstein", 18, damping}
	// truncated is style-transfer-pytorch's.
	truncated = root{"truncated wasserstein", 12, 1e-4}
)

// WassersteinCovariance is the squared Wasserstein distance of a layer's covariance to the target's, as of two Gaussian
// distributions with one mean (Olkin and Pukelsheim 1982, theorem 4):
//
//	tr(Σ + Σ' − 2 (S Σ S)^½)   with   S = Σ'^½
//
// where both covariances have ε = 0.1 · mean eigenvalue of Σ' added. [TransportedCovariance] is four times this, to
// second order. The root takes 54 products of matrices [c, c] in each evaluation, whatever the size of the picture.
//
// The gradient with respect to Σ is I − S (S Σ S)^−½ S. The steps that find the root find its inverse as well.
//
// The target holds S, with ε, shaped [c, c].
func WassersteinCovariance(target Target, weight float64) Term { return converged.term(target, weight) }

// TruncatedWassersteinCovariance is [WassersteinCovariance] with ε = 10⁻⁴ · mean eigenvalue, and 12 steps, as
// style-transfer-pytorch takes them. In directions of the weakest 0.8 % of ‖Σ‖ and less the root is then far from exact:
// there the distance asks for less variance than the painting has, which smooths, and its gradient is that of another
// function than its value. It is meant for an optimiser without a line search.
//
// That program takes the gradient by as many steps of an iteration for a Lyapunov equation. On three pairs of pictures
// and three to four layers the gradient here is within about 4 % of its size, and its cosine with it is 0.97 to 0.999.
func TruncatedWassersteinCovariance(target Target, weight float64) Term {
	return truncated.term(target, weight)
}

func (r root) term(target Target, weight float64) Term {
	return covariance.compared(r.kind, target, weight, func(in *Inputs, value *graph.Node) *graph.Node {
		return r.distance(value, in.Target(0))
	})
}

// distance returns the distance of a covariance to that whose root is given, both [c, c].
func (r root) distance(covariance, targetRoot *graph.Node) *graph.Node {
	g, channels := covariance.Graph(), covariance.Shape().Dimensions[0]
	identity := graph.ConvertDType(graph.Diagonal(g, channels), covariance.DType())
	trace := func(x *graph.Node) *graph.Node { return graph.ReduceAllSum(graph.Mul(identity, x)) }
	variance := sumOfSquares(targetRoot) // of the target, channels·ε included
	epsilon := graph.MulScalar(variance, r.damping/float64(channels))
	damped := graph.Add(covariance, graph.Mul(epsilon, identity))
	y, inverse := r.of(matmul(matmul(targetRoot, damped), targetRoot), identity)
	value := graph.Add(trace(damped), graph.Sub(variance, graph.MulScalar(trace(y), 2)))
	// The value is passed on with a gradient of its own: that of a linear function, which is added and subtracted.
	slope := graph.StopGradient(graph.Sub(identity, matmul(matmul(targetRoot, inverse), targetRoot)))
	linear := graph.ReduceAllSum(graph.Mul(slope, covariance))
	return graph.Add(graph.StopGradient(graph.Sub(value, linear)), linear)
}

// of returns the square root of a symmetric matrix without negative eigenvalues, and the root's inverse (Higham,
// Functions of Matrices, 2008, equation 6.35, with A scaled to a norm of one).
func (r root) of(a, identity *graph.Node) (square, inverse *graph.Node) {
	size := graph.Sqrt(sumOfSquares(a))
	y, z := graph.Div(a, size), identity
	for range r.steps {
		t := graph.MulScalar(graph.Sub(graph.MulScalar(identity, 3), matmul(z, y)), 0.5)
		y, z = matmul(y, t), matmul(t, z)
	}
	size = graph.Sqrt(size)
	return graph.Mul(y, size), graph.Div(z, size)
}

func wassersteinTarget(m moments) Target          { return converged.target(m) }
func truncatedWassersteinTarget(m moments) Target { return truncated.target(m) }

// target returns the root of a covariance and ε, with the trace of the covariance as its energy.
func (r root) target(m moments) Target {
	channels, variance := len(m.first), m.variance()
	values, vectors := m.eigen()
	for i, v := range values {
		values[i] = math.Sqrt(max(v, 0) + r.epsilon(variance, channels))
	}
	var square mat.Dense
	square.Product(vectors, mat.NewDiagDense(channels, values), vectors.T())
	return Target{
		Tensor: tensors.FromFlatDataAndDimensions(rounded(square.RawMatrix().Data), channels, channels),
		Energy: variance,
	}
}

// epsilon returns ε for a target of the given variance. It is a share of the mean eigenvalue with ε, which the graph
// knows from the root.
func (r root) epsilon(variance float64, channels int) float64 {
	return r.damping / (1 - r.damping) * variance / float64(channels)
}
