package optimize

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/internal/tensorfile"
)

// Vector is a tensor of a state, of float32, float64 or bfloat16.
type Vector struct {
	Name  string
	Shape shapes.Shape
	Data  []byte // its elements as the device has them, little-endian
}

// ErrUsedUp is the error of a state that was resumed.
var ErrUsedUp = errors.New("it was resumed before, which uses it up: read it again")

// ErrEarlierVersion is the error of [ReadState] for a state in the format of before November 2026.
var ErrEarlierVersion = errors.New("it was written by an earlier version of Gouache and cannot be resumed by this one")

// earlierMagic is the beginning of such a state, and of the checkpoints that held one.
const earlierMagic = "gouache "

// typeNames are the types of vectors as .safetensors files call them.
var typeNames = map[dtypes.DType]string{dtypes.Float32: "F32", dtypes.Float64: "F64", dtypes.BFloat16: "BF16"}

// WriteState writes a state's file: a head of numbers as JSON, in the metadata under the optimiser's name, and vectors
// as tensors. (Go writes a float64 with as many digits as it takes to read the same one back.) Data returns a vector's
// bytes, which it may overwrite at the next call; if it is nil, the vectors have theirs.
func WriteState(w io.Writer, method Method, head any, metadata map[string]string, vectors []Vector, data func(i int) ([]byte, error)) error {
	text, err := json.Marshal(head)
	if err != nil {
		return fmt.Errorf("%s: writing a state: %w", method, err)
	}
	all := map[string]string{}
	maps.Copy(all, metadata)
	all[string(method)] = string(text)
	list := make([]tensorfile.Tensor, len(vectors))
	for i, v := range vectors {
		list[i] = tensorfile.Tensor{Name: v.Name, DType: typeNames[v.Shape.DType], Shape: v.Shape.Dimensions}
	}
	out, err := tensorfile.NewWriter(w, all, list, true)
	if err != nil {
		return fmt.Errorf("%s: writing a state: %w", method, err)
	}
	for i, v := range vectors {
		bytes := v.Data
		if data != nil {
			if bytes, err = data(i); err != nil {
				return fmt.Errorf("%s: %w", method, err)
			}
		}
		if _, err := out.Write(bytes); err != nil {
			break // Close returns it
		}
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("%s: writing a state: %w", method, err)
	}
	return nil
}

// readers make each optimiser's states of a head, which is JSON, and vectors.
var readers = map[Method]func(head []byte, vectors []Vector) (State, error){}

// Register tells [ReadState] how an optimiser's state is made of the head and the vectors of a file. It is called by
// init functions, and panics if the name is taken.
func Register[Head any](method Method, read func(Head, []Vector) (State, error)) {
	if readers[method] != nil {
		panic(fmt.Sprintf("optimize: %s is registered twice", method))
	}
	readers[method] = func(text []byte, vectors []Vector) (State, error) {
		var head Head
		if err := json.Unmarshal(text, &head); err != nil {
			return nil, fmt.Errorf("header: %w", err)
		}
		return read(head, vectors)
	}
}

// ReadState reads what a State or a Snapshot wrote, of any optimiser whose package is imported, and not a
// byte more. It returns the metadata with it. It returns an error for anything else. It never allocates
// much more than there is to read.
func ReadState(r io.Reader) (State, map[string]string, error) {
	s, metadata, err := readState(r)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the state of an optimiser: %w", err)
	}
	return s, metadata, nil
}

func readState(r io.Reader) (State, map[string]string, error) {
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
	var method Method
	metadata := map[string]string{}
	for key, text := range in.Metadata {
		if readers[Method(key)] == nil {
			metadata[key] = text
		} else if method == "" {
			method = Method(key)
		} else {
			return nil, nil, errors.New("the file holds the states of two optimisers")
		}
	}
	if method == "" {
		return nil, nil, errors.New("the file holds no state of an optimiser")
	}
	var vectors []Vector
	for {
		t, data, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, err
		}
		v, err := newVector(t, data)
		if err != nil {
			return nil, nil, err
		}
		vectors = append(vectors, v)
	}
	s, err := readers[method]([]byte(in.Metadata[string(method)]), vectors)
	return s, metadata, err
}

func newVector(t tensorfile.Tensor, data []byte) (Vector, error) {
	for dtype, name := range typeNames {
		if name != t.DType {
			continue
		}
		if slices.Contains(t.Shape, 0) {
			return Vector{}, fmt.Errorf("tensor %s has shape %v", t.Name, t.Shape)
		}
		if !finiteBytes(data, dtype) {
			return Vector{}, fmt.Errorf("tensor %s has elements that are infinite or not a number", t.Name)
		}
		return Vector{Name: t.Name, Shape: shapes.Make(dtype, t.Shape...), Data: data}, nil
	}
	return Vector{}, fmt.Errorf("tensor %s has elements of type %s", t.Name, t.DType)
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

// CheckVectors returns an error unless the vectors are those that are wanted, by name, type and shape, and no more, and
// [ErrUsedUp] if they are nil.
func CheckVectors(vectors, want []Vector) error {
	if vectors == nil {
		return ErrUsedUp
	}
	for i, v := range want {
		if i >= len(vectors) {
			return fmt.Errorf("tensor %s is missing", v.Name)
		}
		if got := vectors[i]; got.Name != v.Name || !got.Shape.Equal(v.Shape) {
			return fmt.Errorf("tensor %s is %s, expected %s, %s", got.Name, got.Shape, v.Name, v.Shape)
		}
	}
	if len(vectors) > len(want) {
		return errors.New("there are more tensors than the header describes")
	}
	return nil
}

// Fill copies the vectors' tensors from the device. Each tensor but those to keep is freed there once it is
// copied, so that no more than one exists twice beside them.
func Fill(backend compute.Backend, vectors []Vector, from []*tensors.Tensor, keep func(i int) bool) error {
	for i, t := range slices.Backward(from) {
		vectors[i].Data = make([]byte, vectors[i].Shape.ByteSize())
		if err := Fetch(backend, t, vectors[i].Data); err != nil {
			return err
		}
		if !keep(i) {
			Free(t)
		}
	}
	return nil
}

// Upload moves vectors to the device, except those to skip, and drops their bytes on the host. It returns
// nil for those that were skipped.
func Upload(backend compute.Backend, vectors []Vector, skip func(i int) bool) ([]*tensors.Tensor, error) {
	list := make([]*tensors.Tensor, len(vectors))
	dropped := 0
	for i := range vectors {
		data := vectors[i].Data
		vectors[i].Data = nil
		if skip(i) {
			continue
		}
		t, err := tensors.FromRaw(backend, 0, vectors[i].Shape, data)
		if err != nil {
			Free(list...)
			return nil, fmt.Errorf("bringing the state to the device: %w", err)
		}
		list[i] = t
		dropped = FreeHostMemory(dropped + len(data))
	}
	return list, nil
}
