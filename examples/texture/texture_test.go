package texture_test

import (
	"context"
	"fmt"

	"github.com/gouache-art/gouache/examples/texture"
	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/weights"
)

func Example() {
	if err := synthesize(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// the loss fell: true
	// 64×48
}

func synthesize(ctx context.Context) error {
	b, err := backend.Open(ctx, backend.Options{Device: backend.CPU, Offline: true})
	if err != nil {
		return err
	}
	defer b.Close()
	sample, err := picture.Load("sample:swirl")
	if err != nil {
		return err
	}
	var losses []float64
	made, err := texture.Synthesize(ctx, b.XLA(), weights.Random(weights.VGG16, 1), sample.Resize(64, 64), texture.Options{
		Width: 64, Height: 48, Iterations: 10, Seed: 1,
		Observe: func(_ int, loss float64) { losses = append(losses, loss) },
	})
	if err != nil {
		return err
	}
	fmt.Println("the loss fell:", losses[9] < losses[0])
	fmt.Printf("%d×%d\n", made.Width, made.Height)
	return nil
}
