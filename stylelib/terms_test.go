package stylelib

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/stylelib/vgg/conv"
)

// blue returns a term of a user's own that draws the blue channel to 255.
func blue(weight float64) func(loss.Scene) ([]loss.Term, error) {
	return func(loss.Scene) ([]loss.Term, error) {
		return []loss.Term{{Name: "blue", Weight: weight, Loss: func(in *loss.Inputs) *graph.Node {
			channel := graph.Slice(in.Picture(), graph.AxisRange(), graph.AxisRange(), graph.AxisRange(), graph.AxisElem(2))
			return graph.DivScalar(graph.AddScalar(graph.Neg(graph.ReduceAllMean(channel)), 255), 255)
		}}}, nil
	}
}

// bright returns a term on features that can be computed in tiles, and is compared with the scene's own content.
func bright(t *testing.T, weight float64) func(loss.Scene) ([]loss.Term, error) {
	return func(s loss.Scene) ([]loss.Term, error) {
		const layer = "block2_conv1"
		targets, err := loss.ContentTargets(s.Network, s.Content, layer)
		if err != nil {
			return nil, err
		}
		if d := s.Content.Shape().Dimensions; d[1] != s.Height || d[2] != s.Width || len(s.Styles) != 1 || len(s.ContentTargets) != 1 || len(s.StyleTargets) != 8 {
			t.Errorf("the scene is %+v", s)
		}
		return []loss.Term{{
			Name: "bright", Weight: weight, Scale: 1 / targets[0].Energy, Layers: []string{layer}, Targets: []*tensors.Tensor{targets[0].Tensor},
			Sums: func(in *loss.Inputs) []*graph.Node {
				return []*graph.Node{graph.ReduceAllSum(graph.Square(graph.Sub(in.Feature(layer), graph.MulScalar(in.TargetFeature(0, layer), 1.5))))}
			},
			Of: func(_ *loss.Inputs, sums []*graph.Node) *graph.Node { return sums[0] },
		}}, nil
	}
}

// TestOwnTerms: terms of the caller's own are painted at each scale, and observed and recorded as the preset's are.
func TestOwnTerms(t *testing.T) {
	job := tinyJob(t)
	job.Size, job.Scales = 64, 2
	plain, err := tiny().Stylize(t.Context(), job, nil)
	if err != nil {
		t.Fatal(err)
	}
	var sizes []int
	terms := blue(20) // the tone keeps the mean: with 5 it moves by 3 grey levels
	job.Terms = func(s loss.Scene) ([]loss.Term, error) {
		sizes = append(sizes, s.Width-2*loss.Gouache().Margin)
		return terms(s)
	}
	var r recorder
	result, err := tiny().Stylize(t.Context(), job, &r)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(sizes, []int{32, 64}) {
		t.Errorf("the terms were built at %v", sizes)
	}
	if mean(result.Picture.Pix[2:]) < mean(plain.Picture.Pix[2:])+5 {
		t.Errorf("blue is %v in the mean, without the term %v", mean(result.Picture.Pix[2:]), mean(plain.Picture.Pix[2:]))
	}
	for _, i := range r.iterations {
		if last := i.Terms[len(i.Terms)-1]; len(i.Terms) != 6 || last.Name != "blue" || last.Weighted != 20*last.Loss || !(last.Loss > 0) {
			t.Errorf("iteration %d: %+v", i.Iteration, i.Terms)
		}
	}
	if r.run.Settings["blue_weight"] != 20.0 || r.run.Settings["own_terms"] != "blue" || r.run.Settings["style_weight"] != 3.0 {
		t.Errorf("recorded: %v", r.run.Settings)
	}
	bf16 := NewStudio(device, tiny().weights, Options{Precision: conv.BFloat16})
	defer bf16.Close()
	if rounded, err := bf16.Stylize(t.Context(), job, nil); err != nil || math.Abs(rounded.Total-result.Total) > 0.2*result.Total {
		t.Errorf("with BF16: %+v, %v; the total with float32 is %v", rounded, err, result.Total)
	}
}

