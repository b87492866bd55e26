package export_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/export"
	"github.com/gouache-art/gouache/tracker/sqlite"
)

// A run is recorded, and written as a table of points and as a page that opens without the store.
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
	id, err := record(ctx, store)
	if err != nil {
		log.Fatal(err)
	}

	var table bytes.Buffer
	if err := export.Curves(ctx, &table, store, []string{id}, 0); err != nil {
		log.Fatal(err)
	}
	fmt.Print(strings.ReplaceAll(table.String(), id, "ID"))

	file, err := os.Create(filepath.Join(dir, "night.html"))
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	if err := export.Gallery(ctx, file, store, []string{id}, export.GalleryOptions{LongerSide: 1024}); err != nil {
		log.Fatal(err)
	}
	// Output:
	// run,metric,step,value
	// ID,total,1,60
	// ID,total,2,30
	// ID,total,3,20
}

func record(ctx context.Context, store tracker.Store) (id string, err error) {
	run, err := tracker.Start(ctx, store, tracker.NewRun{Experiment: "night", Params: tracker.Params{"style_weight": 60}})
	if err != nil {
		return "", err
	}
	for step := int64(1); step <= 3; step++ {
		if err := run.Log(step, tracker.Metrics{"total": 60 / float64(step)}); err != nil {
			return "", err
		}
	}
	if err := run.LogPicture(ctx, tracker.RoleResult, 3, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		return "", err
	}
	return run.ID(), run.Finish(ctx, tracker.Outcome{Status: tracker.StatusFinished})
}
