// Demo makes a texture of a picture:
//
//	cd examples && go run ./texture/demo -sample sample:swirl -out texture.png
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/gouache-art/gouache/examples/texture"
	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/weights"
	_ "github.com/gouache-art/gouache/weights/h5" // to read Keras's files
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	name := flag.String("sample", "sample:swirl", "`PICTURE` of the texture, a file or sample:NAME")
	out := flag.String("out", "texture.png", "`FILE` for the result")
	device := flag.String("device", "auto", "`DEVICE`: auto, cpu or cuda")
	network := flag.String("weights", "", "`NAME` or file of the network's weights (default: the best that can be had)")
	var o texture.Options
	flag.IntVar(&o.Width, "width", 256, "`PIXELS`")
	flag.IntVar(&o.Height, "height", 256, "`PIXELS`")
	flag.IntVar(&o.Iterations, "iterations", 100, "`NUMBER` of iterations")
	flag.Int64Var(&o.Seed, "seed", 1, "`NUMBER` for the noise that it begins with")
	flag.Parse()

	sample, err := picture.Load(*name)
	if err != nil {
		return err
	}
	kind, err := backend.ParseDevice(*device)
	if err != nil {
		return err
	}
	b, err := backend.Open(ctx, backend.Options{Device: kind})
	if err != nil {
		return err
	}
	defer b.Close()
	if *network == "" {
		source, reason, err := weights.Choose(ctx, weights.Options{})
		if err != nil {
			return err
		}
		fmt.Println("weights:", reason)
		*network = source.Name
	}
	set, err := weights.Load(ctx, *network, weights.Options{})
	if err != nil {
		return err
	}
	o.Observe = func(iteration int, loss float64) {
		if iteration%10 == 0 {
			fmt.Printf("iteration %d of %d: loss %.3g\n", iteration, o.Iterations, loss)
		}
	}
	made, err := texture.Synthesize(ctx, b.XLA(), set, sample.Resize(sample.FitLonger(max(o.Width, o.Height))), o)
	if err != nil {
		return err
	}
	return made.Save(*out)
}
