package live

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/janpfeifer/gonb/gonbui/protocol"

	"github.com/gouache-art/gouache/internal/plot"
	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/mask"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/tracker"
)

// notebook makes this process believe that it runs in one, and returns what it is sent.
func notebook(t *testing.T) *[]*protocol.DisplayData {
	var sent []*protocol.DisplayData
	was, wasSend := inNotebook, send
	t.Cleanup(func() { inNotebook, send = was, wasSend })
	inNotebook, send = true, func(d *protocol.DisplayData) { sent = append(sent, d) }
	return &sent
}

func page(d *protocol.DisplayData) string { return d.Data[protocol.MIMETextHTML].(string) }

// paint tells an observer of a run of so many iterations.
func paint(o progress.Observer, iterations int, status progress.Status) {
	p := picture.Noise(64, 48, 1)
	m := func() (image.Image, error) { return p.Image(), nil }
	o.Observe(progress.Run{
		Scales: []progress.Scale{{Width: 32, Height: 24, Iterations: 2}, {Width: 64, Height: 48, Iterations: iterations}},
		Device: "cpu", Network: "vgg19", Weights: "random", Settings: map[string]any{
			"size": int64(64), "iterations": int64(5), "scales": int64(2), "seed": int64(7), "preset": "article", "pooling": "avg", "margin": int64(4),
			"content_weight": 0.5, "style_weight": 3.0, "tv_weight": 1e-05, "init": "noise", "style_mix": "1:0.25",
		},
	})
	for i := 1; i <= iterations; i++ {
		terms := []progress.Term{{Name: "content", Loss: 1 / float64(i), Weighted: 2 / float64(i)}, {Name: "style", Loss: 5, Weighted: 5}}
		o.Observe(progress.Iteration{Iteration: i, Total: 5 + 2/float64(i), Terms: terms, Remaining: -1, Picture: m})
	}
	o.Observe(progress.Result{Status: status, Reason: "all iterations are done", Elapsed: 3 * time.Second, Picture: p})
}

// TestView: all updates go to one output, and the last can be read without scripts and without inline SVG.
func TestView(t *testing.T) {
	sent := notebook(t)
	paint(Observer(), 3, progress.Finished)
	if len(*sent) < 3 {
		t.Fatalf("%d updates: no beginning, first iteration and end", len(*sent))
	}
	for _, d := range *sent {
		if d.DisplayID == "" || d.DisplayID != (*sent)[0].DisplayID {
			t.Errorf("an update goes to output %q, the first to %q", d.DisplayID, (*sent)[0].DisplayID)
		}
	}
	last := page((*sent)[len(*sent)-1])
	for _, want := range []string{"data:image/jpeg;base64,", "data:image/svg+xml;base64,", "finished: all iterations are done; 3 iterations in 3.0 s"} {
		if !strings.Contains(last, want) {
			t.Errorf("%q is not in the last state", want)
		}
	}
	for _, bad := range []string{"<script", "<svg", "<progress", "http"} {
		if strings.Contains(last, bad) {
			t.Errorf("%q is in the last state", bad)
		}
	}
}

// TestViewFailed: the reason is shown once, whoever tells of it.
func TestViewFailed(t *testing.T) {
	sent := notebook(t)
	v := Observer()
	err := errors.New("no device <here>")
	v.Observe(progress.Run{Scales: []progress.Scale{{Width: 8, Height: 8, Iterations: 1}}})
	v.Observe(progress.Result{Status: progress.Failed, Err: err})
	before := len(*sent)
	v.fail(err)
	if last := page((*sent)[len(*sent)-1]); len(*sent) != before || !strings.Contains(last, "failed: no device &lt;here&gt;") {
		t.Errorf("%d updates after the end; the last is %s", len(*sent)-before, last)
	}
}

// TestViewWarns: what could not be used of the pictures' files stays below the result.
func TestViewWarns(t *testing.T) {
	sent := notebook(t)
	v := Observer()
	v.Observe(progress.Run{
		Scales:   []progress.Scale{{Width: 8, Height: 8, Iterations: 1}},
		Warnings: []error{errors.New("<b>.jpg has an odd profile")},
	})
	v.Observe(progress.Result{Status: progress.Finished, Picture: picture.Noise(8, 8, 1)})
	last := (*sent)[len(*sent)-1]
	text, _ := last.Data[protocol.MIMETextPlain].(string)
	if !strings.Contains(page(last), "<p>warning: &lt;b&gt;.jpg has an odd profile</p>") || !strings.Contains(text, "; warning: <b>.jpg has an odd profile") {
		t.Errorf("the last state is %s, %s", page(last), text)
	}
}

