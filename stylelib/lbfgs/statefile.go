package lbfgs

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"iter"

	"github.com/gomlx/compute/dtypes"
)

// A state is written as: magic, which ends in the version; the header's length, uint32; the header; the vectors; the
// CRC-32C of all that. Numbers are little-endian.
const (
	magic       = "gouache L-BFGS state 1\n"
	maxHeader   = 1 << 20 // bytes; 100 pairs take half of it
	maxElements = 1 << 31 // of a vector
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errUsedUp = errors.New("it was resumed before, which uses it up: read it again")

// WriteTo writes the state: 2 + 2·Memory vectors and a few kilobytes.
func (s *State) WriteTo(w io.Writer) (int64, error) {
	if s.vectors == nil {
		return 0, fmt.Errorf("lbfgs: writing a state: %w", errUsedUp)
	}
	return writeState(w, s.head, func(yield func([]byte, error) bool) {
		for _, v := range s.vectors {
			if !yield(v, nil) {
				return
			}
		}
	})
}

// writeState writes the run as a state.
func (r *run) writeState(w io.Writer) error {
	head := r.header()
	_, err := writeState(w, head, func(yield func([]byte, error) bool) {
		data := make([]byte, head.size(0))
		for i, v := range r.vectors() {
			data = data[:head.size(i)]
			if !yield(data, r.device.fetch(v, data)) {
				return
			}
		}
	})
	return err
}

// writeState writes a state with the vectors that come one after the other.
func writeState(w io.Writer, head header, vectors iter.Seq2[[]byte, error]) (int64, error) {
	text, err := json.Marshal(head)
	if err != nil {
		return 0, fmt.Errorf("lbfgs: writing a state: %w", err)
	}
	out := &summed{w: w, sum: crc32.New(castagnoli)}
	out.write(binary.LittleEndian.AppendUint32([]byte(magic), uint32(len(text))))
	out.write(text)
	for v, err := range vectors {
		if err != nil {
			return out.written, err
		}
		if out.write(v); out.err != nil {
			break
		}
	}
	out.write(binary.LittleEndian.AppendUint32(nil, out.sum.Sum32()))
	if out.err != nil {
		return out.written, fmt.Errorf("lbfgs: writing a state: %w", out.err)
	}
	return out.written, nil
}

// summed writes until there is an error, and sums what it writes.
type summed struct {
	w       io.Writer
	sum     hash.Hash32
	written int64
	err     error
}

func (s *summed) write(data []byte) {
	if s.err != nil {
		return
	}
	var n int
	n, s.err = s.w.Write(data)
	s.written += int64(n)
	s.sum.Write(data[:n])
}

// ReadState reads what State.WriteTo wrote, and not a byte more. It returns an error for anything else; it never
// allocates much more than there is to read.
func ReadState(r io.Reader) (*State, error) {
	s, err := readState(r)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("lbfgs: reading a state: %w", err)
	}
	return s, nil
}

func readState(r io.Reader) (*State, error) {
	sum := crc32.New(castagnoli)
	in := io.TeeReader(r, sum)
	start, err := readBytes(in, len(magic)+4, 0)
	if err != nil {
		return nil, err
	}
	if string(start[:len(magic)]) != magic {
		return nil, errors.New("this is no state of an optimiser, or one of another version")
	}
	size := binary.LittleEndian.Uint32(start[len(magic):])
	if size > maxHeader {
		return nil, fmt.Errorf("a header of %d bytes, expected %d at most", size, maxHeader)
	}
	text, err := readBytes(in, int(size), 0)
	if err != nil {
		return nil, err
	}
	s := &State{}
	if err := json.Unmarshal(text, &s.head); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	if err := s.head.check(); err != nil {
		return nil, err
	}
	read := 0
	for i := range s.head.vectors() {
		data, err := readBytes(in, s.head.size(i), read)
		if err != nil {
			return nil, err
		}
		s.vectors = append(s.vectors, data)
		read += len(data)
	}
	want := sum.Sum32()
	end, err := readBytes(r, 4, 0)
	if err != nil {
		return nil, err
	}
	if binary.LittleEndian.Uint32(end) != want {
		return nil, errors.New("the checksum is wrong: the bytes were damaged")
	}
	return s, s.check()
}

