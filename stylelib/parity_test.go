package stylelib

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/lbfgs"
	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/vgg"
)

// reference is testdata/parity/reference.json: numbers that PyTorch and SciPy computed in float64.
type reference struct {
	WeightsSHA256 string                                    `json:"weights_sha256"`
	Features      map[vgg.Pooling]map[string]featureNumbers `json:"features"`
	Losses        map[string]lossNumbers                    `json:"losses"`
	LBFGS         map[string]struct {
		BestAfter map[string]float64 `json:"best_after"` // evaluations
	} `json:"lbfgs"`
}

// lossNumbers are an objective and its gradient with respect to reference-start.png.
type lossNumbers struct {
	Terms       map[string]float64 `json:"terms"`
	Total       float64            `json:"total"`
	GradL2      float64            `json:"grad_l2"`
	GradMax     float64            `json:"grad_max"`
	GradFirst8  []float64          `json:"grad_first8"`  // of the flattened gradient, BGR
	GradCentre3 []float64          `json:"grad_centre3"` // BGR
}

// featureNumbers describe one layer's features of content.png.
type featureNumbers struct {
	Shape   [4]int    `json:"shape"`
	Mean    float64   `json:"mean"`
	Std     float64   `json:"std"`
	L2      float64   `json:"l2"`
	First8  []float64 `json:"first8"`
	Centre8 []float64 `json:"centre8"`
}

func readReference(t *testing.T) *reference {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "parity", "reference.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r reference
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Features) != 2 || len(r.Losses) != 2 || len(r.LBFGS) != 2 {
		t.Fatal("the reference is not whole")
	}
	if s := pretrainedStudio(t).Weights(); s.SHA256 != r.WeightsSHA256 {
		t.Fatalf("the reference is for the weights %s, these are %s", r.WeightsSHA256, s.SHA256)
	}
	return &r
}

// near says whether got lies within a tolerance, relative to want.
func near(got, want, tolerance float64) bool { return math.Abs(got-want) <= tolerance*math.Abs(want) }

// TestParityOfFeatures allows 1e-4, ten times what float32 and Winograd leave.
func TestParityOfFeatures(t *testing.T) {
	r := readReference(t)
	content := parityPicture(t, "content.png")
	for pooling, layers := range r.Features {
		net, err := pretrainedStudio(t).Network(vgg.Options{Pooling: pooling})
		if err != nil {
			t.Fatal(err)
		}
		out, err := net.Features(pictureTensor(content), net.Layers()...)
		if err != nil {
			t.Fatal(err)
		}
		if len(layers) != len(out) {
			t.Errorf("%s: %d layers, want %d", pooling, len(out), len(layers))
		}
		for i, layer := range net.Layers() {
			data, err := tensors.CopyFlatData[float32](out[i])
			if err != nil {
				t.Fatal(err)
			}
			if shape := [4]int(out[i].Shape().Dimensions); shape != layers[layer].Shape {
				t.Errorf("%s %s is shaped %v, want %v", pooling, layer, shape, layers[layer].Shape)
				continue
			}
			if problem := layers[layer].compare(data); problem != "" {
				t.Errorf("%s %s: %s", pooling, layer, problem)
			}
		}
	}
}

// compare says in what features differ from the listed ones.
func (want featureNumbers) compare(data []float32) string {
	var sum, squares float64
	for _, v := range data {
		sum += float64(v)
		squares += float64(v) * float64(v)
	}
	n := float64(len(data))
	mean := sum / n
	std := math.Sqrt(squares/n - mean*mean)
	if !near(mean, want.Mean, 1e-4) || !near(std, want.Std, 1e-4) || !near(math.Sqrt(squares), want.L2, 1e-4) {
		return fmt.Sprintf("mean %v, deviation %v, L2 %v, want %v, %v, %v", mean, std, math.Sqrt(squares), want.Mean, want.Std, want.L2)
	}
	channels := want.Shape[3]
	centre := (want.Shape[1]/2*want.Shape[2] + want.Shape[2]/2) * channels
	var difference, size float64
	for i := range 8 {
		for _, pair := range [][2]float64{{float64(data[i]), want.First8[i]}, {float64(data[centre+i]), want.Centre8[i]}} {
			difference += (pair[0] - pair[1]) * (pair[0] - pair[1])
			size += pair[1] * pair[1]
		}
	}
	size += 16 * squares / n // where the ReLU left nothing of those that are listed, they are small beside the others
	if e := math.Sqrt(difference / size); !(e <= 1e-4) {
		return fmt.Sprintf("the listed features differ by %.2g (relative L2)", e)
	}
	return ""
}

func TestParityOfLosses(t *testing.T) {
	for name, want := range readReference(t).Losses {
		want.compare(t, name, parityScore(t, name), 1e-4, 1e-3)
	}
}

