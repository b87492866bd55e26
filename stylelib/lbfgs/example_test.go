package lbfgs_test

import (
	"context"
	"fmt"
	"log"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/lbfgs"
	"github.com/gouache-art/gouache/stylelib/optimize"
)

func Example() {
	ctx := context.Background()
	b, err := backend.Open(ctx, backend.Options{Offline: true})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()

	// Rosenbrock's function, 100(y − x²)² + (1 − x)², and its gradient as one graph.
	exec, err := graph.NewExec(b.XLA(), func(p *graph.Node) (*graph.Node, *graph.Node) {
		x, y := graph.Slice(p, graph.AxisElem(0)), graph.Slice(p, graph.AxisElem(1))
		f := graph.Add(
			graph.MulScalar(graph.Square(graph.Sub(y, graph.Square(x))), 100),
			graph.Square(graph.OneMinus(x)))
		f = graph.Reshape(f)
		return f, graph.Gradient(f, p)[0]
	})
	if err != nil {
		log.Fatal(err)
	}
	defer exec.Finalize()
	function := func(_ context.Context, p *tensors.Tensor) (float64, *tensors.Tensor, error) {
		out, err := exec.Call(p)
		if err != nil {
			return 0, nil, err
		}
		defer out[0].MustFinalizeAll()
		return tensors.ToScalar[float64](out[0]), out[1], nil
	}

	minimizer := lbfgs.Minimizer{
		GradientTolerance: 1e-6,
		Recorder: func(i optimize.Iteration) error {
			if i.Iteration%10 == 0 {
				fmt.Printf("iteration %d: f = %.4f\n", i.Iteration, i.F)
			}
			return nil
		},
	}
	result, err := minimizer.Minimize(ctx, b.XLA(), function, tensors.FromValue([]float64{-1.2, 1}))
	if err != nil {
		log.Fatal(err)
	}
	defer result.X.MustFinalizeAll()
	fmt.Printf("minimum at %.4f: %s\n", result.X.Value(), result.Status)
	// Output:
	// iteration 10: f = 2.9280
	// iteration 20: f = 0.3989
	// iteration 30: f = 0.0034
	// minimum at [1.0000 1.0000]: the gradient is as small as asked for
}
