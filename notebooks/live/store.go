package live

import (
	"cmp"
	"context"
	"fmt"
	"html"
	"image"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gouache-art/gouache/internal/filename"
	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/internal/thumbnail"
	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sqlite"
)

// OpenStore opens the store where gouache stylize records, and creates it if it does not exist:
// $GOUACHE_STORE, or gouache in the XDG data folder. The caller closes it.
func OpenStore(ctx context.Context) (tracker.Store, error) {
	dir, err := sqlite.Place("")
	if err != nil {
		return nil, err
	}
	return sqlite.Open(ctx, dir, sqlite.Options{})
}

// Record begins a run in a store and returns the observer that records it. content and styles are
// the files, or samples, that the job's pictures were loaded from; the run keeps them. A style with
// masks is FILE@REGION@PART, as in gouache stylize. n's AddInput adds others, such as the mask of
// what is protected.
func Record(ctx context.Context, store tracker.LogStore, n tracker.NewRun, content string, styles ...string) (*tracker.Recorder, error) {
	n.Params, n.Inputs = maps.Clone(n.Params), slices.Clone(n.Inputs)
	add := func(step int, role, name string) error {
		if name == "" {
			return nil
		}
		data, err := picture.ReadFile(name)
		if err == nil {
			n.AddInputOf(int64(step), role, filepath.Base(name), name, data)
		}
		return err
	}
	if err := add(0, tracker.RoleContent, content); err != nil {
		return nil, err
	}
	for i, text := range styles {
		s, err := filename.ParseStyle("", text)
		if err == nil {
			err = cmp.Or(add(i, tracker.RoleStyle, s.File), add(i, tracker.RoleRegion, s.Region), add(i, tracker.RolePart, s.Part))
		}
		if err != nil {
			return nil, err
		}
	}
	run, err := tracker.Start(ctx, store, n)
	if err != nil {
		return nil, err
	}
	return tracker.Observer(run, tracker.RecorderOptions{PeakMemory: stylelib.PeakMemory, Warn: func(err error) {
		terminal.Fprintf(os.Stderr, "the run is not recorded any further: %v\n", err)
	}}), nil
}

// List returns the runs that pass a filter, in an order, as in gouache runs list: for example
// "style_weight > 5 && rating >= 3" and "-rating,total". Empty strings mean all runs, the latest
// first.
func List(ctx context.Context, store tracker.RunReader, filter, order string, limit int) ([]tracker.Run, error) {
	q := tracker.RunQuery{Limit: limit}
	var err error
	if q.Filter, err = tracker.ParseFilter(filter); err != nil {
		return nil, err
	}
	if q.Sort, err = tracker.ParseSort(order); err != nil {
		return nil, err
	}
	page, err := store.Runs(ctx, q)
	if err != nil {
		return nil, err
	}
	return page.Runs, nil
}

// Runs shows runs as a table: picture, name, how each ended, and the named parameters and metrics.
func Runs(ctx context.Context, store tracker.PictureReader, runs []tracker.Run, columns ...string) error {
	s := &sheet{}
	s.table("", append([]any{markup(""), "id", "name", "status", "took"}, cellsOf(columns)...)...)
	for _, r := range runs {
		picture, err := runTag(ctx, store, &r, 96, "the result of "+r.Name)
		if err != nil {
			return err
		}
		cells := []any{markup(picture), r.ID, r.Name, r.Status, format.Duration(r.Duration())}
		for _, name := range columns {
			if v, ok := r.Params[name]; ok {
				cells = append(cells, v)
			} else if v, ok := r.Final[name]; ok {
				cells = append(cells, fmt.Sprintf("%.4g", v))
			} else {
				cells = append(cells, "")
			}
		}
		s.row(cells...)
	}
	s.end()
	s.show()
	return nil
}

// Run shows one run of the store, by its id or the beginning of one: picture, curves and settings.
func Run(ctx context.Context, store tracker.Reader, ref string) error {
	id, err := store.Find(ctx, ref)
	if err != nil {
		return err
	}
	run, err := store.Run(ctx, id)
	if err != nil {
		return err
	}
	curves, err := TermCurves(ctx, store, run)
	if err != nil {
		return err
	}
	var page strings.Builder
	fmt.Fprintf(&page, `<p><b>%s</b>, %s: %s</p>`, html.EscapeString(run.Name), html.EscapeString(string(run.Status)), html.EscapeString(run.Reason))
	picture, err := storedTag(ctx, store, run, shownSide, func(m image.Image) string {
		return pictureTag(m, m.Bounds().Dx(), "the result of "+run.Name, spaced)
	})
	if err != nil {
		return err
	}
	page.WriteString(picture)
	page.WriteString(chart("iteration", 0, curves))
	var settings []string
	for _, name := range slices.Sorted(maps.Keys(run.Params)) {
		settings = append(settings, fmt.Sprintf("%s %v", name, run.Params[name]))
	}
	fmt.Fprintf(&page, `<p>%s</p>`, html.EscapeString(strings.Join(settings, ", ")))
	show(page.String(), terminal.Sprintf("run %s, %s: %s\n%s", run.ID, run.Status, run.Reason, strings.Join(settings, ", ")))
	return nil
}

// TermCurves returns the curves of a run's weighted terms and their total; see
// [tracker.Unweighted].
func TermCurves(ctx context.Context, store tracker.CurveReader, run *tracker.Run) ([]Curve, error) {
	var names []string
	for name := range run.Final {
		if _, ok := run.Final[tracker.Unweighted(name)]; ok || name == "total" {
			names = append(names, name)
		}
	}
	found, err := store.Curves(ctx, run.ID, tracker.CurveQuery{Metrics: names})
	if err != nil {
		return nil, err
	}
	var curves []Curve
	for _, c := range found {
		curves = append(curves, c.Series)
	}
	// The total is last, as in the live view, so that each term has one colour everywhere.
	if i := slices.IndexFunc(curves, func(c Curve) bool { return c.Name == "total" }); i >= 0 {
		curves = append(slices.Delete(slices.Clone(curves), i, i+1), curves[i])
	}
	return curves, nil
}

// Picture returns the picture that a run is shown by: its result, or its last snapshot.
func Picture(ctx context.Context, store tracker.PictureReader, run *tracker.Run) (image.Image, error) {
	m, err := runPicture(ctx, store, run, math.MaxInt)
	if err == nil && m == nil {
		err = fmt.Errorf("run %s has no picture", run.ID)
	}
	return m, err
}

// runPicture is Picture, made smaller if its longer side is longer than side. It is nil if there is
// none.
func runPicture(ctx context.Context, store tracker.PictureReader, run *tracker.Run, side int) (m image.Image, err error) {
	if run.Picture == "" {
		return nil, nil
	}
	file, err := store.OpenPicture(ctx, run.Picture)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	factor := func(size image.Point) float64 { return float64(side) / float64(max(size.X, size.Y)) }
	err = thumbnail.Make(ctx, file, factor, func(_ context.Context, made image.Image) error {
		m = made
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("the picture of run %s cannot be shown: %w", run.ID, err)
	}
	return m, nil
}
