package vgg

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"

	"github.com/gouache-art/gouache/internal/suggest"
)

// Precision is how exactly the convolutions multiply. Sums, features, losses and gradients are float32 in each.
type Precision string

// The precisions. A number of float32 has 24 significant bits, one of TF32 11 and one of bfloat16 8.
const (
	Float32  Precision = "float32"
	TF32     Precision = "tf32" // float32 numbers that an NVIDIA GPU rounds as it multiplies them
	BFloat16 Precision = "bf16" // what is multiplied, kernels included, is rounded to bfloat16
)

// Precisions lists the names that [ParsePrecision] knows.
var Precisions = []string{string(Float32), string(TF32), string(BFloat16)}

// ParsePrecision reads a precision's name.
func ParsePrecision(name string) (Precision, error) {
	if !slices.Contains(Precisions, name) {
		return "", suggest.Unknown("precision", name, Precisions)
	}
	return Precision(name), nil
}

const cuda = "cuda" // what package backend calls an NVIDIA GPU

// DefaultPrecision is a device's own precision: TF32 for "cuda", as it is PyTorch's for convolutions, and Float32
// for any other.
func DefaultPrecision(device string) Precision {
	if device == cuda {
		return TF32
	}
	return Float32
}

// Check says whether a device, "cpu" or "cuda", has the precision.
//
// Float32 and TF32 build the same graph: which of them a GPU computes is settled when XLA is opened, for all of the
// process, since neither GoMLX nor XLA lets a convolution say it.
func (p Precision) Check(device string) error {
	if _, err := ParsePrecision(string(p)); err != nil {
		return err
	}
	if p == TF32 && device != cuda {
		return fmt.Errorf("the precision %s is for NVIDIA GPUs, and the device is %s: choose %s or %s",
			TF32, device, Float32, BFloat16)
	}
	return nil
}

// dtype is the type of the convolutions' kernels; what is multiplied with them is converted to it.
func (p Precision) dtype() dtypes.DType {
	if p == BFloat16 {
		return dtypes.BFloat16
	}
	return dtypes.Float32
}

// round returns a kernel's values in that type, rounded to the nearest, as a flat slice.
func (p Precision) round(kernel []float32) any {
	if p == BFloat16 {
		return bfloat16.FromFloat32s(kernel...)
	}
	return kernel
}

// convolutions are those to choose from. F(4×4) is not for bfloat16, since its transforms subtract what was rounded: its
// error in L2 is 2.6 % with normal noise (2.1 % with none of it negative, as after a ReLU), against 0.4 % of F(2×2) and
// 0.24 % of direct convolution, at 64 to 512 channels.
func (p Precision) convolutions() []convolution {
	if p == BFloat16 {
		return []convolution{direct{}, winograd2}
	}
	return []convolution{direct{}, winograd2, winograd4}
}
