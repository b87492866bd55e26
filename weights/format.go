package weights

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"unicode/utf8"
)

// Tensor describes a tensor of a file.
type Tensor struct {
	Name  string `json:"name"` // the path inside the file, for example block1/layers/conv2d/vars/0
	Shape []int  `json:"shape"`
	DType string `json:"dtype"` // the file's name for it, for example F32
}

// Container is an open file of tensors. Its methods are used by one goroutine at a time.
type Container interface {
	// Tensors lists all tensors of the file.
	Tensors() []Tensor
	// Attribute returns an attribute of a group of tensors as strings, nil if there is none. The group is a path, for
	// example block1/layers, or "" for the whole file.
	Attribute(group, name string) []string
	// Metadata returns the attributes of the whole file that are worth showing to people.
	Metadata() map[string]string
	// Read returns the numbers of the i-th tensor, row-major. Types that are not floating-point are an error.
	Read(i int) ([]float32, error)
	// Err returns what has ended the reading of the file, even while an attribute was looked for; nil if nothing has.
	Err() error
	Close() error
}

type fileFormat struct {
	name, magic string
	open        func(ctx context.Context, path string) (Container, error)
}

var (
	formatsMutex sync.Mutex
	formats      []fileFormat
)

// RegisterFormat makes a file format known. Its files begin with magic, in which ? means any byte; open is called for
// a regular file that begins so. What reads slowly gives up when ctx ends, and returns its error. RegisterFormat is
// meant to be called by an init function, like [image.RegisterFormat].
//
// [image.RegisterFormat]: https://pkg.go.dev/image#RegisterFormat
func RegisterFormat(name, magic string, open func(ctx context.Context, path string) (Container, error)) {
	formatsMutex.Lock()
	defer formatsMutex.Unlock()
	formats = append(formats, fileFormat{name, magic, open})
}

func registered() []fileFormat {
	formatsMutex.Lock()
	defer formatsMutex.Unlock()
	return slices.Clone(formats)
}

const (
	hdf5Name  = "hdf5" // as weights/h5 registers it
	hdf5Magic = "\x89HDF\r\n\x1a\n"
)

// errNoHDF5 says what a programmer or a user can do.
var errNoHDF5 = errors.New("this program was built without the reader of .h5 files: build it without -tags nohdf5 " +
	"(or import github.com/gouache-art/gouache/weights/h5), or give it a .safetensors file")

// readable returns an error if this program has no reader for the source's file.
func readable(s Source) error {
	isHDF5 := func(f fileFormat) bool { return f.name == hdf5Name }
	if filepath.Ext(s.File) == ".h5" && !slices.ContainsFunc(registered(), isHDF5) {
		return errNoHDF5
	}
	return nil
}

// open opens a file by its first bytes and returns its format's name. Errors name the file.
func open(ctx context.Context, path string) (Container, string, error) {
	start, err := beginning(path)
	if err != nil {
		return nil, "", err
	}
	for _, f := range registered() {
		if matches(start, f.magic) {
			c, err := f.open(ctx, path)
			if err != nil {
				err = fmt.Errorf("%s: %w", path, err)
			}
			return c, f.name, err
		}
	}
	if matches(start, hdf5Magic) {
		return nil, hdf5Name, fmt.Errorf("%s: %w", path, errNoHDF5)
	}
	return nil, "", fmt.Errorf("%s is not a file of weights: it is %s, expected HDF5 (.h5), safetensors (.safetensors) or PyTorch's (.pth)",
		path, describe(start))
}

// beginning returns the first bytes of a regular file.
func beginning(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, missing{fmt.Errorf("there is no file %s: %w", path, err)}
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%s is a folder, expected a file of weights (.h5, .safetensors or .pth)", path)
	case !info.Mode().IsRegular(): // opening a pipe would wait for ever
		return nil, fmt.Errorf("%s is not a regular file, expected a file of weights (.h5, .safetensors or .pth)", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	start := make([]byte, 64)
	n, err := io.ReadFull(f, start)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return start[:n], nil
}

func matches(start []byte, magic string) bool {
	for i := range len(magic) {
		if i >= len(start) || magic[i] != '?' && magic[i] != start[i] {
			return false
		}
	}
	return true
}

func describe(start []byte) string {
	switch {
	case len(start) == 0:
		return "empty"
	case !slices.Contains(start, 0) && utf8.Valid(start[:max(0, len(start)-utf8.UTFMax)]):
		return "text"
	}
	return "of an unknown format"
}
