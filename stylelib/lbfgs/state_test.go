package lbfgs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/internal/tensorfile"
	"github.com/gouache-art/gouache/stylelib/optimize"
)

// A run that is saved after 17 iterations, and resumed from the bytes by another Minimizer, continues as if nothing had
// happened: the same values at the same evaluations, and the same point to the last bit.
func TestResumeExactly(t *testing.T) {
	picture := tensors.FromFlatDataAndDimensions(noise[float32](6000, 1), 1, 40, 50, 3)
	t.Run("float32", func(t *testing.T) { checkResume[float32](t, Minimizer{}, picture) })
	t.Run("compact", func(t *testing.T) { checkResume[float32](t, Minimizer{Compact: true}, picture) })
	t.Run("scaled", func(t *testing.T) { checkResume[float32](t, Minimizer{Scaling: stretching(t)}, picture) })
	t.Run("scaled, compact", func(t *testing.T) {
		checkResume[float32](t, Minimizer{Scaling: stretching(t), Compact: true}, picture)
	})
	t.Run("float64", func(t *testing.T) { checkResume[float64](t, Minimizer{}, tensor(noise[float64](100, 2))) })
}

func checkResume[T float32 | float64](t *testing.T, m Minimizer, x0 *tensors.Tensor) {
	function := rosenbrock(t)
	var straight []optimize.Iteration
	m.MaxIterations = 40
	m.Recorder = func(i optimize.Iteration) error {
		straight = append(straight, i)
		return nil
	}
	whole := minimum(t, m, function, x0)

	file, first := saved(t, m, function, x0)
	state := read(t, file)
	if state.Iterations() != 17 || state.Evaluations() != first.Evaluations || state.head.Compact != m.Compact {
		t.Errorf("a state after %d iterations and %d evaluations, compact %v, expected 17, %d and %v",
			state.Iterations(), state.Evaluations(), state.head.Compact, first.Evaluations, m.Compact)
	}
	rest := straight[17:]
	m.Recorder = func(i optimize.Iteration) error {
		i.Snapshot = rest[0].Snapshot
		if i != rest[0] {
			t.Errorf("after resuming: %+v, expected %+v", i, rest[0])
		}
		rest = rest[1:]
		return nil
	}
	again := resumed(t, m, function, state)
	if len(rest) > 0 {
		t.Errorf("%d iterations are missing", len(rest))
	}
	if !again.X.Shape().Equal(x0.Shape()) || !slices.Equal(values[T](t, again.X), values[T](t, whole.X)) {
		t.Error("the resumed run ends at another point")
	}
	if again.F != whole.F || again.GradientNorm != whole.GradientNorm || again.Evaluations != whole.Evaluations {
		t.Errorf("the resumed run ends with %+v, expected %+v", again, whole)
	}
}

// saved returns the bytes of a state after 17 iterations. They are the same, whichever way they are obtained.
func saved(t *testing.T, m Minimizer, function optimize.Function, x0 *tensors.Tensor) ([]byte, *optimize.Result) {
	var streamed, last bytes.Buffer
	m.MaxIterations, m.SaveState = 17, always
	m.Recorder = func(i optimize.Iteration) error {
		if i.Iteration < 17 {
			return nil
		}
		if err := i.WriteState(&streamed, nil); err != nil {
			return err
		}
		state := read(t, streamed.Bytes())
		if length := i.Snapshot.(*run).length; state.head.Length != length {
			t.Errorf("the state has a step of length %v, the run %v", state.head.Length, length)
		}
		return nil
	}
	result := minimum(t, m, function, x0)
	if err := result.State.Write(&last, nil); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(streamed.Bytes(), last.Bytes()) {
		t.Error("the state in the last iteration is not the state at the end")
	}
	return streamed.Bytes(), result
}

