package web

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/image/draw"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sqlite"
)

// planned is how many iterations the runs of realStore were to have.
const planned = 90

// sample is a run of realStore.
type sample struct {
	experiment, name, content, style string
	sweep                            string
	trial                            int
	pooling                          string
	styleWeight                      float64
	seed, size                       int
	tags                             []string
	rating                           int
	note                             string
	status                           tracker.Status
	reason                           string
	steps                            int // that it had
}

var samples = []sample{
	{experiment: "woodcut", name: "a light touch", content: "chelsea", style: "woodcut", pooling: "avg", styleWeight: 5, size: 451},
	{experiment: "woodcut", name: "whiskers stay", content: "chelsea", style: "woodcut", pooling: "avg", styleWeight: 50, size: 451, rating: 5,
		tags: []string{"to show", "best"}, note: "The whiskers are still there and the fur has become waves.\nThis weight for the big print."},
	{experiment: "woodcut", name: "too much", content: "chelsea", style: "woodcut", pooling: "max", styleWeight: 400, size: 451, rating: 2},
	{experiment: "morning coffee", name: "", content: "coffee", style: "watercolour", pooling: "avg", styleWeight: 40, size: 600, rating: 4, tags: []string{"to show"}},
	{experiment: "morning coffee", name: "in the wind", content: "coffee", style: "swirl", pooling: "avg", styleWeight: 80, size: 600, status: tracker.StatusInterrupted,
		reason: "interrupted after 61 of 90 iterations", steps: 61},
	{experiment: "launch", name: "", content: "rocket", style: "swirl", pooling: "avg", styleWeight: 1e6, size: 640, status: tracker.StatusFailed,
		reason: "the objective is not a number at iteration 41: use a smaller --style-weight", steps: 41},
	{experiment: "glass", name: "", content: "chelsea", style: "glass", sweep: "how much glass", trial: 1, pooling: "avg", styleWeight: 10, size: 320},
	{experiment: "glass", name: "", content: "chelsea", style: "glass", sweep: "how much glass", trial: 2, pooling: "max", styleWeight: 30, size: 320, rating: 3},
	{experiment: "glass", name: "", content: "chelsea", style: "glass", sweep: "how much glass", trial: 3, pooling: "avg", styleWeight: 90, size: 320, rating: 4, tags: []string{"to show"}},
	{experiment: "launch", name: "night launch", content: "rocket", style: "swirl", pooling: "avg", styleWeight: 60, size: 640, status: tracker.StatusRunning, steps: 34},
}

// realStore opens a store of its own with a handful of runs as Stylize makes them: pictures, curves and all. The
// latest is running. The pictures are not painted, which takes minutes, but mixed of those that come with the program.
func realStore(t testing.TB) *sqlite.DB {
	t.Helper()
	from, err := realDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "store")
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return openStore(t, dir)
}

// emptyStore opens a store without runs.
func emptyStore(t testing.TB) *sqlite.DB { return openStore(t, filepath.Join(t.TempDir(), "store")) }

func openStore(t testing.TB, dir string) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// removeStores removes what stores were copied from.
var removeStores = func() {}

// realDir makes the store once, which takes seconds.
var realDir = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "gouache-web-*")
	if err != nil {
		return "", err
	}
	removeStores = func() { os.RemoveAll(dir) }
	db, err := sqlite.Open(context.Background(), dir, sqlite.Options{})
	if err != nil {
		return "", err
	}
	defer db.Close()
	now := time.Date(2026, 11, 3, 9, 12, 0, 0, time.UTC)
	db.Now = func() time.Time { return now }
	for i, s := range samples {
		if err := s.record(db, func(d time.Duration) { now = now.Add(d) }); err != nil {
			return "", fmt.Errorf("sample %d: %w", i, err)
		}
		now = now.Add(3 * time.Hour)
	}
	return dir, nil
})

// record adds the run to a store; pass lets time pass.
func (s sample) record(db *sqlite.DB, pass func(time.Duration)) error {
	ctx := context.Background()
	if s.steps == 0 {
		s.steps, s.status, s.reason = planned, tracker.StatusFinished, "all iterations are done"
	}
	content, contentFile, err := readSample(s.content)
	if err != nil {
		return err
	}
	style, styleFile, err := readSample(s.style)
	if err != nil {
		return err
	}
	run, err := db.CreateRun(ctx, s.describe())
	if err != nil {
		return err
	}
	pictures := []tracker.NewPicture{
		{Role: tracker.RoleContent, Name: s.content, Source: "sample:" + s.content, Data: contentFile},
		{Role: tracker.RoleStyle, Name: s.style, Source: "sample:" + s.style, Data: styleFile},
	}
	canvas := resize(content, s.size)
	strength := s.styleWeight / (s.styleWeight + 40)
	for _, step := range []int{1, 2, 4, 8, 16, 31, 60, planned} {
		if step <= s.steps {
			pictures = append(pictures, tracker.NewPicture{Role: tracker.RoleSnapshot, Step: int64(step), Data: mix(canvas, style, strength, step)})
		}
	}
	if s.status == tracker.StatusFinished {
		pictures = append(pictures, tracker.NewPicture{Role: tracker.RoleResult, Step: planned, Name: "out.png", Data: mix(canvas, style, strength, planned+1)})
	}
	if err := db.AppendPoints(ctx, run.Claim(), s.curves(1, s.steps)); err != nil {
		return err
	}
	pass(time.Duration(s.steps) * 1300 * time.Millisecond)
	for _, p := range pictures {
		if _, err := db.AddPicture(ctx, run.Claim(), p); err != nil {
			return err
		}
	}
	if s.note != "" {
		for name, text := range map[string]string{"logs/2026-11-30 night, the second attempt.txt": "painted\n", "tables/" + strings.Repeat("very-", 30) + "long.csv": "a,b\n"} {
			if _, err := db.AddFile(ctx, run.Claim(), tracker.NewFile{Name: name, Data: []byte(text)}); err != nil {
				return err
			}
		}
	}
	if s.rating > 0 {
		if _, err := db.UpdateRun(ctx, run.ID, tracker.Update{Rating: &s.rating}); err != nil {
			return err
		}
	}
	if s.status == tracker.StatusRunning {
		return nil
	}
	return db.FinishRun(ctx, run.Claim(), tracker.Outcome{Status: s.status, Reason: s.reason, PeakMemory: 1_310_000_000})
}