// mean returns that of every third value.
func mean(pix []float32) float64 {
	var sum float64
	for i := 0; i < len(pix); i += 3 {
		sum += float64(pix[i])
	}
	return sum / float64(len(pix)/3)
}

// TestOwnTermsInTiles: a term that has Sums is computed in tiles, with the result that it has whole, and one that has not
// is refused.
func TestOwnTermsInTiles(t *testing.T) {
	job := tiledJob(t)
	job.Iterations, job.Scales, job.Terms = 3, 1, bright(t, 2)
	whole, err := tiny().Stylize(t.Context(), job, nil)
	if err != nil {
		t.Fatal(err)
	}
	tiled, err := tiledStudio().Stylize(t.Context(), job, nil)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(tiled.Total-whole.Total) > 2e-3*whole.Total || tiled.Terms[len(tiled.Terms)-1].Name != "bright" {
		t.Errorf("the loss is %v in tiles, %v whole: %v", tiled.Total, whole.Total, tiled.Terms)
	}
	job.Terms = func(loss.Scene) ([]loss.Term, error) {
		return []loss.Term{{Name: "peak", Weight: 1, Layers: []string{"block2_conv1"}, Loss: func(in *loss.Inputs) *graph.Node {
			return graph.ReduceAllMax(in.Feature("block2_conv1"))
		}}}, nil
	}
	if _, err := tiledStudio().Stylize(t.Context(), job, nil); !errors.Is(err, ErrJob) || !strings.Contains(err.Error(), "term peak cannot be computed in tiles") {
		t.Errorf("a term without Sums in tiles: %v", err)
	}
}

