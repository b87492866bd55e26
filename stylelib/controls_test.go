package stylelib

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/lucasb-eyer/go-colorful"

	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/progress"
)

func TestControls(t *testing.T) {
	gouache := loss.Gouache()
	gouache.ContentWeight, gouache.TVWeight = 2, 0.1
	for _, c := range []struct {
		settings             map[string]any
		palette, content, tv float64
	}{
		{nil, 1, 2, 0.1},
		{map[string]any{"colour": "keep"}, 0, 2, 0.1},
		{map[string]any{"colour": "match", "palette": 0.3}, 0.3, 2, 0.1},
		{map[string]any{"palette": 0}, 0, 2, 0.1},
		{map[string]any{"freedom": 0}, 1, 8, 0.1},
		{map[string]any{"freedom": 1}, 1, 0.5, 0.1},
		{map[string]any{"smooth": 0}, 1, 2, 0},
		{map[string]any{"smooth": 3}, 1, 2, 0.3},
	} {
		job := Job{Preset: gouache}
		if err := job.Set(c.settings); err != nil {
			t.Fatal(err)
		}
		job = job.filled()
		p := job.controlled()
		if *job.Palette != c.palette || !near(p.ContentWeight, c.content, 1e-12) || !near(p.TVWeight, c.tv, 1e-12) {
			t.Errorf("%v: palette %v, content %v, tv %v", c.settings, *job.Palette, p.ContentWeight, p.TVWeight)
		}
		if !near(p.ToneWeight/gouache.ToneWeight, c.content/2, 1e-12) {
			t.Errorf("%v: the tone's weight is %v", c.settings, p.ToneWeight)
		}
		if job.Preset.ContentWeight != 2 || job.Preset.TVWeight != 0.1 {
			t.Errorf("%v changed the job's own preset, which is recorded", c.settings)
		}
	}
	gouache.ContentLayers, gouache.ContentShares, gouache.ChromaWeight = []string{"block3_conv3", "block4_conv2"}, []float64{1, 3}, 0.2
	job := Job{Preset: gouache, Freedom: new(0.25), ColourNoise: 4}.filled()
	if p := job.controlled(); !slices.Equal(p.ContentShares, []float64{0.75, 0.75}) || !near(p.ChromaWeight, 0.05, 1e-12) || p.Validate() != nil {
		t.Errorf("shares %v, chroma %v, %v", p.ContentShares, p.ChromaWeight, p.Validate())
	}
	for name, c := range map[string]struct {
		value any
		want  string
	}{
		"colour": {"mach", `did you mean "match"?`}, "palette": {1.5, "choose 0 to 1"}, "stroke": {0, "choose 0.5 to 2"},
		"freedom": {-0.1, "choose 0 to 1"}, "smooth": {5, "choose 0 to 4"}, "colour-noise": {0, "choose 0.1 to 10"},
	} {
		var job Job
		if err := job.Set(map[string]any{name: c.value}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s = %v: %v, want %s", name, c.value, err, c.want)
		}
	}
	for want, change := range map[string]func(*Job){
		"tv-weight is 0":     func(j *Job) { j.Preset.TVWeight, j.Smooth = 0, new(2.0) },
		"chroma-weight is 0": func(j *Job) { j.Preset.ChromaWeight, j.ColourNoise = 0, 2 },
		"content shares":     func(j *Job) { j.Preset.ContentShares = []float64{1} },
	} {
		job := tinyJob(t)
		job.Preset = gouache
		change(&job)
		if err := job.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestStroke: a style is as large as the stroke says, and never enlarged; one with too few pixels is a warning.
func TestStroke(t *testing.T) {
	s := Style{Picture: picture.Noise(300, 200, 1)}
	for _, c := range []struct {
		stroke       float64
		longer, want int
	}{{1, 100, 100}, {0.5, 100, 50}, {2, 100, 200}, {2, 200, 300}, {0, 128, 128}} {
		job := Job{Stroke: c.stroke}.filled()
		if got := job.styleSide(s, c.longer); got != c.want {
			t.Errorf("stroke %v at %d pixels: the style has %d, want %d", c.stroke, c.longer, got, c.want)
		}
	}
	for _, c := range []struct {
		size   int
		stroke float64
		want   string
	}{{300, 1, ""}, {420, 1, ""}, {512, 1, "needs 512"}, {300, 2, "needs 600"}, {512, 0.5, ""}} {
		got := ""
		for _, w := range (Job{Styles: []Style{s}, Size: c.size, Stroke: c.stroke}).Warnings() {
			got += w.Error()
		}
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("size %d, stroke %v: warning %q, want %q", c.size, c.stroke, got, c.want)
		}
	}
	job := Job{Styles: []Style{s}, StrokesOf: picture.Noise(200, 100, 1), Size: 300}
	if w := job.Warnings(); len(w) != 1 || !strings.HasPrefix(w[0].Error(), "the painting that gives the strokes has 200×100 pixels, and the result needs 300") {
		t.Errorf("of the painting that gives the strokes: %v", w)
	}
}

// TestPaints: styles paint in palettes from the photograph's to their own, all by one map.
func TestPaints(t *testing.T) {
	job := tinyJob(t)
	job.Styles = append(job.Styles, Style{Picture: load(t, "sample:woodcut"), Weight: 3})
	job.Styles[0].Weight = 1
	distance := func(p, q picture.Palette) (sum float64) {
		for i := range 3 {
			sum += math.Abs(p.Mean[i] - q.Mean[i])
		}
		return sum
	}
	palette := func(styles []Style) picture.Palette { return job.palettes(styles)[0].paint }
	whole := distance(palette(job.Styles), job.Content.Palette())
	for _, share := range []float64{0, 0.5, 1} {
		job.Palette = new(share)
		got := distance(palette(job.filled().colours().styles), job.Content.Palette())
		if math.Abs(got-share*whole) > 6 { // what clamping moves
			t.Errorf("palette %v: %.1f grey levels from the photograph's mean, of %.1f", share, got, whole)
		}
	}
}

// TestColoursOfRegions: each region's styles and its part of the photograph have a map of their own.
func TestColoursOfRegions(t *testing.T) {
	job := tinyJob(t)
	left := &picture.Mask{Width: 2, Height: 1, Values: []float32{1, 0}}
	job.Styles = []Style{{Picture: load(t, "sample:swirl")}, {Picture: load(t, "sample:woodcut"), Region: left}}
	job.Palette = new(0.0)
	half := func(p *picture.Picture, side int) picture.Palette { // 0 is the left one, without the seam
		p = p.Resize(64, 64)
		out := picture.Picture{Width: 64, Height: 64, Pix: p.Pix, Alpha: make([]float32, 64*64)}
		for i := range out.Alpha {
			if x := i % 64; x < 24 && side == 0 || x >= 40 && side == 1 {
				out.Alpha[i] = 255
			}
		}
		return out.Palette()
	}
	colours := job.filled().colours()
	painted, start := colours.styles, colours.toward(colours.own(), 1, 64, 64)
	for i, side := range []int{1, 0} { // of the first and the second style
		match, toward := painted[i].Picture.Palette().Mean, half(start, side).Mean
		content, style := half(job.Content, side).Mean, job.Styles[i].Picture.Palette().Mean
		for c := range 3 {
			if math.Abs(match[c]-content[c]) > 12 || math.Abs(toward[c]-style[c]) > 25 { // by what is left out at the seam, and by clamping
				t.Errorf("style %d is recoloured to %.0f, beside %.0f; its half of the photograph to %.0f, of %.0f", i, match, content, toward, style)
				break
			}
		}
	}
}

// TestColourKeep: the result, and what is shown on the way, has the photograph's colours and another lightness.
func TestColourKeep(t *testing.T) {
	job := tinyJob(t)
	job.Colour = ColourKeep
	var shown *picture.Picture
	seen := &recorder{each: func(i progress.Iteration) {
		m, err := i.Picture()
		if err != nil {
			t.Error(err)
		} else if shown, err = picture.FromImage(m); err != nil {
			t.Error(err)
		}
	}}
	result, err := tiny().Stylize(t.Context(), job, seen)
	if err != nil {
		t.Fatal(err)
	}
	content := job.Content.Resize(result.Picture.Width, result.Picture.Height)
	for what, p := range map[string]*picture.Picture{"the result": result.Picture, "the last iteration": shown} {
		colour, lightness := differences(p, content)
		if colour > 0.004 || lightness < 0.01 {
			t.Errorf("%s differs from the photograph by %.4f in colour and %.4f in lightness (OKLab)", what, colour, lightness)
		}
	}
	if seen.run.Settings["colour"] != "keep" || seen.run.Settings["palette"] != 0.0 {
		t.Errorf("recorded: %v", seen.run.Settings)
	}
}

// differences returns the mean differences of two pictures in OKLab.
func differences(p, q *picture.Picture) (colour, lightness float64) {
	at := func(pix []float32) (l, a, b float64) {
		return colorful.Color{R: float64(pix[0]) / 255, G: float64(pix[1]) / 255, B: float64(pix[2]) / 255}.OkLab()
	}
	pixels := float64(p.Width * p.Height)
	for i := 0; i < len(p.Pix); i += 3 {
		l, a, b := at(p.Pix[i:])
		m, c, d := at(q.Pix[i:])
		colour += math.Hypot(a-c, b-d) / pixels
		lightness += math.Abs(l-m) / pixels
	}
	return colour, lightness
}
