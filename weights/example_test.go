package weights_test

import (
	"context"
	"fmt"

	"github.com/gouache-art/gouache/weights"
)

// Weights are loaded by name; "random" needs no file. Another program would say "vgg19", and import weights/h5.
func ExampleLoad() {
	set, err := weights.Load(context.Background(), "random", weights.Options{Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	layer, err := set.Layer("block4_conv2")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(set.Network, len(set.Layers), layer.In, layer.Out, len(layer.Kernel))
	// Output: vgg19 16 512 512 2359296
}

func ExampleSources() {
	for _, e := range weights.Sources() {
		fmt.Printf("%-9s %s\n", e.Name, e.Description)
	}
	// Output:
	// vgg19     VGG19 trained on ImageNet by its authors
	// vgg16     VGG16 trained on ImageNet by its authors
	// vgg19-torchvision VGG19 trained on ImageNet by torchvision
	// vgg16-torchvision VGG16 trained on ImageNet by torchvision
	// vgg16-hed VGG16 fine-tuned for edges, through pip
	// random    random numbers from a seed, for tests and measurements; needs no file
}
