package lbfgs

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"
)

// State is a run between two iterations, on the host. It is taken by [Iteration.State] or left in Found.State, written
// by [State.WriteTo] and read by [ReadState], and continued by [Minimizer.Resume].
type State struct {
	head    header
	vectors [][]byte // x, g, s₀, y₀, s₁, y₁, … as the device has them, little-endian
}

// header is the part of a state that is written as JSON. (Go writes a float64 with as many digits as it takes to read
// the same one back.)
type header struct {
	Type        string  `json:"type"` // of the elements: a key of elementTypes
	Shape       []int   `json:"shape"`
	Iterations  int     `json:"iterations"`
	Evaluations int     `json:"evaluations"`
	F           float64 `json:"f"`
	GG          float64 `json:"gg"`
	Length      float64 `json:"length"`
	Pairs       []inner `json:"pairs"`
}

var elementTypes = map[string]dtypes.DType{"float32": dtypes.Float32, "float64": dtypes.Float64}

// A state is written as: magic, which ends in the version; the header's length, uint32; the header; the vectors; the
// CRC-32C of all that. Numbers are little-endian.
const (
	magic       = "gouache L-BFGS state 1\n"
	maxHeader   = 1 << 20 // bytes; 100 pairs take half of it
	maxElements = 1 << 31 // of a vector
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Iterations returns how many iterations led to the state.
func (s *State) Iterations() int { return s.head.Iterations }

// Evaluations returns how many evaluations led to the state.
func (s *State) Evaluations() int { return s.head.Evaluations }

// state copies the run to the host.
func (r *run) state() (*State, error) {
	shape := r.at.x.Shape()
	s := &State{head: header{
		Shape:       slices.Clone(shape.Dimensions),
		Iterations:  r.iterations,
		Evaluations: r.evaluations,
		F:           r.at.f,
		GG:          r.at.gg,
		Length:      r.length,
	}}
	for name, t := range elementTypes {
		if t == shape.DType {
			s.head.Type = name
		}
	}
	for _, p := range r.memory.pairs {
		s.head.Pairs = append(s.head.Pairs, inner{GS: p.GS, GY: p.GY, YS: slices.Clone(p.YS), YY: slices.Clone(p.YY)})
	}
	for _, v := range append([]*tensors.Tensor{r.at.x, r.at.g}, r.memory.vectors()...) {
		var data []byte
		if err := v.ConstBytes(func(b []byte) { data = slices.Clone(b) }); err != nil {
			return nil, fmt.Errorf("lbfgs: bringing the state from the device: %w", err)
		}
		v.FinalizeLocal() // what reading left on the host; the tensor itself is on the device
		s.vectors = append(s.vectors, data)
	}
	return s, nil
}

// restore copies a state to the device.
func (r *run) restore(s *State) error {
	if s == nil {
		return errors.New("lbfgs: no state to resume from")
	}
	if err := s.check(); err != nil {
		return fmt.Errorf("lbfgs: a state that cannot be resumed: %w", err)
	}
	shape := shapes.Make(elementTypes[s.head.Type], s.head.Shape...)
	var vectors []*tensors.Tensor
	for _, data := range s.vectors {
		v, err := tensors.FromRaw(r.device.backend, 0, shape, data)
		if err != nil {
			free(vectors...)
			return fmt.Errorf("lbfgs: bringing the state to the device: %w", err)
		}
		vectors = append(vectors, v)
	}
	r.at = point{x: vectors[0], g: vectors[1], f: s.head.F, gg: s.head.GG}
	for i, p := range s.head.Pairs {
		p.YS, p.YY = slices.Clone(p.YS), slices.Clone(p.YY)
		r.memory.pairs = append(r.memory.pairs, pair{s: vectors[2+2*i], y: vectors[3+2*i], inner: p})
	}
	r.memory.trim()
	r.iterations, r.evaluations, r.length = s.head.Iterations, s.head.Evaluations, s.head.Length
	return nil
}

// WriteTo writes the state: 2 + 2·Memory vectors and a few kilobytes.
func (s *State) WriteTo(w io.Writer) (int64, error) {
	text, err := json.Marshal(s.head)
	if err != nil {
		return 0, fmt.Errorf("lbfgs: writing a state: %w", err)
	}
	start := binary.LittleEndian.AppendUint32([]byte(magic), uint32(len(text)))
	sum := crc32.New(castagnoli)
	var written int64
	for _, part := range slices.Concat([][]byte{start, text}, s.vectors) {
		n, err := w.Write(part)
		written += int64(n)
		if err != nil {
			return written, fmt.Errorf("lbfgs: writing a state: %w", err)
		}
		sum.Write(part)
	}
	n, err := w.Write(binary.LittleEndian.AppendUint32(nil, sum.Sum32()))
	written += int64(n)
	if err != nil {
		return written, fmt.Errorf("lbfgs: writing a state: %w", err)
	}
	return written, nil
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
	start, err := readBytes(in, len(magic)+4)
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
	text, err := readBytes(in, int(size))
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
	for range 2 + 2*len(s.head.Pairs) {
		data, err := readBytes(in, s.head.vectorSize())
		if err != nil {
			return nil, err
		}
		s.vectors = append(s.vectors, data)
	}
	want := sum.Sum32()
	end, err := readBytes(r, 4)
	if err != nil {
		return nil, err
	}
	if binary.LittleEndian.Uint32(end) != want {
		return nil, errors.New("the checksum is wrong: the bytes were damaged")
	}
	return s, s.check()
}

// readBytes reads n bytes. Its buffer grows with what is there, so a false n does no harm.
func readBytes(r io.Reader, n int) ([]byte, error) {
	var b bytes.Buffer
	if _, err := io.CopyN(&b, r, int64(n)); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// vectorSize returns the size of a vector in bytes, of a header that was checked.
func (h *header) vectorSize() int {
	size := elementTypes[h.Type].Size()
	for _, d := range h.Shape {
		size *= d
	}
	return size
}

// check returns an error unless a header is one that a run can have had.
func (h *header) check() error {
	if _, ok := elementTypes[h.Type]; !ok {
		return fmt.Errorf("elements of type %q", h.Type)
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
	if len(s.vectors) != 2+2*len(s.head.Pairs) {
		return fmt.Errorf("%d vectors, expected %d", len(s.vectors), 2+2*len(s.head.Pairs))
	}
	for i, v := range s.vectors {
		if len(v) != s.head.vectorSize() {
			return fmt.Errorf("vector %d has %d bytes, expected %d", i, len(v), s.head.vectorSize())
		}
		if !finiteBytes(v, s.head.Type) {
			return fmt.Errorf("vector %d has elements that are infinite or not a number", i)
		}
	}
	return nil
}

// finiteBytes reports whether no element has all bits of its exponent set.
func finiteBytes(v []byte, elementType string) bool {
	if elementType == "float32" {
		for ; len(v) > 0; v = v[4:] {
			if binary.LittleEndian.Uint32(v)&0x7f800000 == 0x7f800000 {
				return false
			}
		}
		return true
	}
	for ; len(v) > 0; v = v[8:] {
		if binary.LittleEndian.Uint64(v)&0x7ff0000000000000 == 0x7ff0000000000000 {
			return false
		}
	}
	return true
}
