package web

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"

	"github.com/gouache-art/gouache/tracker"
)

// Bounds on curves. A screen is about a thousand pixels wide, and Downsample keeps the extremes
// between points.
const (
	defaultPoints = 1000
	mostPoints    = 20_000
	mostMetrics   = 200
)

// curves answers with a run's curves, as {"id", "status", "curves": [{"name", "points": [[step,
// value]], "total"}]}. The query may have points, how many of each curve at most; from, the first
// step; and metrics, names separated by commas. Values that are not finite are strings.
func (s runPages) curves(w http.ResponseWriter, r *http.Request) error {
	id, err := s.store.Find(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	query := r.URL.Query()
	q := tracker.CurveQuery{Metrics: splitList(query["metrics"])}
	if len(q.Metrics) > mostMetrics {
		return tracker.Errorf(tracker.CodeInvalid, "there are %d metrics: name at most %d", len(q.Metrics), mostMetrics)
	}
	if q.Points, err = number(query, "points", defaultPoints, 4, mostPoints); err != nil {
		return err
	}
	from, err := number(query, "from", 0, 0, math.MaxInt)
	if err != nil {
		return err
	}
	q.From = int64(from)
	run, err := s.store.Run(r.Context(), id)
	if err != nil {
		return err
	}
	curves, err := s.store.Curves(r.Context(), id, q)
	if err != nil {
		return err
	}
	return sendJSON(w, appendCurves(nil, run, curves))
}

// appendCurves writes what curves answers with. json.Marshal asks each point for its own JSON and
// then checks it: 12 ms for nine curves of a thousand points, of which this takes 1.6
// (BenchmarkAppendCurves).
func appendCurves(b []byte, run *tracker.Run, curves []tracker.Curve) []byte {
	b = fmt.Appendf(b, `{"id":%s,"status":%s,"curves":[`, quote(run.ID), quote(string(run.Status)))
	for i, c := range curves {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `{"name":%s,"total":%d,"points":[`, quote(c.Name), c.Total)
		for k, p := range c.Points {
			if k > 0 {
				b = append(b, ',')
			}
			b = p.AppendJSON(b)
		}
		b = append(b, "]}"...)
	}
	return append(b, "]}"...)
}

func quote(text string) []byte {
	quoted, _ := json.Marshal(text) // a string can always be written
	return quoted
}

func (s runPages) pictures(w http.ResponseWriter, r *http.Request) error {
	id, err := s.store.Find(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	list, err := s.store.Pictures(r.Context(), id, tracker.PictureQuery{})
	if err != nil {
		return err
	}
	return writeJSON(w, append([]tracker.Picture{}, list...))
}
