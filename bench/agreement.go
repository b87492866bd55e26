package main

import (
	"fmt"
	"math"

	"github.com/gouache-art/gouache/stylelib/backend"
)

// difference is the distance of a contender's loss and gradient from Gouache's.
type difference struct {
	Loss   float64 // relative
	L2     float64 // of the gradients, relative: ‖a−b‖/‖b‖
	Median float64 // of the distances of the gradients' numbers, relative to the root mean square of one gradient
}

// agreement is the largest difference that was seen, and the largest that counts as agreement.
type agreement struct{ Seen, Tolerance difference }

// tolerance returns the largest difference that counts as agreement in float32. A mistake, such as channels in another
// order, another pooling or a missing term, causes a difference of a tenth and more.
//
// On the CPU a sum of float32 numbers depends on its order by about 1e-7, Winograd's transforms by 1e-5, and most of
// a gradient's numbers differ by no more. But where the input of a ReLU is that close to zero, or two inputs of a
// maximum are that close to each other, rounding decides the path of the gradient: one unit in millions, which
// changes all pixels that it sees. For this reason PyTorch in float32 differs by 3e-5 to 2e-3 in norm from itself in
// float64, and TensorFlow and JAX by up to 4e-3, depending on the picture, with a median distance of 1e-7 to 2e-7. So
// the norm may differ by 1e-2, which still detects a wrong row at an edge, and the median by 1e-4.
//
// On CUDA convolutions round their inputs to TF32's 10 bits, 5e-4 of their size, by default. The same rounding
// in PyTorch on the CPU changes the loss by 2e-5, the gradient by 0.04 in norm and by 0.02 in the median;
// Gouache and PyTorch round independently.
func tolerance(d backend.Device) difference {
	if d == backend.CUDA {
		return difference{Loss: 1e-3, L2: 0.15, Median: 0.1}
	}
	return difference{Loss: 1e-4, L2: 1e-2, Median: 1e-4}
}

// reducedTolerance is the largest difference of a mode in bfloat16 from Gouache that counts as agreement. bfloat16 has 8
// bits, and kernels, features and their gradients are rounded to it. At 64 pixels autocast changes PyTorch's loss by
// 1.7e-3, its gradient by 0.053 in norm and by 0.028 in the median, and bfloat16 JAX's as much. The gradients' distance
// grows with the picture: JAX's are 0.080 and 0.042 at 128 pixels, 0.090 and 0.050 at 256. On CUDA Gouache's TF32 comes
// on top. A mistake in the objective is seen all the same: a program's modes in float32 run the same code.
var reducedTolerance = difference{Loss: 1e-2, L2: 0.15, Median: 0.1}

// compare returns the difference of a loss and gradient from the reference.
func compare(loss, reference float64, gradient, referenceGradient []float32) difference {
	var apart, size float64
	distances := make(sample, len(gradient))
	for i, v := range gradient {
		r := float64(referenceGradient[i])
		d := float64(v) - r
		apart += d * d
		size += r * r
		distances[i] = math.Abs(d)
	}
	return difference{
		Loss:   math.Abs(loss-reference) / math.Abs(reference),
		L2:     math.Sqrt(apart / size),
		Median: distances.median() / math.Sqrt(size/float64(len(gradient))),
	}
}

// check returns an error if a difference exceeds the tolerance. NaN always does.
func (d difference) check(most difference) error {
	if d.Loss <= most.Loss && d.L2 <= most.L2 && d.Median <= most.Median {
		return nil
	}
	return fmt.Errorf("the losses differ by %.1e, the gradients by %.1e in norm and by %.1e in the median; at most %.0e, %.0e and %.0e would be agreement",
		d.Loss, d.L2, d.Median, most.Loss, most.L2, most.Median)
}

// worst returns the larger of each part of two differences.
func (d difference) worst(other difference) difference {
	return difference{Loss: max(d.Loss, other.Loss), L2: max(d.L2, other.L2), Median: max(d.Median, other.Median)}
}
