package lbfgs

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime/debug"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/internal/tensorfile"
)

// State is a run between two iterations, on the host. Result.State may hold one. [State.Write] and
// [Iteration.WriteState] write one, [ReadState] reads it, and [Minimizer.Resume] continues it, once.
type State struct {
	head    header
	shape   shapes.Shape // of x and g
	vectors [][]byte     // x, g, s₀, y₀, s₁, y₁, … as the device has them, little-endian; nil once resumed
}

// header is the part of a state that is written as JSON. (Go writes a float64 with as many digits as it
// takes to read the same one back.)
type header struct {
	Version     int     `json:"version"`
	Compact     bool    `json:"compact,omitempty"`
	Iterations  int     `json:"iterations"`
	Evaluations int     `json:"evaluations"`
	F           float64 `json:"f"`
	GG          float64 `json:"gg"`
	Length      float64 `json:"length"`
	Pairs       []inner `json:"pairs"`
}

const (
	stateVersion = 2
	stateKey     = "lbfgs" // of the header in the file's metadata

	compactType = dtypes.BFloat16 // of a compact history
)

// typeNames are the types of vectors as .safetensors files call them.
var typeNames = map[dtypes.DType]string{dtypes.Float32: "F32", dtypes.Float64: "F64", compactType: "BF16"}

// Iterations returns the number of iterations that led to the state.
func (s *State) Iterations() int { return s.head.Iterations }

// Evaluations returns the number of evaluations that led to the state.
func (s *State) Evaluations() int { return s.head.Evaluations }

// X returns a copy of the point, on the host. The caller finalizes it. It returns an error for a state
// that was resumed.
func (s *State) X() (*tensors.Tensor, error) {
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("lbfgs: the point of a state: %w", err)
	}
	return tensors.FromRaw(nil, 0, s.shape, s.vectors[0])
}

// vectorShape returns the shape and type of the i-th vector.
func (s *State) vectorShape(i int) shapes.Shape {
	if s.head.Compact && i >= 2 {
		return shapes.Make(compactType, s.shape.Dimensions...)
	}
	return s.shape
}

// tensors describes the vectors as tensors of a file: x, g, s0, y0, s1, y1, and so on.
func (s *State) tensors() []tensorfile.Tensor {
	list := make([]tensorfile.Tensor, 2+2*len(s.head.Pairs))
	for i := range list {
		shape := s.vectorShape(i)
		list[i] = tensorfile.Tensor{Name: vectorName(i), DType: typeNames[shape.DType], Shape: shape.Dimensions}
	}
	return list
}

func vectorName(i int) string {
	if i < 2 {
		return "xg"[i : i+1]
	}
	return fmt.Sprintf("%c%d", "sy"[i%2], i/2-1)
}

// describe returns a state of the run without its vectors.
func (r *run) describe() *State {
	s := &State{shape: r.at.x.Shape().Clone(), head: header{
		Version:     stateVersion,
		Compact:     r.Compact,
		Iterations:  r.iterations,
		Evaluations: r.evaluations,
		F:           r.at.f,
		GG:          r.at.gg,
		Length:      r.length,
	}}
	for _, p := range r.history.pairs {
		p.inner.YS, p.inner.YY = slices.Clone(p.inner.YS), slices.Clone(p.inner.YY)
		s.head.Pairs = append(s.head.Pairs, p.inner)
	}
	return s
}

// vectors returns the vectors of a state of the run.
func (r *run) vectors() []*tensors.Tensor {
	return append([]*tensors.Tensor{r.at.x, r.at.g}, r.history.vectors()...)
}

// state copies a run that has ended to the host. Each vector except the point is freed on the device once it
// is copied, so that no more than the point and one vector exist twice.
func (r *run) state() (*State, error) {
	s := r.describe()
	s.vectors = make([][]byte, 2+2*len(s.head.Pairs))
	for i, v := range slices.Backward(r.vectors()) { // so the point is the last
		s.vectors[i] = make([]byte, s.vectorShape(i).ByteSize())
		if err := r.ops.fetch(v, s.vectors[i]); err != nil {
			return nil, err
		}
		if i > 0 {
			free(v)
		}
	}
	return s, nil
}

