package stylelib

import (
	"bytes"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/stylelib/picture"
)

// half is a mask of the left or the right of a picture, with an edge that is soft over some pixels.
func half(width, height int, left bool, soft float64) *picture.Mask {
	m := &picture.Mask{Width: width, Height: height}
	for i := range width * height {
		v := min(max((float64(i%width)+0.5-float64(width)/2)/max(soft, 1e-9)+0.5, 0), 1)
		if left {
			v = 1 - v
		}
		m.Values = append(m.Values, float32(v))
	}
	return m
}

func terms(t *testing.T, s *Studio, job Job) map[string]float64 {
	t.Helper()
	score, err := s.Score(job, job.Content)
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]float64{}
	for _, term := range score.Terms {
		list[term.Name] = term.Loss
	}
	return list
}

// regionJob has a style on the left and another on the rest, each with a soft edge.
func regionJob(t *testing.T) Job {
	job := tinyJob(t)
	job.Content = job.Content.Resize(96, 64)
	job.Styles = []Style{{Picture: load(t, "sample:swirl").Resize(160, 120), Region: half(96, 64, true, 12)}, {Picture: load(t, "sample:woodcut").Resize(120, 160)}}
	return job
}

// TestRegionsAreCrops: of two halves, each is compared with its own style. The picture is one painting beside another,
// with a seam that the layers see.
func TestRegionsAreCrops(t *testing.T) {
	job := regionJob(t)
	swirl, woodcut := load(t, "sample:swirl").Resize(48, 64), load(t, "sample:woodcut").Resize(48, 64)
	both := &picture.Picture{Width: 96, Height: 64}
	for y := range 64 {
		both.Pix = append(append(both.Pix, swirl.Pix[3*48*y:][:3*48]...), woodcut.Pix[3*48*y:][:3*48]...)
	}
	job.Content = both
	left := half(96, 64, true, 0)
	style := func(styles ...Style) float64 {
		job.Styles = styles
		return terms(t, tiny(), job)["style"]
	}
	own, exchanged := style(Style{Picture: swirl, Region: left}, Style{Picture: woodcut}), style(Style{Picture: woodcut, Region: left}, Style{Picture: swirl})
	if own > 0.1*exchanged {
		t.Errorf("the style of two halves is %v, with the styles exchanged %v", own, exchanged)
	}
	// A half counts by its area.
	one, other := style(Style{Picture: woodcut, Region: left}), style(Style{Picture: swirl, Region: half(96, 64, false, 0)})
	if math.Abs(one+other-exchanged) > 1e-4*exchanged {
		t.Errorf("the halves have %v and %v, together %v", one, other, exchanged)
	}
}

// TestSameRegionMixes: styles with the same mask are one region, whether it is one mask in memory or two.
func TestSameRegionMixes(t *testing.T) {
	job := regionJob(t)
	job.Styles[1].Region = half(96, 64, true, 12)
	list := regionsOf(job.Styles)
	if len(list) != 1 || len(list[0].styles) != 2 || math.Abs(list[0].share-0.5) > 1e-6 {
		t.Fatalf("regions %+v", list)
	}
	job.Styles[0].Region, job.Styles[1].Region = nil, nil
	if list := regionsOf(job.Styles); len(list) != 1 || list[0].mask != nil || list[0].share != 1 {
		t.Errorf("without masks there are %+v", list)
	}
}

// TestRegionsOverlap: everywhere all regions together count one.
func TestRegionsOverlap(t *testing.T) {
	left, all := half(40, 30, true, 0), half(40, 30, true, 0)
	for i := range all.Values {
		all.Values[i] = 1
	}
	swirl := load(t, "sample:swirl")
	for name, c := range map[string]struct {
		styles []Style
		shares []float64
	}{
		"the rest":     {[]Style{{Picture: swirl, Region: left}, {Picture: swirl}}, []float64{0.5, 0.5}},
		"over another": {[]Style{{Picture: swirl, Region: all}, {Picture: swirl, Region: left}}, []float64{0.75, 0.25}},
		"no rest left": {[]Style{{Picture: swirl, Region: all}, {Picture: swirl}}, []float64{1}},
	} {
		list := regionsOf(c.styles)
		if len(list) != len(c.shares) {
			t.Fatalf("%s: %d regions", name, len(list))
		}
		for i, r := range list {
			if math.Abs(r.share-c.shares[i]) > 0.01 {
				t.Errorf("%s: region %d has a share of %v, want %v", name, i, r.share, c.shares[i])
			}
		}
		for p := range left.Values {
			var sum float32
			for _, r := range list {
				sum += r.mask.Values[p]
			}
			if math.Abs(float64(sum)-1) > 1e-6 {
				t.Fatalf("%s: at %d the regions count %v", name, p, sum)
			}
		}
	}
	_, parts := shares(regionsOf([]Style{{Picture: swirl, Weight: 1, Region: left}, {Picture: swirl, Weight: 3, Region: left}, {Picture: swirl, Weight: 9}}))
	for i, want := range []float64{0.125, 0.375, 0.5} {
		if math.Abs(parts[i]-want) > 0.01 {
			t.Errorf("the shares are %v", parts)
		}
	}
}