// readBytes reads n bytes. What it allocates at first is small or no more than was read before, and grows with what is
// there, so a false n does no harm.
func readBytes(r io.Reader, n, before int) ([]byte, error) {
	b := make([]byte, min(n, max(before, 1<<16)))
	for at := 0; ; {
		if _, err := io.ReadFull(r, b[at:]); err != nil {
			return nil, err
		}
		if at = len(b); at == n {
			return b, nil
		}
		longer := make([]byte, min(n, 2*at))
		copy(longer, b)
		b = longer
	}
}

// check returns an error unless a header is one that a run can have had.
func (h *header) check() error {
	if _, ok := elementTypes[h.Type]; !ok {
		return fmt.Errorf("elements of type %q", h.Type)
	}
	if h.Compact && elementTypes[h.Type] != dtypes.Float32 {
		return fmt.Errorf("compact pairs with elements of type %q, expected float32", h.Type)
	}
	elements := 1
	for _, d := range h.Shape {
		if d < 1 || d > maxElements/elements {
			return fmt.Errorf("vectors of shape %v", h.Shape)
		}
		elements *= d
	}
	if h.Iterations < 0 || h.Evaluations < h.Iterations {
		return fmt.Errorf("%d iterations with %d evaluations", h.Iterations, h.Evaluations)
	}
	if !finite(h.F) || !finite(h.GG) || h.GG < 0 || !finite(h.Length) || h.Length <= 0 {
		return fmt.Errorf("a value of %v, a squared gradient of %v, a step of %v", h.F, h.GG, h.Length)
	}
	if len(h.Pairs) > maxMemory {
		return fmt.Errorf("%d pairs, expected %d at most", len(h.Pairs), maxMemory)
	}
	for j, p := range h.Pairs {
		if len(p.YS) != j+1 || len(p.YY) != j+1 {
			return fmt.Errorf("pair %d has %d and %d inner products, expected %d", j, len(p.YS), len(p.YY), j+1)
		}
		// (JSON holds no number that is not finite.)
		if !(p.YS[j] > 0) || !(p.YY[j] > 0) {
			return fmt.Errorf("pair %d has a curvature of %v/%v, which is not positive", j, p.YS[j], p.YY[j])
		}
	}
	return nil
}

// check returns an error unless the vectors fit the header and are finite.
func (s *State) check() error {
	if err := s.head.check(); err != nil {
		return err
	}
	if s.vectors == nil {
		return errUsedUp
	}
	if len(s.vectors) != s.head.vectors() {
		return fmt.Errorf("%d vectors, expected %d", len(s.vectors), s.head.vectors())
	}
	for i, v := range s.vectors {
		if len(v) != s.head.size(i) {
			return fmt.Errorf("vector %d has %d bytes, expected %d", i, len(v), s.head.size(i))
		}
		if !finiteBytes(v, s.head.shape(i).DType) {
			return fmt.Errorf("vector %d has elements that are infinite or not a number", i)
		}
	}
	return nil
}

// finiteBytes reports whether no element has all bits of its exponent set. They are in its last bytes.
func finiteBytes(v []byte, t dtypes.DType) bool {
	exponent := uint16(0x7f80) // of float32, and of bfloat16, which is its upper half
	if t == dtypes.Float64 {
		exponent = 0x7ff0
	}
	size := t.Size()
	for ; len(v) > 0; v = v[size:] {
		if binary.LittleEndian.Uint16(v[size-2:])&exponent == exponent {
			return false
		}
	}
	return true
}
