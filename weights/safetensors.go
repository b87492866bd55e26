package weights

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
)

// The format is described at https://github.com/huggingface/safetensors#format: the header's length (8 bytes,
// little-endian), the header (JSON: for each tensor its type, shape and place), the numbers.

func init() {
	RegisterFormat("safetensors", "????????{", func(path string) (Container, error) { return openSafetensors(path) })
}

const (
	maxHeader = 100_000_000 // bytes, the format's own limit
	maxRank   = 16          // of a tensor; convolution kernels have 4 dimensions

	metadataKey = "__metadata__"
)

// dtypeBytes is how many bytes a number takes. F4 and F6 types, which share bytes, are not for weights like these.
var dtypeBytes = map[string]int64{
	"BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "F8_E8M0": 1,
	"I16": 2, "U16": 2, "F16": 2, "BF16": 2,
	"I32": 4, "U32": 4, "F32": 4,
	"I64": 8, "U64": 8, "F64": 8, "C64": 8,
}

// safetensorsEntry is a tensor in the header; offsets count from the header's end.
type safetensorsEntry struct {
	DType   string   `json:"dtype"`
	Shape   []int64  `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

type safetensorsFile struct {
	file     *os.File
	start    int64 // of the numbers
	tensors  []Tensor
	entries  []safetensorsEntry
	metadata map[string]string
}

func openSafetensors(path string) (*safetensorsFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	s, err := parseSafetensors(f, info.Size())
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	s.file = f
	return s, nil
}

// parseSafetensors reads the header of a file of size bytes and checks that each tensor lies inside the file.
func parseSafetensors(r io.ReaderAt, size int64) (*safetensorsFile, error) {
	var length [8]byte
	if _, err := r.ReadAt(length[:], 0); err != nil {
		return nil, fmt.Errorf("the file is truncated: it ends inside the header's length: %w", err)
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > maxHeader {
		return nil, fmt.Errorf("it is no safetensors file: its header would have %d bytes, expected %d at most", n, maxHeader)
	}
	if int64(n) > size-8 {
		return nil, fmt.Errorf("the file is truncated: its header has %d bytes, and %d are there", n, size-8)
	}
	header := make([]byte, n)
	if _, err := r.ReadAt(header, 8); err != nil {
		return nil, fmt.Errorf("reading the header: %w", err)
	}
	s := &safetensorsFile{start: 8 + int64(n), metadata: map[string]string{}}
	if err := s.parseHeader(header); err != nil {
		return nil, fmt.Errorf("the header is damaged: %w", err)
	}
	return s, s.checkPlaces(size - s.start)
}

// parseHeader goes through the header key by key, because a map would hide a key that is there twice.
func (s *safetensorsFile) parseHeader(header []byte) error {
	d := json.NewDecoder(bytes.NewReader(header))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.Join(errors.New("it is not a JSON object"), err)
	}
	seen := map[string]bool{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		name, ok := key.(string)
		if !ok || seen[name] {
			return fmt.Errorf("tensor %q is there twice", name)
		}
		seen[name] = true
		if name == metadataKey {
			err = d.Decode(&s.metadata)
		} else {
			err = s.parseEntry(d, name)
		}
		if err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
	}
	if _, err := d.Token(); err != nil {
		return err
	}
	if rest := bytes.TrimLeft(header[d.InputOffset():], " "); len(rest) > 0 {
		return fmt.Errorf("%d bytes follow its end", len(rest))
	}
	return nil
}

func (s *safetensorsFile) parseEntry(d *json.Decoder, name string) error {
	var e safetensorsEntry
	if err := d.Decode(&e); err != nil {
		return err
	}
	width, ok := dtypeBytes[e.DType]
	if !ok {
		return fmt.Errorf("unknown type %q", e.DType)
	}
	if len(e.Shape) > maxRank {
		return fmt.Errorf("it has %d dimensions, expected %d at most", len(e.Shape), maxRank)
	}
	shape, bytes := make([]int, len(e.Shape)), width
	for i, dim := range e.Shape {
		if dim < 0 || dim > math.MaxInt32 || (dim > 0 && bytes > math.MaxInt64/dim) {
			return fmt.Errorf("shape %v is impossible", e.Shape)
		}
		shape[i] = int(dim)
		bytes *= dim
	}
	if begin, end := e.Offsets[0], e.Offsets[1]; begin < 0 || end < begin || end-begin != bytes {
		return fmt.Errorf("shape %v of %s takes %d bytes, but its place is from %d to %d", e.Shape, e.DType, bytes, begin, end)
	}
	s.tensors = append(s.tensors, Tensor{Name: name, Shape: shape, DType: e.DType})
	s.entries = append(s.entries, e)
	return nil
}

// checkPlaces checks that the tensors fill the bytes after the header, without gaps or overlaps, as the format says.
func (s *safetensorsFile) checkPlaces(size int64) error {
	places := slices.SortedFunc(slices.Values(s.entries), func(a, b safetensorsEntry) int {
		return cmp.Or(cmp.Compare(a.Offsets[0], b.Offsets[0]), cmp.Compare(a.Offsets[1], b.Offsets[1]))
	})
	var end int64
	for _, e := range places {
		if e.Offsets[0] != end {
			return fmt.Errorf("the header is damaged: a tensor begins at byte %d, expected %d", e.Offsets[0], end)
		}
		end = e.Offsets[1]
	}
	switch {
	case size < end:
		return fmt.Errorf("the file is truncated: its tensors need %d bytes, and %d are there", end, size)
	case size > end:
		return fmt.Errorf("the file is damaged: %d bytes follow its tensors", size-end)
	}
	return nil
}

func (s *safetensorsFile) Tensors() []Tensor { return s.tensors }

// Attribute returns what the header says about the whole file; safetensors has no groups.
func (s *safetensorsFile) Attribute(group, name string) []string {
	if value, ok := s.metadata[name]; ok && group == "" {
		return []string{value}
	}
	return nil
}

func (s *safetensorsFile) Metadata() map[string]string { return s.metadata }

func (s *safetensorsFile) Close() error { return s.file.Close() }

// Read converts F16, BF16, F32 and F64 to float32.
func (s *safetensorsFile) Read(i int) ([]float32, error) {
	e := s.entries[i]
	convert, ok := converters[e.DType]
	if !ok {
		return nil, fmt.Errorf("its numbers are of type %s, expected F32, F64, F16 or BF16", e.DType)
	}
	width := dtypeBytes[e.DType]
	r := io.NewSectionReader(s.file, s.start+e.Offsets[0], e.Offsets[1]-e.Offsets[0])
	numbers := make([]float32, 0, (e.Offsets[1]-e.Offsets[0])/width)
	for chunk := make([]byte, 1<<16); ; {
		n, err := io.ReadFull(r, chunk)
		for b := chunk[:n]; len(b) > 0; b = b[width:] {
			numbers = append(numbers, convert(b))
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			if len(numbers) != cap(numbers) {
				return nil, fmt.Errorf("the file was truncated while it was read")
			}
			return numbers, nil
		case err != nil:
			return nil, err
		}
	}
}

var converters = map[string]func([]byte) float32{
	"F32":  func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) },
	"F64":  func(b []byte) float32 { return float32(math.Float64frombits(binary.LittleEndian.Uint64(b))) },
	"BF16": func(b []byte) float32 { return math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16) },
	"F16":  func(b []byte) float32 { return half(binary.LittleEndian.Uint16(b)) },
}

// half converts an IEEE 754 binary16: a sign, 5 bits of exponent with bias 15, 10 bits of fraction.
func half(bits uint16) float32 {
	exponent, fraction := int(bits>>10&31), float64(bits&1023)
	var value float64
	switch exponent {
	case 0:
		value = math.Ldexp(fraction, -24)
	case 31:
		value = math.Inf(1)
		if fraction != 0 {
			value = math.NaN()
		}
	default:
		value = math.Ldexp(1024+fraction, exponent-25)
	}
	if bits>>15 == 1 {
		value = -value
	}
	return float32(value)
}
