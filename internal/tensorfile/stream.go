package tensorfile

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"slices"
)

// Checksum is the name of the last tensor of a file that is summed: 4 bytes of type U8, the CRC-32C of all bytes
// before them, the header included, little-endian.
const Checksum = "crc32c"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Writer writes a file: the header at once, then the tensors' bytes as they are given to Write, one after the other in
// the order of the header.
type Writer struct {
	w       io.Writer
	sum     hash.Hash32 // nil without a checksum
	end     int64       // of the tensors given to NewWriter
	written int64       // after the header
	err     error
}

// NewWriter writes the header. With summed, the file ends with a checksum, which must not be among the tensors. The
// same metadata and tensors give the same bytes.
func NewWriter(w io.Writer, metadata map[string]string, tensors []Tensor, summed bool) (*Writer, error) {
	out := &Writer{w: w}
	if summed {
		out.sum = crc32.New(castagnoli)
		tensors = append(slices.Clip(tensors), Tensor{Name: Checksum, DType: "U8", Shape: []int{crc32.Size}})
	}
	entries := map[string]any{metadataKey: metadata}
	for _, t := range tensors {
		if _, ok := entries[t.Name]; ok || dtypeBytes[t.DType] == 0 {
			return nil, fmt.Errorf("a tensor %q of type %q cannot be written", t.Name, t.DType)
		}
		shape := make([]int64, len(t.Shape))
		for i, d := range t.Shape {
			shape[i] = int64(d)
		}
		entries[t.Name] = entry{DType: t.DType, Shape: shape, Offsets: [2]int64{out.end, out.end + t.Size()}}
		out.end += t.Size()
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
	if w.err != nil {
		return 0, w.err
	}
	n, w.err = w.w.Write(p)
	w.written += int64(n)
	if w.sum != nil {
		w.sum.Write(p[:n])
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
		_, w.err = w.w.Write(binary.LittleEndian.AppendUint32(nil, w.sum.Sum32()))
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
	n := len(in.left)
	if n == 0 || in.left[n-1].Name != Checksum || in.left[n-1].DType != "U8" || !slices.Equal(in.left[n-1].Shape, []int{crc32.Size}) {
		return nil, errors.New("the file does not end with a checksum")
	}
	in.Tensors = slices.DeleteFunc(in.Tensors, func(t Tensor) bool { return t.Name == Checksum })
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
