package loss

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/vgg"
	"github.com/gouache-art/gouache/weights"
)

// BenchmarkEvaluation measures an evaluation of an objective and its gradient, VGG19 to block5_conv1: through the network's
// own pullback, through GoMLX's automatic gradient, and in tiles. The metric compile-s is the time of the first
// evaluation less a later one.
func BenchmarkEvaluation(b *testing.B) {
	for _, c := range []struct {
		side, tile int
		automatic  bool
	}{{side: 256}, {side: 256, automatic: true}, {side: 512}, {side: 512, tile: 352}} {
		gradient := "pullback"
		if c.automatic {
			gradient = "automatic"
		}
		b.Run(fmt.Sprintf("side=%d/tile=%d/gradient=%s", c.side, c.tile, gradient), func(b *testing.B) {
			set := weights.Random(weights.VGG19, 1)
			net := newNetwork(b, set, vgg.MaxPooling).Tiled(c.tile)
			terms := benchmarkTerms(b, net, c.side)
			if c.automatic {
				benchmarkAutomatic(b, net, set, terms, noise(3, c.side, c.side))
			} else {
				benchmarkObjective(b, net, terms, c.side)
			}
		})
	}
}

// benchmarkTerms are those of the preset neural-style.
func benchmarkTerms(b *testing.B, net *vgg.Network, side int) []Term {
	b.Helper()
	preset := NeuralStyle()
	content, err := ContentTargets(net, noise(1, side, side), preset.ContentLayers...)
	if err != nil {
		b.Fatal(err)
	}
	style, err := preset.StyleTargets(net, []Style{{Picture: noise(2, side, side)}})
	if err != nil {
		b.Fatal(err)
	}
	terms, err := preset.Terms(Scene{ContentTargets: content, StyleTargets: style, Height: side, Width: side})
	if err != nil {
		b.Fatal(err)
	}
	return terms
}

func benchmarkObjective(b *testing.B, net *vgg.Network, terms []Term, side int) {
	objective, err := NewObjective(net, side, side, terms)
	if err != nil {
		b.Fatal(err)
	}
	defer objective.Close()
	x := noise(3, side, side)
	benchmark(b, func() {
		e, err := objective.Evaluate(x)
		if err != nil {
			b.Fatal(err)
		}
		e.Gradient.MustFinalizeAll()
	})
}

func benchmarkAutomatic(b *testing.B, net *vgg.Network, set *weights.Set, terms []Term, x *tensors.Tensor) {
	exec, err := graph.NewExec(device, automatic(net, terms))
	if err != nil {
		b.Fatal(err)
	}
	defer exec.Finalize()
	args := []any{x}
	for _, l := range set.Layers {
		args = append(args, tensors.FromFlatDataAndDimensions(l.Kernel, 3, 3, l.In, l.Out))
	}
	args = appendTargets(args, terms)
	benchmark(b, func() {
		out, err := exec.Call(args...)
		if err != nil {
			b.Fatal(err)
		}
		finalize(out)
	})
}

// BenchmarkGram measures the Gram matrix of each style layer's features at 256×256 pixels, and the gradient through it.
func BenchmarkGram(b *testing.B) {
	for i, channels := range []int{64, 128, 256, 512, 512} {
		side := 256 >> i
		for _, c := range []struct {
			name  string
			build func(f *graph.Node) *graph.Node
		}{
			{"matrix", GramMatrix},
			{"gradient", func(f *graph.Node) *graph.Node {
				f = graph.Identity(f)
				return graph.Gradient(sumOfSquares(GramMatrix(f)), f)[0]
			}},
		} {
			b.Run(fmt.Sprintf("layer=block%d_conv1/of=%s", i+1, c.name), func(b *testing.B) {
				exec, err := graph.NewExec(device, c.build)
				if err != nil {
					b.Fatal(err)
				}
				defer exec.Finalize()
				features := make([]float32, side*side*channels)
				for j := range features {
					features[j] = float32(j%17) / 17
				}
				f := tensors.FromFlatDataAndDimensions(features, 1, side, side, channels)
				benchmark(b, func() {
					out, err := exec.Call(f)
					if err != nil {
						b.Fatal(err)
					}
					finalize(out)
				})
			})
		}
	}
}

