package vgg_test

import (
	"context"
	"fmt"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/vgg"
	"github.com/gouache-art/gouache/weights"
)

func ExampleNetwork_Features() {
	b, err := backend.Open(context.Background(), backend.Options{Device: backend.CPU})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	net, err := vgg.New(b.XLA(), weights.Random(weights.VGG19, 1), vgg.Options{}) // or what weights.Load returns
	if err != nil {
		fmt.Println(err)
		return
	}
	picture := tensors.FromFlatDataAndDimensions(make([]float32, 32*48*3), 1, 32, 48, 3)
	features, err := net.Features(picture, "block1_conv2", "relu3_1")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range features {
		fmt.Println(f.Shape().Dimensions)
	}
	// Output:
	// [1 32 48 64]
	// [1 8 12 256]
}
