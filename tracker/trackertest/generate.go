package trackertest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

// GenerateOptions configures Generate. The zero value gives the store of the benchmarks: 10 million points.
type GenerateOptions struct {
	Runs  int    // the default is 10,000
	Steps int    // points of each of the five curves; the default is 200
	Seed  uint64 // the same seed gives the same runs, including their ids
}

// Generate adds runs to a store that look as if a person had painted with Stylize: in 20 experiments, a quarter of
// them trials of sweeps of 25, with parameters, tags, notes, ratings, curves and a result each. Most are finished and
// none is running. Run i is called "run i", and begins i minutes after the year 2026 does.
//
// It uses only Restore, once for each run, so it works with every store. On two slow cores the
// default takes SQLite 24 s, half of them for the 10,000 syncs of the disk.
func Generate(ctx context.Context, store tracker.Store, o GenerateOptions) error {
	o.Runs, o.Steps = cmp.Or(o.Runs, 10_000), cmp.Or(o.Steps, 200)
	results, files, err := paintResults()
	if err != nil {
		return err
	}
	open := func(_ context.Context, hash string) (io.ReadSeekCloser, error) {
		return memoryFile{bytes.NewReader(files[hash])}, nil
	}
	for i := range o.Runs {
		if _, err := store.Restore(ctx, generateRun(o, i, results[i%len(results)]), open); err != nil {
			return err
		}
	}
	return nil
}

// generateRun makes one run from the seed and its number.
func generateRun(o GenerateOptions, i int, result tracker.Picture) *tracker.Archive {
	random := rand.New(rand.NewPCG(o.Seed, uint64(i)))
	at := time.Date(2026, 1, 1, 0, i, 0, 0, time.UTC)
	seed := int64(i)
	r := tracker.Run{
		ID:   tracker.NewID(at)[:7] + fmt.Sprintf("%05x", random.Uint32N(1<<20)), // the time, and random letters
		Name: fmt.Sprint("run ", i), Experiment: fmt.Sprint("experiment ", i%20), Status: tracker.StatusFinished, Reason: "all iterations are done",
		Params: tracker.Params{
			"preset": "gouache", "pooling": pick(random, "avg", "max"), "size": pick(random, 256, 512, 768, 1024), "iterations": o.Steps, "scales": 1 + random.IntN(4),
			"margin": 16, "content_weight": 1.0, "style_weight": float64(1 + random.IntN(100)), "tv_weight": pick(random, 0.0, 0.5, 1), "seed": i,
			"device": "cpu", "network": "VGG19", "weights": pick(random, "vgg19", "vgg16-hed"),
			"content_picture": photographs[i%len(photographs)], "style_picture": paintings[i/7%len(paintings)],
		},
		Tags: []string{}, StartedAt: at,
		Provenance: tracker.Provenance{
			Version: "v1.0.0", Command: []string{"gouache", "stylize", "content.jpg", "style.jpg"}, Dir: "/home/me/pictures", Go: "go1.26", Platform: "linux/amd64",
			Device: "cpu", Network: "VGG19", Weights: "vgg19", Seed: &seed, PeakMemory: 1 << 30,
		},
		Process: tracker.Process{Host: "studio", PID: 1000 + i, Boot: "boot", StartedAt: at},
	}
	if block := i / 25; block%4 == 3 {
		r.Sweep, r.Trial, r.Experiment = fmt.Sprint("sweep ", block/4), i%25+1, fmt.Sprint("experiment ", block/4%20)
	}
	steps := o.Steps
	switch random.IntN(30) {
	case 0:
		r.Status, r.Reason, steps = tracker.StatusInterrupted, "interrupted by Ctrl-C", 1+random.IntN(steps)
	case 1:
		r.Status, r.Reason, steps = tracker.StatusFailed, "the device ran out of memory", 1+random.IntN(steps)
	}
	r.EndedAt = at.Add(time.Duration(steps) * 250 * time.Millisecond)
	r.SeenAt = r.EndedAt
	result.Step, result.At = int64(steps), r.EndedAt
	for _, tag := range []string{"bold", "good", "to print"} { // sorted, as tags are kept
		if random.IntN(4) == 0 {
			r.Tags = append(r.Tags, tag)
		}
	}
	if random.IntN(5) == 0 {
		r.Rating = 1 + random.IntN(5)
	}
	if random.IntN(20) == 0 {
		r.Note = "The sky is too green."
	}
	content, style := result, result // any picture
	content.Role, content.Step, content.Name = tracker.RoleContent, 0, r.Params["content_picture"].(string)
	style.Role, style.Step, style.Name = tracker.RoleStyle, 0, r.Params["style_picture"].(string)
	return &tracker.Archive{Run: r, Series: generateCurves(&r, steps, random), Pictures: []tracker.Picture{content, style, result}}
}

// The names of the pictures that runs are painted from.
var (
	photographs = []string{"harbour.jpg", "grandmother.jpg", "cat on a wall.png", "IMG_2041.jpg", "bridge at noon.jpg", "market.jpg", "old mill.jpg"}
	paintings   = []string{"starry night.jpg", "woodcut.png", "the wave.jpg", "stained glass.jpg"}
)

func pick[T any](random *rand.Rand, list ...T) T { return list[random.IntN(len(list))] }

// generateCurves makes the curves of a painting: the style falls fast and then ever more slowly, the content rises.
func generateCurves(r *tracker.Run, steps int, random *rand.Rand) []tracker.Series {
	series := []tracker.Series{{Name: "content"}, {Name: "style"}, {Name: "tv"}, {Name: "total"}, {Name: "seconds"}}
	weight := r.Params["style_weight"].(float64)
	for i := range steps {
		x := float64(i+1) / 50
		content, style, tv := 1e5*(1-math.Exp(-x)), 1e5*weight/(1+x*x), 1e3*x/(1+x)
		content, style, tv = content*(1+0.02*random.Float64()), style*(1+0.02*random.Float64()), tv*(1+0.02*random.Float64())
		for k, v := range []float64{content, style, tv, content + style + tv, float64(i+1) / 4} {
			series[k].Points = append(series[k].Points, tracker.Point{Step: int64(i + 1), Value: v})
		}
	}
	return series
}

// paintResults makes 36 different pictures of 96×64 pixels, a few hundred bytes each, and their files by hash.
func paintResults() (results []tracker.Picture, files map[string][]byte, err error) {
	files = map[string][]byte{}
	for n := range 36 {
		m := image.NewRGBA(image.Rect(0, 0, 96, 64))
		for y := range 64 {
			for x := range 96 {
				m.SetRGBA(x, y, color.RGBA{uint8(7 * n), uint8(4 * y), uint8((x / 16 * n) << 3), 255})
			}
		}
		var file bytes.Buffer
		if err := png.Encode(&file, m); err != nil {
			return nil, nil, err
		}
		p, err := tracker.NewPicture{Role: tracker.RoleResult, Data: file.Bytes()}.Describe(time.Time{})
		if err != nil {
			return nil, nil, err
		}
		results, files[p.Hash] = append(results, p), file.Bytes()
	}
	return results, files, nil
}

type memoryFile struct{ *bytes.Reader }

func (memoryFile) Close() error { return nil }