// benchmark measures run, and apart from that its first call.
func benchmark(b *testing.B, run func()) {
	began := time.Now()
	run()
	first := time.Since(began)
	for b.Loop() {
		run()
	}
	b.ReportMetric((first - b.Elapsed()/time.Duration(b.N)).Seconds(), "compile-s")
}

// automatic is the same objective as one would write it with GoMLX alone: Convolve, MaxPool and Gradient, through the
// Gram matrices too. It leaves out the biases, which random weights do not have.
func automatic(net *vgg.Network, terms []Term) func(in []*graph.Node) []*graph.Node {
	mean := net.Mean()
	return func(in []*graph.Node) []*graph.Node {
		x, kernels, targets := in[0], in[1:1+len(net.Layers())], in[1+len(net.Layers()):]
		features := map[string]*graph.Node{}
		h := graph.Sub(x, graph.Const(x.Graph(), [][][][]float32{{{mean[:]}}}))
		for i, name := range net.Layers() {
			if i > 0 && name[:6] != net.Layers()[i-1][:6] {
				h = graph.MaxPool(h).Window(2).Done()
			}
			h = graph.MaxScalar(graph.Convolve(h, kernels[i]).PadSame().Done(), 0)
			features[name] = h
			if name == "block5_conv1" {
				break
			}
		}
		total := graph.ScalarZero(x.Graph(), x.DType())
		for _, t := range terms {
			var value *graph.Node
			switch t.Name {
			case contentName:
				value = sumOfSquares(graph.Sub(features[t.Layers[0]], targets[0]))
			case styleName:
				d := features[t.Layers[0]].Shape().Dimensions
				f := graph.Reshape(features[t.Layers[0]], d[1]*d[2], d[3])
				gram := graph.MulScalar(graph.Dot(f, f).EinsumAxes([][2]int{{0, 0}}, nil), 1/float64(d[1]*d[2]))
				value = sumOfSquares(graph.Sub(gram, targets[0]))
			case tvName:
				dx, dy := differences(lines(x), 3)
				value = graph.Add(graph.ReduceAllSum(graph.Abs(dx)), graph.ReduceAllSum(graph.Abs(dy)))
			}
			targets = targets[len(t.Targets):]
			total = graph.Add(total, graph.MulScalar(value, t.Weight*t.scale()))
		}
		return []*graph.Node{total, graph.Gradient(total, x)[0]}
	}
}

// TestAutomaticIsTheSame: the benchmark compares two ways to one result.
func TestAutomaticIsTheSame(t *testing.T) {
	f := newFixture(t)
	terms := []Term{Content(f.content[0], 1), Gram(f.style[0], 1), TotalVariation(3)}
	set := tinySet()
	for i := range set.Layers {
		clear(set.Layers[i].Bias)
	}
	net := newNetwork(t, set, vgg.MaxPooling)
	objective, err := NewObjective(net, height, width, terms)
	if err != nil {
		t.Fatal(err)
	}
	defer objective.Close()
	want, err := objective.Evaluate(f.x)
	if err != nil {
		t.Fatal(err)
	}
	exec, err := graph.NewExec(device, automatic(net, terms))
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	args := []any{f.x}
	for i, l := range set.Layers {
		kernel := l.Kernel
		if i == 0 { // the network's input is BGR, the graph's RGB
			kernel = make([]float32, len(l.Kernel))
			for at := range 9 {
				for c := range 3 {
					copy(kernel[(3*at+c)*l.Out:][:l.Out], l.Kernel[(3*at+2-c)*l.Out:])
				}
			}
		}
		args = append(args, tensors.FromFlatDataAndDimensions(kernel, 3, 3, l.In, l.Out))
	}
	args = append(args, f.content[0].Tensor, f.style[0].Tensor)
	got, err := exec.Call(args...)
	if err != nil {
		t.Fatal(err)
	}
	if total := float64(tensors.ToScalar[float32](got[0])); math.Abs(total-want.Total) > 1e-5*want.Total {
		t.Errorf("the total is %v, the objective's %v", total, want.Total)
	}
	a, b := flat(t, got[1]), flat(t, want.Gradient)
	difference := make([]float32, len(a))
	for i := range a {
		difference[i] = a[i] - b[i]
	}
	if norm(difference) > 1e-4*norm(b) {
		t.Errorf("the gradients differ by %v of %v", norm(difference), norm(b))
	}
}
