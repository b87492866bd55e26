package weights

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/gouache-art/gouache/internal/atomicfile"
	"github.com/gouache-art/gouache/internal/tensorfile"
)

func init() {
	RegisterFormat("safetensors", "????????{", openSafetensors)
}

// safetensorsFile is an open .safetensors file.
type safetensorsFile struct {
	*tensorfile.Header
	file *os.File
}

func openSafetensors(_ context.Context, path string) (Container, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	h, err := tensorfile.ReadHeader(f)
	if err == nil {
		var info os.FileInfo
		if info, err = f.Stat(); err == nil {
			err = h.CheckSize(info.Size())
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &safetensorsFile{h, f}, nil
}

func (s *safetensorsFile) Tensors() []Tensor {
	list := make([]Tensor, len(s.Header.Tensors))
	for i, t := range s.Header.Tensors {
		list[i] = Tensor{Name: t.Name, Shape: t.Shape, DType: t.DType}
	}
	return list
}

// Attribute returns the file's metadata: safetensors has no groups.
func (s *safetensorsFile) Attribute(group, name string) []string {
	if value, ok := s.Header.Metadata[name]; ok && group == "" {
		return []string{value}
	}
	return nil
}

func (s *safetensorsFile) Metadata() map[string]string { return s.Header.Metadata }

// Err returns nil: the attributes are in memory.
func (s *safetensorsFile) Err() error { return nil }

func (s *safetensorsFile) Close() error { return s.file.Close() }

// Read converts F16, BF16, F32 and F64 to float32.
func (s *safetensorsFile) Read(i int) ([]float32, error) {
	t := s.Header.Tensors[i]
	return tensorfile.ReadFloats(io.NewSectionReader(s.file, s.Start+t.Offsets[0], t.Size()), t)
}

// Keys of the metadata in the files of [WriteSafetensors].
const (
	keyNetwork       = "network"
	keySource        = "source"
	keyLicense       = "license"
	keyPreprocessing = "preprocessing"
)

// WriteSafetensors writes the set as float32 tensors: block1_conv1.kernel, shaped [3, 3, in, out], block1_conv1.bias,
// shaped [out], and so on, with the network, the weights' source and licence and the preprocessing as metadata. The
// file appears whole or not at all; an existing one is replaced. Standard output, "-", devices and FIFOs are written to
// directly.
func WriteSafetensors(path string, s *Set) error {
	for _, l := range s.Layers {
		if len(l.Kernel) != 9*l.In*l.Out || len(l.Bias) != l.Out {
			return fmt.Errorf("writing %s: layer %s has a kernel of %d and a bias of %d numbers, expected %d and %d",
				path, l.Name, len(l.Kernel), len(l.Bias), 9*l.In*l.Out, l.Out)
		}
	}
	return atomicfile.Write(path, func(w io.Writer) error { return writeSafetensors(w, s) })
}

func writeSafetensors(w io.Writer, s *Set) error {
	metadata := map[string]string{
		keyNetwork:       s.Network,
		keySource:        cmp.Or(s.Source, s.Name),
		keyLicense:       cmp.Or(s.License, "unknown"),
		keyPreprocessing: s.Preprocessing.String(),
	}
	var list []tensorfile.Tensor
	for _, l := range s.Layers {
		list = append(list,
			tensorfile.Tensor{Name: l.Name + "." + kernel, DType: "F32", Shape: l.kernelShape()},
			tensorfile.Tensor{Name: l.Name + "." + bias, DType: "F32", Shape: []int{l.Out}})
	}
	out, err := tensorfile.NewWriter(w, metadata, list, false)
	if err != nil {
		return err
	}
	for _, l := range s.Layers {
		if err := errors.Join(tensorfile.WriteFloats(out, l.Kernel), tensorfile.WriteFloats(out, l.Bias)); err != nil {
			return err
		}
	}
	return out.Close()
}
