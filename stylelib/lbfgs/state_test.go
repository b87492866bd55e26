package lbfgs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/tensors"
)

// A run that is saved after 17 iterations, and resumed from the bytes by another Minimizer, goes on as if nothing had
// happened: the same values at the same evaluations, and the same point to the last bit.
func TestResumeExactly(t *testing.T) {
	picture := tensors.FromFlatDataAndDimensions(noise[float32](6000, 1), 1, 40, 50, 3)
	t.Run("float32", func(t *testing.T) { checkResume[float32](t, Minimizer{}, picture) })
	t.Run("compact", func(t *testing.T) { checkResume[float32](t, Minimizer{Compact: true}, picture) })
	t.Run("float64", func(t *testing.T) { checkResume[float64](t, Minimizer{}, tensor(noise[float64](100, 2))) })
}

func checkResume[T float32 | float64](t *testing.T, m Minimizer, x0 *tensors.Tensor) {
	function := rosenbrock(t)
	var straight []Iteration
	m.MaxIterations = 40
	m.Observe = func(i Iteration) error {
		straight = append(straight, i)
		return nil
	}
	whole := minimum(t, m, function, x0)

	file, first := saved(t, m, function, x0)
	state := read(t, file)
	if state.Iterations() != 17 || state.Evaluations() != first.Evaluations || state.Compact() != m.Compact {
		t.Errorf("a state after %d iterations and %d evaluations, compact %v, expected 17, %d and %v",
			state.Iterations(), state.Evaluations(), state.Compact(), first.Evaluations, m.Compact)
	}
	rest := straight[17:]
	m.Observe = func(i Iteration) error {
		i.run = rest[0].run
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
func saved(t *testing.T, m Minimizer, function Function, x0 *tensors.Tensor) ([]byte, *Found) {
	var streamed, copied, last bytes.Buffer
	m.MaxIterations, m.KeepState = 17, always
	m.Observe = func(i Iteration) error {
		if i.Iteration < 17 {
			return nil
		}
		if err := i.WriteState(&streamed); err != nil {
			return err
		}
		state, err := i.State()
		if err != nil {
			return err
		}
		if state.head.Length != i.run.length {
			t.Errorf("the state has a step of length %v, the run %v", state.head.Length, i.run.length)
		}
		_, err = state.WriteTo(&copied)
		return err
	}
	found := minimum(t, m, function, x0)
	if _, err := found.State.WriteTo(&last); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(streamed.Bytes(), copied.Bytes()) {
		t.Error("WriteState writes another state than State returns")
	}
	if !bytes.Equal(copied.Bytes(), last.Bytes()) {
		t.Error("the state in the last iteration is not the state at the end")
	}
	return streamed.Bytes(), found
}

func read(t testing.TB, file []byte) *State {
	t.Helper()
	state, err := ReadState(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// written returns the bytes of a state.
func written(t testing.TB, s *State) []byte {
	t.Helper()
	var file bytes.Buffer
	n, err := s.WriteTo(&file)
	if err != nil {
		t.Fatal(err)
	}
	if n != int64(file.Len()) {
		t.Fatalf("WriteTo returned %d, and wrote %d", n, file.Len())
	}
	return file.Bytes()
}

// resumed resumes a run, and fails the test if that is an error. The point is finalized with the test.
func resumed(t *testing.T, m Minimizer, f Function, s *State) *Found {
	t.Helper()
	found, err := m.Resume(t.Context(), xla, f, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(found.X.MustFinalizeAll)
	return found
}

// The step that follows on an evaluation that is not a number is the same after resuming.
func TestResumeBeforeNotFinite(t *testing.T) {
	function := rosenbrock(t)
	x0 := tensor(noise[float64](100, 2))
	state := minimum(t, Minimizer{MaxIterations: 17, KeepState: always}, function, x0).State
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
	file := written(t, minimum(t, Minimizer{MaxIterations: 20, KeepState: always}, function, tensor(noise[float64](100, 2))).State)
	if found := resumed(t, Minimizer{Memory: 3}, function, read(t, file)); found.F > 1e-20 {
		t.Errorf("f = %v at the end: %s", found.F, found.Status)
	}
	state := read(t, file)
	found := resumed(t, Minimizer{MaxIterations: 20, KeepState: always}, function, state)
	if found.Status != IterationLimit || found.Evaluations != state.Evaluations() {
		t.Errorf("%d evaluations, %s", found.Evaluations, found.Status)
	}
	if !bytes.Equal(written(t, found.State), file) {
		t.Error("a state that is taken where another was resumed is not the same")
	}
}

// What cannot be resumed is refused, and what a refusal leaves can still be used.
func TestResumeRefused(t *testing.T) {
	function := rosenbrock(t)
	used := read(t, smallState(t))
	resumed(t, Minimizer{MaxIterations: 5}, function, used)
	if _, err := used.WriteTo(io.Discard); err == nil || !strings.Contains(err.Error(), "resumed before") {
		t.Errorf("writing a state that is used up: error %v", err)
	}
	compact := minimum(t, Minimizer{MaxIterations: 4, KeepState: always, Compact: true}, function, far()).State
	for _, c := range []struct {
		name  string
		m     Minimizer
		state *State
		want  string
	}{
		{"none", Minimizer{}, nil, "no state"},
		{"empty", Minimizer{}, &State{}, "type"},
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

// The bytes of a state are what they were before there was Compact; testdata/state-1 was written by that version.
func TestFirstStates(t *testing.T) {
	file, err := os.ReadFile("testdata/state-1")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(written(t, read(t, file)), file) {
		t.Error("a state of the first version is written otherwise now")
	}
	found := resumed(t, Minimizer{Memory: 2}, rosenbrock(t), read(t, file))
	if found.Iterations < 5 || found.F > 1e-7 {
		t.Errorf("f = %v after %d iterations", found.F, found.Iterations)
	}
}

// An error in writing ends a state.
func TestWriteStateFails(t *testing.T) {
	boom := errors.New("boom")
	_, err := Minimizer{Observe: func(i Iteration) error {
		return i.WriteState(failing{boom})
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
	return written(t, minimum(t, Minimizer{Memory: 2, MaxIterations: 4, KeepState: always}, rosenbrock(t), tensor([]float32{-1.2, 1})).State)
}

// smallCompactState returns the same with pairs of bfloat16.
func smallCompactState(t testing.TB) []byte {
	m := Minimizer{Memory: 2, MaxIterations: 4, KeepState: always, Compact: true}
	return written(t, minimum(t, m, rosenbrock(t), tensor([]float32{-1.2, 1})).State)
}

// A reader of a state takes its bytes and no more; where they are cut off or changed, there is an error.
func TestReadStateDamaged(t *testing.T) {
	t.Run("full", func(t *testing.T) { checkDamaged(t, smallState(t)) })
	t.Run("compact", func(t *testing.T) { checkDamaged(t, smallCompactState(t)) })
}

func checkDamaged(t *testing.T, file []byte) {
	for cut := range file {
		if _, err := ReadState(bytes.NewReader(file[:cut])); err == nil {
			t.Fatalf("no error after %d of %d bytes", cut, len(file))
		}
	}
	for i := range file {
		damaged := slices.Clone(file)
		damaged[i] ^= 1
		if _, err := ReadState(bytes.NewReader(damaged)); err == nil {
			t.Fatalf("no error where byte %d is wrong", i)
		}
	}
	rest := bytes.NewReader(append(slices.Clone(file), "more"...))
	if _, err := ReadState(iotest.OneByteReader(rest)); err != nil || rest.Len() != 4 {
		t.Errorf("error %v, %d bytes left, expected 4", err, rest.Len())
	}
}

// States that are written well but make no sense are refused.
func TestReadStateImpossible(t *testing.T) {
	file := smallState(t)
	for _, c := range []struct{ old, new, want string }{
		{magic, strings.Replace(magic, "1", "2", 1), "another version"},
		{`"float32"`, `"float16"`, "type"},
		{`"type":"float32"`, `"type":"float64","compact":true`, "compact"},
		{`"shape":[2]`, `"shape":[3]`, ""},
		{`"shape":[2]`, `"shape":[-2]`, "shape"},
		{`"shape":[2]`, `"shape":[65536,65536]`, "shape"},
		{`"shape":[2]`, `"shape":[2147483648]`, "unexpected EOF"},
		{`"iterations":4`, `"iterations":-4`, "iterations"},
		{`"iterations":4`, `"iterations":4000`, "iterations"},
		{`"iterations":4`, `"iterations":4.5`, "header"},
		{`"f":`, `"f":1e999,"f":`, "header"},
		{`"gg":`, `"gg":-`, "gradient"},
		{`"length":`, `"length":-`, "step"},
		{`"ys":[`, `"ys":[1,`, "inner products"},
		{`"ys":[`, `"ys":[-`, "curvature"},
		{`"pairs":[`, `"pairs":[` + strings.Repeat(`{},`, maxMemory), "pairs"},
	} {
		_, err := ReadState(bytes.NewReader(rewrite(t, file, c.old, c.new)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s for %s: error %v, expected one about %q", c.new, c.old, err, c.want)
		}
	}
	compact := smallCompactState(t)
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		infected := slices.Clone(compact[:len(compact)-4])
		binary.LittleEndian.PutUint16(infected[len(infected)-2:], uint16(math.Float32bits(float32(bad))>>16))
		if _, err := ReadState(bytes.NewReader(seal(infected))); err == nil || !strings.Contains(err.Error(), "not a number") {
			t.Errorf("an element of %v in a compact pair: error %v", bad, err)
		}
		infected = slices.Clone(file[:len(file)-4])
		binary.LittleEndian.PutUint32(infected[len(infected)-8:], math.Float32bits(float32(bad)))
		if _, err := ReadState(bytes.NewReader(seal(infected))); err == nil || !strings.Contains(err.Error(), "not a number") {
			t.Errorf("an element of %v: error %v", bad, err)
		}
	}
	if finiteBytes(binary.LittleEndian.AppendUint64(nil, math.Float64bits(math.Inf(1))), dtypes.Float64) {
		t.Error("an infinite float64 passes for a finite one")
	}
	long := binary.LittleEndian.AppendUint32([]byte(magic), math.MaxUint32)
	if _, err := ReadState(bytes.NewReader(long)); err == nil || !strings.Contains(err.Error(), "4294967295 bytes") {
		t.Errorf("a header without end: error %v", err)
	}
}

// rewrite replaces the first occurrence of a text in a state, and makes length and checksum right.
func rewrite(t *testing.T, file []byte, from, to string) []byte {
	t.Helper()
	if !bytes.Contains(file, []byte(from)) {
		t.Fatalf("the state does not contain %s", from)
	}
	changed := bytes.Replace(file[:len(file)-4], []byte(from), []byte(to), 1)
	if from != magic {
		size := binary.LittleEndian.Uint32(changed[len(magic):])
		binary.LittleEndian.PutUint32(changed[len(magic):], size+uint32(len(to)-len(from)))
	}
	return seal(changed)
}

// seal appends the checksum.
func seal(file []byte) []byte {
	return binary.LittleEndian.AppendUint32(slices.Clone(file), crc32.Checksum(file, castagnoli))
}

// Whatever is read, ReadState returns an error or a state that can be written and read again. (Fuzz with -fuzzminimizetime
// 1x: XLA's threads make the coverage vary, which go test would otherwise look into for ever.)
func FuzzReadState(f *testing.F) {
	file := smallState(f)
	f.Add(file)
	f.Add(file[:len(file)/2])
	f.Add(smallCompactState(f))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, data []byte) {
		state, err := ReadState(bytes.NewReader(data))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if _, err := state.WriteTo(&again); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadState(&again); err != nil {
			t.Fatal(err)
		}
	})
}
