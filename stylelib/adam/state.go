package adam

import (
	"errors"
	"fmt"
	"io"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/optimize"
)

func init() { optimize.Register(optimize.Adam, readState) }

// State is a run between two iterations, on the host: an [optimize.State].
type State struct {
	head    header
	shape   shapes.Shape
	vectors []optimize.Vector // x, m, v and perhaps the average; nil once resumed
}

// header is the part of a state that is written as JSON.
type header struct {
	Version    int     `json:"version"`
	Iterations int     `json:"iterations"`
	Steps      int     `json:"steps"` // that the means were made in
	F          float64 `json:"f"`
	GG         float64 `json:"gg"`
	Averaged   bool    `json:"averaged,omitempty"`
}

const stateVersion = 1

// Iterations returns the number of iterations that led to the state.
func (s *State) Iterations() int { return s.head.Iterations }

// Evaluations returns the number of evaluations that led to the state: one for each iteration.
func (s *State) Evaluations() int { return s.head.Iterations }

// X returns a copy of the average of the iterates, or of the last one, on the host. The caller finalizes
// it. It returns an error for a state that was resumed.
func (s *State) X() (*tensors.Tensor, error) {
	at := 0
	if s.head.Averaged {
		at = 3
	}
	return s.copied(at)
}

// Moments returns copies of the running means, on the host. The caller frees them. It returns an error for
// a state that was resumed.
func (s *State) Moments() (*Moments, error) {
	first, err := s.copied(1)
	if err != nil {
		return nil, err
	}
	second, err := s.copied(2)
	if err != nil {
		optimize.Free(first)
		return nil, err
	}
	return &Moments{First: first, Second: second, Steps: s.head.Steps}, nil
}

func (s *State) copied(at int) (*tensors.Tensor, error) {
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("adam: a vector of a state: %w", err)
	}
	return tensors.FromRaw(nil, 0, s.shape, s.vectors[at].Data)
}

// layout returns the vectors without their elements.
func (s *State) layout() []optimize.Vector {
	list := []optimize.Vector{{Name: "x", Shape: s.shape}, {Name: "m", Shape: s.shape}, {Name: "v", Shape: s.shape}}
	if s.head.Averaged {
		list = append(list, optimize.Vector{Name: "average", Shape: s.shape})
	}
	return list
}

// describe returns a state of the run without its vectors.
func (r *run) describe() *State {
	return &State{shape: r.x.Shape().Clone(), head: header{
		Version: stateVersion, Iterations: r.iterations, Steps: r.steps, F: r.f, GG: r.gg, Averaged: r.average != nil,
	}}
}

// vectors returns the vectors of a state of the run.
func (r *run) vectors() []*tensors.Tensor {
	list := []*tensors.Tensor{r.x, r.first, r.second}
	if r.average != nil {
		list = append(list, r.average)
	}
	return list
}

// state copies a run that has ended to the host.
func (r *run) state() (*State, error) {
	s := r.describe()
	s.vectors = s.layout()
	x := r.X()
	from := r.vectors()
	if err := optimize.Fill(r.backend, s.vectors, from, func(i int) bool { return from[i] == x }); err != nil {
		return nil, fmt.Errorf("adam: %w", err)
	}
	return s, nil
}

// Changed does nothing: see [optimize.Snapshot]. Each step evaluates the function, and the means forget by themselves.
func (r *run) Changed() {}

// WriteState writes three vectors, or four with an average: see [optimize.Snapshot].
func (r *run) WriteState(w io.Writer, metadata map[string]string) error {
	s, from := r.describe(), r.vectors()
	data := make([]byte, s.shape.ByteSize())
	return optimize.WriteState(w, optimize.Adam, s.head, metadata, s.layout(), func(i int) ([]byte, error) {
		return data, optimize.Fetch(r.backend, from[i], data)
	})
}

// restore moves a state to the device.
func (r *run) restore(state optimize.State) error {
	s, ok := state.(*State)
	if !ok || s == nil {
		return errors.New("adam: there is no state of adam to resume from")
	}
	if err := s.check(); err != nil {
		return fmt.Errorf("adam: a state that cannot be resumed: %w", err)
	}
	if s.head.Averaged != (r.Averaging > 0) {
		return fmt.Errorf("adam: the state is of a run whose Averaging was set: %v; resume it so", s.head.Averaged)
	}
	from := s.vectors
	s.vectors = nil
	vectors, err := optimize.Upload(r.backend, from, func(int) bool { return false })
	if err != nil {
		return fmt.Errorf("adam: %w", err)
	}
	r.x, r.first, r.second = vectors[0], vectors[1], vectors[2]
	if len(vectors) > 3 {
		r.average = vectors[3]
	}
	r.f, r.gg, r.iterations, r.steps = s.head.F, s.head.GG, s.head.Iterations, s.head.Steps
	return nil
}

// Write writes the state as a .safetensors file with a checksum. The given metadata are written, too; the
// key "adam" is the state's own.
func (s *State) Write(w io.Writer, metadata map[string]string) error {
	if s.vectors == nil {
		return fmt.Errorf("adam: writing a state: %w", optimize.ErrUsedUp)
	}
	return optimize.WriteState(w, optimize.Adam, s.head, metadata, s.vectors, nil)
}

// readState makes a state of what a file holds.
func readState(head header, vectors []optimize.Vector) (optimize.State, error) {
	s := &State{head: head, vectors: vectors}
	if len(vectors) > 0 {
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
	if h.Iterations < 1 || h.Steps < h.Iterations {
		return fmt.Errorf("%d iterations with %d steps", h.Iterations, h.Steps)
	}
	if !optimize.Finite(h.F) || !optimize.Finite(h.GG) || h.GG < 0 {
		return fmt.Errorf("a value of %v, a squared gradient of %v", h.F, h.GG)
	}
	if t := s.shape.DType; t != dtypes.Float32 && t != dtypes.Float64 {
		return fmt.Errorf("elements of type %s, expected Float32 or Float64", t)
	}
	return optimize.CheckVectors(s.vectors, s.layout())
}
