package stylelib

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/weights"
)

// tiny is a studio whose network has VGG's blocks but few channels, so that a painting takes a moment.
var tiny = sync.OnceValue(func() *Studio {
	random := rand.New(rand.NewPCG(1, 2))
	set := &weights.Set{Name: "tiny", Network: "tiny"}
	in := 3
	for block, convolutions := range []int{1, 1, 1, 2, 1} {
		for i := range convolutions {
			l := weights.Layer{Name: fmt.Sprintf("block%d_conv%d", block+1, i+1), In: in, Out: 6, Bias: make([]float32, 6)}
			for range 9 * l.In * l.Out {
				l.Kernel = append(l.Kernel, float32(math.Sqrt(2/float64(9*l.In))*random.NormFloat64()))
			}
			set.Layers = append(set.Layers, l)
			in = l.Out
		}
	}
	return NewStudio(device, set, Options{})
})

// tinyJob has the default's terms with two style layers, which compile in a fraction of the time. The graphs of its three
// sizes are compiled once for all tests that leave them and the preset's layers.
func tinyJob(t testing.TB) Job {
	preset := loss.Gouache()
	preset.StyleLayers = []string{"block1_conv1", "block4_conv1"}
	return Job{
		Content: load(t, "sample:chelsea"), Styles: []Style{{Picture: load(t, "sample:swirl")}}, Preset: preset,
		Size: 128, Iterations: 12, Scales: 3,
	}
}

// recorder is an observer that keeps the events.
type recorder struct {
	run        progress.Run
	tiles      []progress.Tiles
	iterations []progress.Iteration
	changes    []progress.Change
	result     *progress.Result
	each       func(progress.Iteration)
}

func (r *recorder) Observe(e progress.Event) {
	switch e := e.(type) {
	case progress.Run:
		r.run = e
	case progress.Tiles:
		r.tiles = append(r.tiles, e)
	case progress.Iteration:
		r.iterations = append(r.iterations, e)
		if r.each != nil {
			r.each(e)
		}
	case progress.Change:
		r.changes = append(r.changes, e)
	case progress.Result:
		r.result = &e
	}
}

func TestStylize(t *testing.T) {
	var seen image.Image
	r := &recorder{}
	r.each = func(i progress.Iteration) {
		var err error
		if seen, err = i.Picture(); err != nil {
			t.Error(err)
		}
	}
	result, err := tiny().Stylize(t.Context(), tinyJob(t), r)
	if err != nil {
		t.Fatal(err)
	}
	if result.Status != progress.Finished || result.Iterations != 12 || result.Evaluations < 12 || result.Reason == "" ||
		result.Picture.Width != 128 || result.Picture.Height != 85 {
		t.Errorf("result %+v", result)
	}
	if len(r.run.Scales) != 3 || r.run.Iterations() != 12 || r.run.Settings["preset"] != "gouache" || r.run.Weights != "tiny" {
		t.Errorf("started %+v", r.run)
	}
	for n, i := range r.iterations {
		if i.Iteration != n+1 || i.Scale != n/4 || len(i.Terms) != 5 || (n%4 > 0 && i.Total > r.iterations[n-1].Total) {
			t.Errorf("iteration %d: %+v", n+1, i)
		}
	}
	if r.result == nil || !reflect.DeepEqual(*r.result, *result) {
		t.Errorf("the observer received the result %+v", r.result)
	}
	if last := r.iterations[len(r.iterations)-1]; last.Total != result.Total {
		t.Errorf("the result's total is %v, the last iteration's %v", result.Total, last.Total)
	}
	if !slices.Equal(seen.(*image.NRGBA).Pix, result.Picture.Image().Pix) {
		t.Error("the last picture shown is not the result")
	}
}

