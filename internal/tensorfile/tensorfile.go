// Package tensorfile reads and writes .safetensors files, which hold named tensors and string metadata.
//
// The format is described at https://github.com/huggingface/safetensors#format: the header's length (8 bytes,
// little-endian), the header (a JSON object that gives each tensor's type, shape and place), the tensors' bytes.
//
// [Writer] and [Reader] work on a stream and keep no more than one tensor in memory. Both can sum what passes: the
// last tensor is then called [Checksum] and holds the CRC-32C of all bytes before it.
package tensorfile

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

const (
	maxHeader = 100_000_000 // bytes, the format's own limit
	maxRank   = 16          // dimensions of a tensor

	metadataKey = "__metadata__"
)

// dtypeBytes is the number of bytes of an element. The types F4 and F6, whose elements share bytes, are not supported.
var dtypeBytes = map[string]int64{
	"BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "F8_E8M0": 1,
	"I16": 2, "U16": 2, "F16": 2, "BF16": 2,
	"I32": 4, "U32": 4, "F32": 4,
	"I64": 8, "U64": 8, "F64": 8, "C64": 8,
}

// Tensor describes a tensor in a file.
type Tensor struct {
	Name  string
	DType string // as the format calls it, for example F32
	Shape []int
	// Offset is the tensor's first byte, counted from the end of the header. A Writer ignores it: it places the tensors
	// one after the other.
	Offset int64
}

// Size returns the tensor's size in bytes.
func (t Tensor) Size() int64 {
	size := dtypeBytes[t.DType]
	for _, d := range t.Shape {
		size *= int64(d)
	}
	return size
}

// Header is what a file says about its content.
type Header struct {
	Metadata map[string]string
	Tensors  []Tensor // in the header's order
	// Start is the position in the file where the tensors' bytes begin.
	Start int64
}

