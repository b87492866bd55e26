package vgg

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/vgg/conv"
	"github.com/gouache-art/gouache/stylelib/vgg/convtest"
)

// choosing returns a tuner whose file has the same choice for all that small networks need.
func choosing(t *testing.T, method string) *conv.Tuner {
	t.Helper()
	choices := map[string]any{}
	for _, side := range []int{8, 16, 32} {
		for in := 4; in < 9; in++ {
			for out := 4; out < 9; out++ {
				choices[fmt.Sprintf("float32 %d×%d %d→%d", side, side, in, out)] = map[string]string{"convolution": method}
			}
		}
	}
	text, err := json.Marshal(map[string]any{"version": 3, "devices": map[string]any{"d": choices}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "convolutions.json")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return conv.NewTuner(conv.TunerOptions{File: file, Device: "d", Warn: func(err error) { t.Errorf("a warning: %v", err) }})
}

// TestPlanWithTuner plans with each choice, and with a real tuner's, and compares gradients with those of direct
// convolutions.
func TestPlanWithTuner(t *testing.T) {
	want := convtest.Doubles(tunedGradient(t, choosing(t, "direct"), "direct"))
	for method, tuner := range map[string]*conv.Tuner{
		"":          conv.NewTuner(conv.TunerOptions{File: filepath.Join(t.TempDir(), "convolutions.json")}),
		"winograd2": choosing(t, "winograd2"),
		"winograd4": choosing(t, "winograd4"),
	} {
		if e := relativeL2(tunedGradient(t, tuner, method), want); !(e <= 1e-4) { // what is promised; 2e-6 is found
			t.Errorf("%q: the gradient differs by %.2g from direct convolution's", method, e)
		}
	}
}

// tunedGradient pulls features back through a network with a tuner, and checks that the plan uses the method named,
// if any.
func tunedGradient(t *testing.T, tuner *conv.Tuner, name string) []float32 {
	t.Helper()
	const height, width, layer = 18, 20, "block2_conv2"
	net, err := New(device, tinySet(2, 2), Options{Tuner: tuner})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := net.Plan(height, width, layer)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range plan.Choices() {
		want := name
		if i == 0 { // the picture's channels
			want = "direct"
		}
		if want != "" && c.Method != want {
			t.Errorf("%+v: want %s", c, want)
		}
	}
	return runGraph(t, func(in []*graph.Node) *graph.Node {
		pass := plan.Forward(in[0], in[1:])
		return pass.Pullback(map[string]*graph.Node{layer: pass.Feature(layer)}, nil)
	}, append([]*tensors.Tensor{tensor(noise(height, width), 1, height, width, 3)}, plan.Inputs()...)...)
}

func TestNewRefusesPrecision(t *testing.T) {
	_, err := New(device, tinySet(1), Options{Precision: "float23"})
	if err == nil || !strings.Contains(err.Error(), `did you mean "float32"`) {
		t.Errorf("the error is %v", err)
	}
}

func TestChoices(t *testing.T) {
	plan, err := newNetwork(t, tinySet(1, 2), MaxPooling).Plan(33, 40, "block2_conv2")
	if err != nil {
		t.Fatal(err)
	}
	want := []Choice{
		{"block1_conv1", 33, 40, 3, 4, "direct"},
		{"block2_conv1", 16, 20, 4, 5, "direct"},
		{"block2_conv2", 16, 20, 5, 5, "direct"},
	}
	if got := plan.Choices(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestPlanTime(t *testing.T) {
	plan, err := newNetwork(t, tinySet(1, 2), MaxPooling).Plan(33, 40, "block2_conv2")
	if err != nil {
		t.Fatal(err)
	}
	times, err := plan.Time(2)
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"block1_conv1", "block2_conv1", "block2_conv2"} {
		if got := times[i]; got.Layer != name || !(got.Forward > 0 && got.Pullback > 0) {
			t.Errorf("layer %d: %+v, want %s with times", i, got, name)
		}
	}
	if _, err := plan.Time(0); err == nil || !strings.Contains(err.Error(), "at least once") {
		t.Errorf("timing no times: the error is %v", err)
	}
}

// TestFeaturesOfBFloat16 runs a network: features are float32, near those of float32 products.
func TestFeaturesOfBFloat16(t *testing.T) {
	const height, width, layer = 32, 48, "block3_conv2"
	set := tinySet(2, 2, 2)
	features := map[conv.Precision][]float32{}
	for _, p := range []conv.Precision{conv.Float32, conv.BFloat16} {
		net, err := New(device, set, Options{Precision: p})
		if err != nil {
			t.Fatal(err)
		}
		f, err := net.Features(tensor(noise(height, width), 1, height, width, 3), layer)
		if err != nil {
			t.Fatal(err)
		}
		features[p] = flat(t, f[0]) // and float32
	}
	// Six layers of 3.9e-3 at most, were they to add up.
	if e := relativeL2(features[conv.BFloat16], convtest.Doubles(features[conv.Float32])); !(e >= 1e-3 && e <= 6*3.9e-3) {
		t.Errorf("relative L2 error %.2g, 1e-3 to %.2g expected", e, 6*3.9e-3)
	}
}

// TestExecsAreBounded: graphs for more sizes than are kept give the right features, and those that are dropped are made
// again. Close frees what is left.
func TestExecsAreBounded(t *testing.T) {
	net := newNetwork(t, tinySet(1), MaxPooling)
	features := func(height int) []float32 {
		out, err := net.Features(tensor(noise(height, 20), 1, height, 20, 3), "block1_conv1")
		if err != nil {
			t.Fatal(err)
		}
		defer free(out...)
		return flat(t, out[0])
	}
	first := features(16)
	for height := 17; height < 17+maxExecs; height++ {
		features(height)
	}
	if n := net.execs.Len(); n != maxExecs {
		t.Errorf("%d graphs are kept, want %d", n, maxExecs)
	}
	if !slices.Equal(features(16), first) {
		t.Error("a graph that was dropped and made again gives other features")
	}
	exec, release, err := net.execs.Get(featuresKey{name: "used"}, func() (*graph.Exec, int64, error) {
		exec, err := graph.NewExec(device, func(in []*graph.Node) []*graph.Node { return in })
		return exec, 1, err
	})
	if err != nil {
		t.Fatal(err)
	}
	net.Close()
	if _, err := exec.Call(tensor([]float32{1}, 1)); err != nil { // it is in use
		t.Errorf("a graph in use was freed: %v", err)
	}
	release()
	if net.execs.Len() != 0 || len(net.kernels) != 0 {
		t.Errorf("%d graphs and %d kernels are left", net.execs.Len(), len(net.kernels))
	}
}
