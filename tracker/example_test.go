package tracker_test

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"io"
	"log"
	"os"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sqlite"
)

// temporary opens a store in a folder that close removes.
func temporary(ctx context.Context) (store tracker.Store, close func()) {
	dir, err := os.MkdirTemp("", "store-*")
	if err != nil {
		log.Fatal(err)
	}
	if store, err = sqlite.Open(ctx, dir, sqlite.Options{}); err != nil {
		log.Fatal(err)
	}
	return store, func() {
		if err := store.Close(); err != nil {
			log.Fatal(err)
		}
		os.RemoveAll(dir)
	}
}

// A run begins with its settings. What made it is recorded by itself.
func ExampleStart() {
	ctx := context.Background()
	store, close := temporary(ctx)
	defer close()

	run, err := tracker.Start(ctx, store, tracker.NewRun{
		Experiment: "night", Name: "tübingen", Tags: []string{"draft"},
		Params: tracker.Params{"style_weight": 60, "pooling": "avg", "keep_colours": true},
	})
	if err != nil {
		log.Fatal(err)
	}

	record, err := store.Run(ctx, run.ID())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(record.Name, record.Status, record.Params["style_weight"], record.Params["pooling"])
	fmt.Println("the command is known:", record.Provenance.CommandLine() != "")
	// Output:
	// tübingen running 60 avg
	// the command is known: true
}

// Values are logged at steps. Each name becomes a curve.
func ExampleActiveRun_Log() {
	ctx := context.Background()
	store, close := temporary(ctx)
	defer close()
	run, err := tracker.Start(ctx, store, tracker.NewRun{Name: "tübingen"})
	if err != nil {
		log.Fatal(err)
	}

	for step := range int64(4) {
		content, style := 1.0, 8-2*float64(step)
		if err := run.Log(step, tracker.Metrics{"content": content, "style": style}); err != nil {
			log.Fatal(err)
		}
	}

	if err := run.Finish(ctx, tracker.Outcome{Status: tracker.StatusFinished}); err != nil {
		log.Fatal(err)
	}
	curves, err := store.Curves(ctx, run.ID(), tracker.CurveQuery{Metrics: []string{"style"}})
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range curves {
		fmt.Println(c.Name, c.Points, "least", c.Min)
	}
	// Output: style [{0 8} {1 6} {2 4} {3 2}] least 2
}

// Files are logged under a name, which may have folders. The same name again replaces the file.
func ExampleActiveRun_AddFile() {
	ctx := context.Background()
	store, close := temporary(ctx)
	defer close()
	run, err := tracker.Start(ctx, store, tracker.NewRun{Name: "tübingen"})
	if err != nil {
		log.Fatal(err)
	}

	for _, text := range []string{"step\n", "step\n1\n"} {
		if _, err := run.AddFile(ctx, tracker.NewFile{Name: "tables/steps.csv", Type: "text/csv", Data: []byte(text)}); err != nil {
			log.Fatal(err)
		}
	}

	files, err := store.Files(ctx, run.ID())
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range files {
		content, err := store.OpenPicture(ctx, f.Hash)
		if err != nil {
			log.Fatal(err)
		}
		data, err := io.ReadAll(content)
		if err := errors.Join(err, content.Close()); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s, %s: %q\n", f.Name, f.Type, data)
	}
	// Output: tables/steps.csv, text/csv: "step\n1\n"
}

// Pictures are logged with what they are: an input, a snapshot on the way, the result.
func ExampleActiveRun_LogPicture() {
	ctx := context.Background()
	store, close := temporary(ctx)
	defer close()
	run, err := tracker.Start(ctx, store, tracker.NewRun{Name: "tübingen"})
	if err != nil {
		log.Fatal(err)
	}

	picture := image.NewRGBA(image.Rect(0, 0, 8, 6))
	for step := range int64(3) {
		picture.Set(int(step), 0, color.White)
		if err := run.LogPicture(ctx, tracker.RoleSnapshot, step, picture); err != nil {
			log.Fatal(err)
		}
	}
	if err := run.LogPicture(ctx, tracker.RoleResult, 3, picture); err != nil {
		log.Fatal(err)
	}

	pictures, err := store.Pictures(ctx, run.ID(), tracker.PictureQuery{})
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range pictures {
		fmt.Println(p.Role, p.Step, p.Width, p.Height, p.Format)
	}
	// Output:
	// result 3 8 6 png
	// snapshot 0 8 6 png
	// snapshot 1 8 6 png
	// snapshot 2 8 6 png
}

// A run ends with a status, and with a reason where there is one to tell.
func ExampleActiveRun_Finish() {
	ctx := context.Background()
	store, close := temporary(ctx)
	defer close()
	run, err := tracker.Start(ctx, store, tracker.NewRun{Name: "tübingen"})
	if err != nil {
		log.Fatal(err)
	}

	if err := run.Finish(ctx, tracker.Outcome{Status: tracker.StatusFailed, Reason: "the loss is not finite"}); err != nil {
		log.Fatal(err)
	}

	record, err := store.Run(ctx, run.ID())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(record.Status+":", record.Reason)
	fmt.Println(run.Log(1, tracker.Metrics{"total": 1}) != nil)
	// Output:
	// failed: the loss is not finite
	// true
}

// Runs are found by what they have: settings, last values, tags, ratings. [tracker.ParseFilter] reads the same from a text.
func ExampleWhere() {
	ctx := context.Background()
	store, close := temporary(ctx)
	defer close()
	for _, weight := range []float64{10, 60, 90} {
		run, err := tracker.Start(ctx, store, tracker.NewRun{Name: fmt.Sprintf("weight %g", weight), Params: tracker.Params{"style_weight": weight}})
		if err != nil {
			log.Fatal(err)
		}
		if err := run.Log(1, tracker.Metrics{"total": 100 / weight}); err != nil {
			log.Fatal(err)
		}
		if err := run.Finish(ctx, tracker.Outcome{Status: tracker.StatusFinished}); err != nil {
			log.Fatal(err)
		}
	}

	strong := tracker.Where("style_weight", tracker.Greater, 50)
	finished := tracker.Where("status", tracker.Equal, tracker.StatusFinished)
	order, err := tracker.ParseSort("total")
	if err != nil {
		log.Fatal(err)
	}
	page, err := store.Runs(ctx, tracker.RunQuery{Filter: tracker.All(strong, finished), Sort: order, Limit: 10})
	if err != nil {
		log.Fatal(err)
	}

	fmt.Println(page.Total, "of 3")
	for _, run := range page.Runs {
		fmt.Printf("%s: %.2f\n", run.Name, run.Final["total"])
	}
	// Output:
	// 2 of 3
	// weight 90: 1.11
	// weight 60: 1.67
}