// TestParityOfStyleTransferPyTorch compares the preset with its definition, and with what the program itself computes
// with these weights, as testdata/parity/style_transfer_pytorch.py has both in float64.
func TestParityOfStyleTransferPyTorch(t *testing.T) {
	readReference(t) // the weights are those that it is for
	text, err := os.ReadFile(filepath.Join("testdata", "parity", "style_transfer_pytorch.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want struct{ Preset, Program lossNumbers }
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	const name = "style-transfer-pytorch"
	got := parityScore(t, name)
	want.Preset.compare(t, name, got, 1e-4, 1e-3)
	// Their gradients have a cosine of 0.99988: the program finds its own in another way.
	want.Program.compare(t, name+" itself", got, 1e-3, 2e-2)
}

// parityScore evaluates a preset at the parity pictures.
func parityScore(t *testing.T, name string) *Score {
	t.Helper()
	preset, err := loss.LookupPreset(name)
	if err != nil {
		t.Fatal(err)
	}
	content, style, at := parityPicture(t, "content.png"), parityPicture(t, "style.png"), parityPicture(t, "reference-start.png")
	got, err := pretrainedStudio(t).Score(Job{Preset: preset, Content: content, Styles: []Style{{Picture: style}}}, at)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// compare allows relative differences of the losses, of the gradient's size, and of its numbers beside its largest.
func (want lossNumbers) compare(t *testing.T, name string, got *Score, ofLosses, ofGradient float64) {
	t.Helper()
	if len(got.Terms) != len(want.Terms) {
		t.Errorf("%s has terms %v, want %v", name, got.Terms, want.Terms)
	}
	for _, term := range got.Terms {
		if !near(term.Weighted, want.Terms[term.Name], ofLosses) {
			t.Errorf("%s: %s is %v, want %v", name, term.Name, term.Weighted, want.Terms[term.Name])
		}
	}
	if !near(got.Total, want.Total, ofLosses) || !near(got.GradientL2, want.GradL2, ofGradient) {
		t.Errorf("%s: total %v, gradient L2 %v, want %v, %v", name, got.Total, got.GradientL2, want.Total, want.GradL2)
	}
	at := parityPicture(t, "reference-start.png")
	bgr := func(i int) float64 { return float64(got.Gradient[i/3*3+2-i%3]) }
	centre := (at.Height/2*at.Width + at.Width/2) * 3
	listed := map[int]float64{}
	for i, g := range want.GradFirst8 {
		listed[i] = g
	}
	for i, g := range want.GradCentre3 {
		listed[centre+i] = g
	}
	for i, g := range listed {
		if math.Abs(bgr(i)-g) > ofGradient*want.GradMax {
			t.Errorf("%s: gradient[%d] is %v, want %v", name, i, bgr(i), g)
		}
	}
}

// TestParityOfOptimiser: after as many evaluations the loss is at most 1.05 times SciPy's.
func TestParityOfOptimiser(t *testing.T) {
	r := readReference(t)
	content, style, at := parityPicture(t, "content.png"), parityPicture(t, "style.png"), parityPicture(t, "reference-start.png")
	for name, want := range r.LBFGS {
		preset, err := loss.LookupPreset(name)
		if err != nil {
			t.Fatal(err)
		}
		losses := lossesByEvaluation(t, preset, &Job{Content: content, Styles: []Style{{Picture: style}}, Start: at}, 60)
		for text, scipy := range want.BestAfter {
			n, err := strconv.Atoi(text)
			if err != nil {
				t.Fatal(err)
			}
			best := math.Inf(1)
			for _, l := range losses[:n] {
				best = min(best, l)
			}
			t.Logf("%s: best of %d evaluations %.6g, SciPy's %.6g, ratio %.3f", name, n, best, scipy, best/scipy)
			if best > 1.05*scipy {
				t.Errorf("%s: best of %d evaluations is %v, more than 1.05 times SciPy's %v", name, n, best, scipy)
			}
		}
	}
}

// lossesByEvaluation minimises a job's objective at its own size and returns the total of each evaluation.
func lossesByEvaluation(t *testing.T, preset loss.Preset, job *Job, evaluations int) []float64 {
	t.Helper()
	net, err := pretrainedStudio(t).Network(preset.Network())
	if err != nil {
		t.Fatal(err)
	}
	objective, _, release, err := pretrainedStudio(t).objective(net, Job{Preset: preset, Content: job.Content, Styles: job.Styles}.filled(), matching{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	var losses []float64
	function := objective.Function(func(e *loss.Evaluation) { losses = append(losses, e.Total) })
	m := lbfgs.Minimizer{MaxEvaluations: evaluations}
	found, err := m.Minimize(context.Background(), device.XLA(), function, pictureTensor(job.Start))
	if err != nil {
		t.Fatal(err)
	}
	found.X.MustFinalizeAll()
	if len(losses) != evaluations {
		t.Fatalf("%d evaluations, want %d: %v", len(losses), evaluations, found.Status)
	}
	return losses
}
