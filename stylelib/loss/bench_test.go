package loss

import (
	"testing"
	"time"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/vgg"
	"github.com/gouache-art/gouache/weights"
)

// BenchmarkEvaluation compares one evaluation of an objective and its gradient, VGG19 to block5_conv1 at 256×256,
// with the same through GoMLX's automatic gradient. The metric compile-s is the time of the first evaluation less a
// later one.
func BenchmarkEvaluation(b *testing.B) {
	const side = 256
	set := weights.Random(weights.VGG19, 1)
	net := newNetwork(b, set, vgg.MaxPooling)
	preset := NeuralStyle()
	content, err := ContentTargets(net, noise(1, side, side), preset.ContentLayers...)
	if err != nil {
		b.Fatal(err)
	}
	style, err := preset.StyleTargets(net, []Style{{Picture: noise(2, side, side)}})
	if err != nil {
		b.Fatal(err)
	}
	terms := preset.Terms(content, style, Picture{Height: side, Width: side})
	x := noise(3, side, side)

	b.Run("gradient=pullback", func(b *testing.B) {
		objective, err := NewObjective(net, side, side, terms)
		if err != nil {
			b.Fatal(err)
		}
		defer objective.Close()
		benchmark(b, func() {
			e, err := objective.Evaluate(x)
			if err != nil {
				b.Fatal(err)
			}
			e.Gradient.MustFinalizeAll()
		})
	})
	b.Run("gradient=automatic", func(b *testing.B) {
		exec, err := graph.NewExec(device, automatic(net, terms))
		if err != nil {
			b.Fatal(err)
		}
		defer exec.Finalize()
		args := []any{x}
		for _, l := range set.Layers {
			args = append(args, tensors.FromFlatDataAndDimensions(l.Kernel, 3, 3, l.In, l.Out))
		}
		for _, t := range terms {
			for _, target := range t.Targets {
				args = append(args, target)
			}
		}
		benchmark(b, func() {
			out, err := exec.Call(args...)
			if err != nil {
				b.Fatal(err)
			}
			for _, t := range out {
				t.MustFinalizeAll()
			}
		})
	})
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

// automatic is an objective as one would write it with GoMLX alone, without biases, which random weights do not have:
// Convolve, MaxPool, and Gradient.
func automatic(net *vgg.Network, terms []Term) func(in []*graph.Node) []*graph.Node {
	return func(in []*graph.Node) []*graph.Node {
		x, kernels, targets := in[0], in[1:1+len(net.Layers())], in[1+len(net.Layers()):]
		inputs := &Inputs{net: net, picture: x, onPixels: x, features: map[string]*graph.Node{}}
		h := graph.Sub(x, graph.Const(x.Graph(), [][][][]float32{{{vgg.Mean[:]}}}))
		for i, name := range net.Layers() {
			if i > 0 && name[:6] != net.Layers()[i-1][:6] {
				h = graph.MaxPool(h).Window(2).Done()
			}
			h = graph.MaxScalar(graph.Convolve(h, kernels[i]).PadSame().Done(), 0)
			inputs.features[name] = h
			if name == "block5_conv1" {
				break
			}
		}
		total := graph.ScalarZero(x.Graph(), x.DType())
		for _, t := range terms {
			inputs.layers = t.Layers
			inputs.targets, targets = targets[:len(t.Targets)], targets[len(t.Targets):]
			total = graph.Add(total, graph.MulScalar(t.Loss(inputs), t.Weight*t.scale()))
		}
		return []*graph.Node{total, graph.Gradient(total, x)[0]}
	}
}
