package lbfgs

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/internal/backendtest"
	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/optimize"
)

// xla is the device that all tests share.
var xla = backendtest.Opened(backend.Open(context.Background(), backend.Options{Device: backend.CPU})).XLA()

// onDevice makes a Function of a graph.
func onDevice(t testing.TB, f func(x *graph.Node) *graph.Node) optimize.Function {
	exec, err := graph.NewExec(xla, func(x *graph.Node) []*graph.Node {
		value := f(x)
		return []*graph.Node{value, graph.Gradient(value, x)[0]}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(exec.Finalize)
	return func(_ context.Context, x *tensors.Tensor) (float64, *tensors.Tensor, error) {
		out, err := exec.Call(x)
		if err != nil {
			return 0, nil, err
		}
		value, err := scalars(out[:1])
		if err != nil {
			return 0, nil, err
		}
		return value[0], out[1], nil
	}
}

// rosenbrock returns the extended Rosenbrock function in its variant of separate pairs, Σ 100(b − a²)² + (1 − a)², of a
// tensor of any shape with an even number of elements. Its minimum is 0, where all elements are 1.
func rosenbrock(t testing.TB) optimize.Function {
	return onDevice(t, func(x *graph.Node) *graph.Node {
		pairs := graph.Reshape(x, x.Shape().Size()/2, 2)
		a := graph.Slice(pairs, graph.AxisRange(), graph.AxisElem(0))
		b := graph.Slice(pairs, graph.AxisRange(), graph.AxisElem(1))
		return graph.Add(
			graph.MulScalar(graph.ReduceAllSum(graph.Square(graph.Sub(b, graph.Square(a)))), 100),
			graph.ReduceAllSum(graph.Square(graph.OneMinus(a))))
	})
}

// noise returns n standard normal numbers.
func noise[T float32 | float64](n int, seed uint64) []T {
	rng := rand.New(rand.NewPCG(seed, 0))
	x := make([]T, n)
	for i := range x {
		x[i] = T(rng.NormFloat64())
	}
	return x
}

// tensor returns a tensor of one dimension.
func tensor[T float32 | float64](x []T) *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(x, len(x))
}

// minimum minimises a function and fails the test if that is an error. The point is finalized with the test.
func minimum(t testing.TB, m Minimizer, f optimize.Function, x0 *tensors.Tensor) *optimize.Result {
	t.Helper()
	result, err := m.Minimize(t.Context(), xla, f, x0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(result.X.MustFinalizeAll)
	return result
}

// values returns a tensor's elements.
func values[T float32 | float64](t testing.TB, x *tensors.Tensor) []T {
	t.Helper()
	list, err := tensors.CopyFlatData[T](x)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// always keeps the state of a run whatever ended it.
func always(optimize.Status) bool { return true }