// TestViewWaits: between updates that are due an iteration costs neither a picture nor an output, but is in the curves.
func TestViewWaits(t *testing.T) {
	sent := notebook(t)
	v := Observer()
	v.Observe(progress.Run{Scales: []progress.Scale{{Width: 8, Height: 8, Iterations: 9}}})
	before := len(*sent)
	v.next = time.Now().Add(time.Hour)
	v.Observe(progress.Iteration{Iteration: 1, Total: 4, Picture: func() (image.Image, error) {
		t.Error("the picture was brought from the device")
		return nil, errors.New("no picture")
	}})
	if len(*sent) != before || len(v.curves) != 1 || v.curves[0].Points[0].Value != 4 {
		t.Errorf("%d outputs; curves %v", len(*sent)-before, v.curves)
	}
}

// TestOutside: outside of a notebook there is text.
func TestOutside(t *testing.T) {
	var out bytes.Buffer
	was := printed
	t.Cleanup(func() { printed = was })
	printed = &out
	paint(Observer(), 2, progress.Finished)
	Grid(2, Caption(picture.Noise(20, 16, 1), "noise %d", 7))
	for _, want := range []string{"iteration 1 of 4", "finished: all iterations are done; 2 iterations", "a picture of 20×16 pixels: noise 7"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in: %s", want, out.String())
		}
	}
}

// TestStylize: a painting is shown, and recorded with its files: the same job is made of the record, and a run that was
// interrupted can be resumed.
func TestStylize(t *testing.T) {
	openStore(t)
	sent := notebook(t)
	job := stylelib.Job{Content: Load("sample:chelsea"), Styles: Styles("sample:swirl", "sample:swirl:0.5"), Size: 64, Iterations: 3, Scales: 1}
	job.Styles[1].Region = Must(mask.Ellipse(300, 200, 50, 50, 100, 100)) // which is no file
	UseStudio(random(t))
	result := Stylize("a <run>", job)
	if result.Status != progress.Finished || !strings.Contains(last(t, *sent), "finished: all iterations are done; 3 iterations") {
		t.Errorf("%s: it shows %s", result.Status, last(t, *sent))
	}
	runs := List(`experiment == notebook && style_weight == 3`, "-total", 5)
	if len(runs) != 1 {
		t.Fatalf("%d runs", len(runs))
	}
	run := &runs[0]
	if got := fmt.Sprint(run.Params["style_picture"], run.Params["region_picture"]); got != "sample:swirl + sample:swirlregion.png" {
		t.Errorf("its pictures are %s", got)
	}
	if curves := TermCurves(run); len(curves) < 3 || len(curves[0].Points) != 3 {
		t.Errorf("curves %v", curves)
	}
	if m := Picture(run); m.Bounds().Dx() != 64 {
		t.Errorf("the picture is %v", m.Bounds())
	}
	if again := Paint(Again(run)); !slices.Equal(again.Picture.Pix, result.Picture.Pix) {
		t.Error("the recorded job paints another picture")
	}
	if err := attempt(func() { Resume(run.ID) }); tracker.ErrorCode(err) != tracker.CodeConflict {
		t.Errorf("a finished run is resumed: %v", err)
	}

	sent = notebook(t)
	Runs(runs, "size", "total", "nothing")
	Run(run.ID[:8])
	for i, wants := range [][]string{{"a &lt;run&gt;", "<td style=\"text-align:left\">64</td>", "data:image/jpeg"}, {"a &lt;run&gt;", "image/svg+xml", "style_weight 3"}} {
		for _, want := range wants {
			if !strings.Contains(page((*sent)[i]), want) {
				t.Errorf("%q is not in output %d", want, i)
			}
		}
	}
	if err := attempt(func() { List("no_such == 1", "", 5) }); tracker.ErrorCode(err) != tracker.CodeInvalid {
		t.Errorf("a filter on an unknown name: %v", err)
	}
}

