package weights

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/gouache-art/gouache/internal/fetch"
)

// Contents describes a file of tensors.
type Contents struct {
	Path          string            `json:"path"`
	Format        string            `json:"format"`                  // "hdf5", "safetensors" or "pytorch"
	Size          int64             `json:"size"`                    // bytes
	SHA256        string            `json:"sha256"`                  // in hexadecimal digits
	MD5           string            `json:"md5"`                     // in hexadecimal digits
	Known         string            `json:"known,omitempty"`         // the source's name, if it is its file
	Layout        string            `json:"layout,omitempty"`        // for example "Keras 3", if layers were recognised
	Network       string            `json:"network,omitempty"`       // VGG16 or VGG19, if the file is usable
	Problem       string            `json:"problem,omitempty"`       // why the file is not usable, else empty
	Preprocessing string            `json:"preprocessing,omitempty"` // of a usable file
	Metadata      map[string]string `json:"metadata,omitempty"`
	Tensors       []TensorInfo      `json:"tensors"`
}

// TensorInfo describes a tensor of a file and the layer that it belongs to.
type TensorInfo struct {
	Tensor
	Layer string `json:"layer,omitempty"` // for example block4_conv2; empty if it is no convolution of the network
	Part  string `json:"part,omitempty"`  // "kernel" or "bias"
}

// Inspect lists the tensors of a file, or of a source by its name, as [Load] does, and reads them as Load would. A file
// without a usable VGG is no error: Contents.Problem is what Load would say. One that is damaged so that its tensors
// cannot be listed, or no file of tensors at all, is an error.
func Inspect(ctx context.Context, nameOrFile string, opts Options) (contents *Contents, err error) {
	path, _, err := find(ctx, nameOrFile, opts)
	if err != nil {
		return nil, err
	}
	c, format, err := open(ctx, path)
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
		Path: path, Format: format, Size: sums.Size, SHA256: sums.SHA256, MD5: sums.MD5,
		Layout: r.layout, Metadata: c.Metadata(), Tensors: r.infos(),
	}
	if s, ok := known(sums); ok {
		contents.Known = s.Name
	}
	set, err := r.assemble()
	if err == nil {
		err = set.describeFile(sums, opts.Preprocessing)
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		contents.Problem = err.Error()
	default:
		contents.Network, contents.Preprocessing = set.Network, set.Preprocessing.String()
	}
	return contents, nil
}

// infos lists the tensors: the layers' first, in the network's order, then the others as the file has them.
func (r *recognition) infos() []TensorInfo {
	infos := make([]TensorInfo, len(r.tensors))
	for i, t := range r.tensors {
		infos[i].Tensor = t
	}
	for p, i := range r.found {
		infos[i].Layer, infos[i].Part = p.layer, p.part
	}
	const last = "~" // after all layers
	slices.SortStableFunc(infos, func(a, b TensorInfo) int {
		byLayer := cmp.Compare(cmp.Or(a.Layer, last), cmp.Or(b.Layer, last))
		return cmp.Or(byLayer, cmp.Compare(b.Part, a.Part)) // the kernel, then the bias
	})
	return infos
}
