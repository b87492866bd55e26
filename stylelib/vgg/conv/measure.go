package conv

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"golang.org/x/sync/errgroup"
)

// Each method is timed five times at least, and more often until the methods of a work have had 50 ms
// each, or ten runs. One that takes half as long again as the fastest in its first two runs has no more.
const (
	fewestRuns = 5
	mostRuns   = 10
	enough     = 0.05 // seconds
	firstRuns  = 2
	hopeless   = 1.5
)

// measure compiles all methods first, on all cores, and then times them with nothing beside.
func measure(b compute.Backend, p Precision, all []Work, progress func(done, total int)) (map[Work]timing, error) {
	methods, candidates := make([][]Method, len(all)), make([][]*compiled, len(all)) // of each work
	total := 0
	for i, w := range all {
		methods[i] = worthMeasuring(b, p, w)
		candidates[i] = make([]*compiled, len(methods[i]))
		total += 2 * len(methods[i])
	}
	var mu sync.Mutex
	done := 0
	step := func() {
		mu.Lock()
		defer mu.Unlock()
		done++
		progress(done, total)
	}
	var compilations errgroup.Group
	compilations.SetLimit(runtime.NumCPU())
	for i, w := range all {
		for k, m := range methods[i] {
			compilations.Go(func() (err error) {
				candidates[i][k], err = compile(b, m, both(w.side(), w.side(), w.In, w.Out))
				step()
				return err
			})
		}
	}
	err := compilations.Wait()
	defer func() {
		for _, c := range slices.Concat(candidates...) {
			if c != nil {
				c.exec.Finalize()
			}
		}
	}()
	if err != nil {
		return nil, err
	}
	timings := map[Work]timing{}
	for i, w := range all {
		seconds, err := race(b, candidates[i])
		if err != nil {
			return nil, fmt.Errorf("timing convolutions of %d×%d, %d→%d channels: %w",
				w.side(), w.side(), w.In, w.Out, err)
		}
		timings[w] = timing{}
		for k, m := range methods[i] {
			timings[w][m.Name()] = seconds[k]
			step()
		}
	}
	return timings, nil
}

// race runs the candidates of one work in turn, so that other programs slow all of them alike, and
// returns the least seconds of each.
func race(b compute.Backend, candidates []*compiled) ([]float64, error) {
	x, err := wave(b, candidates[0].x)
	if err != nil {
		return nil, err
	}
	defer free(x)
	kernels := make([]*tensors.Tensor, len(candidates))
	defer func() { free(kernels...) }()
	for i, c := range candidates {
		if kernels[i], err = wave(b, c.kernel); err != nil {
			return nil, err
		}
	}
	least := make([]float64, len(candidates))
	var total float64
	for run := -1; run < fewestRuns || run < mostRuns && total < enough*float64(len(candidates)); run++ {
		fastest := slices.Min(least)
		for i, c := range candidates {
			if run >= firstRuns && least[i] > hopeless*fastest {
				continue
			}
			seconds, err := c.seconds(x, kernels[i])
			switch {
			case err != nil:
				return nil, err
			case run < 0: // to warm up
				continue
			case run == 0:
				least[i] = seconds
			}
			least[i] = min(least[i], seconds)
			total += seconds
		}
	}
	return least, nil
}

// Time returns the median seconds of a convolution of [1, height, width, in] with a kernel that [Kernels] made, and of
// its pullback, over the given number of runs. They follow one that is not counted.
func Time(b compute.Backend, m Method, kernel *tensors.Tensor, height, width, in, out, repeat int) (forward, pullback float64, err error) {
	if forward, err = timeOne(b, m, kernel, onlyForward(height, width, in, out), repeat); err != nil {
		return 0, 0, err
	}
	pullback, err = timeOne(b, m, kernel, onlyPullback(height, width, in, out), repeat)
	return forward, pullback, err
}