func TestStylizeIsDeterministic(t *testing.T) {
	for _, noise := range []bool{false, true} {
		job := tinyJob(t)
		job.Noise, job.Seed = noise, 5
		a, err := tiny().Stylize(t.Context(), job, nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := tiny().Stylize(t.Context(), job, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(a.Picture.Pix, b.Picture.Pix) {
			t.Errorf("noise %v: two runs of one job differ", noise)
		}
	}
}

// TestStylizeInterrupted: the best picture so far comes back, at full size and without an error, whenever it is.
func TestStylizeInterrupted(t *testing.T) {
	for _, after := range []int{0, 2, 7} {
		ctx, cancel := context.WithCancel(t.Context())
		if after == 0 {
			cancel()
		}
		r := &recorder{each: func(i progress.Iteration) {
			if i.Iteration == after {
				cancel()
			}
		}}
		result, err := tiny().Stylize(ctx, tinyJob(t), r)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		if result.Status != progress.Interrupted || result.Iterations != after || result.Picture.Width != 128 || r.result.Status != progress.Interrupted {
			t.Errorf("after %d iterations: %+v, %+v", after, result, r.result)
		}
	}
}

func TestStylizeMixesStyles(t *testing.T) {
	paint := func(styles ...Style) []float32 {
		job := tinyJob(t)
		job.Styles = styles
		result, err := tiny().Stylize(t.Context(), job, nil)
		if err != nil {
			t.Fatal(err)
		}
		return result.Picture.Pix
	}
	swirl, glass := load(t, "sample:swirl"), load(t, "sample:glass")
	alone := paint(Style{Picture: swirl, Weight: 1})
	if !slices.Equal(alone, paint(Style{Picture: swirl, Weight: 2}, Style{Picture: glass})) {
		t.Error("a style of weight zero changed the picture")
	}
	if slices.Equal(alone, paint(Style{Picture: swirl, Weight: 1}, Style{Picture: glass, Weight: 1})) {
		t.Error("a second style changed nothing")
	}
}

func TestStylizeRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Job)
		says   string
	}{
		"no content":          {func(j *Job) { j.Content = nil }, "no content picture"},
		"no style":            {func(j *Job) { j.Styles = nil }, "no style picture"},
		"an empty style":      {func(j *Job) { j.Styles = []Style{{}} }, "no picture"},
		"a negative weight":   {func(j *Job) { j.Styles[0].Weight = -1 }, "number from 0 up"},
		"a small size":        {func(j *Job) { j.Size = 5 }, "choose 64 to 16384"},
		"too many scales":     {func(j *Job) { j.Scales = 13 }, "out of range"},
		"negative iterations": {func(j *Job) { j.Iterations = -1 }, "choose 1 to 100000"},
		"two starts":          {func(j *Job) { j.Noise, j.Start = true, j.Content }, "not from both"},
		"a narrow picture":    {func(j *Job) { j.Content = j.Content.Resize(400, 16) }, "too narrow"},
		"too large":           {func(j *Job) { j.Size = MaxSize }, "does not fit into memory"},
		"an unknown layer": {func(j *Job) {
			j.Preset = loss.NeuralStyle()
			j.Preset.ContentLayers = []string{"block6_conv1"}
		}, "block6_conv1"},
	} {
		job := tinyJob(t)
		c.change(&job)
		result, err := tiny().Stylize(t.Context(), job, nil)
		kind := ErrJob
		if name == "too large" {
			kind = ErrMemory
		}
		if !errors.Is(err, kind) || !strings.Contains(err.Error(), c.says) || result != nil {
			t.Errorf("%s: error %v does not mention %q", name, err, c.says)
		}
	}
}

// TestStylizeFails: an observer receives a failure after the start.
func TestStylizeFails(t *testing.T) {
	job := tinyJob(t)
	job.Preset = loss.NeuralStyle()
	job.Preset.StyleLayers = []string{"block5_conv4"} // VGG19 has it, this network has not
	r := &recorder{}
	_, err := tiny().Stylize(t.Context(), job, r)
	if !errors.Is(err, ErrJob) || r.result == nil || r.result.Status != progress.Failed || !errors.Is(r.result.Err, err) {
		t.Errorf("error %v, result %+v", err, r.result)
	}
}

