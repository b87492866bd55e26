package lbfgs

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/optimize"
)

func init() { optimize.Register(optimize.LBFGS, readState) }

// State is a run between two iterations, on the host: an [optimize.State].
type State struct {
	head    header
	shape   shapes.Shape      // of x and g
	vectors []optimize.Vector // x, g, s₀, y₀, s₁, y₁, …, and with a Scaling the point of x; nil once resumed
}

// header is the part of a state that is written as JSON.
type header struct {
	Version     int     `json:"version"`
	Compact     bool    `json:"compact,omitempty"`
	Scaled      bool    `json:"scaled,omitempty"` // x, g and the pairs are of a Scaling's variables
	Iterations  int     `json:"iterations"`
	Evaluations int     `json:"evaluations"`
	F           float64 `json:"f"`
	GG          float64 `json:"gg"`
	Length      float64 `json:"length"`
	Changed     bool    `json:"changed,omitempty"` // the function, since F and GG
	Pairs       []inner `json:"pairs"`
}

const (
	stateVersion = 2

	compactType = dtypes.BFloat16 // of a compact history
)

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
	at := 0
	if s.head.Scaled {
		at = len(s.vectors) - 1
	}
	return tensors.FromRaw(nil, 0, s.shape, s.vectors[at].Data)
}

// Pairs returns copies of the latest pairs, at most n, on the host: steps, and the changes of the gradient over them. They
// are of a [Scaling]'s variables, if the run had one. The caller finalizes them. It returns an error for a state that was
// resumed, and for one with compact pairs.
func (s *State) Pairs(n int) (steps, changes []*tensors.Tensor, err error) {
	if err = s.check(); err == nil && s.head.Compact {
		err = errors.New("its pairs are compact")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("lbfgs: the pairs of a state: %w", err)
	}
	pairs := len(s.head.Pairs)
	for i := pairs - min(n, pairs); i < pairs; i++ {
		for j, list := range []*[]*tensors.Tensor{&steps, &changes} {
			t, err := tensors.FromRaw(nil, 0, s.shape, s.vectors[2+2*i+j].Data)
			if err != nil {
				optimize.Free(append(steps, changes...)...)
				return nil, nil, fmt.Errorf("lbfgs: the pairs of a state: %w", err)
			}
			*list = append(*list, t)
		}
	}
	return steps, changes, nil
}

// layout returns the vectors without their elements.
func (s *State) layout() []optimize.Vector {
	list := make([]optimize.Vector, 2+2*len(s.head.Pairs))
	for i := range list {
		list[i].Shape = s.shape
		switch {
		case i < 2:
			list[i].Name = "xg"[i : i+1]
		default:
			list[i].Name = fmt.Sprintf("%c%d", "sy"[i%2], i/2-1)
			if s.head.Compact {
				list[i].Shape = shapes.Make(compactType, s.shape.Dimensions...)
			}
		}
	}
	if s.head.Scaled {
		list = append(list, optimize.Vector{Name: "point", Shape: s.shape})
	}
	return list
}

// describe returns a state of the run without its vectors.
func (r *run) describe() *State {
	s := &State{shape: r.at.x.Shape().Clone(), head: header{
		Version:     stateVersion,
		Compact:     r.Compact,
		Scaled:      r.Scaling != nil,
		Iterations:  r.iterations,
		Evaluations: r.evaluations,
		F:           r.at.f,
		GG:          r.at.gg,
		Length:      r.length,
		Changed:     r.changed,
	}}
	for _, p := range r.history.pairs {
		p.inner.YS, p.inner.YY = slices.Clone(p.inner.YS), slices.Clone(p.inner.YY)
		s.head.Pairs = append(s.head.Pairs, p.inner)
	}
	return s
}

// vectors returns the vectors of a state of the run, after show.
func (r *run) vectors() []*tensors.Tensor {
	list := append([]*tensors.Tensor{r.at.x, r.at.g}, r.history.vectors()...)
	if r.Scaling != nil {
		list = append(list, r.shown)
	}
	return list
}

// state copies a run that has ended to the host. All vectors but the point are freed on the device.
func (r *run) state() (*State, error) {
	s, from := r.describe(), r.vectors()
	s.vectors = s.layout()
	if err := optimize.Fill(r.ops.backend, s.vectors, from, func(i int) bool { return from[i] == r.X() }); err != nil {
		return nil, fmt.Errorf("lbfgs: %w", err)
	}
	return s, nil
}

