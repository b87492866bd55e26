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
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"math"
	"slices"
)

const (
	// maxHeader is in bytes. Networks and checkpoints have some kilobytes. The format allows 100 MB, which took 14 s and
	// 2 GB of memory to read.
	maxHeader = 10_000_000
	maxRank   = 16 // dimensions of a tensor

	metadataKey = "__metadata__"
)

// dtypeBytes is the number of bytes of an element. The types F4 and F6, whose elements share bytes, are not supported.
var dtypeBytes = map[string]int64{
	"BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "F8_E8M0": 1,
	"I16": 2, "U16": 2, "F16": 2, "BF16": 2,
	"I32": 4, "U32": 4, "F32": 4,
	"I64": 8, "U64": 8, "F64": 8, "C64": 8,
}

// Tensor describes a tensor in a file, as the header's JSON does.
type Tensor struct {
	Name  string `json:"-"`
	DType string `json:"dtype"` // as the format calls it, for example F32
	Shape []int  `json:"shape"`
	// Offsets are the tensor's first byte and the one after its last, counted from the end of the header. A Writer
	// ignores them: it places the tensors one after the other.
	Offsets [2]int64 `json:"data_offsets"`
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
	// Start and End are the positions in the file where the tensors' bytes begin and end.
	Start, End int64
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
		return nil, fmt.Errorf("it is damaged, or no file of a network: its header would have %d bytes, and at most %d are read", n, maxHeader)
	}
	text, err := readBytes(r, int64(n), 0)
	if err != nil {
		return nil, fmt.Errorf("the file is truncated: it ends inside its header, which has %d bytes: %w", n, err)
	}
	h := &Header{Metadata: map[string]string{}, Start: 8 + int64(n), End: 8 + int64(n)}
	if err := h.parse(text); err != nil {
		return nil, fmt.Errorf("the header is damaged: %w", err)
	}
	for _, t := range h.inOrder() {
		if end := h.End - h.Start; t.Offsets[0] != end {
			return nil, fmt.Errorf("the header is damaged: a tensor begins at byte %d, expected %d", t.Offsets[0], end)
		}
		h.End += t.Size()
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
			t := Tensor{Name: name}
			if err = d.Decode(&t); err == nil {
				err = t.check()
			}
			h.Tensors = append(h.Tensors, t)
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

// check returns an error unless the tensor's type is known and its shape fits its place.
func (t Tensor) check() error {
	size, ok := dtypeBytes[t.DType]
	if !ok {
		return fmt.Errorf("unknown type %q", t.DType)
	}
	if len(t.Shape) > maxRank {
		return fmt.Errorf("it has %d dimensions, expected %d at most", len(t.Shape), maxRank)
	}
	for _, dim := range t.Shape {
		if dim < 0 || dim > math.MaxInt32 || (dim > 0 && size > math.MaxInt64/int64(dim)) {
			return fmt.Errorf("shape %v is impossible", t.Shape)
		}
		size *= int64(dim)
	}
	if begin, end := t.Offsets[0], t.Offsets[1]; begin < 0 || end < begin || end-begin != size {
		return fmt.Errorf("shape %v of %s takes %d bytes, but its place is from %d to %d", t.Shape, t.DType, size, begin, end)
	}
	return nil
}

// inOrder returns the tensors in the order of their bytes.
func (h *Header) inOrder() []Tensor {
	return slices.SortedFunc(slices.Values(h.Tensors), func(a, b Tensor) int { return slices.Compare(a.Offsets[:], b.Offsets[:]) })
}

// CheckSize returns an error unless a file of the given size ends where its last tensor does.
func (h *Header) CheckSize(size int64) error {
	switch {
	case size < h.End:
		return fmt.Errorf("the file is truncated: its tensors need %d bytes, and %d are there", h.End-h.Start, size-h.Start)
	case size > h.End:
		return fmt.Errorf("the file is damaged: %d bytes follow its tensors", size-h.End)
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
	for chunk := range slices.Chunk(numbers, 1<<14) { // binary.Write makes a copy of what it writes
		if err := binary.Write(w, binary.LittleEndian, chunk); err != nil {
			return err
		}
	}
	return nil
}

// Checksum is the name of the last tensor of a file that is summed: 4 bytes of type U8, the CRC-32C of all bytes
// before them, the header included, little-endian.
const Checksum = "crc32c"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Writer writes a file: the header at once, then the tensors' bytes as they are given to Write, one after the other in
// the order of the header.
type Writer struct {
	below   io.Writer
	w       io.Writer   // below, and sum
	sum     hash.Hash32 // nil without a checksum
	end     int64       // of the tensors given to NewWriter
	written int64       // after the header
	err     error
}

// NewWriter writes the header. With summed, the file ends with a checksum, which must not be among the tensors. The
// same metadata and tensors give the same bytes.
func NewWriter(w io.Writer, metadata map[string]string, tensors []Tensor, summed bool) (*Writer, error) {
	out := &Writer{below: w, w: w}
	if summed {
		out.sum = crc32.New(castagnoli)
		out.w = io.MultiWriter(w, out.sum)
		tensors = append(slices.Clip(tensors), Tensor{Name: Checksum, DType: "U8", Shape: []int{crc32.Size}})
	}
	entries := map[string]any{metadataKey: metadata}
	for _, t := range tensors {
		if _, ok := entries[t.Name]; ok || dtypeBytes[t.DType] == 0 {
			return nil, fmt.Errorf("a tensor %q of type %q cannot be written", t.Name, t.DType)
		}
		t.Shape = append([]int{}, t.Shape...) // no dimensions are [] in JSON, not null
		t.Offsets = [2]int64{out.end, out.end + t.Size()}
		entries[t.Name], out.end = t, t.Offsets[1]
	}
	header, err := json.Marshal(entries) // sorts the keys
	if err != nil {
		return nil, err
	}
	for len(header)%8 != 0 { // so that the tensors begin at a multiple of 8 bytes
		header = append(header, ' ')
	}
	start := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
	if _, err := out.Write(start); err != nil {
		return nil, err
	}
	out.written = 0
	if summed {
		out.end -= crc32.Size
	}
	return out, nil
}

// Write writes bytes of the tensors. After an error it writes nothing more.
func (w *Writer) Write(p []byte) (n int, err error) {
	if w.err == nil {
		n, w.err = w.w.Write(p)
		w.written += int64(n)
	}
	return n, w.err
}

// Close writes the checksum and returns an error unless all bytes of the tensors were written. It does not close the
// writer below.
func (w *Writer) Close() error {
	if w.err == nil && w.written != w.end {
		w.err = fmt.Errorf("%d bytes of tensors were written, expected %d", w.written, w.end)
	}
	if w.err == nil && w.sum != nil {
		_, w.err = w.below.Write(binary.LittleEndian.AppendUint32(nil, w.sum.Sum32()))
	}
	return w.err
}

// Reader reads a summed file from its beginning to its end, and not a byte more.
type Reader struct {
	Header
	r    io.Reader
	in   io.Reader // r, summed
	sum  hash.Hash32
	left []Tensor // in the order of their bytes, the checksum last
	read int64
}

// NewReader reads the header. The checksum is not among Header.Tensors.
func NewReader(r io.Reader) (*Reader, error) {
	sum := crc32.New(castagnoli)
	in := &Reader{r: r, in: io.TeeReader(r, sum), sum: sum}
	h, err := ReadHeader(in.in)
	if err != nil {
		return nil, err
	}
	in.Header, in.left = *h, h.inOrder()
	isSum := func(t Tensor) bool {
		return t.Name == Checksum && t.DType == "U8" && slices.Equal(t.Shape, []int{crc32.Size})
	}
	if n := len(in.left); n == 0 || !isSum(in.left[n-1]) {
		return nil, errors.New("the file does not end with a checksum")
	}
	in.Tensors = slices.DeleteFunc(in.Tensors, isSum)
	return in, nil
}

// Next returns the next tensor and its bytes, in the order of the file. After the last one it checks the sum and
// returns io.EOF. Nothing that was read is to be trusted before that.
func (r *Reader) Next() (Tensor, []byte, error) {
	if len(r.left) == 0 {
		return Tensor{}, nil, io.EOF
	}
	t := r.left[0]
	r.left = r.left[1:]
	if len(r.left) > 0 {
		data, err := readBytes(r.in, t.Size(), r.read)
		r.read += int64(len(data))
		return t, data, err
	}
	want := r.sum.Sum32()
	data, err := readBytes(r.r, crc32.Size, 0)
	if err != nil {
		return Tensor{}, nil, err
	}
	if binary.LittleEndian.Uint32(data) != want {
		return Tensor{}, nil, errors.New("the checksum is wrong: the bytes were damaged")
	}
	return Tensor{}, nil, io.EOF
}
