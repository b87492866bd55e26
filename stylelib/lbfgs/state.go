package lbfgs

import (
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"
)

// State is a run between two iterations, on the host. It is taken by [Iteration.State] or left in Found.State, written
// by [State.WriteTo] and read by [ReadState], and continued by [Minimizer.Resume], once.
type State struct {
	head    header
	vectors [][]byte // x, g, s₀, y₀, s₁, y₁, … as the device has them, little-endian; nil once it was resumed
}

// header is the part of a state that is written as JSON. (Go writes a float64 with as many digits as it takes to read
// the same one back.)
type header struct {
	Type        string  `json:"type"` // of the elements: a key of elementTypes
	Compact     bool    `json:"compact,omitempty"`
	Shape       []int   `json:"shape"`
	Iterations  int     `json:"iterations"`
	Evaluations int     `json:"evaluations"`
	F           float64 `json:"f"`
	GG          float64 `json:"gg"`
	Length      float64 `json:"length"`
	Pairs       []inner `json:"pairs"`
}

var elementTypes = map[string]dtypes.DType{"float32": dtypes.Float32, "float64": dtypes.Float64}

// compactType is that of a compact history.
const compactType = dtypes.BFloat16

// Iterations returns how many iterations led to the state.
func (s *State) Iterations() int { return s.head.Iterations }

// Evaluations returns how many evaluations led to the state.
func (s *State) Evaluations() int { return s.head.Evaluations }

// Compact returns what Minimizer.Compact was, and must be to resume.
func (s *State) Compact() bool { return s.head.Compact }

// X returns a copy of the point, on the host. The caller finalizes it. A state that was resumed has none.
func (s *State) X() (*tensors.Tensor, error) {
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("lbfgs: the point of a state: %w", err)
	}
	return tensors.FromRaw(nil, 0, s.head.shape(0), s.vectors[0])
}

// vectors returns how many vectors there are.
func (h *header) vectors() int { return 2 + 2*len(h.Pairs) }

// shape returns the shape and type of a vector, of a header that was checked.
func (h *header) shape(vector int) shapes.Shape {
	if h.Compact && vector >= 2 {
		return shapes.Make(compactType, h.Shape...)
	}
	return shapes.Make(elementTypes[h.Type], h.Shape...)
}

// size returns the size of a vector in bytes.
func (h *header) size(vector int) int { return int(h.shape(vector).ByteSize()) }

// header returns what a state of the run begins with.
func (r *run) header() header {
	shape := r.at.x.Shape()
	h := header{
		Compact:     r.Compact,
		Shape:       slices.Clone(shape.Dimensions),
		Iterations:  r.iterations,
		Evaluations: r.evaluations,
		F:           r.at.f,
		GG:          r.at.gg,
		Length:      r.length,
	}
	for name, t := range elementTypes {
		if t == shape.DType {
			h.Type = name
		}
	}
	for _, p := range r.memory.pairs {
		h.Pairs = append(h.Pairs, inner{GS: p.GS, GY: p.GY, YS: slices.Clone(p.YS), YY: slices.Clone(p.YY)})
	}
	return h
}

// vectors returns the vectors of a state of the run.
func (r *run) vectors() []*tensors.Tensor {
	return append([]*tensors.Tensor{r.at.x, r.at.g}, r.memory.vectors()...)
}

// state copies the run to the host. When it has ended, all but its point is freed on the device at that, so that no more
// than the point and one vector are there twice.
func (r *run) state(ended bool) (*State, error) {
	s := &State{head: r.header(), vectors: make([][]byte, 2+2*len(r.memory.pairs))}
	for i, v := range slices.Backward(r.vectors()) { // so the point is the last
		s.vectors[i] = make([]byte, s.head.size(i))
		if err := r.device.fetch(v, s.vectors[i]); err != nil {
			return nil, err
		}
		if ended && i > 0 {
			free(v)
		}
	}
	return s, nil
}

// fetch copies a vector to the host. (A tensor that is read in another way keeps a copy there.)
func (d *device) fetch(v *tensors.Tensor, to []byte) error {
	buffer, err := v.Buffer(d.backend, 0)
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
	skipped := max(0, len(s.head.Pairs)-r.Memory) // pairs beyond the limit
	vectors := make([]*tensors.Tensor, len(from))
	dropped := 0
	for i, data := range from {
		from[i] = nil
		if i >= 2 && i < 2+2*skipped {
			continue
		}
		v, err := tensors.FromRaw(r.device.backend, 0, s.head.shape(i), data)
		if err != nil {
			free(vectors...)
			return fmt.Errorf("lbfgs: bringing the state to the device: %w", err)
		}
		vectors[i] = v
		dropped = collect(dropped + len(data))
	}
	r.at = point{x: vectors[0], g: vectors[1], f: s.head.F, gg: s.head.GG}
	for i, p := range s.head.Pairs {
		p.YS, p.YY = slices.Clone(p.YS), slices.Clone(p.YY)
		r.memory.pairs = append(r.memory.pairs, pair{s: vectors[2+2*i], y: vectors[3+2*i], inner: p})
	}
	r.memory.trim(r.Memory)
	r.iterations, r.evaluations, r.length = s.head.Iterations, s.head.Evaluations, s.head.Length
	return nil
}

// collect gives memory of vectors on the host that were dropped back to the system, if it is worth the time, and returns
// how many bytes are left to collect. The garbage collector, left alone, starts when the heap has grown; it does not while
// vectors go to the device.
func collect(dropped int) int {
	const worth = 64 << 20
	if dropped < worth {
		return dropped
	}
	debug.FreeOSMemory()
	return 0
}