// random opens a studio with random weights, which needs no download, for the test.
func random(t *testing.T) *stylelib.Studio {
	t.Helper()
	studio, err := stylelib.Open(t.Context(), stylelib.OpenOptions{Weights: "random"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(studio.Close)
	return studio
}

// TestKnob: each value of a setting has a picture, in one output.
func TestKnob(t *testing.T) {
	openStore(t)
	UseStudio(random(t))
	sent := notebook(t)
	job := stylelib.Job{Content: Load("sample:chelsea"), Styles: Styles("sample:swirl"), Size: 64, Iterations: 2, Scales: 1}
	results := Knob(job, "style_weight", 0.5, 20.0)
	shown := last(t, *sent)
	if len(results) != 2 || slices.Equal(results[0].Picture.Pix, results[1].Picture.Pix) || strings.Count(shown, "<img") != 2 {
		t.Errorf("%d results; it shows %s", len(results), shown)
	}
	if got := words(shown); got != "style_weight 0.5 style_weight 20" {
		t.Errorf("it says %s", got)
	}
	if runs := List("", "", 1); len(runs) > 0 {
		t.Errorf("it recorded %v", runs)
	}
	if err := attempt(func() { Knob(job, "style_wieght", 1.0) }); err == nil || !strings.Contains(err.Error(), `did you mean "style-weight"`) && !strings.Contains(err.Error(), `did you mean "style_weight"`) {
		t.Errorf("an unknown setting: %v", err)
	}
}

// TestInteract: what a person does with the controls happens while it paints, and is in the record.
func TestInteract(t *testing.T) {
	openStore(t)
	UseStudio(random(t))
	sent := notebook(t)
	job := stylelib.Job{Content: Load("sample:chelsea"), Styles: Styles("sample:swirl"), Size: 64, Iterations: 1000, Scales: 1}
	var in *interaction
	painted := make(chan *progress.Result)
	go func() {
		result, err := cell.interact("by hand", job, func(opened *interaction) {
			opened.panel = noPanel{}
			in = opened
			for _, c := range []command{
				{button: compareButton}, {button: stopButton}, {button: keepButton}, {slider: "style", value: 2}, {slider: strengthSlider, value: 1},
				{button: compareButton}, {button: stopButton}, {button: finishButton},
			} {
				in.send(c)
			}
		})
		if err != nil {
			t.Error(err)
		}
		painted <- result
	}()
	result := <-painted
	if result.Status != progress.Finished || result.Reason != "ended by hand" || result.Iterations > 2 {
		t.Errorf("%s: %s after %d iterations", result.Status, result.Reason, result.Iterations)
	}
	runs := List("", "", 2)
	if len(runs) != 1 || runs[0].Status != tracker.StatusFinished || runs[0].Params["style_weight"] != int64(3) {
		t.Fatalf("the runs are %+v", runs)
	}
	if got := runs[0].Params[tracker.ChangedParam]; got != "after 1: freedom 0.8, style_weight 36" {
		t.Errorf("the record says that it was changed %v", got)
	}
	var pages []string
	for _, d := range *sent {
		pages = append(pages, page(d))
	}
	for _, want := range []string{
		"there is nothing to compare with yet", "stopped at iteration 1 of 1000", "style 3, smoothness",
		"class=\"gouache-swipe\"", "style 36, smoothness", "freedom 0.8", "finished: ended by hand",
	} {
		if !strings.Contains(strings.Join(pages, "\n"), want) {
			t.Errorf("%q is not in the outputs", want)
		}
	}
}

// TestGrid: captions are text, and rows as long as asked for.
func TestGrid(t *testing.T) {
	sent := notebook(t)
	p := Caption(picture.Noise(40, 30, 1), "<b>&")
	Grid(2, p, p, p)
	Swipe(p, p)
	grid, swipe := page((*sent)[0]), page((*sent)[1])
	if strings.Count(grid, "<tr") != 2 || strings.Count(grid, "<img") != 3 || strings.Contains(grid, "<b>") {
		t.Errorf("the grid is %s", grid)
	}
	if strings.Count(swipe, "<img") != 2 || strings.Contains(swipe, "<b>") {
		t.Errorf("the swipe is %s", swipe)
	}
}

// drawn returns the drawing that an element holds.
func drawn(t *testing.T, tag string) string {
	t.Helper()
	return chartsIn(t, tag)[0]
}

var paths = regexp.MustCompile(`<path fill="none"[^>]* d="([^"]*)"`)

// TestChart: curves stay inside a chart, and what has no logarithm is a gap.
func TestChart(t *testing.T) {
	svg := drawn(t, chart("", 4, []Curve{
		{Name: "a&b", Points: []tracker.Point{{Step: 1, Value: 1e-3}, {Step: 2, Value: math.NaN()}, {Step: 3, Value: 0}, {Step: 4, Value: 1e4}}},
		{Name: "none"},
	}, plot.Mark{X: 2, Text: "<64 px>"}))
	// Over 1e-3 to 1e4 the least value is at the bottom and the greatest at the top.
	if got, want := paths.FindStringSubmatch(svg)[1], "M142.0 240.0h0M430.0 30.0h0"; got != want {
		t.Errorf("the path is %q, not %q", got, want)
	}
	for _, want := range []string{"a&amp;b 10000<", "&lt;64 px&gt;", ">iteration<"} {
		if !strings.Contains(svg, want) {
			t.Errorf("%s is not in %s", want, svg)
		}
	}
}

func checkXML(t *testing.T, text string) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := decoder.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatalf("%v in %s", err, text)
		}
	}
}

