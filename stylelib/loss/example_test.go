package loss_test

import (
	"context"
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/vgg"
	"github.com/gouache-art/gouache/weights"
)

// An objective of three terms, one of them a person's own: how far the picture's mean is from mid grey. A weight can
// change at any time; nothing is compiled again.
func ExampleNewObjective() {
	if err := objective(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// content 0.0
	// tv 0.0
	// grey 784.0
	// total 784.0
	// total 1568.0 with twice the weight
}

func objective() error {
	b, err := backend.Open(context.Background(), backend.Options{Device: backend.CPU})
	if err != nil {
		return err
	}
	defer b.Close()
	net, err := vgg.New(b.XLA(), weights.Random(weights.VGG19, 1), vgg.Options{})
	if err != nil {
		return err
	}
	pixels := make([]float32, 32*32*3)
	for i := range pixels {
		pixels[i] = 100
	}
	picture := tensors.FromFlatDataAndDimensions(pixels, 1, 32, 32, 3)
	content, err := loss.ContentTargets(net, picture, "block1_conv2")
	if err != nil {
		return err
	}
	grey := loss.Term{
		Name:   "grey",
		Weight: 1,
		Loss: func(in *loss.Inputs) *graph.Node {
			return graph.Square(graph.AddScalar(graph.ReduceAllMean(in.Picture()), -128))
		},
	}
	terms := []loss.Term{loss.Content(content[0], 1), loss.TotalVariation(1), grey}
	o, err := loss.NewObjective(net, 32, 32, terms)
	if err != nil {
		return err
	}
	defer o.Close()
	at, err := o.Evaluate(picture)
	if err != nil {
		return err
	}
	for _, v := range at.Terms {
		fmt.Printf("%s %.1f\n", v.Name, v.Weighted)
	}
	fmt.Printf("total %.1f\n", at.Total)
	terms[2].Weight = 2
	if err := o.SetWeights(terms); err != nil {
		return err
	}
	if at, err = o.Evaluate(picture); err != nil {
		return err
	}
	fmt.Printf("total %.1f with twice the weight\n", at.Total)
	return nil
}