func TestScales(t *testing.T) {
	for _, c := range []struct {
		width, height, size, scales, iterations int
		want                                    string
	}{
		{600, 400, 256, 0, 100, "[{64 43 33} {128 85 33} {256 171 34}]"},
		{600, 400, 256, 1, 100, "[{256 171 100}]"},
		{400, 600, 512, 0, 10, "[{43 64 2} {85 128 3} {171 256 2} {341 512 3}]"},
		{600, 400, 100, 0, 10, "[{50 33 5} {100 67 5}]"},
		{600, 400, 80, 0, 10, "[{80 53 10}]"},
		{600, 400, 512, 0, 2, "[{256 171 1} {512 341 1}]"},
		{600, 100, 512, 0, 10, "[{256 43 5} {512 85 5}]"},
	} {
		job := Job{
			Content: &picture.Picture{Width: c.width, Height: c.height}, Styles: []Style{{Picture: &picture.Picture{}}},
			Size: c.size, Scales: c.scales, Iterations: c.iterations,
		}
		if got := fmt.Sprint(job.filled().scales()); got != c.want {
			t.Errorf("%d×%d at %d in %d scales: %s, want %s", c.width, c.height, c.size, c.scales, got, c.want)
		}
	}
}

// TestFirstScaleTwice: style-transfer-pytorch paints 1000 iterations at the first size, and 500 at each later one.
func TestFirstScaleTwice(t *testing.T) {
	job := Job{Content: &picture.Picture{Width: 600, Height: 600}, Preset: loss.StyleTransferPyTorch(), Size: 512, Iterations: 3000}
	if got, want := fmt.Sprint(job.filled().scales()), "[{128 128 1000} {181 181 500} {256 256 500} {362 362 500} {512 512 500}]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for job.Iterations = 1; job.Iterations < 30; job.Iterations++ {
		sum := 0
		for _, s := range job.filled().scales() {
			if sum += s.Iterations; s.Iterations < 1 {
				t.Errorf("%d iterations leave %d for a scale", job.Iterations, s.Iterations)
			}
		}
		if sum != job.Iterations {
			t.Errorf("%d iterations became %d", job.Iterations, sum)
		}
	}
}

// TestScalesByStroke: with larger strokes painting begins at a smaller size.
func TestScalesByStroke(t *testing.T) {
	for stroke, want := range map[float64]string{
		0.5: "[{256 256 5} {512 512 5}]", 1: "[{128 128 3} {256 256 3} {512 512 4}]", 2: "[{64 64 2} {128 128 3} {256 256 2} {512 512 3}]",
	} {
		job := Job{Content: &picture.Picture{Width: 9, Height: 9}, Size: 512, Iterations: 10, Stroke: stroke}.filled()
		job.Preset.ScaleFactor, job.Preset.Coarsest = 2, 128
		if got := fmt.Sprint(job.scales()); got != want {
			t.Errorf("stroke %v: %s, want %s", stroke, got, want)
		}
	}
}

func TestLargestSquareFits(t *testing.T) {
	for _, available := range []int64{0, 1 << 30, 4 << 30, 64 << 30, 1 << 50} {
		side := LargestSquare(available, 0)
		if side > 0 && MemoryEstimate(side, side, 0) > available {
			t.Errorf("a square of %d pixels takes %d bytes, more than the %d there are", side, MemoryEstimate(side, side, 0), available)
		}
		if side < MaxSize && MemoryEstimate(side+2, side+2, 0) < available {
			t.Errorf("more than %d pixels would fit into %d bytes", side, available)
		}
	}
}

func TestAvailableMemory(t *testing.T) {
	if n, err := AvailableMemory(); err != nil || n < 1<<20 || n > 1<<50 {
		t.Errorf("AvailableMemory() = %d, %v", n, err)
	}
}
