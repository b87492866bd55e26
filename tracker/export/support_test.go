package export

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sqlite"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// Texts that are hostile, or just unusual.
const (
	hostileName = `<script>alert("1")</script><!-- '&amp; --> =`
	hostileNote = "=cmd|' /C calc'!A0\n\"quoted\", 🎨 </script>\r\nlast"
)

// openStore returns an empty store, whose clock advances a second on each reading, and its folder.
func openStore(t testing.TB) (*sqlite.DB, string) {
	t.Helper()
	dir := t.TempDir()
	db, err := sqlite.Open(context.Background(), dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	now := time.Date(2026, 11, 3, 14, 0, 0, 0, time.UTC)
	db.Now = func() time.Time {
		now = now.Add(time.Second)
		return now
	}
	return db, dir
}

// made is a run to be added to a store.
type made struct {
	tracker.NewRun
	points   []tracker.Series
	pictures []tracker.NewPicture
	outcome  tracker.Outcome // none for a run that is still running
	rating   int
}

func add(t testing.TB, db *sqlite.DB, m made) string {
	t.Helper()
	ctx := context.Background()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	run, err := db.CreateRun(ctx, m.NewRun)
	must(err)
	for _, p := range append(m.Inputs, m.pictures...) {
		_, err := db.AddPicture(ctx, run.Claim(), p)
		must(err)
	}
	must(db.AppendPoints(ctx, run.Claim(), m.points))
	_, err = db.UpdateRun(ctx, run.ID, tracker.Update{Rating: &m.rating})
	must(err)
	if m.outcome.Status != "" {
		must(db.FinishRun(ctx, run.Claim(), m.outcome))
	}
	return run.ID
}

// curve returns points at the steps 1, 2 and so on.
func curve(name string, values ...float64) tracker.Series {
	s := tracker.Series{Name: name}
	for i, v := range values {
		s.Points = append(s.Points, tracker.Point{Step: int64(i + 1), Value: v})
	}
	return s
}

// fill adds four runs: one as most are, one with hostile texts and the same picture, one without
// pictures whose losses are not finite, and one that is still running.
func fill(t testing.TB, db *sqlite.DB) []string {
	t.Helper()
	content := tracker.NewPicture{Role: tracker.RoleContent, Name: "content.png", Data: trackertest.Picture(t, 1)}
	style := tracker.NewPicture{Role: tracker.RoleStyle, Name: "style.png", Data: trackertest.Picture(t, 2)}
	result := tracker.NewPicture{Role: tracker.RoleResult, Step: 3, Data: trackertest.Picture(t, 3)}
	seed := int64(0)
	return []string{
		add(t, db, made{
			NewRun: tracker.NewRun{
				Experiment: "night", Name: "tübingen", Tags: []string{"good", "to show"}, Note: "The sky is right.",
				Params: tracker.Params{"style_weight": 60, "pooling": "avg", "preset": "gouache", "tv_weight": 1e-6, "crop": true},
				Inputs: []tracker.NewPicture{content, style},
				Provenance: tracker.Provenance{
					Version: "v0.3.0", Command: []string{"gouache", "stylize", "--content", "my cat's.jpg"}, Dir: "/tmp", Seed: &seed,
				},
			},
			points:   []tracker.Series{curve("total", 100, 10, 1.5), curve("style", 99, 9, 1), curve("loss.style", 9, 8, 7)},
			pictures: []tracker.NewPicture{result, {Role: tracker.RoleSnapshot, Step: 1, Data: trackertest.Picture(t, 9)}},
			outcome:  tracker.Outcome{Status: tracker.StatusFinished, PeakMemory: 1 << 30},
			rating:   4,
		}),
		add(t, db, made{
			NewRun: tracker.NewRun{
				Experiment: "night", Name: hostileName, Tags: []string{"@SUM(1)", `"a", 'b'`}, Note: hostileNote, Sweep: "+s", Trial: 2,
				Params: tracker.Params{"style_weight": 60, "pooling": "-2+3", "preset": "gouache", "only": "</script><b>"},
				Inputs: []tracker.NewPicture{content},
			},
			points:   []tracker.Series{curve("total", 5, 4)},
			pictures: []tracker.NewPicture{result},
			outcome:  tracker.Outcome{Status: tracker.StatusFailed, Reason: "-it\nfailed"},
		}),
		add(t, db, made{
			NewRun:  tracker.NewRun{Experiment: "night", Name: "no pictures", Params: tracker.Params{"style_weight": 61, "preset": "gouache"}},
			points:  []tracker.Series{curve("total", 5, math.NaN()), curve("style", math.Inf(1)), curve("tv", math.Inf(-1))},
			outcome: tracker.Outcome{Status: tracker.StatusInterrupted, Reason: "stopped by hand"},
		}),
		add(t, db, made{
			NewRun:   tracker.NewRun{Experiment: "night", Name: "running", Params: tracker.Params{"style_weight": 62, "preset": "gouache"}},
			pictures: []tracker.NewPicture{{Role: tracker.RoleSnapshot, Step: 1, Data: trackertest.Picture(t, 4)}},
		}),
	}
}

// sample returns one of the program's own pictures.
func sample(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../stylelib/samples/pictures", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func decode(t testing.TB, data []byte) image.Image {
	t.Helper()
	m, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func encodePNG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
