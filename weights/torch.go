package weights

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gouache-art/gouache/internal/fetch"
)

// Torchvision trained the networks anew, with pictures of its own kind. Hugging Face keeps the weights as .safetensors, of
// which only the convolutions are fetched: 80 of 575 MB of VGG19.
const (
	huggingFace        = "https://huggingface.co/timm/"
	huggingFaceFile    = ".tv_in1k/resolve/main/model.safetensors"
	torchvisionLicense = "BSD-3-Clause (torchvision; as timm publishes them)"
)

func init() {
	for i, network := range []string{VGG19, VGG16} {
		Register(Source{
			Name:          network + "-torchvision",
			Network:       network,
			Description:   strings.ToUpper(network) + " trained on ImageNet by torchvision",
			License:       torchvisionLicense,
			Preprocessing: Torchvision,
			Rank:          3 + i,
			Automatic:     network == VGG19,
			Origin:        fetch.Safetensors{Address: huggingFace + network + huggingFaceFile, Prefix: torchPrefix},
			File:          network + "-torchvision.safetensors",
			Size:          map[string]int64{VGG19: 80_098_000, VGG16: 58_859_000}[network],
		})
	}
}

// torchPrefix begins the names of the convolutions' tensors in PyTorch's models of VGG.
const torchPrefix = "features."

// torchFiles are the files of PyTorch's weights that people have, by the beginning of their SHA-256, which their names
// have too. Torchvision's weights expect RGB, 0..1, divided by a deviation; those converted from Caffe expect BGR, 0..255.
// Both have the same names, and a wrong guess paints wrong colours.
var torchFiles = map[string]Preprocessing{
	"397923af": Torchvision, // vgg16-397923af.pth
	"dcbb9e9d": Torchvision, // vgg19-dcbb9e9d.pth
	"00b39a1b": Caffe,       // vgg16-00b39a1b.pth, J. Johnson's, as neural-style-pt uses it
	"d01eb7cb": Caffe,       // vgg19-d01eb7cb.pth, likewise
}

// errNoPreprocessing is the error for a file that does not say what the network wants to see.
var errNoPreprocessing = errors.New("its names are PyTorch's, which do not say whether the network wants torchvision's or Caffe's pixels; " +
	"say it once with `gouache weights convert FILE OUT.safetensors --preprocessing torchvision` (or caffe), and use that file")

// torchName matches the names of convolutions' tensors in torchvision's VGG. The number is that of a module; ReLUs and
// poolings are modules, too.
var torchName = regexp.MustCompile(`^features\.(\d+)\.(weight|bias)$`)

// torchModules returns the numbers of a network's convolutions among torchvision's modules, each with a layer's name.
func (a architecture) torchModules() map[int]string {
	modules := map[int]string{}
	number, layers := 0, a.layers()
	for block, n := range a.convolutions {
		for range n {
			modules[number] = layers[len(modules)].Name
			number += 2 // and its ReLU
		}
		if block < len(a.convolutions)-1 {
			number++ // the pooling
		}
	}
	return modules
}

// findByModules takes the tensors with PyTorch's names if their numbers are those of a network's convolutions. Those of a
// network with batch normalisation are others.
func (r *recognition) findByModules() {
	tensors := map[int][]int{} // by module
	for i, t := range r.tensors {
		if m := torchName.FindStringSubmatch(t.Name); m != nil {
			module, err := strconv.Atoi(m[1])
			if err != nil {
				return
			}
			tensors[module] = append(tensors[module], i)
		}
	}
	numbers := slices.Sorted(maps.Keys(tensors))
	for _, a := range architectures {
		modules := a.torchModules()
		if !slices.Equal(numbers, slices.Sorted(maps.Keys(modules))) {
			continue
		}
		r.layout = layoutTorch
		for module, layer := range modules {
			for _, i := range tensors[module] {
				r.add(layer, i)
			}
		}
	}
}

// torchShape returns the shape of a kernel in PyTorch's order: [out, in, height, width].
func torchShape(kernel []int) []int { return []int{kernel[3], kernel[2], kernel[0], kernel[1]} }

// fromTorch puts a kernel [out, in, 3, 3] into the order [3, 3, in, out].
func fromTorch(values []float32, in, out int) []float32 {
	kernel := make([]float32, len(values))
	for o := range out {
		for i := range in {
			for tap := range 9 {
				kernel[(tap*in+i)*out+o] = values[(o*in+i)*9+tap]
			}
		}
	}
	return kernel
}