func (s sample) describe() tracker.NewRun {
	seed := int64(s.seed)
	return tracker.NewRun{
		Experiment: s.experiment, Name: s.name, Sweep: s.sweep, Trial: s.trial, Tags: s.tags, Note: s.note, NoteBy: "Ada",
		Params: tracker.Params{
			"content_picture": s.content + ".jpg", "style_picture": s.style + ".jpg",
			"size": s.size, "iterations": planned, "scales": 3, "preset": "gouache", "pooling": s.pooling, "margin": 0, "content_weight": 1,
			"style_weight": s.styleWeight, "tv_weight": 0.5, "seed": s.seed, "device": "cpu: Intel(R) Xeon(R)", "network": "VGG16", "weights": "vgg16-hed",
		},
		Provenance: tracker.Provenance{
			Version: "v0.4.0", Commit: "661a016bd2ac2dbd5a9e8a3c1c9c6f3d2b1a0e9f", Dir: "/home/ada/pictures", Go: "go1.26.5", Platform: "linux/amd64",
			XLA: "0.115", Device: "cpu: Intel(R) Xeon(R)", Network: "VGG16", Weights: "vgg16-hed", Seed: &seed,
			WeightsSHA256: "0c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f1",
			Command: []string{"gouache", "stylize", "--content", "sample:" + s.content, "--style", "sample:" + s.style, "--out", "out/it's " + s.style + ".png",
				"--size", fmt.Sprint(s.size), "--iterations", fmt.Sprint(planned), "--style-weight", fmt.Sprint(s.styleWeight), "--pooling", s.pooling},
		},
	}
}

// curves are plausible values of the terms from one step to another. The one that failed ends in NaN.
func (s sample) curves(from, to int) []tracker.Series {
	names := []string{"content", "style", "tv", "total", "seconds", "evaluations", "loss.content", "loss.style", "loss.tv"}
	list := make([]tracker.Series, len(names))
	for step := from; step <= to; step++ {
		x := float64(step)
		wave := 1 + 0.04*math.Sin(x*1.7)
		jump := 1 + 0.5*math.Exp(-math.Mod(x, 30)/2) // a new scale begins
		content := 0.9 * (1 - math.Exp(-x/12)) * jump
		style := (0.02 + math.Exp(-x/9)) * wave * jump
		tv := 0.05 + 0.2*math.Exp(-x/25)
		if s.status == tracker.StatusFailed && step == s.steps {
			style = math.NaN()
		}
		values := []float64{content, s.styleWeight * style, 0.5 * tv, content + s.styleWeight*style + 0.5*tv, 1.3 * x, 1.08 * x, content, style, tv}
		for i, v := range values {
			list[i].Name = names[i]
			list[i].Points = append(list[i].Points, tracker.Point{Step: int64(step), Value: v})
		}
	}
	return list
}

// readSample reads a picture that comes with the program.
func readSample(name string) (image.Image, []byte, error) {
	data, err := os.ReadFile(filepath.Join("..", "..", "stylelib", "samples", "pictures", name+".jpg"))
	if err != nil {
		return nil, nil, err
	}
	m, _, err := image.Decode(bytes.NewReader(data))
	return m, data, err
}

func resize(m image.Image, width int) *image.RGBA {
	b := m.Bounds()
	scaled := image.NewRGBA(image.Rect(0, 0, width, (b.Dy()*width+b.Dx()/2)/b.Dx()))
	draw.CatmullRom.Scale(scaled, scaled.Bounds(), m, b, draw.Src, nil)
	return scaled
}

// mix is what a painting might look like after some steps: the content's shades in the style's colours, over which
// the style's strokes show the more the later it is.
func mix(content *image.RGBA, style image.Image, strength float64, step int) []byte {
	colours := resize(style, content.Bounds().Dx())
	late := 1 - math.Exp(-float64(step)/14)
	out := image.NewRGBA(content.Bounds())
	for y := range content.Bounds().Dy() {
		for x := range content.Bounds().Dx() {
			c, s := content.RGBAAt(x, y), colours.RGBAAt(x, y%colours.Bounds().Dy())
			shade := (0.3*float64(c.R) + 0.6*float64(c.G) + 0.1*float64(c.B)) / 128
			blend := func(c, s uint8) uint8 {
				painted := float64(s) * (0.35 + 0.65*shade)
				return uint8(min(255, max(0, float64(c)+(painted-float64(c))*strength*late)))
			}
			out.SetRGBA(x, y, color.RGBA{blend(c.R, s.R), blend(c.G, s.G), blend(c.B, s.B), 255})
		}
	}
	var b bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := encoder.Encode(&b, out); err != nil {
		panic(err) // a buffer takes everything
	}
	return b.Bytes()
}