// fetch copies a vector to the host. (A tensor that is read in another way keeps a copy there.)
func (o *operations) fetch(v *tensors.Tensor, to []byte) error {
	buffer, err := v.Buffer(o.backend, 0)
	if err == nil {
		err = buffer.ToFlatData(to)
	}
	if err != nil {
		return fmt.Errorf("lbfgs: bringing the state from the device: %w", err)
	}
	return nil
}

// restore moves a state to the device.
func (r *run) restore(s *State) error {
	if s == nil {
		return errors.New("lbfgs: no state to resume from")
	}
	if err := s.check(); err != nil {
		return fmt.Errorf("lbfgs: a state that cannot be resumed: %w", err)
	}
	if s.head.Compact != r.Compact {
		return fmt.Errorf("lbfgs: the state is of a run with Compact = %v: resume it so", s.head.Compact)
	}
	from := s.vectors
	s.vectors = nil
	skipped := max(0, len(s.head.Pairs)-r.History) // pairs beyond the limit
	vectors := make([]*tensors.Tensor, len(from))
	dropped := 0
	for i, data := range from {
		from[i] = nil
		if i >= 2 && i < 2+2*skipped {
			continue
		}
		v, err := tensors.FromRaw(r.ops.backend, 0, s.vectorShape(i), data)
		if err != nil {
			free(vectors...)
			return fmt.Errorf("lbfgs: bringing the state to the device: %w", err)
		}
		vectors[i] = v
		dropped = freeHostMemory(dropped + len(data))
	}
	r.at = point{x: vectors[0], g: vectors[1], f: s.head.F, gg: s.head.GG}
	for i, p := range s.head.Pairs {
		p.YS, p.YY = slices.Clone(p.YS), slices.Clone(p.YY)
		r.history.pairs = append(r.history.pairs, pair{s: vectors[2+2*i], y: vectors[3+2*i], inner: p})
	}
	r.history.trim(r.History)
	r.iterations, r.evaluations, r.length = s.head.Iterations, s.head.Evaluations, s.head.Length
	return nil
}

// freeHostMemory returns the memory of dropped vectors to the system, if it is worth the time, and
// returns how many bytes are left to free. The garbage collector starts when the heap has grown, which
// it does not while vectors go to the device.
func freeHostMemory(dropped int) int {
	const worth = 64 << 20
	if dropped < worth {
		return dropped
	}
	debug.FreeOSMemory()
	return 0
}

var errUsedUp = errors.New("it was resumed before, which uses it up: read it again")

// Write writes the state as a .safetensors file: its 2 + 2·History vectors, a few kilobytes of metadata
// and a checksum. The given metadata are written, too; the key "lbfgs" is the state's own.
func (s *State) Write(w io.Writer, metadata map[string]string) error {
	if s.vectors == nil {
		return fmt.Errorf("lbfgs: writing a state: %w", errUsedUp)
	}
	return s.write(w, metadata, func(i int) ([]byte, error) { return s.vectors[i], nil })
}

// write writes a state with the vectors that a function returns.
func (s *State) write(w io.Writer, metadata map[string]string, vector func(i int) ([]byte, error)) error {
	text, err := json.Marshal(s.head)
	if err != nil {
		return fmt.Errorf("lbfgs: writing a state: %w", err)
	}
	all := map[string]string{}
	maps.Copy(all, metadata)
	all[stateKey] = string(text)
	tensors := s.tensors()
	out, err := tensorfile.NewWriter(w, all, tensors, true)
	if err != nil {
		return fmt.Errorf("lbfgs: writing a state: %w", err)
	}
	for i := range tensors {
		v, err := vector(i)
		if err != nil {
			return err
		}
		if _, err := out.Write(v); err != nil {
			break // Close returns it
		}
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("lbfgs: writing a state: %w", err)
	}
	return nil
}

// ErrEarlierVersion is the error of [ReadState] for a state in the format of before November 2026.
var ErrEarlierVersion = errors.New("it was written by an earlier version of Gouache and cannot be resumed by this one")

// earlierMagic is the beginning of such a state, and of the checkpoints that held one.
const earlierMagic = "gouache "

// ReadState reads what [State.Write] wrote, and not a byte more, and returns the metadata with it. It
// returns an error for anything else. It never allocates much more than there is to read.
func ReadState(r io.Reader) (*State, map[string]string, error) {
	s, metadata, err := readState(r)
	if err != nil {
		return nil, nil, fmt.Errorf("lbfgs: reading a state: %w", err)
	}
	return s, metadata, nil
}

