package sqlite_test

import (
	"context"
	"fmt"
	"image"
	"log"
	"os"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sqlite"
)

// A run is recorded, and found again by its settings.
func Example() {
	dir, err := os.MkdirTemp("", "store-*")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	store, err := sqlite.Open(ctx, dir, sqlite.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	run, err := tracker.Start(ctx, store, tracker.NewRun{
		Experiment: "night", Name: "tübingen", Params: tracker.Params{"style_weight": 60, "pooling": "avg"},
	})
	if err != nil {
		log.Fatal(err)
	}
	for step := range int64(100) {
		if err := run.Log(step, tracker.Metrics{"content": 1, "style": 100 / float64(step+1)}); err != nil {
			log.Fatal(err)
		}
	}
	if err := run.LogPicture(ctx, tracker.RoleResult, 100, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		log.Fatal(err)
	}
	if err := run.Finish(ctx, tracker.Outcome{Status: tracker.StatusFinished}); err != nil {
		log.Fatal(err)
	}

	filter, err := tracker.ParseFilter("style_weight>50 && pooling==avg && style<2")
	if err != nil {
		log.Fatal(err)
	}
	page, err := store.Runs(ctx, tracker.RunQuery{Filter: filter})
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range page.Runs {
		fmt.Println(r.Name, r.Status, r.Params["style_weight"], r.Final["style"])
	}
	// Output: tübingen finished 60 1
}