// TestMaskCompilesNothing: with other masks of the same regions, the objective's graph and the targets are those that are
// there.
func TestMaskCompilesNothing(t *testing.T) {
	s := NewStudio(device, tiny().weights, Options{})
	defer s.Close()
	job := regionJob(t)
	job.Protect = half(96, 64, false, 5)
	first := terms(t, s, job)
	graphs := s.objectives.Len()
	job.Styles[0].Region, job.Protect = half(96, 64, false, 30), half(96, 64, true, 9)
	second := terms(t, s, job)
	if s.objectives.Len() != graphs || graphs != 1 {
		t.Errorf("%d graphs, then %d", graphs, s.objectives.Len())
	}
	if maps.Equal(first, second) {
		t.Error("another mask changes nothing")
	}
}

// TestProtect: the content counts four times where the mask is 1, and once where it is 0.
func TestProtect(t *testing.T) {
	job := regionJob(t)
	at := load(t, "sample:coffee").Resize(96, 64)
	content := func(m *picture.Mask) float64 {
		job.Protect = m
		score, err := tiny().Score(job, at)
		if err != nil {
			t.Fatal(err)
		}
		for _, term := range score.Terms {
			if term.Name == "content" {
				return term.Loss
			}
		}
		t.Fatal("there is no content")
		return 0
	}
	none, left, right := content(nil), content(half(96, 64, true, 0)), content(half(96, 64, false, 0))
	if math.Abs(left+right-5*none) > 1e-4*none || left <= none || right <= none {
		t.Errorf("content is %v, with the left protected %v, with the right %v", none, left, right)
	}
}

// TestPart: what a mask of the painting hides is as what its alpha hides.
func TestPart(t *testing.T) {
	job := regionJob(t)
	swirl := job.Styles[0].Picture
	cut := *swirl
	cut.Alpha = make([]float32, len(swirl.Pix)/3)
	part := half(swirl.Width, swirl.Height, true, 0)
	for i, v := range part.Values {
		cut.Alpha[i] = 255 * v
	}
	job.Styles = []Style{{Picture: swirl, Part: part}}
	masked := terms(t, tiny(), job)
	job.Styles = []Style{{Picture: swirl}}
	whole := terms(t, tiny(), job)
	// The layers see the page beside a cut-out, and the painting beside a part.
	job.Styles = []Style{{Picture: cut.On(picture.Colour{}), Part: part}}
	black := terms(t, tiny(), job)
	job.Styles, job.Background = []Style{{Picture: &cut}}, "black"
	if transparent := terms(t, tiny(), job); !maps.Equal(black, transparent) || maps.Equal(masked, whole) {
		t.Errorf("a part %v, of a black page %v, by alpha %v, whole %v", masked, black, transparent, whole)
	}
}

// TestRegionsResume: a painting with masks continues from a checkpoint to the byte, and not with other masks.
func TestRegionsResume(t *testing.T) {
	job := regionJob(t)
	job.Size, job.Iterations, job.Scales, job.Protect = 64, 4, 2, half(96, 64, true, 6)
	whole, files := checkpoints(t, job)
	for _, at := range []int{1, 3} {
		result, err := tiny().Resume(t.Context(), job, readBack(t, files[at]), nil)
		if err != nil || !slices.Equal(result.Picture.Pix, whole.Picture.Pix) {
			t.Errorf("resumed after iteration %d: another picture, %v", at+1, err)
		}
	}
	for name, change := range map[string]func(*Job){
		"region":  func(j *Job) { j.Styles[0].Region = half(96, 64, true, 11) },
		"none":    func(j *Job) { j.Styles[0].Region = nil },
		"part":    func(j *Job) { j.Styles[1].Part = half(120, 160, true, 0) },
		"protect": func(j *Job) { j.Protect = half(96, 64, true, 7) },
	} {
		other := job
		other.Styles = slices.Clone(job.Styles)
		change(&other)
		c, err := ReadCheckpoint(bytes.NewReader(files[1]))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tiny().Resume(t.Context(), other, c, nil); !errors.Is(err, ErrJob) {
			t.Errorf("another %s: %v", name, err)
		}
	}
}

