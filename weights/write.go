package weights

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// Names of a layer's tensors in the files of [WriteSafetensors], after the layer's name.
const (
	kernelSuffix = ".kernel"
	biasSuffix   = ".bias"
)

// Keys of the metadata in the files of [WriteSafetensors].
const (
	keyNetwork       = "network"
	keySource        = "source"
	keyLicense       = "license"
	keyPreprocessing = "preprocessing"
)

// WriteSafetensors writes the set as float32 tensors: block1_conv1.kernel, shaped [3, 3, in, out], block1_conv1.bias,
// shaped [out], and so on, with the network, the weights' source and licence and the preprocessing as metadata. The
// file appears whole or not at all; one that was there is replaced.
func WriteSafetensors(path string, s *Set) error {
	header, err := safetensorsHeader(s)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	f, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)), renameio.WithPermissions(0o666))
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	err = errors.Join(writeSafetensors(w, header, s.Layers), w.Flush())
	if err == nil {
		err = f.CloseAtomicallyReplace()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", path, err), f.Cleanup())
	}
	return nil
}

// safetensorsHeader returns the header, padded so that the numbers begin at a multiple of 8 bytes.
func safetensorsHeader(s *Set) ([]byte, error) {
	entries := map[string]any{metadataKey: map[string]string{
		keyNetwork:       s.Network,
		keySource:        cmp.Or(s.Source, s.Name),
		keyLicense:       cmp.Or(s.License, "unknown"),
		keyPreprocessing: Preprocessing,
	}}
	var end int64
	add := func(name string, shape []int64, values []float32) {
		begin := end
		end += 4 * int64(len(values))
		entries[name] = safetensorsEntry{DType: "F32", Shape: shape, Offsets: [2]int64{begin, end}}
	}
	for _, l := range s.Layers {
		if len(l.Kernel) != 9*l.In*l.Out || len(l.Bias) != l.Out {
			return nil, fmt.Errorf("layer %s has a kernel of %d and a bias of %d numbers, expected %d and %d",
				l.Name, len(l.Kernel), len(l.Bias), 9*l.In*l.Out, l.Out)
		}
		add(l.Name+kernelSuffix, []int64{3, 3, int64(l.In), int64(l.Out)}, l.Kernel)
		add(l.Name+biasSuffix, []int64{int64(l.Out)}, l.Bias)
	}
	header, err := json.Marshal(entries) // with its keys sorted, so that the same set gives the same file
	for len(header)%8 != 0 {
		header = append(header, ' ')
	}
	return header, err
}

func writeSafetensors(w io.Writer, header []byte, layers []Layer) error {
	if err := binary.Write(w, binary.LittleEndian, uint64(len(header))); err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	for _, l := range layers {
		for _, values := range [][]float32{l.Kernel, l.Bias} {
			if err := writeFloats(w, values); err != nil {
				return err
			}
		}
	}
	return nil
}

func writeFloats(w io.Writer, values []float32) error {
	buffer := make([]byte, 0, 1<<16)
	for len(values) > 0 {
		n := min(len(values), cap(buffer)/4)
		buffer = buffer[:0]
		for _, v := range values[:n] {
			buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(v))
		}
		if _, err := w.Write(buffer); err != nil {
			return err
		}
		values = values[n:]
	}
	return nil
}
