package optimize

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/internal/patience"
)

// CheckStart returns an error unless a function can be minimised from x0 as far as its shape and type go.
func CheckStart(x0 *tensors.Tensor) error {
	if err := x0.CheckValid(); err != nil {
		return fmt.Errorf("starting point: %w", err)
	}
	if t := x0.DType(); t != dtypes.Float32 && t != dtypes.Float64 {
		return fmt.Errorf("the starting point's elements are %s: they must be Float32 or Float64", t)
	}
	if x0.Size() == 0 {
		return errors.New("the starting point has no elements")
	}
	return nil
}

// Evaluate calls a function at x and brings its gradient to the device. It returns ctx's error if the
// function failed because ctx ended. If the function was left then, x becomes a copy of what it still reads.
func Evaluate(ctx context.Context, backend compute.Backend, function Function, at **tensors.Tensor) (f float64, g *tensors.Tensor, err error) {
	x := *at
	f, g, err = function(ctx, x)
	left, isLeft := errors.AsType[*patience.Left](err)
	switch {
	case isLeft:
		if kept, failed := copied(backend, x); failed == nil {
			*at = kept
			go func() {
				<-left.Done
				Free(x)
			}()
		} else { // as without memory
			<-left.Done
		}
		err = ctx.Err()
	case err != nil && ctx.Err() != nil:
		err = ctx.Err()
	case err != nil:
	case g == nil || !g.Shape().Equal(x.Shape()):
		err = fmt.Errorf("the function's gradient is not shaped as its argument, %s", x.Shape())
	default:
		x.FinalizeLocal() // a copy that the function may have brought to the host
		if err = g.ToDevice(backend, 0); err != nil {
			err = fmt.Errorf("bringing the gradient to the device: %w", err)
		}
	}
	if err != nil {
		Free(g)
		return 0, nil, err
	}
	return f, g, nil
}

// copied returns a copy of a tensor that is on the device.
func copied(backend compute.Backend, t *tensors.Tensor) (*tensors.Tensor, error) {
	data := make([]byte, t.ByteSize())
	if err := Fetch(backend, t, data); err != nil {
		return nil, err
	}
	return tensors.FromRaw(backend, 0, t.Shape(), data)
}

// Scalars brings scalars of float32 or float64 to the host and frees them on the device.
func Scalars(list []*tensors.Tensor) ([]float64, error) {
	defer Free(list...)
	values := make([]float64, len(list))
	for i, t := range list {
		err := t.ConstFlatData(func(flat any) {
			switch flat := flat.(type) {
			case []float32:
				values[i] = float64(flat[0])
			case []float64:
				values[i] = flat[0]
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return values, nil
}

// InType returns numbers in the Go type of a tensor's elements, to pass to a graph. (Converting them in
// the graph would take 25 ms more to compile.)
func InType(t dtypes.DType, numbers []float64) any {
	if t == dtypes.Float64 {
		return numbers
	}
	list := make([]float32, len(numbers))
	for i, v := range numbers {
		list[i] = float32(v)
	}
	return list
}

// Fetch copies a tensor's bytes from the device. (A tensor that is read in another way keeps a copy on
// the host.)
func Fetch(backend compute.Backend, t *tensors.Tensor, to []byte) error {
	buffer, err := t.Buffer(backend, 0)
	if err == nil {
		err = buffer.ToFlatData(to)
	}
	if err != nil {
		return fmt.Errorf("bringing the state from the device: %w", err)
	}
	return nil
}

// Free finalizes tensors; nil ones are skipped. An error is ignored: it says that the device has lost
// the tensor already, which leaves nothing to free.
func Free(list ...*tensors.Tensor) {
	for _, t := range list {
		if t != nil {
			_ = t.FinalizeAll()
		}
	}
}

// FreeHostMemory returns the memory of dropped bytes to the system, if it is worth the time, and
// returns how many are left to free. The garbage collector starts when the heap has grown, which
// it does not while vectors go to the device.
func FreeHostMemory(dropped int) int {
	const worth = 64 << 20
	if dropped < worth {
		return dropped
	}
	debug.FreeOSMemory()
	return 0
}

// Finite reports whether v is a number and not infinite.
func Finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