// TestLegend: names that do not fit beside each other are in lines of their own, for which the chart grows.
func TestLegend(t *testing.T) {
	long := strings.Repeat("n", 100)
	for _, test := range []struct {
		names []string
		want  []string
	}{
		{[]string{"a", "b"}, []string{`viewBox="0 0 440 280"`, `translate(0 0)`}},
		{[]string{strings.Repeat("n", 40), "b", strings.Repeat("n", 40)}, []string{`viewBox="0 0 440 296"`, `translate(0 16)`}},
		{[]string{long, "b"}, []string{`viewBox="0 0 440 296"`, `y="17" textLength="380" lengthAdjust="spacingAndGlyphs">` + long + `<`, `y="33">b<`}},
	} {
		var curves []Curve
		for _, name := range test.names {
			curves = append(curves, Curve{Name: name})
		}
		svg := drawn(t, chart("", 0, curves))
		for _, want := range test.want {
			if !strings.Contains(svg, want) {
				t.Errorf("%s is not in %s", want, svg)
			}
		}
	}
}

// TestFeatures compares with sums written out, exactly: all numbers are small and whole but for a division by 8.
func TestFeatures(t *testing.T) {
	const height, width, channels = 2, 4, 3
	f := &stylelib.Features{Layer: "block1_conv1", Shape: [4]int{1, height, width, channels}, Data: make([]float32, height*width*channels)}
	for i := range f.Data {
		f.Data[i] = float32(i * 7 % 5)
	}
	gram := GramMatrix(f)
	for a := range channels {
		for b := range channels {
			var sum float32
			for p := range height * width {
				sum += f.Data[p*channels+a] * f.Data[p*channels+b]
			}
			if got := gram[a*channels+b]; got != sum/(height*width) {
				t.Errorf("Gram[%d][%d] is %g, not %g", a, b, got, sum/(height*width))
			}
		}
	}
	m := FeatureMap(f, 1).(*image.Gray)
	if m.Bounds().Dx() != 128 || m.GrayAt(33, 0).Y != uint8(math.Round(255*float64(f.Data[1*channels+1])/4)) {
		t.Errorf("the map is %d pixels wide, and its second pixel is %d", m.Bounds().Dx(), m.GrayAt(33, 0).Y)
	}
	sent := notebook(t)
	FeatureMaps(f, 2, 2)
	Grid(1, Captioned{Gram(f), "Gram matrix"})
	if n := strings.Count(page((*sent)[0]), "<img"); n != 2 {
		t.Errorf("%d maps, not 2", n)
	}
}

func BenchmarkUpdate(b *testing.B) {
	was, wasSend := inNotebook, send
	defer func() { inNotebook, send = was, wasSend }()
	inNotebook, send = true, func(*protocol.DisplayData) {}
	v := Observer()
	v.Observe(progress.Run{Scales: []progress.Scale{{Width: 256, Height: 192, Iterations: 500}}})
	noise := picture.Noise(256, 192, 1)
	for i := 1; b.Loop(); i++ {
		v.next = time.Time{}
		v.Observe(progress.Iteration{Iteration: i%500 + 1, Total: 1, Remaining: -1, Terms: []progress.Term{{Name: "content", Weighted: 1}, {Name: "style", Weighted: 2}},
			Picture: func() (image.Image, error) { return noise.Image(), nil }})
	}
}

// TestBackendOfGoMLX: a cell computes where $GOMLX_BACKEND says, or not at all.
func TestBackendOfGoMLX(t *testing.T) {
	t.Setenv(backend.GoMLXVariable, "go")
	if studio, err := (&session{}).openStudio(nil); studio != nil || err == nil || !strings.Contains(err.Error(), "$GOMLX_BACKEND") {
		t.Errorf("%v, %v", studio, err)
	}
}
