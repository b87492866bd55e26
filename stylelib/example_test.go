package stylelib_test

import (
	"context"
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/lbfgs"
	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/stylelib/vgg"
	"github.com/gouache-art/gouache/weights"
	_ "github.com/gouache-art/gouache/weights/h5" // to read Keras's files
)

// A photograph in the style of a painting, with a loss of one's own beside the preset's: the mean of the blue channel,
// which the term draws up.
func ExampleStylize() {
	result, err := paint(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Status, result.Picture.Width, result.Picture.Height)
	for _, t := range result.Terms {
		fmt.Println(t.Name)
	}
	// Output:
	// iteration 4
	// finished 64 43
	// chroma
	// content
	// style
	// tone
	// tv
	// blue
}

func paint(ctx context.Context) (*progress.Result, error) {
	content, err := picture.Load("sample:chelsea")
	if err != nil {
		return nil, err
	}
	style, err := picture.Load("sample:swirl")
	if err != nil {
		return nil, err
	}
	return stylelib.Stylize(ctx, stylelib.Job{
		Content:    content,
		Styles:     []stylelib.Style{{Picture: style}},
		Size:       64,
		Iterations: 4,
		Terms: func(loss.Scene) ([]loss.Term, error) {
			return []loss.Term{{Name: "blue", Weight: 0.01, Loss: func(in *loss.Inputs) *graph.Node {
				return graph.OneMinus(graph.ReduceAllMean(graph.Slice(in.Picture(), graph.AxisRange().Spacer(), graph.AxisElem(2))))
			}}}, nil
		},
	}, progress.Func(func(e progress.Event) {
		if i, ok := e.(progress.Iteration); ok && i.Iteration == 4 {
			fmt.Println("iteration", i.Iteration)
		}
	}))
}

// The parts can be used alone: here features, and an objective that is minimised.
func Example_parts() {
	if err := parts(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// features [1 32 32 128]
	// terms content tv
	// the optimiser lowered the objective: true
}

func parts(ctx context.Context) error {
	b, err := backend.Open(ctx, backend.Options{Device: backend.CPU})
	if err != nil {
		return err
	}
	defer b.Close()
	set, err := weights.Load(ctx, "random", weights.Options{}) // or "vgg19"
	if err != nil {
		return err
	}
	net, err := vgg.New(b.XLA(), set, vgg.Options{Pooling: vgg.AveragePooling})
	if err != nil {
		return err
	}
	photograph, err := picture.Load("sample:coffee")
	if err != nil {
		return err
	}
	x := tensors.FromFlatDataAndDimensions(photograph.Resize(64, 64).Pix, 1, 64, 64, 3)

	features, err := net.Features(x, "block2_conv1")
	if err != nil {
		return err
	}
	fmt.Println("features", features[0].Shape().Dimensions)

	content, err := loss.ContentTargets(net, x, "block2_conv1")
	if err != nil {
		return err
	}
	objective, err := loss.NewObjective(net, 64, 64, []loss.Term{loss.Content(content[0], 1e-9), loss.TotalVariation(1)})
	if err != nil {
		return err
	}
	defer objective.Close()
	before, err := objective.Evaluate(x)
	if err != nil {
		return err
	}
	fmt.Println("terms", before.Terms[0].Name, before.Terms[1].Name)

	minimizer := lbfgs.Minimizer{MaxIterations: 5}
	found, err := minimizer.Minimize(ctx, b.XLA(), objective.Function(nil), x)
	if err != nil {
		return err
	}
	fmt.Println("the optimiser lowered the objective:", found.F < before.Total)
	return nil
}