func timeOne(b compute.Backend, m Method, kernel *tensors.Tensor, of timed, repeat int) (float64, error) {
	c, err := compile(b, m, of)
	if err != nil {
		return 0, err
	}
	defer c.exec.Finalize()
	x, err := wave(b, c.x)
	if err != nil {
		return 0, err
	}
	defer free(x)
	if _, err := c.seconds(x, kernel); err != nil {
		return 0, err
	}
	seconds := make([]float64, repeat)
	for i := range seconds {
		if seconds[i], err = c.seconds(x, kernel); err != nil {
			return 0, err
		}
	}
	slices.Sort(seconds)
	return (seconds[(repeat-1)/2] + seconds[repeat/2]) / 2, nil
}

// timed is what is timed of a convolution from in to out channels: a graph of an argument with the given channels.
type timed struct {
	height, width, in, out int
	channels               int
	build                  func(m Method, x, kernel *graph.Node) *graph.Node
}

// The bias and the ReLU are part of each, which XLA merges into some convolutions and not into others.

// someBias is what is added: constants that are not zero.
func someBias(x *graph.Node, channels int) *graph.Node {
	return graph.MulScalar(graph.IotaFull(x.Graph(), shapes.Make(dtypes.Float32, channels)), 0.01)
}

func onlyForward(height, width, in, out int) timed {
	return timed{height, width, in, out, in, func(m Method, x, kernel *graph.Node) *graph.Node {
		return m.Apply(x, kernel, someBias(x, out))
	}}
}

func onlyPullback(height, width, in, out int) timed {
	return timed{height, width, in, out, out, func(m Method, y, kernel *graph.Node) *graph.Node {
		return m.Pullback(in, y, kernel, nil, nil)
	}}
}

// both is what methods are chosen by.
func both(height, width, in, out int) timed {
	return timed{height, width, in, out, in, func(m Method, x, kernel *graph.Node) *graph.Node {
		return m.Pullback(in, m.Apply(x, kernel, someBias(x, out)), kernel, nil, x)
	}}
}

// compiled is one convolution, compiled to be timed.
type compiled struct {
	exec      *graph.Exec
	x, kernel shapes.Shape
}

// compile compiles what is timed.
func compile(b compute.Backend, m Method, of timed) (*compiled, error) {
	exec, err := graph.NewExec(b, func(x, kernel *graph.Node) []*graph.Node {
		y := of.build(m, x, kernel)
		one := graph.AxisElem(0)
		return []*graph.Node{y, graph.Reshape(graph.Slice(y, one, one, one, one))}
	})
	if err != nil {
		return nil, err
	}
	c := &compiled{
		exec:   exec,
		x:      shapes.Make(dtypes.Float32, 1, of.height, of.width, of.channels),
		kernel: shapes.Make(m.DType(), m.Dimensions(of.in, of.out)...),
	}
	if _, err := exec.Compile(c.x, c.kernel); err != nil {
		exec.Finalize()
		return nil, fmt.Errorf("compiling the convolution %s of %d×%d, %d→%d channels: %w",
			m.Name(), of.width, of.height, of.in, of.out, err)
	}
	return c, nil
}

// seconds runs the convolution once. It brings one number of the result to the host, which waits for a
// device that works asynchronously.
func (c *compiled) seconds(x, kernel *tensors.Tensor) (float64, error) {
	began := time.Now()
	y, err := c.exec.Call(x, kernel)
	if err != nil {
		return 0, err
	}
	defer free(y...)
	if _, err := tensors.CopyFlatData[float32](y[1]); err != nil {
		return 0, err
	}
	return time.Since(began).Seconds(), nil
}

// wave makes a tensor on the device with different numbers between -2 and 2: a GPU draws less power, and
// so runs faster, on numbers that are all the same.
func wave(b compute.Backend, shape shapes.Shape) (*tensors.Tensor, error) {
	float := shape.Clone()
	float.DType = dtypes.Float32
	last := shape.Rank() - 1
	return graph.CallOnce(b, func(g *graph.Graph) *graph.Node {
		x := graph.Add(graph.Sin(graph.Iota(g, float, last-1)), graph.Sin(graph.Iota(g, float, last)))
		return graph.ConvertDType(x, shape.DType)
	})
}

// free finalizes tensors; nil ones are skipped. An error is ignored: it says that the device has lost the
// tensor already, which leaves nothing to free.
func free(list ...*tensors.Tensor) {
	for _, t := range list {
		if t != nil {
			_ = t.FinalizeAll()
		}
	}
}