func readState(r io.Reader) (*State, map[string]string, error) {
	start := make([]byte, len(earlierMagic))
	if n, err := io.ReadFull(r, start); err != nil {
		start = start[:n]
	}
	if string(start) == earlierMagic {
		return nil, nil, ErrEarlierVersion
	}
	in, err := tensorfile.NewReader(io.MultiReader(bytes.NewReader(start), r))
	if err != nil {
		return nil, nil, err
	}
	s := &State{}
	text, ok := in.Metadata[stateKey]
	if !ok {
		return nil, nil, errors.New("the file holds no state of an optimiser")
	}
	if err := json.Unmarshal([]byte(text), &s.head); err != nil {
		return nil, nil, fmt.Errorf("header: %w", err)
	}
	if err := s.describedBy(in.Tensors); err != nil {
		return nil, nil, err
	}
	for _, want := range s.tensors() {
		t, data, err := in.Next()
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("tensor %s is missing", want.Name)
		}
		if err != nil {
			return nil, nil, err
		}
		if t.Name != want.Name || t.DType != want.DType || !slices.Equal(t.Shape, want.Shape) {
			return nil, nil, fmt.Errorf("tensor %s is %s of shape %v, expected %s, %s of shape %v",
				t.Name, t.DType, t.Shape, want.Name, want.DType, want.Shape)
		}
		s.vectors = append(s.vectors, data)
	}
	if _, _, err := in.Next(); err == nil {
		return nil, nil, errors.New("there are more tensors than the header has pairs")
	} else if !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	metadata := in.Metadata
	delete(metadata, stateKey)
	return s, metadata, s.check()
}

// describedBy takes the vectors' shape and type from the tensors of a file, and checks the header.
func (s *State) describedBy(list []tensorfile.Tensor) error {
	for _, t := range list {
		if t.Name != vectorName(0) {
			continue
		}
		dtype, ok := map[string]dtypes.DType{"F32": dtypes.Float32, "F64": dtypes.Float64}[t.DType]
		if !ok {
			return fmt.Errorf("elements of type %s", t.DType)
		}
		if slices.Contains(t.Shape, 0) {
			return fmt.Errorf("vectors of shape %v", t.Shape)
		}
		s.shape = shapes.Make(dtype, t.Shape...)
	}
	return s.checkHead()
}

// checkHead returns an error unless a run can have had the header.
func (s *State) checkHead() error {
	h := &s.head
	if h.Version != stateVersion {
		return fmt.Errorf("a state of version %d, expected %d", h.Version, stateVersion)
	}
	if s.shape.DType != dtypes.Float32 && s.shape.DType != dtypes.Float64 {
		return errors.New("no point")
	}
	if s.head.Compact && s.shape.DType != dtypes.Float32 {
		return fmt.Errorf("compact pairs with elements of type %s, expected Float32", s.shape.DType)
	}
	if h.Iterations < 0 || h.Evaluations < h.Iterations {
		return fmt.Errorf("%d iterations with %d evaluations", h.Iterations, h.Evaluations)
	}
	if !finite(h.F) || !finite(h.GG) || h.GG < 0 || !finite(h.Length) || h.Length <= 0 {
		return fmt.Errorf("a value of %v, a squared gradient of %v, a step of %v", h.F, h.GG, h.Length)
	}
	if len(h.Pairs) > maxHistory {
		return fmt.Errorf("%d pairs, expected %d at most", len(h.Pairs), maxHistory)
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

// check returns an error unless the header is possible and the vectors fit it and are finite.
func (s *State) check() error {
	if err := s.checkHead(); err != nil {
		return err
	}
	if s.vectors == nil {
		return errUsedUp
	}
	if len(s.vectors) != 2+2*len(s.head.Pairs) {
		return fmt.Errorf("%d vectors, expected %d", len(s.vectors), 2+2*len(s.head.Pairs))
	}
	for i, v := range s.vectors {
		if shape := s.vectorShape(i); len(v) != int(shape.ByteSize()) {
			return fmt.Errorf("vector %d has %d bytes, expected %d", i, len(v), shape.ByteSize())
		} else if !finiteBytes(v, shape.DType) {
			return fmt.Errorf("vector %d has elements that are infinite or not a number", i)
		}
	}
	return nil
}

// finiteBytes reports whether no element has all bits of its exponent set. The exponent is in an
// element's last bytes.
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
