package mask_test

import (
	"fmt"

	"github.com/gouache-art/gouache/stylelib/mask"
	"github.com/gouache-art/gouache/stylelib/picture"
)

// The sky above a rocket: what is dark blue, but for the ground.
func Example() {
	photo, err := picture.Load("sample:rocket")
	if err != nil {
		panic(err)
	}
	blue := mask.Colour(photo, picture.Colour{25, 60, 110}, 0.15)
	ground, err := mask.Rectangle(photo.Width, photo.Height, 0, 370, 640, 57)
	if err != nil {
		panic(err)
	}
	sky, err := mask.Difference(blue, ground)
	if err != nil {
		panic(err)
	}
	mask.Feather(sky, 3)
	fmt.Printf("%.0f %% of %d×%d pixels\n", 100*sky.Mean(), sky.Width, sky.Height)
	// Output: 72 % of 640×427 pixels
}
