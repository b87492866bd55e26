package samples_test

import (
	"bytes"
	"fmt"
	"image"
	_ "image/jpeg"
	"log"

	"github.com/gouache-art/gouache/stylelib/samples"
)

func ExampleOpen() {
	file, err := samples.Open("swirl")
	if err != nil {
		log.Fatal(err)
	}
	settings, format, err := image.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(format, settings.Width, "×", settings.Height)

	_, err = samples.Open("swirls")
	fmt.Println(err)
	// Output:
	// jpeg 640 × 512
	// unknown sample "swirls": did you mean "swirl"?
}

func ExampleList() {
	for _, s := range samples.List() {
		if s.Kind == samples.Photograph {
			fmt.Printf("%s: %s (%s)\n", s.Name, s.Title, s.Credit)
		}
	}
	// Output:
	// chelsea: Chelsea the cat (Stefan van der Walt, by way of scikit-image)
	// coffee: A cup of coffee (Rachel Michetti, courtesy of Pikolo Espresso Bar, by way of scikit-image)
	// rocket: Falcon 9 with DSCOVR at Cape Canaveral (SpaceX, by way of scikit-image)
}
