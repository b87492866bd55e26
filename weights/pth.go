package weights

import (
	"archive/zip"
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"github.com/gouache-art/gouache/internal/tensorfile"
)

// PyTorch's files (.pth, .pt) are a zip archive since PyTorch 1.6. The older ones, as torchvision's VGG, are pickles one
// after the other: a magic number, a version, facts about the machine, the dictionary, the keys of its storages; then, in
// the order of the keys, each storage's length and numbers.
const (
	zipMagic    = "PK\x03\x04"
	legacyMagic = "\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
)

func init() {
	RegisterFormat("pytorch", zipMagic, openTorchZip)
	RegisterFormat("pytorch", legacyMagic, openTorchLegacy)
}

// torchFile is an open file of PyTorch.
type torchFile struct {
	file     *os.File
	tensors  []Tensor
	places   []pickledTensor
	storages map[string]io.ReaderAt // by key
	sizes    map[string]int64       // of the storages, in bytes
}

// storageTypes are the types of tensors by the classes of their storages.
var storageTypes = map[pickledClass]string{
	"torch FloatStorage": "F32", "torch DoubleStorage": "F64", "torch HalfStorage": "F16", "torch BFloat16Storage": "BF16",
	"torch LongStorage": "I64", "torch IntStorage": "I32", "torch ShortStorage": "I16", "torch CharStorage": "I8", "torch ByteStorage": "U8",
	"torch BoolStorage": "BOOL",
}

func openTorchZip(_ context.Context, file string) (Container, error) {
	f := &torchFile{storages: map[string]io.ReaderAt{}, sizes: map[string]int64{}}
	return opened(f, file, func(size int64) error {
		archive, err := zip.NewReader(f.file, size)
		if err != nil {
			return fmt.Errorf("it is no whole zip archive: %w", err)
		}
		var pickle *zip.File
		for _, member := range archive.File {
			dir, name := path.Split(member.Name)
			if name == "data.pkl" {
				pickle = member
			}
			if path.Base(dir) != "data" || member.Method != zip.Store { // PyTorch never compresses
				continue
			}
			at, err := member.DataOffset()
			if err != nil {
				return err
			}
			length := int64(member.UncompressedSize64)
			if length < 0 || length > size-at { // whose memory a tensor would get
				return fmt.Errorf("the file is truncated or damaged: storage %q has %d bytes", name, member.UncompressedSize64)
			}
			f.storages[name], f.sizes[name] = io.NewSectionReader(f.file, at, length), length
		}
		if pickle == nil {
			return errors.New("it is a zip archive, but none of PyTorch's (of a .keras file, export the weights as .weights.h5 or .safetensors)")
		}
		in, err := pickle.Open()
		if err != nil {
			return err
		}
		defer in.Close()
		value, err := unpickle(bufio.NewReader(in))
		if err != nil {
			return err
		}
		return f.list(value)
	})
}

func openTorchLegacy(_ context.Context, file string) (Container, error) {
	f := &torchFile{storages: map[string]io.ReaderAt{}, sizes: map[string]int64{}}
	return opened(f, file, func(size int64) error {
		counted := &countingReader{r: f.file}
		in := bufio.NewReader(counted)
		var values [5]any // magic, version, machine, dictionary, keys
		for i := range values {
			var err error
			if values[i], err = unpickle(in); err != nil {
				return err
			}
		}
		if err := f.list(values[3]); err != nil {
			return err
		}
		widths := map[string]int64{}
		for i, p := range f.places {
			widths[p.storage.key] = tensorfile.Tensor{DType: f.tensors[i].DType}.Size()
		}
		keys, ok := values[4].(*pickledList)
		if !ok {
			return errors.New("it does not say where its tensors are")
		}
		at := counted.n - int64(in.Buffered())
		for _, key := range keys.values {
			var length [8]byte
			if _, err := f.file.ReadAt(length[:], at); err != nil {
				return fmt.Errorf("the file is truncated: %w", err)
			}
			name, _ := key.(string)
			numbers, width := binary.LittleEndian.Uint64(length[:]), widths[name]
			if width == 0 || numbers > uint64((size-at)/width) {
				return fmt.Errorf("the file is truncated or damaged: a storage has %d numbers", numbers)
			}
			f.sizes[name] = int64(numbers) * width
			f.storages[name] = io.NewSectionReader(f.file, at+8, f.sizes[name])
			at += 8 + f.sizes[name]
		}
		return nil
	})
}

// countingReader counts what was read.
type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

// opened opens a file for f, and has it read.
func opened(f *torchFile, file string, read func(size int64) error) (Container, error) {
	var err error
	if f.file, err = os.Open(file); err != nil {
		return nil, err
	}
	info, err := f.file.Stat()
	if err == nil {
		err = read(info.Size())
	}
	if err != nil {
		return nil, errors.Join(err, f.file.Close())
	}
	return f, nil
}

// list takes the tensors of the dictionary that was pickled.
func (f *torchFile) list(value any) error {
	d, ok := value.(*pickled)
	if !ok {
		return errors.New("it is not a dictionary of tensors: save model.state_dict(), not the model")
	}
	names, places := d.tensors()
	for i, p := range places {
		t := Tensor{Name: names[i], DType: storageTypes[p.storage.class]}
		for _, n := range p.shape {
			t.Shape = append(t.Shape, int(n))
		}
		if t.DType == "" {
			return fmt.Errorf("tensor %s is of the unknown type %q", t.Name, p.storage.class)
		}
		f.tensors, f.places = append(f.tensors, t), append(f.places, p)
	}
	return nil
}

func (f *torchFile) Tensors() []Tensor                     { return f.tensors }
func (f *torchFile) Attribute(group, name string) []string { return nil }
func (f *torchFile) Metadata() map[string]string           { return nil }
func (f *torchFile) Err() error                            { return nil }
func (f *torchFile) Close() error                          { return f.file.Close() }

// Read converts F16, BF16, F32 and F64 to float32. The numbers must lie in the order of the tensor's dimensions.
func (f *torchFile) Read(i int) ([]float32, error) {
	p := f.places[i]
	t := tensorfile.Tensor{Name: f.tensors[i].Name, DType: f.tensors[i].DType}
	width := t.Size()
	available := f.sizes[p.storage.key] / width
	if p.offset < 0 || p.offset > available || len(p.shape) != len(p.distance) {
		return nil, errors.New("it lies outside of the file")
	}
	numbers, available := int64(1), available-p.offset
	for d := len(p.shape) - 1; d >= 0; d-- {
		n := p.shape[d]
		if n < 0 || n > 0 && numbers > available/n {
			return nil, errors.New("it lies outside of the file")
		}
		if n > 1 && p.distance[d] != numbers {
			return nil, errors.New("its numbers are not in order: save a contiguous copy of it")
		}
		numbers *= n
	}
	t.Shape = f.tensors[i].Shape
	return tensorfile.ReadFloats(io.NewSectionReader(f.storages[p.storage.key], p.offset*width, numbers*width), t)
}
