package painting

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// A sweep over photographs, paintings and strength, which a form begins, is painted from the store alone.
func TestSweepOverPictures(t *testing.T) {
	store := openStore(t, t.TempDir())
	var inputs []tracker.NewPicture
	for name, of := range map[string]string{"cat.jpg": "sample:chelsea", "cup.jpg": "sample:coffee", "waves.jpg": "sample:swirl"} {
		data, err := picture.ReadFile(of)
		if err != nil {
			t.Fatal(err)
		}
		inputs = append(inputs, tracker.NewPicture{Role: tracker.RoleContent, Name: name, Data: data})
	}
	text := "name: pairs\nsize: 64\niterations: 2\nscales: 1\n" + light + `sampler: grid
search:
  content: [cat.jpg, cup.jpg]
  style: [waves.jpg, sample:glass]
  strength: [0, 1]
`
	if _, err := (Desk{Store: store}).Begin(t.Context(), text, "pairs", "", inputs); err != nil {
		t.Fatal(err)
	}
	worker := newWorker(store)
	worker.Idle = 1 // nothing comes after the sweep
	if err := worker.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	var painted []string
	for _, run := range trackertest.Trials(t, store) {
		pictures, err := store.Pictures(t.Context(), run.ID, tracker.PictureQuery{Roles: []string{tracker.RoleContent, tracker.RoleStyle}})
		if err != nil || len(pictures) != 2 || run.Status != tracker.StatusFinished {
			t.Fatalf("trial %d is %s (%s), with the inputs %v (%v)", run.Trial, run.Status, run.Reason, pictures, err)
		}
		painted = append(painted, fmt.Sprintf("%s %s %v %v", pictures[0].Name, pictures[1].Name, run.Params[strength], run.Params["freedom"]))
	}
	slices.Sort(painted)
	if got, want := strings.Join(painted, "; "), "cat.jpg glass 0 0.2; cat.jpg glass 1 0.8; cat.jpg waves.jpg 0 0.2; cat.jpg waves.jpg 1 0.8; "+
		"cup.jpg glass 0 0.2; cup.jpg glass 1 0.8; cup.jpg waves.jpg 0 0.2; cup.jpg waves.jpg 1 0.8"; strings.ReplaceAll(got, "sample:", "") != want {
		t.Errorf("painted %s", got)
	}
}

// curves is a store that has one run's seconds.
type curves struct {
	tracker.Store
	points []tracker.Point
}

func (c curves) Curves(context.Context, string, tracker.CurveQuery) ([]tracker.Curve, error) {
	if c.points == nil {
		return nil, nil
	}
	return []tracker.Curve{{Series: tracker.Series{Name: "seconds", Points: c.points}}}, nil
}

// Before the first iteration of a size, what is left is unknown, and the page says which size is prepared.
func TestLeft(t *testing.T) {
	run := &tracker.Run{Params: tracker.Params{"size": int64(256), "iterations": int64(10), "scales": int64(2), "preset": "gouache", "style_weight": 3.0, "tone_weight": 6.0}}
	inputs := []tracker.Picture{{Role: tracker.RoleContent, Width: 300, Height: 200}, {Role: tracker.RoleStyle, Width: 300, Height: 200}}
	var points []tracker.Point
	for step, seconds := range []float64{20, 21, 22, 23, 24, 50, 54, 58, 62} { // two sizes are prepared for 20 and 22 seconds
		points = append(points, tracker.Point{Step: int64(step + 1), Value: seconds})
	}
	for done, want := range map[int]string{0: "0s 128×85", 1: "0s ", 4: "40s ", 5: "0s 256×171", 9: "4s "} {
		left, prepared, err := Desk{Store: curves{points: points[:done:done]}}.Left(t.Context(), run, inputs)
		if got := fmt.Sprint(left.Round(1e9), " ", prepared); err != nil || got != want {
			t.Errorf("after %d iterations: %q (%v), not %q", done, got, err, want)
		}
	}
}

// What is offered is no larger than makes sense, and what does not fit is refused.
func TestSizes(t *testing.T) {
	inputs := []tracker.Picture{{Role: tracker.RoleContent, Width: 451, Height: 300}, {Role: tracker.RoleStyle, Width: 400, Height: 640}, {Role: tracker.RoleStyle, Width: 100, Height: 100}}
	for _, c := range []struct {
		largest, want int
		why           string
	}{
		{10000, 1804, "photograph’s 451 pixels"}, {1504, 1504, "memory"}, {0, 1804, "photograph"},
	} {
		if size, why := fine(inputs, c.largest); size != c.want || !strings.Contains(why, c.why) {
			t.Errorf("with memory for %d: %d, %s", c.largest, size, why)
		}
	}
	if size, why := fine(inputs[1:], 10000); size != 2560 || !strings.Contains(why, "painting’s 640 pixels") {
		t.Errorf("of a painting: %d, %s", size, why)
	}
	if text := tooMuch(9000, 4096); text != "size 9000 does not fit into the memory of this machine: the largest that does is 4096" || tooMuch(4096, 4096) != "" || tooMuch(4096, 0) != "" {
		t.Error("9000 pixels: ", text)
	}
}

// A form has strength as runs have it, and a run of the strength is filled in with it alone.
func TestFillStrength(t *testing.T) {
	store := openStore(t, t.TempDir())
	desk := Desk{Store: store}
	n := newRun(t, nil)
	n.Params = tracker.Params{strength: 1.0}
	run, err := desk.Enqueue(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	filled, err := desk.Fill(run, []tracker.Picture{{Role: tracker.RoleContent, Width: 300, Height: 200}})
	if err != nil || !maps.Equal(filled, tracker.Params{strength: 1.0}) {
		t.Errorf("filled in with %v (%v)", filled, err)
	}
}
