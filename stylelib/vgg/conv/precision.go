package conv

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"golang.org/x/sys/cpu"

	"github.com/gouache-art/gouache/internal/suggest"
	"github.com/gouache-art/gouache/stylelib/backend"
)

// Precision is how exactly convolutions and Gram matrices multiply. Sums, features, losses and gradients are float32 with
// each.
type Precision string

// The precisions. A number of float32 has 24 significant bits, one of TF32 11 and one of bfloat16 8.
const (
	Float32  Precision = "float32"
	TF32     Precision = "tf32"  // float32 numbers that an NVIDIA GPU rounds as it multiplies them
	BFloat16 Precision = "bf16"  // factors, kernels included, are rounded to bfloat16
	Mixed    Precision = "mixed" // Float32 or BFloat16 in each layer, whichever a [Tuner] finds faster; without one, Float32
)

// Factors returns the types in which package fused may multiply for the precision, the preferred one first.
func (p Precision) Factors() []dtypes.DType {
	if p == BFloat16 || p == Mixed {
		return []dtypes.DType{dtypes.BFloat16, dtypes.Float32}
	}
	return []dtypes.DType{dtypes.Float32}
}

// Precisions lists the names that [ParsePrecision] accepts.
var Precisions = []string{string(Float32), string(TF32), string(BFloat16), string(Mixed)}

// ParsePrecision reads a precision's name.
func ParsePrecision(name string) (Precision, error) {
	if !slices.Contains(Precisions, name) {
		return "", suggest.Unknown("precision", name, Precisions)
	}
	return Precision(name), nil
}

// DefaultPrecision returns a device's own precision: TF32 for CUDA, as in PyTorch for convolutions; Mixed for a
// processor that [MultipliesBFloat16]; and Float32 for any other. Of nine pairs that were painted with Mixed, eight
// ended within 0.6 % of the total that they have with Float32, and one 1.8 % below it (bench/NOTES.md).
func DefaultPrecision(device backend.Device) Precision {
	switch {
	case device == backend.CUDA:
		return TF32
	case MultipliesBFloat16():
		return Mixed
	}
	return Float32
}

// MultipliesBFloat16 reports whether this machine's processor multiplies numbers of bfloat16 by an instruction of its
// own (AVX512_BF16 or AMX), so that Mixed is worth its measuring.
func MultipliesBFloat16() bool { return cpu.X86.HasAVX512BF16 || cpu.X86.HasAMXBF16 }

// Check returns an error unless the device supports the precision.
//
// Float32 and TF32 build the same graph. Which of them a GPU computes is decided when XLA is opened, for
// the whole process, since neither GoMLX nor XLA lets a convolution choose.
func (p Precision) Check(device backend.Device) error {
	if _, err := ParsePrecision(string(p)); err != nil {
		return err
	}
	if p == TF32 && device != backend.CUDA {
		return fmt.Errorf("the precision %s is for NVIDIA GPUs, and the device is %s: choose %s or %s",
			TF32, device, Float32, BFloat16)
	}
	return nil
}

// Kernels prepares kernels on a device. It is not safe for concurrent use.
type Kernels struct {
	backend compute.Backend
	execs   map[string]*graph.Exec // by the method's name
}

// NewKernels returns one for a device. Its caller calls Close.
func NewKernels(b compute.Backend) *Kernels {
	return &Kernels{backend: b, execs: map[string]*graph.Exec{}}
}

// Make prepares a kernel, shaped [3, 3, in, out], for a method, and rounds it to the method's type. The caller finalizes it.
func (k *Kernels) Make(m Method, kernel []float32, in, out int) (*tensors.Tensor, error) {
	buffer, err := k.backend.BufferFromFlatData(0, kernel, shapes.Make(dtypes.Float32, 3, 3, in, out))
	if err != nil {
		return nil, err
	}
	raw, err := tensors.FromBuffer(buffer)
	if err != nil || m == directFloat32 {
		return raw, err
	}
	defer free(raw)
	exec := k.execs[m.Name()]
	if exec == nil {
		exec, err = graph.NewExec(k.backend, func(kernel *graph.Node) *graph.Node {
			return graph.ConvertDType(m.Prepare(kernel), m.DType())
		})
		if err != nil {
			return nil, err
		}
		k.execs[m.Name()] = exec
	}
	prepared, err := exec.Call(raw)
	if err != nil {
		return nil, err
	}
	return prepared[0], nil
}

// Close frees the compiled graphs.
func (k *Kernels) Close() {
	for _, exec := range k.execs {
		exec.Finalize()
	}
	clear(k.execs)
}