// entry is a tensor in the JSON of a header.
type entry struct {
	DType   string   `json:"dtype"`
	Shape   []int64  `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// ReadHeader reads a header and checks that the tensors it describes lie one after the other, without gaps or
// overlaps. It allocates little more than there is to read, whatever length the file claims.
func ReadHeader(r io.Reader) (*Header, error) {
	length, err := readBytes(r, 8, 0)
	if err != nil {
		return nil, fmt.Errorf("the file is truncated: it ends inside the header's length: %w", err)
	}
	n := binary.LittleEndian.Uint64(length)
	if n > maxHeader {
		return nil, fmt.Errorf("it is no safetensors file: its header would have %d bytes, expected %d at most", n, maxHeader)
	}
	text, err := readBytes(r, int64(n), 0)
	if err != nil {
		return nil, fmt.Errorf("the file is truncated: it ends inside its header, which has %d bytes: %w", n, err)
	}
	h := &Header{Metadata: map[string]string{}, Start: 8 + int64(n)}
	err = h.parse(text)
	if err == nil {
		_, err = h.end()
	}
	if err != nil {
		return nil, fmt.Errorf("the header is damaged: %w", err)
	}
	return h, nil
}

// parse goes through the JSON key by key, because decoding into a map would hide a key that occurs twice.
func (h *Header) parse(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
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
			err = d.Decode(&h.Metadata)
		} else {
			var e entry
			if err = d.Decode(&e); err == nil {
				err = h.add(name, e)
			}
		}
		if err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
	}
	if _, err := d.Token(); err != nil {
		return err
	}
	if rest := bytes.TrimLeft(text[d.InputOffset():], " "); len(rest) > 0 {
		return fmt.Errorf("%d bytes follow its end", len(rest))
	}
	return nil
}

// add checks a tensor and adds it to the header.
func (h *Header) add(name string, e entry) error {
	size, ok := dtypeBytes[e.DType]
	if !ok {
		return fmt.Errorf("unknown type %q", e.DType)
	}
	if len(e.Shape) > maxRank {
		return fmt.Errorf("it has %d dimensions, expected %d at most", len(e.Shape), maxRank)
	}
	shape := make([]int, len(e.Shape))
	for i, dim := range e.Shape {
		if dim < 0 || dim > math.MaxInt32 || (dim > 0 && size > math.MaxInt64/dim) {
			return fmt.Errorf("shape %v is impossible", e.Shape)
		}
		shape[i] = int(dim)
		size *= dim
	}
	if begin, end := e.Offsets[0], e.Offsets[1]; begin < 0 || end < begin || end-begin != size {
		return fmt.Errorf("shape %v of %s takes %d bytes, but its place is from %d to %d", e.Shape, e.DType, size, begin, end)
	}
	h.Tensors = append(h.Tensors, Tensor{Name: name, DType: e.DType, Shape: shape, Offset: e.Offsets[0]})
	return nil
}

// inOrder returns the tensors in the order of their bytes.
func (h *Header) inOrder() []Tensor {
	return slices.SortedFunc(slices.Values(h.Tensors), func(a, b Tensor) int {
		return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.Size(), b.Size()))
	})
}

// end returns the number of bytes of all tensors.
func (h *Header) end() (int64, error) {
	var end int64
	for _, t := range h.inOrder() {
		if t.Offset != end {
			return 0, fmt.Errorf("a tensor begins at byte %d, expected %d", t.Offset, end)
		}
		end += t.Size()
	}
	return end, nil
}

// CheckSize returns an error unless a file of the given size ends where its last tensor does.
func (h *Header) CheckSize(size int64) error {
	end, err := h.end()
	size -= h.Start
	switch {
	case err != nil:
		return err
	case size < end:
		return fmt.Errorf("the file is truncated: its tensors need %d bytes, and %d are there", end, size)
	case size > end:
		return fmt.Errorf("the file is damaged: %d bytes follow its tensors", size-end)
	}
	return nil
}

// readBytes reads n bytes. It allocates at first no more than was read before, or 64 KiB, and then at most twice what
// has arrived, so a false n does no harm.
func readBytes(r io.Reader, n, before int64) ([]byte, error) {
	b := make([]byte, min(n, max(before, 1<<16)))
	for at := int64(0); ; {
		if _, err := io.ReadFull(r, b[at:]); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		if at = int64(len(b)); at == n {
			return b, nil
		}
		longer := make([]byte, min(n, 2*at))
		copy(longer, b)
		b = longer
	}
}

// ReadFloats reads a tensor of type F32, F64, F16 or BF16 as float32 numbers.
func ReadFloats(r io.Reader, t Tensor) ([]float32, error) {
	var convert func(b []byte) float32
	switch t.DType {
	case "F32":
		convert = func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }
	case "F64":
		convert = func(b []byte) float32 { return float32(math.Float64frombits(binary.LittleEndian.Uint64(b))) }
	case "BF16":
		convert = func(b []byte) float32 { return math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16) }
	case "F16":
		convert = func(b []byte) float32 { return half(binary.LittleEndian.Uint16(b)) }
	default:
		return nil, fmt.Errorf("its numbers are of type %s, expected F32, F64, F16 or BF16", t.DType)
	}
	width := dtypeBytes[t.DType]
	numbers := make([]float32, 0, t.Size()/width)
	chunk := make([]byte, 1<<16)
	for rest := t.Size(); rest > 0; rest -= int64(len(chunk)) {
		chunk = chunk[:min(rest, int64(len(chunk)))]
		if _, err := io.ReadFull(r, chunk); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, errors.New("the file was truncated while it was read")
		} else if err != nil {
			return nil, err
		}
		for b := chunk; len(b) > 0; b = b[width:] {
			numbers = append(numbers, convert(b))
		}
	}
	return numbers, nil
}

// half converts an IEEE 754 binary16: a sign, 5 bits of exponent with bias 15, 10 bits of fraction. Shifted
// into a float32, whose bias is 127, it is 2⁻¹¹² times as large, subnormal numbers included.
func half(bits uint16) float32 {
	magnitude := math.Float32bits(math.Float32frombits(uint32(bits&0x7fff)<<13) * 0x1p112)
	if bits&0x7c00 == 0x7c00 { // infinite, or not a number
		magnitude |= 0x7f800000
	}
	return math.Float32frombits(magnitude | uint32(bits>>15)<<31)
}

// WriteFloats writes numbers as a tensor of type F32.
func WriteFloats(w io.Writer, numbers []float32) error {
	buffer := make([]byte, 0, 1<<16)
	for chunk := range slices.Chunk(numbers, cap(buffer)/4) {
		buffer = buffer[:0]
		for _, v := range chunk {
			buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(v))
		}
		if _, err := w.Write(buffer); err != nil {
			return err
		}
	}
	return nil
}
