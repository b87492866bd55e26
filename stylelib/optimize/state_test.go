package optimize

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/internal/tensorfile"
)

// plain is a state of numbers and vectors.
type plain struct {
	State
	head    []int
	vectors []Vector
}

func init() {
	for _, name := range []Method{"one", "other"} {
		Register(name, func(head []int, vectors []Vector) (State, error) { return plain{head: head, vectors: vectors}, nil })
	}
}

// vector returns a vector of one float64.
func vector(v float64) Vector {
	return Vector{Name: "x", Shape: shapes.Make(dtypes.Float64, 1), Data: binary.LittleEndian.AppendUint64(nil, math.Float64bits(v))}
}

// TestReadState: the head, the vectors and the metadata come back; a file that no optimiser can have written is refused.
func TestReadState(t *testing.T) {
	var file bytes.Buffer
	if err := WriteState(&file, "one", []int{7}, map[string]string{"note": "mine"}, []Vector{vector(2)}, nil); err != nil {
		t.Fatal(err)
	}
	state, metadata, err := ReadState(&file)
	if err != nil {
		t.Fatal(err)
	}
	got := state.(plain)
	if !slices.Equal(got.head, []int{7}) || len(metadata) != 1 || metadata["note"] != "mine" {
		t.Errorf("%+v with metadata %v", got, metadata)
	}
	if err := CheckVectors(got.vectors, []Vector{vector(2)}); err != nil || !bytes.Equal(got.vectors[0].Data, vector(2).Data) {
		t.Errorf("vectors %v: %v", got.vectors, err)
	}
	for want, write := range map[string]func(w *bytes.Buffer) error{
		"no state": func(w *bytes.Buffer) error {
			out, err := tensorfile.NewWriter(w, nil, nil, true)
			if err != nil {
				return err
			}
			return out.Close()
		},
		"two optimisers": func(w *bytes.Buffer) error {
			return WriteState(w, "one", 0, map[string]string{"other": "0"}, nil, nil)
		},
		"cannot unmarshal": func(w *bytes.Buffer) error { return WriteState(w, "one", "seven", nil, nil, nil) },
		"infinite": func(w *bytes.Buffer) error {
			return WriteState(w, "one", 0, nil, []Vector{vector(math.Inf(1))}, nil)
		},
		"earlier version": func(w *bytes.Buffer) error {
			w.WriteString("gouache L-BFGS state 1\n")
			return nil
		},
	} {
		var file bytes.Buffer
		if err := write(&file); err != nil {
			t.Fatal(err)
		}
		if _, _, err := ReadState(&file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, expected one about %q", err, want)
		}
	}
}

// TestCheckVectors: too few, too many and others are refused.
func TestCheckVectors(t *testing.T) {
	other := vector(1)
	other.Shape = shapes.Make(dtypes.Float64, 1, 1)
	for _, c := range []struct {
		have, want []Vector
		text       string
	}{
		{nil, []Vector{vector(1)}, "resumed before"},
		{[]Vector{}, []Vector{vector(1)}, "x is missing"},
		{[]Vector{vector(1)}, nil, "more tensors"},
		{[]Vector{other}, []Vector{vector(1)}, "expected x"},
	} {
		if err := CheckVectors(c.have, c.want); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("error %v, expected one about %q", err, c.text)
		}
	}
}

func TestRegisterTwice(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a name can be registered twice")
		}
	}()
	Register[int]("one", nil)
}

func TestParseMethod(t *testing.T) {
	for name, want := range map[string]Method{"": LBFGS, "lbfgs": LBFGS, "adam": Adam} {
		if got, err := ParseMethod(name); err != nil || got != want {
			t.Errorf("%q is %q, %v", name, got, err)
		}
	}
	if _, err := ParseMethod("adma"); err == nil || !strings.Contains(err.Error(), `did you mean "adam"?`) {
		t.Errorf("error %v", err)
	}
}

func TestCheckStart(t *testing.T) {
	for want, x0 := range map[string]*tensors.Tensor{
		"starting point": nil,
		"Int32":          tensors.FromValue([]int32{1}),
		"no elements":    tensors.FromFlatDataAndDimensions([]float32{}, 0),
	} {
		if err := CheckStart(x0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, expected one about %q", err, want)
		}
	}
}