// TestRegionsInTiles: masks are the same in tiles.
func TestRegionsInTiles(t *testing.T) {
	job := regionJob(t)
	job.Content = load(t, "sample:chelsea").Resize(400, 300)
	job.Styles = []Style{{Picture: load(t, "sample:swirl").Resize(300, 200), Region: half(200, 150, true, 20), Part: half(300, 200, true, 30)}, {Picture: load(t, "sample:glass").Resize(200, 200)}}
	job.Protect = half(400, 300, false, 9)
	whole, tiled := terms(t, tiny(), job), terms(t, tiledStudio(), job)
	for name, want := range whole {
		if math.Abs(tiled[name]-want) > 1e-4*want+1e-9 { // the content's own features are the target
			t.Errorf("%s is %v in tiles, %v whole", name, tiled[name], want)
		}
	}
}

// TestSmallRegion: a region without a position at the deepest layer counts nothing there, and breaks nothing.
func TestSmallRegion(t *testing.T) {
	job := regionJob(t)
	speck := &picture.Mask{Width: 96, Height: 64, Values: make([]float32, 96*64)}
	speck.Values[0] = 1
	for _, at := range []int{0, 96*64 - 1} {
		clear(speck.Values)
		speck.Values[at] = 1
		job.Styles[0].Region = speck
		if style := terms(t, tiny(), job)["style"]; !(style > 0) || math.IsInf(style, 0) {
			t.Errorf("a style is %v", style)
		}
	}
}

// TestSmallPart: a part that has no position at the deepest layer is painted.
func TestSmallPart(t *testing.T) {
	job := regionJob(t)
	speck := &picture.Mask{Width: 123, Height: 163, Values: make([]float32, 123*163)}
	speck.Values[123*163-1] = 1 // block4's stride is 8
	job.Styles[1] = Style{Picture: job.Styles[1].Picture.Resize(123, 163), Part: speck}
	if style := terms(t, tiny(), job)["style"]; !(style > 0) || math.IsInf(style, 0) {
		t.Errorf("the style is %v", style)
	}
}

func TestMaskMistakes(t *testing.T) {
	black := &picture.Mask{Width: 96, Height: 64, Values: make([]float32, 96*64)}
	for says, change := range map[string]func(*Job){
		"the region of style 1 is black everywhere":         func(j *Job) { j.Styles[0].Region = black },
		"the region of style 1 is 64×64 pixels":             func(j *Job) { j.Styles[0].Region = half(64, 64, true, 0) },
		"the part of style 2 is 96×64 pixels":               func(j *Job) { j.Styles[1].Part = half(96, 64, true, 0) },
		"the mask of what is protected is black everywhere": func(j *Job) { j.Protect = black },
		"no part of a style picture counts": func(j *Job) {
			p, left := *j.Styles[1].Picture, half(120, 160, true, 0)
			for _, v := range left.Values {
				p.Alpha = append(p.Alpha, 255*v)
			}
			j.Styles[1] = Style{Picture: &p, Part: half(120, 160, false, 0)}
		},
		"the regions leave nothing of the picture for the style": func(j *Job) { j.Styles[0].Region = half(96, 64, true, 1e9).Resize(96, 64); fill(j.Styles[0].Region) },
	} {
		job := regionJob(t)
		change(&job)
		if _, err := tiny().Score(job, job.Content); !errors.Is(err, ErrJob) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v does not mention %q", err, says)
		}
	}
	job := regionJob(t)
	if w := job.Warnings(); len(w) > 0 {
		t.Errorf("warnings %v", w)
	}
	job.Styles = job.Styles[:1]
	if w := job.Warnings(); len(w) != 1 || !strings.Contains(w[0].Error(), "no style paints 50 % of the picture") {
		t.Errorf("half a picture without a style: %v", w)
	}
}

func fill(m *picture.Mask) {
	for i := range m.Values {
		m.Values[i] = 1
	}
}
