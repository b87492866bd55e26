package vgg

import (
	"fmt"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// trial is one convolution, compiled to be timed.
type trial struct {
	exec      *graph.Exec
	x, kernel shapes.Shape
}

// newTrial compiles a convolution of x, shaped [1, height, width, in], with the ReLU that XLA merges into some
// convolutions and not into others.
func newTrial(b compute.Backend, p Precision, c convolution, height, width, in, out int) (*trial, error) {
	exec, err := graph.NewExec(b, func(x, kernel *graph.Node) []*graph.Node {
		y := graph.MaxScalar(c.apply(x, kernel), 0)
		one := graph.AxisElem(0)
		return []*graph.Node{y, graph.Reshape(graph.Slice(y, one, one, one, one))}
	})
	if err != nil {
		return nil, err
	}
	t := &trial{
		exec:   exec,
		x:      shapes.Make(dtypes.Float32, 1, height, width, in),
		kernel: shapes.Make(p.dtype(), c.dimensions(in, out)...),
	}
	if _, err := exec.Compile(t.x, t.kernel); err != nil {
		exec.Finalize()
		return nil, fmt.Errorf("compiling the convolution %s of %d×%d, %d→%d channels: %w",
			c.name(), width, height, in, out, err)
	}
	return t, nil
}

func (t *trial) close() { t.exec.Finalize() }

// seconds runs the convolution once. One number of the result comes to the host, so that a device that works on its
// own is waited for.
func (t *trial) seconds(x, kernel *tensors.Tensor) (float64, error) {
	began := time.Now()
	y, err := t.exec.Call(x, kernel)
	if err != nil {
		return 0, err
	}
	tensors.ToScalar[float32](y[1])
	seconds := time.Since(began).Seconds()
	for _, y := range y {
		if err := y.FinalizeAll(); err != nil {
			return 0, err
		}
	}
	return seconds, nil
}

// wave makes a tensor on the device with numbers between -2 and 2 that differ: a GPU draws less power, and so runs
// faster, on numbers that are all the same.
func wave(b compute.Backend, shape shapes.Shape) (*tensors.Tensor, error) {
	float := shape.Clone()
	float.DType = dtypes.Float32
	last := shape.Rank() - 1
	return graph.CallOnce(b, func(g *graph.Graph) *graph.Node {
		x := graph.Add(graph.Sin(graph.Iota(g, float, last-1)), graph.Sin(graph.Iota(g, float, last)))
		return graph.ConvertDType(x, shape.DType)
	})
}
