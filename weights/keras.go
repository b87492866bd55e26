package weights

// Keras publishes the weights of the networks' authors, converted.
const (
	kerasFiles   = "https://storage.googleapis.com/tensorflow/keras-applications/"
	kerasEnd     = "_weights_tf_dim_ordering_tf_kernels_notop.h5"
	kerasLicense = "CC BY 4.0 (K. Simonyan and A. Zisserman, Visual Geometry Group, University of Oxford; converted by F. Chollet for Keras)"
)

func init() {
	Register(Source{
		Name:        "vgg19",
		Network:     VGG19,
		Description: "VGG19 trained on ImageNet by its authors",
		License:     kerasLicense,
		Rank:        1,
		Automatic:   true,
		Origin:      URL{Address: kerasFiles + "vgg19/vgg19" + kerasEnd},
		File:        "vgg19" + kerasEnd,
		Sums:        Checksums{MD5: "253f8cb515780f3b799900260a226db6"},
		Size:        80134624,
	})
	Register(Source{ // not automatic: where vgg19 cannot be fetched, it cannot either
		Name:        "vgg16",
		Network:     VGG16,
		Description: "VGG16 trained on ImageNet by its authors",
		License:     kerasLicense,
		Rank:        2,
		Origin:      URL{Address: kerasFiles + "vgg16/vgg16" + kerasEnd},
		File:        "vgg16" + kerasEnd,
		Sums:        Checksums{MD5: "6d6bbae143d832006294945121d1f1fc"},
		Size:        58889256,
	})
}