func read(t testing.TB, file []byte) *State {
	t.Helper()
	state, _, err := optimize.ReadState(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return state.(*State)
}

// written returns the bytes of a state.
func written(t testing.TB, s optimize.State) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := s.Write(&file, nil); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// resumed resumes a run, and fails the test if that is an error. The point is finalized with the test.
func resumed(t *testing.T, m Minimizer, f optimize.Function, s optimize.State) *optimize.Result {
	t.Helper()
	result, err := m.Resume(t.Context(), xla, f, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(result.X.MustFinalizeAll)
	return result
}

// The step that follows on an evaluation that is not a number is the same after resuming.
func TestResumeBeforeNotFinite(t *testing.T) {
	function := rosenbrock(t)
	x0 := tensor(noise[float64](100, 2))
	state := minimum(t, Minimizer{MaxIterations: 17, SaveState: always}, function, x0).State
	next := state.Evaluations() + 1
	whole := minimum(t, Minimizer{MaxIterations: 25}, sabotage(function, next, next+1, broken["f NaN"]), x0)
	again, err := Minimizer{MaxIterations: 25}.Resume(t.Context(), xla, sabotage(function, 1, 2, broken["f NaN"]), state)
	if err != nil {
		t.Fatal(err)
	}
	defer again.X.MustFinalizeAll()
	if again.F != whole.F || !slices.Equal(values[float64](t, again.X), values[float64](t, whole.X)) {
		t.Errorf("f = %v, expected %v", again.F, whole.F)
	}
}

// A state can be resumed with a smaller memory, and with the budget it was taken at used up.
func TestResumeWithOtherSettings(t *testing.T) {
	function := rosenbrock(t)
	file := written(t, minimum(t, Minimizer{MaxIterations: 20, SaveState: always}, function, tensor(noise[float64](100, 2))).State)
	if result := resumed(t, Minimizer{History: 3}, function, read(t, file)); result.F > 1e-20 {
		t.Errorf("f = %v at the end: %s", result.F, result.Status)
	}
	state := read(t, file)
	result := resumed(t, Minimizer{MaxIterations: 20, SaveState: always}, function, state)
	if result.Status != optimize.IterationLimit || result.Evaluations != state.Evaluations() {
		t.Errorf("%d evaluations, %s", result.Evaluations, result.Status)
	}
	if !bytes.Equal(written(t, result.State), file) {
		t.Error("a state that is taken where another was resumed is not the same")
	}
}

// What cannot be resumed is refused, and what a refusal leaves can still be used.
func TestResumeRefused(t *testing.T) {
	function := rosenbrock(t)
	used := read(t, smallState(t))
	resumed(t, Minimizer{MaxIterations: 5}, function, used)
	if err := used.Write(io.Discard, nil); err == nil || !strings.Contains(err.Error(), "resumed before") {
		t.Errorf("writing a state that is used up: error %v", err)
	}
	compact := minimum(t, Minimizer{MaxIterations: 4, SaveState: always, Compact: true}, function, far()).State
	for _, c := range []struct {
		name  string
		m     Minimizer
		state optimize.State
		want  string
	}{
		{"none", Minimizer{}, nil, "no state"},
		{"empty", Minimizer{}, &State{}, "version"},
		{"used up", Minimizer{}, used, "resumed before"},
		{"full as compact", Minimizer{Compact: true}, read(t, smallState(t)), "Compact = false"},
		{"compact as full", Minimizer{}, compact, "Compact = true"},
	} {
		if _, err := c.m.Resume(t.Context(), xla, function, c.state); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, expected one about %q", c.name, err, c.want)
		}
	}
	resumed(t, Minimizer{MaxIterations: 5, Compact: true}, function, compact)
}

// A state of the first format is recognised and refused; one that this format's first version wrote is still read, and
// written again to the same bytes.
func TestEarlierStates(t *testing.T) {
	file, err := os.ReadFile("testdata/state-1")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := optimize.ReadState(bytes.NewReader(file)); !errors.Is(err, optimize.ErrEarlierVersion) || !strings.Contains(err.Error(), "earlier version") {
		t.Errorf("error %v", err)
	}
	if file, err = os.ReadFile("testdata/state-2.safetensors"); err != nil {
		t.Fatal(err)
	}
	state, metadata, err := optimize.ReadState(bytes.NewReader(file))
	if err != nil || metadata["note"] != "rosenbrock" || len(metadata) != 1 {
		t.Fatalf("metadata %v, error %v", metadata, err)
	}
	var again bytes.Buffer
	if err := state.Write(&again, metadata); err != nil || !bytes.Equal(again.Bytes(), file) {
		t.Errorf("the state is written otherwise now: %v", err)
	}
	result := resumed(t, Minimizer{History: 2}, rosenbrock(t), state)
	if result.Iterations < 5 || result.F > 1e-7 {
		t.Errorf("f = %v after %d iterations", result.F, result.Iterations)
	}
}

// An error in writing ends a state.
func TestWriteStateFails(t *testing.T) {
	boom := errors.New("boom")
	_, err := Minimizer{Recorder: func(i optimize.Iteration) error {
		return i.WriteState(failing{boom}, nil)
	}}.Minimize(t.Context(), xla, rosenbrock(t), far())
	if !errors.Is(err, boom) {
		t.Errorf("error %v, expected the writer's", err)
	}
}

// failing is a writer that fails.
type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// smallState returns the bytes of a state with two pairs of two float32 elements.
func smallState(t testing.TB) []byte {
	return written(t, minimum(t, Minimizer{History: 2, MaxIterations: 4, SaveState: always}, rosenbrock(t), tensor([]float32{-1.2, 1})).State)
}

// smallCompactState returns the same with pairs of bfloat16.
func smallCompactState(t testing.TB) []byte {
	m := Minimizer{History: 2, MaxIterations: 4, SaveState: always, Compact: true}
	return written(t, minimum(t, m, rosenbrock(t), tensor([]float32{-1.2, 1})).State)
}

// A reader of a state takes its bytes and no more; where they are cut off or changed, there is an error.
func TestReadStateDamaged(t *testing.T) {
	t.Run("full", func(t *testing.T) { checkDamaged(t, smallState(t)) })
	t.Run("compact", func(t *testing.T) { checkDamaged(t, smallCompactState(t)) })
}

func checkDamaged(t *testing.T, file []byte) {
	for cut := range file {
		if _, _, err := optimize.ReadState(bytes.NewReader(file[:cut])); err == nil {
			t.Fatalf("no error after %d of %d bytes", cut, len(file))
		}
	}
	for i := range file {
		damaged := slices.Clone(file)
		damaged[i] ^= 1
		if _, _, err := optimize.ReadState(bytes.NewReader(damaged)); err == nil {
			t.Fatalf("no error where byte %d is wrong", i)
		}
	}
	rest := bytes.NewReader(append(slices.Clone(file), "more"...))
	if _, _, err := optimize.ReadState(iotest.OneByteReader(rest)); err != nil || rest.Len() != 4 {
		t.Errorf("error %v, %d bytes left, expected 4", err, rest.Len())
	}
}

// content is a state's file in its parts.
type content struct {
	head    string // the state's JSON
	tensors []tensorfile.Tensor
	data    [][]byte
}

// rewrite changes a state's file and writes it again, with a checksum that is right.
func rewrite(t *testing.T, file []byte, change func(*content)) []byte {
	t.Helper()
	in, err := tensorfile.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	c := content{head: in.Metadata[string(optimize.LBFGS)]}
	for {
		tensor, data, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		c.tensors, c.data = append(c.tensors, tensor), append(c.data, data)
	}
	change(&c)
	var out bytes.Buffer
	w, err := tensorfile.NewWriter(&out, map[string]string{string(optimize.LBFGS): c.head}, c.tensors, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, data := range c.data {
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// States that are written well but make no sense are refused.
func TestReadStateImpossible(t *testing.T) {
	file, compact := smallState(t), smallCompactState(t)
	replace := func(old, new string) func(*content) {
		return func(c *content) {
			if !strings.Contains(c.head, old) {
				t.Fatalf("the state does not contain %s", old)
			}
			c.head = strings.Replace(c.head, old, new, 1)
		}
	}
	for _, c := range []struct {
		change func(*content)
		want   string
	}{
		{replace(`"version":2`, `"version":3`), "version 3"},
		{func(c *content) { c.head = "" }, "header"},
		{replace(`"version":2`, `"version":2,"compact":true`), "expected s0, (BFloat16)"},
		{replace(`"iterations":4`, `"iterations":-4`), "iterations"},
		{replace(`"iterations":4`, `"iterations":4000`), "iterations"},
		{replace(`"iterations":4`, `"iterations":4.5`), "header"},
		{replace(`"f":`, `"f":1e999,"f":`), "header"},
		{replace(`"gg":`, `"gg":-`), "gradient"},
		{replace(`"length":`, `"length":-`), "step"},
		{replace(`"ys":[`, `"ys":[1,`), "inner products"},
		{replace(`"ys":[`, `"ys":[-`), "curvature"},
		{replace(`"pairs":[`, `"pairs":[`+strings.Repeat(`{},`, maxHistory)), "pairs"},
		{func(c *content) { c.tensors[0].DType, c.tensors[0].Shape = "F16", []int{4} }, "type F16"},
		{func(c *content) { c.tensors[0].Shape, c.data[0] = []int{0}, nil }, "shape"},
		{func(c *content) { c.tensors[0].Name = "z" }, "no point"},
		{func(c *content) { c.tensors[1].Shape, c.data[1] = []int{1}, c.data[1][:4] }, "expected g"},
		{func(c *content) { c.tensors, c.data = c.tensors[:4], c.data[:4] }, "s1 is missing"},
		{func(c *content) {
			c.tensors, c.data = append(c.tensors, tensorfile.Tensor{Name: "more", DType: "F32", Shape: []int{1}}), append(c.data, make([]byte, 4))
		}, "more tensors"},
	} {
		_, _, err := optimize.ReadState(bytes.NewReader(rewrite(t, file, c.change)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, expected one about %q", err, c.want)
		}
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		for name, infected := range map[string][]byte{
			"pair": rewrite(t, compact, func(c *content) {
				binary.LittleEndian.PutUint16(c.data[len(c.data)-1][2:], uint16(math.Float32bits(float32(bad))>>16))
			}),
			"point": rewrite(t, file, func(c *content) {
				binary.LittleEndian.PutUint32(c.data[0], math.Float32bits(float32(bad)))
			}),
		} {
			if _, _, err := optimize.ReadState(bytes.NewReader(infected)); err == nil || !strings.Contains(err.Error(), "not a number") {
				t.Errorf("an element of %v in a %s: error %v", bad, name, err)
			}
		}
	}
}

// A compact state without pairs is still compact.
func TestCompactStateWithoutPairs(t *testing.T) {
	function := rosenbrock(t)
	state := minimum(t, Minimizer{MaxEvaluations: 1, SaveState: always, Compact: true}, function, far()).State
	if again := read(t, written(t, state)); !again.head.Compact || len(again.head.Pairs) != 0 {
		t.Errorf("compact %v with %d pairs", again.head.Compact, len(again.head.Pairs))
	}
}

// Whatever is read, ReadState returns an error or a state that can be written and read again. (Fuzz with -fuzzminimizetime
// 1x: XLA's threads make the coverage vary, which go test would otherwise look into for ever.)
func FuzzReadState(f *testing.F) {
	file := smallState(f)
	f.Add(file)
	f.Add(file[:len(file)/2])
	f.Add(smallCompactState(f))
	f.Add([]byte("gouache L-BFGS state 1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		state, metadata, err := optimize.ReadState(bytes.NewReader(data))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := state.Write(&again, metadata); err != nil {
			t.Fatal(err)
		}
		if _, _, err := optimize.ReadState(&again); err != nil {
			t.Fatal(err)
		}
	})
}