// TestOwnTermsResume: a checkpoint covers the caller's own terms.
func TestOwnTermsResume(t *testing.T) {
	job := tinyJob(t)
	job.Size, job.Iterations, job.Scales, job.Terms = 64, 4, 2, bright(t, 2)
	whole, files := checkpoints(t, job)
	for _, at := range []int{0, 2} { // of each scale
		result, err := tiny().Resume(t.Context(), job, readBack(t, files[at]), nil)
		if err != nil || !slices.Equal(result.Picture.Pix, whole.Picture.Pix) {
			t.Errorf("resumed after iteration %d: %v, or another picture", at+1, err)
		}
	}
	for name, terms := range map[string]func(loss.Scene) ([]loss.Term, error){"none": nil, "another weight": bright(t, 3), "others": blue(2)} {
		other := job
		other.Terms = terms
		var r recorder
		_, err := tiny().Resume(t.Context(), other, readBack(t, files[0]), &r)
		if !errors.Is(err, ErrJob) || !strings.Contains(err.Error(), "another job") || r.result != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOwnTermsFail: what is wrong with terms is an error of the job, before the run begins.
func TestOwnTermsFail(t *testing.T) {
	broken := errors.New("no idea")
	for says, terms := range map[string]func(loss.Scene) ([]loss.Term, error){
		"own terms: no idea":    func(loss.Scene) ([]loss.Term, error) { return nil, broken },
		"must have either":      func(loss.Scene) ([]loss.Term, error) { return []loss.Term{{Name: "nothing", Weight: 1}}, nil },
		"the weight of term it": func(loss.Scene) ([]loss.Term, error) { return []loss.Term{{Name: "it", Weight: -1}}, nil },
	} {
		job := tinyJob(t)
		job.Terms = terms
		var r recorder
		_, err := tiny().Stylize(t.Context(), job, &r)
		if !errors.Is(err, ErrJob) || !strings.Contains(err.Error(), says) || r.result != nil {
			t.Errorf("error %v does not mention %q", err, says)
		}
	}
	job := tinyJob(t)
	job.Terms = func(loss.Scene) ([]loss.Term, error) { return nil, broken }
	if _, err := tiny().Stylize(t.Context(), job, nil); !errors.Is(err, broken) {
		t.Errorf("the caller's error is lost: %v", err)
	}
}

// TestPresetByHand: a preset that is not one of loss.Presets is painted or refused, and never replaced by another.
func TestPresetByHand(t *testing.T) {
	job := tinyJob(t)
	job.Size, job.Scales = 64, 1
	job.Preset = loss.Preset{StyleWeight: 6}
	if _, err := tiny().Stylize(t.Context(), job, nil); !errors.Is(err, ErrJob) || !strings.Contains(err.Error(), "no style layers") {
		t.Errorf("a preset with a weight only: %v", err)
	}
	job.Preset = loss.Preset{Name: "mine", StyleLayers: []string{"block1_conv1", "block3_conv1"}, StyleWeight: 6}
	var r recorder
	result, err := tiny().Stylize(t.Context(), job, &r)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Terms) != 2 || r.run.Settings["style_weight"] != 6.0 || r.run.Settings["preset"] != "mine" || r.run.Settings["content_layer"] != nil {
		t.Errorf("%v of %v", result.Terms, r.run.Settings)
	}
	content := Job{Content: job.Content, Size: 64, Iterations: 2, Preset: loss.Preset{ContentLayers: []string{"block2_conv1"}, ContentWeight: 1}, Noise: true}
	if result, err = tiny().Stylize(t.Context(), content, nil); err != nil || len(result.Terms) != 2 || !(result.Total < 1) {
		t.Errorf("a preset without a style: %+v, %v", result, err)
	}
	var file bytes.Buffer
	job.Iterations = 2
	if _, err := tiny().Stylize(t.Context(), job, &recorder{each: func(i progress.Iteration) { file.Reset(); _ = i.Checkpoint(&file) }}); err != nil {
		t.Fatal(err)
	}
	job.Preset.Statistic = loss.Moments
	if _, err := tiny().Resume(t.Context(), job, readBack(t, file.Bytes()), nil); !errors.Is(err, ErrJob) {
		t.Errorf("a checkpoint of another statistic: %v", err)
	}
}

// TestTargetsByStatistic: targets of one statistic are never taken for those of another.
func TestTargetsByStatistic(t *testing.T) {
	job := tinyJob(t)
	p := loss.Preset{StyleLayers: []string{"block1_conv1", "block3_conv1"}, StyleWeight: 6}
	score := func(s *Studio, statistic loss.Statistic) float64 {
		p.Statistic = statistic
		score, err := s.Score(Job{Preset: p, Content: job.Content, Styles: job.Styles}, job.Content)
		if err != nil {
			t.Fatal(err)
		}
		return score.Total
	}
	shared := NewStudio(device, tiny().weights, Options{})
	defer shared.Close()
	for _, statistic := range []loss.Statistic{loss.GramMatrices, loss.Moments, loss.GramMatrices} {
		alone := NewStudio(device, tiny().weights, Options{})
		if got, want := score(shared, statistic), score(alone, statistic); got != want {
			t.Errorf("statistic %v: %v, alone %v", statistic, got, want)
		}
		alone.Close()
	}
}

func TestErrorKinds(t *testing.T) {
	for name, c := range map[string]struct {
		err, kind error
	}{
		"settings": {new(Job).Set(map[string]any{"size": 3}), ErrJob},
		"name":     {new(Job).Set(map[string]any{"sice": 256}), ErrJob},
		"job":      {Job{}.Check(), ErrJob},
		"device":   {deviceError(errors.New("INTERNAL: no")), ErrDevice},
		"memory":   {deviceError(errors.New("RESOURCE_EXHAUSTED: 5 GB")), ErrMemory},
		"kept":     {deviceError(ofKind(ErrJob, errors.New("x"))), ErrJob},
	} {
		var e *Error
		if !errors.Is(c.err, c.kind) || !errors.As(c.err, &e) || e.Kind != c.kind {
			t.Errorf("%s: %v is not %v", name, c.err, c.kind)
		}
		for _, other := range []error{ErrJob, ErrMemory, ErrDevice, ErrWeights} {
			if other != c.kind && errors.Is(c.err, other) {
				t.Errorf("%s: %v is %v, too", name, c.err, other)
			}
		}
	}
	if deviceError(nil) != nil || ofKind(ErrJob, nil) != nil {
		t.Error("no error became one")
	}
	job := tinyJob(t)
	job.Size = MaxSize
	if _, err := tiny().Stylize(t.Context(), job, nil); !errors.Is(err, ErrMemory) {
		t.Errorf("too large: %v", err)
	}
	if _, err := Open(t.Context(), OpenOptions{Device: "cpu", Weights: "vgg99"}); !errors.Is(err, ErrWeights) {
		t.Errorf("unknown weights: %v", err)
	}
	if _, err := Open(t.Context(), OpenOptions{Device: "abacus", Offline: true}); !errors.Is(err, ErrDevice) {
		t.Errorf("unknown device: %v", err)
	}
}

// TestClose: a closed studio keeps nothing for its jobs.
func TestClose(t *testing.T) {
	s, job := NewStudio(device, tiny().weights, Options{}), tinyJob(t)
	job.Size, job.Scales = 64, 1
	if _, err := s.Stylize(t.Context(), job, nil); err != nil {
		t.Fatal(err)
	}
	if s.objectives.Len() == 0 || s.targets.Len() == 0 {
		t.Error("nothing was kept")
	}
	s.Close()
	if s.objectives.Len() != 0 || s.targets.Len() != 0 {
		t.Error("something is still kept")
	}
}

// registeredWeight stands for the field that a new loss has in loss.Preset.
var registeredWeight float64

// TestRegister follows the recipe of CONTRIBUTING: a loss that a file registers is checked, set, painted and recorded.
func TestRegister(t *testing.T) {
	loss.Register(loss.Component{
		Name:   "blue",
		Usage:  "how much the blue channel matters",
		Weight: func(*loss.Preset) *float64 { return &registeredWeight },
		Terms: func(_ loss.Preset, s loss.Scene) []loss.Term {
			if registeredWeight == 0 {
				return nil // so that the other tests have the losses that come with the package
			}
			terms, _ := blue(registeredWeight)(s)
			return terms
		},
	})
	defer func() { registeredWeight = 0 }()
	if names := loss.TermNames(); !slices.Equal(names, []string{"blue", "chroma", "content", "strokes", "style", "tone", "tv"}) {
		t.Errorf("the losses are %v", names)
	}
	job := tinyJob(t)
	job.Size, job.Scales = 64, 1
	if err := job.Set(map[string]any{"blue-weight": -1}); err == nil || !strings.Contains(err.Error(), "blue-weight is -1") {
		t.Errorf("a negative weight: %v", err)
	}
	if err := job.Set(map[string]any{"blue_weight": 5}); err != nil {
		t.Fatal(err)
	}
	var r recorder
	result, err := tiny().Stylize(t.Context(), job, &r)
	if err != nil {
		t.Fatal(err)
	}
	if first := result.Terms[0]; first.Name != "blue" || first.Weighted != 5*first.Loss || r.run.Settings["blue_weight"] != 5.0 {
		t.Errorf("painted %+v, recorded %v", result.Terms, r.run.Settings)
	}
	registeredWeight = math.NaN()
	if err := loss.Gouache().Validate(); err == nil || !strings.Contains(err.Error(), "the weight of term blue is NaN") {
		t.Errorf("a weight that is not a number: %v", err)
	}
}

// TestEveryWeightIsRegistered: a weight that is added to loss.Preset has its loss.
func TestEveryWeightIsRegistered(t *testing.T) {
	var p loss.Preset
	v := reflect.ValueOf(&p).Elem()
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		registered := slices.ContainsFunc(loss.Components(), func(c loss.Component) bool { return any(c.Weight(&p)) == v.Field(i).Addr().Interface() })
		if strings.HasSuffix(name, "Weight") != registered {
			t.Errorf("field %s of a preset: registered is %v", name, registered)
		}
	}
}
