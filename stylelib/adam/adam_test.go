package adam

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/go-xla/pjrt"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/internal/backendtest"
	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/optimize"
)

// xla is the device that all tests share.
var xla = backendtest.Opened(backend.Open(context.Background(), backend.Options{Device: backend.CPU})).XLA()

// bowl is Σ i·(xᵢ − 1)², i from 1: as steep in each direction as its number.
func bowl(x []float64) (f float64, g []float64) {
	g = make([]float64, len(x))
	for i, v := range x {
		f += float64(i+1) * (v - 1) * (v - 1)
		g[i] = 2 * float64(i+1) * (v - 1)
	}
	return f, g
}

// onHost makes a function of tensors of float64.
func onHost(f func([]float64) (float64, []float64)) optimize.Function {
	return func(_ context.Context, x *tensors.Tensor) (float64, *tensors.Tensor, error) {
		at, err := tensors.CopyFlatData[float64](x)
		if err != nil {
			return 0, nil, err
		}
		value, g := f(at)
		return value, tensors.FromFlatDataAndDimensions(g, x.Shape().Dimensions...), nil
	}
}

// slow is Adam as the paper's algorithm 1 has it, number by number. It returns each iterate's average.
func slow(m Minimizer, f func([]float64) (float64, []float64), x []float64) (iterates [][]float64) {
	x = slices.Clone(x)
	first, second, sum := make([]float64, len(x)), make([]float64, len(x)), make([]float64, len(x))
	var shares float64 // of the iterates in sum
	for t := 1; t <= m.MaxIterations; t++ {
		_, g := f(x)
		average := make([]float64, len(x))
		shares = m.Averaging*shares + 1 - m.Averaging
		for i := range x {
			first[i] = m.Beta1*first[i] + (1-m.Beta1)*g[i]
			second[i] = m.Beta2*second[i] + (1-m.Beta2)*g[i]*g[i]
			corrected := first[i] / (1 - math.Pow(m.Beta1, float64(t)))
			deviation := math.Sqrt(second[i] / (1 - math.Pow(m.Beta2, float64(t))))
			x[i] = min(max(x[i]-m.StepSize*corrected/(deviation+m.Epsilon), m.Low), m.High)
			sum[i] = m.Averaging*sum[i] + (1-m.Averaging)*x[i]
			average[i] = sum[i] / shares
		}
		iterates = append(iterates, average)
	}
	return iterates
}

// start returns twelve numbers.
func start() []float64 {
	rng := rand.New(rand.NewPCG(1, 2))
	x := make([]float64, 12)
	for i := range x {
		x[i] = 3 * rng.NormFloat64()
	}
	return x
}

func tensor(x []float64) *tensors.Tensor { return tensors.FromFlatDataAndDimensions(x, 1, 2, 2, 3) }

// settings are those of the tests, without an average and with one.
func settings(averaging float64) Minimizer {
	return Minimizer{
		MaxIterations: 60, StepSize: 0.2, Beta1: 0.9, Beta2: 0.99, Epsilon: 1e-6, Low: -2, High: 2.5,
		Averaging: averaging,
	}
}

// TestSlow: each point that the recorder sees is that of the paper's algorithm.
func TestSlow(t *testing.T) {
	for _, averaging := range []float64{0, 0.9} {
		m := settings(averaging)
		want := slow(m, bowl, start())
		m.Recorder = func(i optimize.Iteration) error {
			got, err := tensors.CopyFlatData[float64](i.X())
			if err != nil {
				return err
			}
			for k, v := range got {
				// Sums in another order differ by rounding, which sixty steps carry on.
				if math.Abs(v-want[i.Iteration-1][k]) > 1e-12 {
					t.Errorf("averaging %v, iteration %d: element %d is %v, want %v", averaging, i.Iteration, k, v, want[i.Iteration-1][k])
				}
			}
			return nil
		}
		x0 := tensor(start())
		result, err := m.Minimize(t.Context(), xla, onHost(bowl), x0)
		if err != nil {
			t.Fatal(err)
		}
		defer result.X.MustFinalizeAll()
		if result.Status != optimize.IterationLimit || result.Iterations != 60 || result.Evaluations != 60 {
			t.Errorf("%+v", result)
		}
		if got := values(t, result.X); result.F > 1 || math.Abs(got[0]-1) > 0.2 {
			t.Errorf("f = %v at %v", result.F, got)
		}
		if !slices.Equal(values(t, x0), start()) {
			t.Error("the starting point was changed")
		}
	}
}

