package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gouache-art/gouache/internal/postgrestest"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/stores"
	_ "github.com/gouache-art/gouache/tracker/stores/databases" // postgres://
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// longSteps is how many steps the long run has beside the 10,000 others, which have 200.
const longSteps = 100_000

// largeStore makes the stores that benchmarks look at, once: 10,000 runs and 10 million points, which takes half a
// minute, and one long run.
var largeStore = generated(trackertest.GenerateOptions{}, func(ctx context.Context, db tracker.Store) error {
	run, err := db.CreateRun(ctx, tracker.NewRun{Name: "long"})
	if err != nil {
		return err
	}
	s := sample{styleWeight: 50}
	if err := db.AppendPoints(ctx, run.Claim(), s.curves(1, longSteps)); err != nil {
		return err
	}
	return db.FinishRun(ctx, run.Claim(), tracker.Outcome{Status: tracker.StatusFinished})
})

// hugeStore has 100,000 runs, with few points. It takes two minutes.
var hugeStore = generated(trackertest.GenerateOptions{Runs: 100_000, Steps: 2}, nil)

// benchPostgres has the benchmarks of pages look at stores in PostgreSQL, too, with pictures in a folder.
const benchPostgres = "GOUACHE_BENCH_POSTGRES"

// place is a store that is made when it is first needed.
type place struct {
	name string
	open func(testing.TB) tracker.Store
}

// generated are stores of the same runs: a folder, and perhaps one in PostgreSQL. Both are changed with more, which may be
// nil.
func generated(o trackertest.GenerateOptions, more func(context.Context, tracker.Store) error) []place {
	places := []place{{"folder", generate(false, o, more)}}
	if os.Getenv(benchPostgres) != "" {
		places = append(places, place{"PostgreSQL", generate(true, o, more)})
	}
	return places
}

// generate makes a store once.
func generate(postgres bool, o trackertest.GenerateOptions, more func(context.Context, tracker.Store) error) func(testing.TB) tracker.Store {
	var once sync.Once
	var store tracker.Store
	return func(t testing.TB) tracker.Store {
		t.Helper()
		once.Do(func() {
			ctx := context.Background()
			dir, err := os.MkdirTemp("", "gouache-web-large-*")
			if err != nil {
				t.Fatal(err)
			}
			place, blobs := dir, ""
			if postgres {
				place, blobs = postgrestest.Database(t), "file://"+dir
			}
			db, err := stores.Open(ctx, place, stores.Options{Blobs: blobs})
			if err != nil {
				t.Fatal(err)
			}
			others := removeStores
			removeStores = func() {
				db.Close()
				os.RemoveAll(dir)
				others()
			}
			if err = trackertest.Generate(ctx, db, o); err == nil && more != nil {
				err = more(ctx, db)
			}
			if err == nil && postgres {
				err = analyze(ctx, place)
			}
			if err != nil {
				t.Fatal(err)
			}
			store = db
		})
		if store == nil {
			t.Fatal("the store could not be made")
		}
		return store
	}
}

// analyze has PostgreSQL look at what is in its tables, as it does by itself within a minute.
func analyze(ctx context.Context, url string) error {
	db, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer db.Close(ctx)
	_, err = db.Exec(ctx, `VACUUM ANALYZE`)
	return err
}

// benchmarkGet asks for a page of each store again and again, one store after the other, so that what else the machine does
// disturbs both alike.
func benchmarkGet(b *testing.B, places []place, target func(tracker.Store) string) {
	for _, p := range places {
		b.Run(p.name, func(b *testing.B) {
			db := p.open(b)
			h, at := handle(b, db, Options{}), target(db)
			var size int
			for b.Loop() {
				size = get(b, h, at, http.StatusOK).Body.Len()
			}
			b.ReportMetric(float64(size), "bytes")
		})
	}
}

