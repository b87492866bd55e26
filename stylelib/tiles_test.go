package stylelib

import (
	"bytes"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/progress"
)

// tiledStudio is tiny, but computes in tiles of the least size.
var tiledStudio = sync.OnceValue(func() *Studio { return NewStudio(device, tiny().weights, Options{Tile: MinTile}) })

func tiledJob(t *testing.T) Job {
	job := tinyJob(t)
	job.Preset.ScaleFactor = math.Sqrt2
	job.Size, job.Scales, job.Iterations = 420, 2, 6 // the first scale, 297 pixels, is of tiles in one direction
	return job
}

// scoreJob has all layers of the default, and a content picture that is larger than a tile. Its graphs, whole and in tiles,
// are compiled once for all tests that leave both.
func scoreJob(t *testing.T) Job {
	job := tinyJob(t)
	job.Preset = loss.Gouache()
	job.Content = job.Content.Resize(300, 310)
	return job
}

// TestPaintingInTiles: the picture is the one that is painted whole, except for what the optimiser makes of rounding in a
// few iterations, and observers receive each tile of each evaluation. It has one scale: at a second one, variables that were
// learnt at the first are for pictures that are computed whole.
func TestPaintingInTiles(t *testing.T) {
	job := tiledJob(t)
	job.Scales, job.Iterations = 1, 3
	whole, err := tiny().Stylize(t.Context(), job, nil)
	if err != nil {
		t.Fatal(err)
	}
	var r recorder
	tiled, err := tiledStudio().Stylize(t.Context(), job, progress.Multi{&r})
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(tiled.Total-whole.Total) > 2e-3*whole.Total {
		t.Errorf("the loss is %v in tiles, %v whole", tiled.Total, whole.Total)
	}
	var apart float64
	for i, v := range whole.Picture.Pix {
		apart += math.Abs(float64(v - tiled.Picture.Pix[i]))
	}
	if apart /= float64(len(whole.Picture.Pix)); apart > 1 {
		t.Errorf("the pictures are %v grey levels apart", apart)
	}
	checkTiles(t, &r, tiled)
}

func checkTiles(t *testing.T, r *recorder, result *progress.Result) {
	t.Helper()
	evaluations := 0
	for i, at := range r.tiles {
		switch {
		case at.Done == 1:
			if at.Evaluations != evaluations {
				t.Errorf("tile %d begins an evaluation after %d, %d expected", i, at.Evaluations, evaluations)
			}
			evaluations++
		case at.Done != r.tiles[i-1].Done+1 || at.Total != r.tiles[i-1].Total:
			t.Errorf("%+v after %+v", at, r.tiles[i-1])
		}
		if at.Done > at.Total || at.Total < 4 || at.Iteration < 1 || at.Iteration > result.Iterations+1 {
			t.Errorf("%+v of %d iterations", at, result.Iterations)
		}
	}
	if evaluations != result.Evaluations {
		t.Errorf("tiles of %d evaluations were observed, %d were made", evaluations, result.Evaluations)
	}
}

// TestResumeInTiles: a run continues from a checkpoint to the same bytes, in the tiles it began in, whatever the studio
// would choose.
func TestResumeInTiles(t *testing.T) {
	job := tiledJob(t)
	job.Scales, job.Iterations = 1, 4
	var file bytes.Buffer
	r := recorder{each: func(i progress.Iteration) {
		if i.Iteration == 2 {
			if err := i.Checkpoint(&file); err != nil {
				t.Error(err)
			}
		}
	}}
	straight, err := tiledStudio().Stylize(t.Context(), job, &r)
	if err != nil {
		t.Fatal(err)
	}
	resumed, err := tiny().Resume(t.Context(), job, readBack(t, file.Bytes()), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(straight.Picture.Pix, resumed.Picture.Pix) {
		t.Error("the resumed run painted another picture")
	}
}

// TestScoreInTiles: an objective of a picture that is larger than a tile.
func TestScoreInTiles(t *testing.T) {
	job := scoreJob(t)
	whole, err := tiny().Score(job, job.Content)
	if err != nil {
		t.Fatal(err)
	}
	tiled, err := tiledStudio().Score(job, job.Content)
	if err != nil {
		t.Fatal(err)
	}
	// float32 sums in another order
	if math.Abs(tiled.Total-whole.Total) > 1e-5*whole.Total || math.Abs(tiled.GradientL2-whole.GradientL2) > 1e-5*whole.GradientL2 {
		t.Errorf("%v with a gradient of %v in tiles, %v with %v whole", tiled.Total, tiled.GradientL2, whole.Total, whole.GradientL2)
	}
}

func TestTileChoice(t *testing.T) {
	const side = 4096
	least := MemoryEstimate(side, side, MinTile)
	for _, c := range []struct {
		tile      int
		available int64
		want      int
	}{
		{0, math.MaxInt64, 0}, {0, MemoryEstimate(side, side, 0), 0}, {0, MemoryEstimate(side, side, 0) - 1, tileSides[0]},
		{0, least, MinTile}, {0, 0, MinTile}, {Whole, 0, 0}, {300, math.MaxInt64, 300}, {300, 0, 300},
	} {
		if got := (Options{Tile: c.tile}).tile(side, side, c.available); got != c.want {
			t.Errorf("tile %d with %d bytes: %d, want %d", c.tile, c.available, got, c.want)
		}
	}
	// In between, the largest that fits.
	for available := least; available < MemoryEstimate(side, side, 0); available += 100 << 20 {
		got := Options{}.tile(side, side, available)
		if MemoryEstimate(side, side, got) > available {
			t.Errorf("tiles of %d pixels do not fit into %d bytes", got, available)
		}
		if i := slices.Index(tileSides, got); i > 0 && MemoryEstimate(side, side, tileSides[i-1]) <= available {
			t.Errorf("tiles of %d pixels, although %d would fit into %d bytes", got, tileSides[i-1], available)
		}
	}
}

func TestParseTile(t *testing.T) {
	for text, want := range map[string]int{"auto": 0, "off": Whole, "256": 256, "1000": 1000} {
		if got, err := ParseTile(text); err != nil || got != want {
			t.Errorf("%q is %d, %v", text, got, err)
		}
	}
	for _, bad := range []string{"", "0", "-1", "255", "20000", "on", "1.5"} {
		if _, err := ParseTile(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
