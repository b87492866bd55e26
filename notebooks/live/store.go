package live

import (
	"context"
	"fmt"
	"html"
	"image"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/internal/thumbnail"
	"github.com/gouache-art/gouache/tracker"
)

// List returns the runs that pass a filter, in an order, as in gouache runs list: for example
// "style_weight > 5 && rating >= 3" and "-rating,total". Empty strings mean all runs, the latest
// first.
func List(filter, order string, limit int) []tracker.Run {
	q := tracker.RunQuery{Limit: limit, Filter: Must(tracker.ParseFilter(filter)), Sort: Must(tracker.ParseSort(order))}
	return Must(Store().Runs(Context(), q)).Runs
}

// Runs shows runs as a table: picture, name, how each ended, and the named parameters and metrics.
func Runs(runs []tracker.Run, columns ...string) {
	s := &sheet{}
	s.table("", append([]any{markup(""), "id", "name", "status", "took"}, cellsOf(columns)...)...)
	for _, r := range runs {
		picture := Must(runTag(Context(), Store(), &r, 96, "the result of "+r.Name))
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
}

// Run shows one run of the store, by its id or the beginning of one: picture, curves and settings.
func Run(ref string) {
	run := Must(findRun(Store(), ref))
	var page strings.Builder
	fmt.Fprintf(&page, `<p><b>%s</b>, %s: %s</p>`, html.EscapeString(run.Name), html.EscapeString(string(run.Status)), html.EscapeString(run.Reason))
	page.WriteString(Must(storedTag(Context(), Store(), run, shownSide, func(m image.Image) string {
		return pictureTag(m, m.Bounds().Dx(), "the result of "+run.Name, spaced)
	})))
	page.WriteString(chart("iteration", 0, TermCurves(run)))
	var settings []string
	for _, name := range slices.Sorted(maps.Keys(run.Params)) {
		settings = append(settings, fmt.Sprintf("%s %v", name, run.Params[name]))
	}
	fmt.Fprintf(&page, `<p>%s</p>`, html.EscapeString(strings.Join(settings, ", ")))
	show(page.String(), terminal.Sprintf("run %s, %s: %s\n%s", run.ID, run.Status, run.Reason, strings.Join(settings, ", ")))
}

// findRun returns a run by its id or the beginning of one.
func findRun(store tracker.RunReader, ref string) (*tracker.Run, error) {
	id, err := store.Find(Context(), ref)
	if err != nil {
		return nil, err
	}
	return store.Run(Context(), id)
}

// TermCurves returns the curves of a run's weighted terms and their total; see
// [tracker.Unweighted].
func TermCurves(run *tracker.Run) []Curve {
	var names []string
	for name := range run.Final {
		if _, ok := run.Final[tracker.Unweighted(name)]; ok || name == "total" {
			names = append(names, name)
		}
	}
	var curves []Curve
	for _, c := range Must(Store().Curves(Context(), run.ID, tracker.CurveQuery{Metrics: names})) {
		curves = append(curves, c.Series)
	}
	// The total is last, as in the live view, so that each term has one colour everywhere.
	if i := slices.IndexFunc(curves, func(c Curve) bool { return c.Name == "total" }); i >= 0 {
		curves = append(slices.Delete(slices.Clone(curves), i, i+1), curves[i])
	}
	return curves
}

// Picture returns the picture that a run is shown by: its result, or its last snapshot.
func Picture(run *tracker.Run) image.Image {
	m := Must(runPicture(Context(), Store(), run, math.MaxInt))
	if m == nil {
		fail(fmt.Errorf("run %s has no picture", run.ID))
	}
	return m
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
