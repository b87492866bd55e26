package picture_test

import (
	"fmt"
	"image/color"
	"log"
	"os"
	"path/filepath"

	"github.com/gouache-art/gouache/stylelib/picture"
)

func Example() {
	folder, err := os.MkdirTemp("", "gouache-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	out := filepath.Join(folder, "cat.png")
	if err := picture.CheckOutput(out); err != nil {
		log.Fatal(err)
	}
	cat, err := picture.Load("sample:chelsea")
	if err != nil {
		log.Fatal(err)
	}
	if err := cat.Resize(cat.FitLonger(128)).Save(out); err != nil {
		log.Fatal(err)
	}
	small, err := picture.Load(out)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(max(small.Width, small.Height), len(small.Pix) == 3*small.Width*small.Height)
	// Output: 128 true
}

func ExamplePicture_FitLonger() {
	p := picture.Picture{Width: 4000, Height: 3000}
	fmt.Println(p.FitLonger(512))
	// Output: 512 384
}

func ExamplePicture_Image() {
	p := picture.Picture{Width: 1, Height: 1, Pix: []float32{-20, 99.7, 300}}
	fmt.Println(p.Image().At(0, 0) == color.NRGBA{R: 0, G: 100, B: 255, A: 255})
	// Output: true
}

func ExamplePicture_TotalVariation() {
	stripes := picture.Picture{Width: 3, Height: 1, Pix: []float32{0, 0, 0, 255, 0, 0, 0, 0, 0}}
	fmt.Println(stripes.TotalVariation())
	// Output: 510
}

func ExampleCheckOutput() {
	fmt.Println(picture.CheckOutput("night.pgn"))
	// Output: night.pgn has an extension of no format that can be written, .pgn: did you mean night.png?
}

func ExampleNoise() {
	p := picture.Noise(64, 64, 7)
	q := picture.Noise(64, 64, 7)
	fmt.Println(p.Width, p.Height, p.Pix[1000] == q.Pix[1000])
	// Output: 64 64 true
}