func values(t testing.TB, x *tensors.Tensor) []float64 {
	t.Helper()
	list, err := tensors.CopyFlatData[float64](x)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestDefaults: without settings the paper's are used, and no bounds.
func TestDefaults(t *testing.T) {
	m := Minimizer{MaxIterations: 3, StepSize: 9, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, Low: -1e9, High: 1e9}
	want := slow(m, bowl, start())[2]
	result, err := Minimizer{MaxIterations: 3, StepSize: 9}.Minimize(t.Context(), xla, onHost(bowl), tensor(start()))
	if err != nil {
		t.Fatal(err)
	}
	defer result.X.MustFinalizeAll()
	for i, v := range values(t, result.X) {
		if math.Abs(v-want[i]) > 1e-12 {
			t.Errorf("element %d is %v, want %v", i, v, want[i])
		}
	}
}

// TestMoments: a run that begins with the moments of another continues its steps.
func TestMoments(t *testing.T) {
	m := settings(0)
	want := slow(m, bowl, start())
	m.MaxIterations, m.SaveState = 20, func(optimize.Status) bool { return true }
	first, err := m.Minimize(t.Context(), xla, onHost(bowl), tensor(start()))
	if err != nil {
		t.Fatal(err)
	}
	moments, err := first.State.(*State).Moments()
	if err != nil {
		t.Fatal(err)
	}
	defer moments.Free()
	m.MaxIterations, m.Moments, m.ConsumeStart = 40, moments, true
	second, err := m.Minimize(t.Context(), xla, onHost(bowl), first.X)
	if err != nil {
		t.Fatal(err)
	}
	defer second.X.MustFinalizeAll()
	for i, v := range values(t, second.X) {
		if math.Abs(v-want[59][i]) > 1e-12 {
			t.Errorf("element %d is %v, want %v", i, v, want[59][i])
		}
	}
	if n := second.State.(*State).head.Steps; n != 60 {
		t.Errorf("%d steps, want 60", n)
	}
}

// TestResume: from the state of any iteration, a run ends at the same bytes.
func TestResume(t *testing.T) {
	for _, averaging := range []float64{0, 0.9} {
		m := settings(averaging)
		m.MaxIterations = 8
		var files [][]byte
		m.Recorder = func(i optimize.Iteration) error {
			var file bytes.Buffer
			err := i.WriteState(&file, map[string]string{"note": "mine"})
			files = append(files, file.Bytes())
			return err
		}
		whole, err := m.Minimize(t.Context(), xla, onHost(bowl), tensor(start()))
		if err != nil {
			t.Fatal(err)
		}
		defer whole.X.MustFinalizeAll()
		m.Recorder, m.SaveState = nil, func(optimize.Status) bool { return true }
		for at, file := range files {
			state, metadata, err := optimize.ReadState(bytes.NewReader(file))
			if err != nil {
				t.Fatal(err)
			}
			if state.Iterations() != at+1 || state.Evaluations() != at+1 || metadata["note"] != "mine" {
				t.Errorf("a state of %d iterations and %d evaluations, metadata %v", state.Iterations(), state.Evaluations(), metadata)
			}
			again, err := m.Resume(t.Context(), xla, onHost(bowl), state)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(values(t, again.X), values(t, whole.X)) || again.F != whole.F || again.GradientNorm != whole.GradientNorm {
				t.Errorf("averaging %v, resumed after iteration %d: another end", averaging, at+1)
			}
			again.X.MustFinalizeAll()
			var last bytes.Buffer
			if err := again.State.Write(&last, map[string]string{"note": "mine"}); err != nil || !bytes.Equal(last.Bytes(), files[7]) {
				t.Errorf("the state at the end is not the one in the last iteration: %v", err)
			}
			x, err := again.State.X()
			if err != nil || !slices.Equal(values(t, x), values(t, whole.X)) {
				t.Errorf("the state's point is another: %v", err)
			}
			if _, err := state.X(); !errors.Is(err, optimize.ErrUsedUp) {
				t.Errorf("the point of a state that was resumed: %v", err)
			}
		}
	}
}

// TestErrors: what cannot be minimised is said in words, and leaves nothing on the device.
func TestErrors(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the garbage collector would hide leaks
	boom := errors.New("boom")
	failing := func(context.Context, *tensors.Tensor) (float64, *tensors.Tensor, error) { return 0, nil, boom }
	change := func(f func(*Minimizer)) Minimizer {
		m := settings(0.9)
		f(&m)
		return m
	}
	moments := func(dimensions ...int) *Moments {
		n := 1
		for _, d := range dimensions {
			n *= d
		}
		v := tensors.FromFlatDataAndDimensions(make([]float64, n), dimensions...)
		return &Moments{First: v, Second: v, Steps: 1}
	}
	for want, m := range map[string]Minimizer{
		"0 iterations": change(func(m *Minimizer) { m.MaxIterations = 0 }),
		"step size":    change(func(m *Minimizer) { m.StepSize = -1 }),
		"epsilon":      change(func(m *Minimizer) { m.Epsilon = math.Inf(1) }),
		"decay rates":  change(func(m *Minimizer) { m.Averaging = 1 }),
		"bounds":       change(func(m *Minimizer) { m.Low = 3 }),
		"no steps":     change(func(m *Minimizer) { m.Moments = &Moments{} }),
		"shapes":       change(func(m *Minimizer) { m.Moments = moments(12) }),
		"boom":         settings(0),
		"mine":         change(func(m *Minimizer) { m.Recorder = func(optimize.Iteration) error { return errors.New("mine") } }),
	} {
		f := onHost(bowl)
		if want == "boom" {
			f = failing
		}
		before := pjrt.BuffersAlive()
		m.ConsumeStart = true
		x0 := tensor(start())
		if _, err := m.Minimize(t.Context(), xla, f, x0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, expected one about %q", err, want)
		}
		if n := pjrt.BuffersAlive() - before; n != 0 || x0.Ok() {
			t.Errorf("%s: %d buffers are left, the start is still there: %v", want, n, x0.Ok())
		}
	}
}

// TestNotFinite: at the start it is an error; later the run ends at the last point that was a number.
func TestNotFinite(t *testing.T) {
	evaluations := 0
	f := func(last int) optimize.Function {
		evaluations = 0
		return onHost(func(x []float64) (float64, []float64) {
			value, g := bowl(x)
			if evaluations++; evaluations > last {
				g[3] = math.NaN()
			}
			return value, g
		})
	}
	m := settings(0)
	if _, err := m.Minimize(t.Context(), xla, f(0), tensor(start())); !errors.Is(err, optimize.ErrStart) {
		t.Errorf("error %v", err)
	}
	result, err := m.Minimize(t.Context(), xla, f(5), tensor(start()))
	if err != nil {
		t.Fatal(err)
	}
	defer result.X.MustFinalizeAll()
	if result.Status != optimize.NotFinite || result.Iterations != 5 || !optimize.Finite(values(t, result.X)[3]) {
		t.Errorf("%+v", result)
	}
}

// TestInterrupted: before the start, and later.
func TestInterrupted(t *testing.T) {
	for _, at := range []int{0, 4} {
		ctx, cancel := context.WithCancel(t.Context())
		if at == 0 {
			cancel()
		}
		m := settings(0.9)
		m.SaveState = func(end optimize.Status) bool { return end == optimize.Interrupted }
		m.Recorder = func(i optimize.Iteration) error {
			if i.Iteration == at {
				cancel()
			}
			return nil
		}
		result, err := m.Minimize(ctx, xla, onHost(bowl), tensor(start()))
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		defer result.X.MustFinalizeAll()
		if result.Status != optimize.Interrupted || result.Iterations != at || (result.State != nil) != (at > 0) {
			t.Errorf("%+v", result)
		}
		if at == 0 && (!slices.Equal(values(t, result.X), start()) || !math.IsNaN(result.F)) {
			t.Error("the point is not the starting point")
		}
	}
}

// state returns the bytes of a state.
func state(t testing.TB, averaging float64) []byte {
	t.Helper()
	m := settings(averaging)
	m.MaxIterations = 2
	var file bytes.Buffer
	m.Recorder = func(i optimize.Iteration) error {
		file.Reset()
		return i.WriteState(&file, nil)
	}
	result, err := m.Minimize(context.Background(), xla, onHost(bowl), tensor(start()))
	if err != nil {
		t.Fatal(err)
	}
	result.X.MustFinalizeAll()
	return file.Bytes()
}

// TestReadState: a state that no run can have written, or of another kind of run, is refused.
func TestReadState(t *testing.T) {
	read := func(file []byte) (optimize.State, error) {
		s, _, err := optimize.ReadState(bytes.NewReader(file))
		return s, err
	}
	s, err := read(state(t, 0.9))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := settings(0).Resume(t.Context(), xla, onHost(bowl), s); err == nil || !strings.Contains(err.Error(), "Averaging") {
		t.Errorf("error %v", err)
	}
	if _, err := settings(0).Resume(t.Context(), xla, onHost(bowl), nil); err == nil || !strings.Contains(err.Error(), "no state") {
		t.Errorf("error %v", err)
	}
	good := s.(*State)
	for want, change := range map[string]func(h *header){
		"version 2":         func(h *header) { h.Version = 2 },
		"0 iterations":      func(h *header) { h.Iterations = 0 },
		"with 1 steps":      func(h *header) { h.Steps = 1 },
		"squared gradient":  func(h *header) { h.GG = -1 },
		"more tensors than": func(h *header) { h.Averaged = false },
	} {
		h := good.head
		change(&h)
		var file bytes.Buffer
		if err := optimize.WriteState(&file, optimize.Adam, h, nil, good.vectors, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := read(file.Bytes()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, expected one about %q", err, want)
		}
	}
}

func FuzzReadState(f *testing.F) {
	f.Add(state(f, 0))
	f.Add(state(f, 0.9))
	f.Fuzz(func(t *testing.T, file []byte) {
		if s, metadata, err := optimize.ReadState(bytes.NewReader(file)); err == nil {
			if err := s.Write(io.Discard, metadata); err != nil {
				t.Error(err)
			}
		}
	})
}

func BenchmarkStep(b *testing.B) {
	for _, side := range []int{256, 512} {
		b.Run(map[int]string{256: "256", 512: "512"}[side], func(b *testing.B) {
			pixels := make([]float32, 3*side*side)
			rng := rand.New(rand.NewPCG(1, 2))
			for i := range pixels {
				pixels[i] = rng.Float32() * 255
			}
			x0 := tensors.FromFlatDataAndDimensions(pixels, 1, side, side, 3)
			x0.MustMaterializeOnDevice(xla, false, 0)
			same := func(_ context.Context, x *tensors.Tensor) (float64, *tensors.Tensor, error) {
				b.StopTimer()
				g, err := x0.OnDeviceClone(xla, 0)
				b.StartTimer()
				return 1, g, err
			}
			m := Minimizer{MaxIterations: b.N, StepSize: 5, Averaging: 0.99, High: 255}
			result, err := m.Minimize(b.Context(), xla, same, x0)
			if err != nil {
				b.Fatal(err)
			}
			result.X.MustFinalizeAll()
		})
	}
}
