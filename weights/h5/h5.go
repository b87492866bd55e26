// Package h5 lets package weights read .h5 files (HDF5), as Keras writes them. It is imported for its effect:
//
//	import _ "github.com/gouache-art/gouache/weights/h5"
//
// It needs cgo and the C library libhdf5 (Debian: libhdf5-dev), through gonum.org/v1/hdf5. A program without it
// reads .safetensors only.
//
// Files are not trusted: numbers and attributes are bounded before memory is allocated for them, links to other files
// are not followed, and datasets whose numbers are in other files are refused.
package h5

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"

	"gonum.org/v1/hdf5"

	"github.com/gouache-art/gouache/weights"
)

func init() {
	weights.RegisterFormat("hdf5", "\x89HDF\r\n\x1a\n", func(path string) (weights.Container, error) { return open(path) })
}

const (
	maxObjects = 10_000  // groups and datasets of a file; VGG19 as Keras writes it has about 100
	maxDepth   = 16      // of groups in groups; Keras's files have 5
	maxNumbers = 1 << 26 // of a dataset to be read; a convolution of VGG has 2.4 million at most
)

// library serialises all calls: libhdf5 is not always built to be safe for threads.
var library sync.Mutex

// Version returns the version of the C library, for example "1.10.8".
func Version() string {
	v, err := hdf5.LibVersion()
	if err != nil {
		return "of an unknown version"
	}
	return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Release)
}

// guard runs f while no other call runs, on a thread that prints no HDF5 errors. A thread-safe libhdf5, for example
// Debian's, has that switch, and its errors, for each thread. A panic of gonum's binding becomes an error.
func guard(f func() error) (err error) {
	library.Lock()
	defer library.Unlock()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("HDF5 failed: %v", p)
		}
	}()
	if err := hdf5.DisplayErrors(false); err != nil {
		return err
	}
	return f()
}

// file is an open HDF5 file.
type file struct {
	file    *hdf5.File
	groups  map[string]bool // paths without a leading slash; "" is the file
	tensors []weights.Tensor
	inside  []bool // whether the tensor's numbers are in this file
	objects int
}

func open(path string) (*file, error) {
	f := &file{groups: map[string]bool{"": true}}
	return f, guard(func() (err error) {
		if f.file, err = hdf5.OpenFile(path, hdf5.F_ACC_RDONLY); err != nil {
			return errors.New("the file is truncated or damaged: HDF5 cannot open it")
		}
		if err := f.walk(&f.file.CommonFG, "", 0); err != nil {
			return errors.Join(err, f.file.Close())
		}
		return nil
	})
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
	f.tensors = append(f.tensors, weights.Tensor{Name: prefix + name, Shape: shape, DType: typeName(t)})
	f.inside = append(f.inside, inside)
	return t.Close()
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

// floatType is a type that can be read.
type floatType struct {
	name  string
	is    *hdf5.Datatype
	bytes int
	next  func([]byte) float32
}

var floatTypes = []floatType{
	{"float32", hdf5.T_IEEE_F32LE, 4, func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }},
	{"float32 (big-endian)", hdf5.T_IEEE_F32BE, 4, func(b []byte) float32 { return math.Float32frombits(binary.BigEndian.Uint32(b)) }},
	{"float64", hdf5.T_IEEE_F64LE, 8, func(b []byte) float32 { return float32(math.Float64frombits(binary.LittleEndian.Uint64(b))) }},
	{"float64 (big-endian)", hdf5.T_IEEE_F64BE, 8, func(b []byte) float32 { return float32(math.Float64frombits(binary.BigEndian.Uint64(b))) }},
}

// typeName returns NumPy's name of a type, if it has one.
func typeName(t *hdf5.Datatype) string {
	for _, float := range floatTypes {
		if t.Equal(float.is) {
			return float.name
		}
	}
	switch t.Class() {
	case hdf5.T_FLOAT:
		return fmt.Sprintf("float%d", 8*t.Size())
	case hdf5.T_INTEGER:
		return fmt.Sprintf("integer of %d bits", 8*t.Size())
	case hdf5.T_STRING:
		return "string"
	}
	return "another type"
}

func (f *file) Tensors() []weights.Tensor { return f.tensors }

// Attribute returns nil for an attribute that cannot be read: the rest of the file may show the layout.
func (f *file) Attribute(group, name string) (values []string) {
	if !f.groups[group] {
		return nil // otherwise a link to another file would be followed
	}
	_ = guard(func() (err error) {
		values, err = readStrings(f.file, "/"+group, name)
		return err
	})
	return values
}

// Metadata returns Keras's versions.
func (f *file) Metadata() map[string]string {
	metadata := map[string]string{}
	for _, name := range []string{"keras_version", "backend"} {
		if values := f.Attribute("", name); len(values) == 1 {
			metadata[name] = values[0]
		}
	}
	return metadata
}

func (f *file) Read(i int) (numbers []float32, err error) {
	err = guard(func() error {
		numbers, err = f.read(i)
		return err
	})
	return numbers, err
}

func (f *file) read(i int) ([]float32, error) {
	t := f.tensors[i]
	if !f.inside[i] {
		return nil, fmt.Errorf("dataset %s keeps its numbers in other files, which are not read", t.Name)
	}
	n := 1
	for _, dim := range t.Shape {
		if dim > 0 && n > maxNumbers/dim {
			return nil, fmt.Errorf("dataset %s has shape %v, more than %d numbers", t.Name, t.Shape, maxNumbers)
		}
		n *= dim
	}
	k := slices.IndexFunc(floatTypes, func(float floatType) bool { return float.name == t.DType })
	if k < 0 {
		return nil, fmt.Errorf("dataset %s holds %s, expected float32 or float64", t.Name, t.DType)
	}
	float, numbers := floatTypes[k], make([]float32, n)
	if n == 0 {
		return numbers, nil
	}
	d, err := f.file.OpenDataset(t.Name)
	if err != nil {
		return nil, fmt.Errorf("HDF5 cannot open dataset %s", t.Name)
	}
	defer d.Close()
	raw := make([]byte, n*float.bytes) // as in the file: gonum's binding never converts
	if err := d.Read(&raw); err != nil {
		return nil, fmt.Errorf("the file is damaged: HDF5 cannot read dataset %s", t.Name)
	}
	for i := range numbers {
		numbers[i] = float.next(raw[i*float.bytes:])
	}
	return numbers, nil
}

func (f *file) Close() error { return guard(f.file.Close) }
