package weights

import (
	"cmp"
	"errors"
	"slices"

	"github.com/gouache-art/gouache/internal/fetch"
)

// Contents is what is in a file of tensors.
type Contents struct {
	Path     string            `json:"path"`
	Format   string            `json:"format"`            // "hdf5" or "safetensors"
	Size     int64             `json:"size"`              // bytes
	SHA256   string            `json:"sha256"`            // in hexadecimal digits
	MD5      string            `json:"md5"`               // in hexadecimal digits
	Known    string            `json:"known,omitempty"`   // the name in the catalogue, if it is that very file
	Layout   string            `json:"layout,omitempty"`  // such as "Keras 3", if layers were recognised
	Network  string            `json:"network,omitempty"` // VGG16 or VGG19, if the file is usable
	Problem  string            `json:"problem,omitempty"` // why the file is not usable, else empty
	Metadata map[string]string `json:"metadata,omitempty"`
	Tensors  []TensorInfo      `json:"tensors"`
}

// TensorInfo is one tensor of a file and what it was recognised as.
type TensorInfo struct {
	Name  string `json:"name"`
	Shape []int  `json:"shape"`
	DType string `json:"dtype"`
	Layer string `json:"layer,omitempty"` // such as block4_conv2; empty if it is not a convolution of the network
	Part  string `json:"part,omitempty"`  // "kernel" or "bias"
}

// Inspect lists what is in a file. A file that holds no usable VGG is no error: Contents.Problem says what is wrong
// with it. One that is no file of tensors at all, or is damaged, is an error.
func Inspect(path string) (contents *Contents, err error) {
	c, format, err := open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	sums, err := fetch.Sum(path)
	if err != nil {
		return nil, err
	}
	r := recognise(c)
	contents = &Contents{
		Path:     path,
		Format:   format,
		Size:     sums.Size,
		SHA256:   sums.SHA256,
		MD5:      sums.MD5,
		Layout:   r.layout,
		Metadata: c.Metadata(),
		Tensors:  r.infos(),
	}
	if e, ok := known(sums); ok {
		contents.Known = e.Name
	}
	a, err := r.network()
	if err != nil {
		contents.Problem = err.Error()
		return contents, nil
	}
	contents.Network = a.name
	return contents, nil
}

// infos lists the tensors: the layers' first, in the network's order, then the others as the file has them.
func (r *recognition) infos() []TensorInfo {
	infos := make([]TensorInfo, len(r.tensors))
	for i, t := range r.tensors {
		infos[i] = TensorInfo{Name: t.Name, Shape: t.Shape, DType: t.DType}
	}
	for layer, p := range r.byLayer {
		if p.kernel >= 0 {
			infos[p.kernel].Layer, infos[p.kernel].Part = layer, "kernel"
		}
		if p.bias >= 0 {
			infos[p.bias].Layer, infos[p.bias].Part = layer, "bias"
		}
	}
	slices.SortStableFunc(infos, func(a, b TensorInfo) int {
		switch {
		case a.Layer == "" && b.Layer == "":
			return 0
		case a.Layer == "":
			return 1
		case b.Layer == "":
			return -1
		}
		return cmp.Or(cmp.Compare(a.Layer, b.Layer), cmp.Compare(b.Part, a.Part)) // the kernel, then the bias
	})
	return infos
}
