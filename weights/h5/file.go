package h5

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/hdf5"

	"github.com/gouache-art/gouache/internal/tensorfile"
	"github.com/gouache-art/gouache/weights"
)

const (
	maxObjects = 10_000  // groups and datasets of a file; VGG19 as Keras writes it has about 100
	maxDepth   = 16      // of groups in groups; Keras's files have 5
	maxNumbers = 1 << 26 // of a dataset to be read; a convolution of VGG has 2.4 million at most
)

// file is an HDF5 file that the child has open.
type file struct {
	file     *hdf5.File
	groups   map[string]bool // paths without a leading slash; "" is the file
	tensors  []weights.Tensor
	datasets []dataset
	objects  int
	buffer   []byte // what was read last
}

// dataset is what the child knows of a tensor.
type dataset struct {
	inside bool      // its numbers are in this file
	float  floatType // zero if they are of a type that cannot be read
}

// openFile lists all that is in a file.
func openFile(path string) (*file, error) {
	in, err := hdf5.OpenFile(path, hdf5.F_ACC_RDONLY)
	if err != nil {
		return nil, errors.New("the file is truncated or damaged: HDF5 cannot open it")
	}
	f := &file{file: in, groups: map[string]bool{"": true}}
	return f, f.walk(&in.CommonFG, "", 0)
}

// walk lists the datasets below a group. Soft and external links are left out: they may lead to other files. Circles of
// hard links end at the bounds.
func (f *file) walk(g *hdf5.CommonFG, prefix string, depth int) error {
	n, err := g.NumObjects()
	if err != nil {
		return fmt.Errorf("the file is damaged: HDF5 cannot list group %q", prefix)
	}
	if f.objects += int(n); f.objects > maxObjects || depth > maxDepth {
		return fmt.Errorf("it has more than %d objects or groups nested more than %d deep, which no file of weights has", maxObjects, maxDepth)
	}
	for i := range n {
		name, err := g.ObjectNameByIndex(i)
		if err != nil {
			return fmt.Errorf("the file is damaged: HDF5 cannot list group %q", prefix)
		}
		kind, err := g.ObjectTypeByIndex(i)
		if err != nil {
			return fmt.Errorf("the file is damaged: HDF5 cannot open %q", prefix+name)
		}
		switch kind {
		case hdf5.H5G_GROUP:
			err = f.walkGroup(g, name, prefix, depth)
		case hdf5.H5G_DATASET:
			err = f.addDataset(g, name, prefix)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *file) walkGroup(parent *hdf5.CommonFG, name, prefix string, depth int) error {
	g, err := parent.OpenGroup(name)
	if err != nil {
		return fmt.Errorf("the file is damaged: HDF5 cannot open group %q", prefix+name)
	}
	f.groups[prefix+name] = true
	err = f.walk(&g.CommonFG, prefix+name+"/", depth+1)
	return errors.Join(err, g.Close())
}

func (f *file) addDataset(parent *hdf5.CommonFG, name, prefix string) error {
	d, err := parent.OpenDataset(name)
	if err != nil {
		return fmt.Errorf("the file is damaged: HDF5 cannot open dataset %q", prefix+name)
	}
	defer d.Close()
	shape, err := shapeOf(d)
	if err != nil {
		return fmt.Errorf("dataset %q: %w", prefix+name, err)
	}
	inside, err := isInside(d)
	if err != nil {
		return err
	}
	t, err := d.Datatype()
	if err != nil {
		return err
	}
	defer t.Close()
	float := typeOf(t)
	f.tensors = append(f.tensors, weights.Tensor{Name: prefix + name, Shape: shape, DType: cmp.Or(float.name, otherName(t))})
	f.datasets = append(f.datasets, dataset{inside, float})
	return nil
}

// shapeOf returns a dataset's dimensions, none for a scalar.
func shapeOf(d *hdf5.Dataset) ([]int, error) {
	space := d.Space()
	if space == nil {
		return nil, errors.New("the file is damaged: HDF5 cannot tell its shape")
	}
	defer space.Close()
	if space.SimpleExtentNDims() <= 0 { // a scalar, or nothing at all
		return []int{}, nil
	}
	dims, _, err := space.SimpleExtentDims()
	if err != nil {
		return nil, errors.New("the file is damaged: HDF5 cannot tell its shape")
	}
	shape := make([]int, len(dims))
	for i, dim := range dims {
		if dim > math.MaxInt32 {
			return nil, fmt.Errorf("it has shape %v, which no file of weights has", dims)
		}
		shape[i] = int(dim)
	}
	return shape, nil
}

// otherName describes a type that cannot be read.
func otherName(t *hdf5.Datatype) string {
	switch t.Class() {
	case hdf5.T_FLOAT:
		return fmt.Sprintf("float of %d bits of its own kind", 8*t.Size())
	case hdf5.T_INTEGER:
		return fmt.Sprintf("integer of %d bits", 8*t.Size())
	case hdf5.T_STRING:
		return "string"
	}
	return "another type"
}

// attribute returns nil for an attribute that cannot be read: the rest of the file may show the layout.
func (f *file) attribute(group, name string) []string {
	if !f.groups[group] {
		return nil // otherwise a link to another file would be followed
	}
	values, _ := readStrings(f.file, "/"+group, name)
	return values
}

// read returns the numbers of the i-th tensor and what they are sent as. They are overwritten by the next call.
func (f *file) read(i int) (numbers []byte, sent tensorfile.Tensor, err error) {
	if i < 0 || i >= len(f.tensors) {
		return nil, sent, fmt.Errorf("there is no dataset %d", i)
	}
	t, float := f.tensors[i], f.datasets[i].float
	if !f.datasets[i].inside {
		return nil, sent, fmt.Errorf("dataset %s keeps its numbers in other files, which are not read", t.Name)
	}
	if float == (floatType{}) {
		return nil, sent, fmt.Errorf("dataset %s holds %s, expected float16, bfloat16, float32 or float64", t.Name, t.DType)
	}
	n, err := count(t)
	if err != nil {
		return nil, sent, err
	}
	sent = tensorfile.Tensor{DType: float.sent, Shape: []int{n}}
	if n == 0 {
		return nil, sent, nil
	}
	d, err := f.file.OpenDataset(t.Name)
	if err != nil {
		return nil, sent, fmt.Errorf("HDF5 cannot open dataset %s", t.Name)
	}
	defer d.Close()
	f.buffer = slices.Grow(f.buffer[:0], int(sent.Size()))
	numbers = f.buffer[:sent.Size()]
	if err := readNumbers(d, float, numbers, n); err != nil {
		return nil, sent, fmt.Errorf("the file is damaged: dataset %s: %w", t.Name, err)
	}
	return numbers, sent, nil
}

// count returns how many numbers a tensor has.
func count(t weights.Tensor) (int, error) {
	n := 1
	for _, dim := range t.Shape {
		if dim < 0 || dim > 0 && n > maxNumbers/dim {
			return 0, fmt.Errorf("dataset %s has shape %v, more than %d numbers", t.Name, t.Shape, maxNumbers)
		}
		n *= dim
	}
	return n, nil
}
