package painting

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// TestMasks: a sweep paints with masks, records each beside its style, and can be painted again from the record, to the
// byte.
func TestMasks(t *testing.T) {
	dir := t.TempDir()
	writePicture(t, filepath.Join(dir, "mine.png"))
	left := &picture.Picture{Width: 80, Height: 64, Pix: make([]float32, 3*80*64)}
	for i := range left.Pix {
		if i/3%80 < 40 {
			left.Pix[i] = 255
		}
	}
	for _, name := range []string{"left.png", "face.png"} {
		if err := left.Save(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	text := light + `name: masks
content: mine.png
style:
  - sample:swirl
  - picture: mine.png
    weight: 2
    region: left.png
    part: face.png
protect: face.png
strokes_of: sample:woodcut
sampler: grid
size: 64
iterations: 2
scales: 1
search: {style_weight: [3]}
`
	f, err := Parse([]byte(text), filepath.Join(dir, "masks.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	store := openStore(t, filepath.Join(dir, "store"))
	painter := &Painter{Studio: tinyStudio(), File: f}
	if err := painter.Check(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if s := runSweep(t, store, painter); s.Finished != 1 {
		t.Fatalf("%+v", s)
	}
	run := trackertest.Trials(t, store)[0]
	inputs, err := store.Pictures(t.Context(), run.ID, tracker.PictureQuery{Roles: tracker.InputRoles})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range inputs {
		got = append(got, fmt.Sprint(p.Role, p.Step, " ", p.Name))
	}
	slices.Sort(got)
	if want := []string{"content0 mine.png", "part1 face.png", "protect0 face.png", "region1 left.png", "strokes0 sample:woodcut", "style0 sample:swirl", "style1 mine.png"}; !slices.Equal(got, want) {
		t.Errorf("recorded %q, want %q", got, want)
	}
	if run.Params["region_picture"] != "left.png" || run.Params["part_picture"] != "face.png" || run.Params["protect_picture"] != "face.png" {
		t.Errorf("parameters %v", run.Params)
	}
	job, err := Again(t.Context(), store, run)
	if err != nil {
		t.Fatal(err)
	}
	if job.Styles[0].Region != nil || job.Styles[1].Region == nil || job.Styles[1].Part == nil || job.Styles[1].Weight != 2 || job.Protect == nil || job.StrokesOf == nil {
		t.Errorf("again: %+v", job)
	}
	result, err := painter.Studio.Stylize(t.Context(), job, nil)
	if err != nil {
		t.Fatal(err)
	}
	if kept := resultOf(t, store, run.ID); !slices.Equal(result.Picture.Image().Pix, kept.Pix) {
		t.Error("painted again it is another picture")
	}
	kept := Kept(store, "masks")
	if data, err := kept(t.Context(), filepath.Join(dir, "left.png")); err != nil || data == nil {
		t.Errorf("the mask is not kept: %v", err)
	}
	for from, c := range map[string]struct{ to, says string }{
		"region: left.png":  {"region: lfet.png", "masks.yaml:9:13: " + filepath.Join(dir, "lfet.png") + " cannot be read"},
		"protect: face.png": {"protect: none.png", "masks.yaml:11:10: " + filepath.Join(dir, "none.png") + " cannot be read"},
		"part: face.png":    {"part: sample:rocket", "the part of style 2 is"},
	} {
		f, err := sweep.Parse([]byte(strings.Replace(text, from, c.to, 1)), filepath.Join(dir, "masks.yaml"), Schema())
		if err != nil {
			t.Fatal(err)
		}
		if err := (&Painter{File: f}).Check(t.Context(), false); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.to, err)
		}
	}
}