// BenchmarkHuge is pages of 100,000 runs: what is typed into the search is asked for at each pause.
func BenchmarkHuge(b *testing.B) {
	for _, target := range []string{
		"/runs", "/runs?view=gallery", "/runs?filter=harbour", "/runs?filter=green+experiment", "/runs?filter=nothinglikeit", "/runs?filter=style_weight+%3E+50+rating+%3E+2",
		"/runs?sort=total", "/runs?page=1000", "/explore", "/explore?filter=harbour", "/experiments", "/sweeps", "/compare", "/sweeps/sweep%200", "/sweeps/sweep%200/explore",
	} {
		b.Run(target, func(b *testing.B) { benchmarkGet(b, hugeStore, func(tracker.Store) string { return target }) })
	}
}

// BenchmarkRuns is the Runs page, as it opens and in other orders.
func BenchmarkRuns(b *testing.B) {
	for _, target := range []string{
		"/runs", "/runs?length=200", "/runs?sort=total", "/runs?page=200", "/runs?filter=style_weight+%3E+50+%26%26+pooling+%3D%3D+avg", "/runs?filter=name+%7E+77&sort=-rating,total",
		"/experiments", "/sweeps",
	} {
		b.Run(target, func(b *testing.B) { benchmarkGet(b, largeStore, func(tracker.Store) string { return target }) })
	}
}

// BenchmarkRun is a run's page, and BenchmarkRunCurves its curves: one of 200 steps in the middle, and a long one.
func BenchmarkRun(b *testing.B) {
	benchmarkGet(b, largeStore, func(db tracker.Store) string { return "/runs/" + find(b, db, "run 5000") })
}

func BenchmarkRunCurves(b *testing.B) {
	for _, name := range []string{"run 5000", "long"} {
		b.Run(name, func(b *testing.B) {
			benchmarkGet(b, largeStore, func(db tracker.Store) string { return "/runs/" + find(b, db, name) + "/curves" })
		})
	}
}

// find returns the id of a run among many.
func find(b *testing.B, db tracker.Store, name string) string {
	b.Helper()
	filter, err := tracker.ParseFilter(fmt.Sprintf("name == %q", name))
	if err != nil {
		b.Fatal(err)
	}
	page, err := db.Runs(b.Context(), tracker.RunQuery{Filter: filter})
	if err != nil || page.Total != 1 {
		b.Fatalf("there are %v runs called %s (%v)", page, name, err)
	}
	return page.Runs[0].ID
}

// BenchmarkChanges is what the watcher asks twice a second.
func BenchmarkChanges(b *testing.B) {
	db := largeStore[0].open(b)
	now, err := db.Changes(b.Context(), "")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := db.Changes(b.Context(), now.Cursor); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkThumbnail makes a small picture of one of 1024×768, and BenchmarkThumbnailKept gives one that is kept.
func BenchmarkThumbnail(b *testing.B) {
	data := pngOf(b, quarters(1024, 768))
	for b.Loop() {
		if _, err := (source{"", 320, bytes.NewReader(data)}).shrink(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkThumbnailKept(b *testing.B) {
	store := emptyStore(b)
	h := handle(b, store, Options{})
	at := "/pictures/" + keepPicture(b, store, pngOf(b, quarters(1024, 768))) + "?width=320"
	var w *httptest.ResponseRecorder
	for b.Loop() {
		w = get(b, h, at, http.StatusOK)
	}
	b.ReportMetric(float64(w.Body.Len()), "bytes")
}

// BenchmarkAppendCurves writes nine curves of a thousand points, by hand and by json.Marshal.
func BenchmarkAppendCurves(b *testing.B) {
	run := &tracker.Run{ID: tracker.NewID(time.Now()), Status: tracker.StatusRunning}
	var curves []tracker.Curve
	for _, s := range (sample{styleWeight: 50}).curves(1, defaultPoints) {
		curves = append(curves, tracker.Curve{Series: s, Total: defaultPoints})
	}
	b.Run("by hand", func(b *testing.B) {
		for b.Loop() {
			appendCurves(nil, run, curves)
		}
	})
	b.Run("json.Marshal", func(b *testing.B) {
		for b.Loop() {
			if _, err := json.Marshal(map[string]any{"id": run.ID, "status": run.Status, "curves": curves}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
