package stylelib

import (
	"encoding/json"
	"testing"

	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/optimize"
	"github.com/gouache-art/gouache/stylelib/spectrum"
)

// TestVariables: from the second scale on the variables are those that the first has learnt, with which a painting is
// resumed to the byte; Adam's are the pixels.
func TestVariables(t *testing.T) {
	for method, learns := range map[optimize.Method]bool{optimize.LBFGS: true, optimize.Adam: false} {
		job := tinyJob(t)
		job.Preset = loss.NeuralStyle()
		job.Preset.ContentLayers, job.Preset.StyleLayers = []string{"block2_conv1"}, []string{"block1_conv1", "block2_conv1"}
		job.Preset.Optimizer = method
		job.Size, job.Scales, job.Iterations = 128, 3, 18
		files := checkResume(t, job)
		var first *spectrum.Law
		for i, file := range files {
			c := readBack(t, file)
			law := c.head.Law
			if want := learns && c.head.Scale > 0; (law != nil) != want {
				t.Errorf("%s: iteration %d, of scale %d, has the law %+v", method, i+1, c.head.Scale, law)
			}
			if first == nil {
				first = law
			}
			if law != nil && *law != *first {
				t.Errorf("%s: iteration %d has the law %+v, an earlier one %+v", method, i+1, *law, *first)
			}
		}
	}
}

// TestVariablesInTiles: a picture in tiles is optimised in pixels.
func TestVariablesInTiles(t *testing.T) {
	job := tinyJob(t)
	job.Size, job.Scales, job.Iterations = MinTile+64, 2, 8
	s := NewStudio(device, tiny().weights, Options{Tile: MinTile})
	defer s.Close()
	if _, err := s.Stylize(t.Context(), job, nil); err != nil {
		t.Fatal(err)
	}
	if n := s.transforms.Len(); n != 0 {
		t.Errorf("%d transforms were compiled", n)
	}
}

// TestLawRefused: a checkpoint whose law no run has is refused.
func TestLawRefused(t *testing.T) {
	job := tinyJob(t)
	_, files := checkpoints(t, job)
	for _, law := range []string{`{"decay":-1,"colour":1}`, `{"decay":0.5,"colour":0}`, `{"decay":1e300,"colour":1}`, `{}`} {
		c := readBack(t, files[len(files)-1])
		c.head.Law = nil
		if err := json.Unmarshal([]byte(law), &c.head.Law); err != nil {
			t.Fatal(err)
		}
		if *c.head.Law == (spectrum.Law{Decay: 0, Colour: 1}) {
			t.Fatal("a valid law")
		}
		if _, err := tiny().Resume(t.Context(), job, c, nil); err == nil {
			t.Errorf("resumed with %s", law)
		}
	}
}