// Changed drops the history before the next iteration, which begins with an evaluation: see [optimize.Snapshot].
func (r *run) Changed() { r.changed = true }

// X returns the current point, after show: see [optimize.Snapshot].
func (r *run) X() *tensors.Tensor {
	if r.Scaling != nil {
		return r.shown
	}
	return r.at.x
}

// WriteState writes 2·History + 2 vectors, and one more with a Scaling: see [optimize.Snapshot].
func (r *run) WriteState(w io.Writer, metadata map[string]string) error {
	s, from := r.describe(), r.vectors()
	layout := s.layout()
	data := make([]byte, s.shape.ByteSize())
	return optimize.WriteState(w, optimize.LBFGS, s.head, metadata, layout, func(i int) ([]byte, error) {
		data = data[:layout[i].Shape.ByteSize()]
		return data, optimize.Fetch(r.ops.backend, from[i], data)
	})
}

// restore moves a state to the device.
func (r *run) restore(state optimize.State) error {
	s, ok := state.(*State)
	if !ok || s == nil {
		return errors.New("lbfgs: there is no state of lbfgs to resume from")
	}
	if err := s.check(); err != nil {
		return fmt.Errorf("lbfgs: a state that cannot be resumed: %w", err)
	}
	if s.head.Compact != r.Compact {
		return fmt.Errorf("lbfgs: the state is of a run with Compact = %v: resume it so", s.head.Compact)
	}
	if s.head.Scaled != (r.Scaling != nil) {
		return errors.New("lbfgs: the state is of other variables: a run with a Scaling is resumed with it, and one without it without")
	}
	from := s.vectors
	s.vectors = nil
	beyond := 2 * max(0, len(s.head.Pairs)-r.History) // the vectors of pairs beyond the limit
	last := 2 + 2*len(s.head.Pairs)                   // after which the point of a Scaling comes, which is made anew
	vectors, err := optimize.Upload(r.ops.backend, from, func(i int) bool { return i >= 2 && i < 2+beyond || i == last })
	if err != nil {
		return fmt.Errorf("lbfgs: %w", err)
	}
	r.at = point{x: vectors[0], g: vectors[1], f: s.head.F, gg: s.head.GG}
	for i, p := range s.head.Pairs {
		p.YS, p.YY = slices.Clone(p.YS), slices.Clone(p.YY)
		r.history.pairs = append(r.history.pairs, pair{s: vectors[2+2*i], y: vectors[3+2*i], inner: p})
	}
	r.history.trim(r.History)
	r.iterations, r.evaluations, r.length = s.head.Iterations, s.head.Evaluations, s.head.Length
	r.changed = s.head.Changed
	return nil
}

// Write writes the state as a .safetensors file: its vectors, which are 2 + 2·History or one more, a few kilobytes of metadata
// and a checksum. The given metadata are written, too; the key "lbfgs" is the state's own.
func (s *State) Write(w io.Writer, metadata map[string]string) error {
	if s.vectors == nil {
		return fmt.Errorf("lbfgs: writing a state: %w", optimize.ErrUsedUp)
	}
	return optimize.WriteState(w, optimize.LBFGS, s.head, metadata, s.vectors, nil)
}

// readState makes a state of what a file holds.
func readState(head header, vectors []optimize.Vector) (optimize.State, error) {
	s := &State{head: head, vectors: vectors}
	if len(vectors) > 0 && vectors[0].Name == "x" {
		s.shape = vectors[0].Shape
	}
	return s, s.check()
}

// check returns an error unless a run can have had the header and the vectors fit it.
func (s *State) check() error {
	h := &s.head
	if h.Version != stateVersion {
		return fmt.Errorf("a state of version %d, expected %d", h.Version, stateVersion)
	}
	if s.shape.DType != dtypes.Float32 && s.shape.DType != dtypes.Float64 {
		return errors.New("no point")
	}
	if h.Compact && s.shape.DType != dtypes.Float32 {
		return fmt.Errorf("compact pairs with elements of type %s, expected Float32", s.shape.DType)
	}
	if h.Iterations < 0 || h.Evaluations < h.Iterations {
		return fmt.Errorf("%d iterations with %d evaluations", h.Iterations, h.Evaluations)
	}
	if !optimize.Finite(h.F) || !optimize.Finite(h.GG) || h.GG < 0 || !optimize.Finite(h.Length) || h.Length <= 0 {
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
	return optimize.CheckVectors(s.vectors, s.layout())
}
