package lbfgs

import (
	"context"
	"strconv"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/optimize"
)

// What an iteration on a picture costs beside the function, with the memory full.
func BenchmarkUpdate(b *testing.B) {
	for _, side := range []int{256, 512} {
		b.Run(strconv.Itoa(side), func(b *testing.B) { benchmarkUpdate(b, side, Minimizer{}) })
		b.Run(strconv.Itoa(side)+"/compact", func(b *testing.B) { benchmarkUpdate(b, side, Minimizer{Compact: true}) })
	}
}

func benchmarkUpdate(b *testing.B, side int, m Minimizer) {
	function := rosenbrock(b)
	evaluations := 0
	untimed := func(ctx context.Context, x *tensors.Tensor) (float64, *tensors.Tensor, error) {
		if evaluations++; evaluations > warmUp {
			b.StopTimer()
			defer b.StartTimer()
		}
		return function(ctx, x)
	}
	m.MaxIterations = warmUp + b.N
	m.Recorder = func(i optimize.Iteration) error {
		if i.Iteration == warmUp {
			evaluations = warmUp
			b.ResetTimer()
		}
		return nil
	}
	result := minimum(b, m, untimed, tensors.FromFlatDataAndDimensions(noise[float32](side*side*3, 1), 1, side, side, 3))
	b.StopTimer()
	if result.Iterations != warmUp+b.N {
		b.Fatalf("stopped after %d iterations: %s", result.Iterations, result.Status)
	}
	b.ReportMetric(float64(evaluations-warmUp)/float64(b.N), "evaluations/op")
}

// warmUp is the number of iterations before the clock starts: enough to fill the memory.
const warmUp = DefaultHistory + 2

// What the compilation for a new size costs, with two evaluations of a tiny function.
func BenchmarkCompilation(b *testing.B) {
	function := rosenbrock(b)
	minimum(b, Minimizer{MaxEvaluations: 2}, function, tensor(noise[float32](1000, 1)))
	for b.Loop() {
		minimum(b, Minimizer{MaxEvaluations: 2}, function, tensor(noise[float32](1000, 1)))
	}
}
