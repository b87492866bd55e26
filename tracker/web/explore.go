package web

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/gouache-art/gouache/internal/plot"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/study"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// exploreView is what the page of a sweep's parallel coordinates, scatter, importances and curves
// shows.
type exploreView struct {
	Sweep       sweepView
	Importances []sweep.Importance
	Warning     string
	Scene       exploration
	Omitted     int // trials that are not drawn
	MostCurves  int // trials whose curves are drawn
}

// Bounds on what is drawn, of a sweep that may have 100,000 trials. 12,000 trials were 4.6 MB of
// JSON and as many lines over each other; their curves took 7 s to read.
const (
	mostDrawn  = 2000 // trials
	mostCurves = 300
)

// explore shows how a sweep's settings relate to their results. The query may have x and y, the
// metrics of the scatter, and linear=x, linear=y.
func (s sweepPages) explore(w http.ResponseWriter, r *http.Request) error {
	sw, ranking, err := s.readRanked(r, "explore")
	if err != nil {
		return err
	}
	dimensions := sw.Dimensions()
	v := exploreView{Sweep: sw, Scene: explored(ranking, r.URL.Query(), dimensions)}
	v.Omitted = len(sw.Runs) - len(v.Scene.Trials)
	if len(sw.Runs) > mostCurves {
		v.MostCurves = mostCurves
	}
	v.Importances, v.Warning = ranking.Importances(dimensions)
	return s.render(w, http.StatusOK, "sweep-explore.html", page{Title: "Explore " + sw.Name, Nav: "sweeps", Data: v})
}

// trials answers with what the page's scripts draw, for a query like the page's.
func (s sweepPages) trials(w http.ResponseWriter, r *http.Request) error {
	sw, ranking, err := s.readRanked(r, "")
	if err != nil {
		return err
	}
	return writeJSON(w, explored(ranking, r.URL.Query(), sw.Dimensions()))
}

// curvePoints is how many points of a curve are enough where many curves overlap.
const curvePoints = 120

// curves answers with one metric's curves of all trials, or the best mostCurves, as {"curves":
// [{"id", "points": [[step, value]]}]}. The query has metric, and may have points, how many of each
// curve at most.
func (s sweepPages) curves(w http.ResponseWriter, r *http.Request) error {
	sw, ranking, err := s.readRanked(r, "")
	if err != nil {
		return err
	}
	metric := r.URL.Query().Get("metric")
	points, err := number(r.URL.Query(), "points", curvePoints, 4, defaultPoints)
	if err != nil {
		return err
	}
	type curve struct {
		ID     string          `json:"id"`
		Points []tracker.Point `json:"points"`
	}
	list := []curve{}
	best := ranking.Order[:min(len(ranking.Order), mostCurves)]
	for _, trial := range slices.Sorted(slices.Values(best)) {
		run := sw.Runs[trial]
		curves, err := s.store.Curves(r.Context(), run.ID, tracker.CurveQuery{Metrics: []string{metric}, Points: points})
		if err != nil {
			return err
		}
		c := curve{run.ID, []tracker.Point{}}
		if len(curves) > 0 {
			c.Points = curves[0].Points
		}
		list = append(list, c)
	}
	return writeJSON(w, map[string]any{"curves": list})
}

// exploration is what is drawn. A place on an axis is a number from 0 to 1, or null if there is
// none.
type exploration struct {
	Axes      []drawnAxis `json:"axes"` // of the settings, and the objective's last
	X         drawnAxis   `json:"x"`
	Y         drawnAxis   `json:"y"`
	Metrics   []string    `json:"metrics"`
	Metric    string      `json:"metric"` // the one of the curves, until another is chosen
	MoreWins  bool        `json:"moreWins"`
	Trials    []dot       `json:"trials"`
	Front     []int       `json:"front"` // indices of the trials on the Pareto front of x and y
	Best      int         `json:"best"`  // or -1
	Objective string      `json:"objective"`
}

type drawnAxis struct {
	Name  string      `json:"name"`
	List  bool        `json:"list"` // it has words, or few numbers, instead of a scale
	Log   bool        `json:"log"`
	Ticks []plot.Tick `json:"ticks"`
}

type dot struct {
	ID       string     `json:"id"`
	Number   int        `json:"number"`
	State    string     `json:"state"`
	Reason   string     `json:"reason,omitempty"`
	Picture  string     `json:"picture"`
	Settings []fact     `json:"told"`
	At       []*float64 `json:"at"` // on each axis
	X        *float64   `json:"x"`
	Y        *float64   `json:"y"`
	XText    string     `json:"xText"`
	YText    string     `json:"yText"`
	Value    string     `json:"value"`
	Rank     int        `json:"rank"` // from 0, the best
}

func explored(r *study.Ranking, query url.Values, dimensions []study.Dimension) exploration {
	e := exploration{
		Metrics: r.Metrics(), MoreWins: r.Rated(), Trials: []dot{}, Best: -1, Objective: r.Objective(), Axes: []drawnAxis{},
	}
	e.Metric = firstOf(e.Metrics, sweep.ObjectiveMetric, "total")
	values, ranks := make([]float64, len(r.Runs)), make([]int, len(r.Runs))
	for rank, i := range r.Order {
		values[i], ranks[i] = r.Value(i), rank
	}
	for i := range dimensions {
		e.Axes = append(e.Axes, drawnDimension(&dimensions[i]))
	}
	goal := plot.NewAxis(values, false)
	goal = plot.NewAxis(values, !r.Rated() && plot.Spreads(goal.Low, goal.High))
	e.Axes = append(e.Axes, drawnAxis{e.Objective, false, goal.Log, goal.Ticks(8)})
	// side takes the metric that the query names for an axis of the scatter, or the first known of
	// some.
	side := func(side string, names ...string) (drawnAxis, []float64, func(float64) *float64) {
		name := firstOf(e.Metrics, append([]string{query.Get(side)}, names...)...)
		values := r.Metric(name)
		axis := plot.NewAxis(values, !slices.Contains(query["linear"], side))
		place := func(v float64) *float64 { return pointer(axis.Place(v), plot.Finite(v)) }
		return drawnAxis{name, false, axis.Log, axis.Ticks(6)}, values, place
	}
	var xs, ys []float64
	var placeX, placeY func(float64) *float64
	e.X, xs, placeX = side("x", tracker.Unweighted("content"), "content")
	e.Y, ys, placeY = side("y", tracker.Unweighted("style"), "style", sweep.ObjectiveMetric)
	front := study.Front(xs, ys)
	if n := len(front); n > mostDrawn { // points of it, evenly apart
		for k := range mostDrawn {
			front[k] = front[k*(n-1)/(mostDrawn-1)]
		}
		front = front[:mostDrawn]
	}
	// The best trials are drawn, and those on the front, so that it is that of all trials.
	list := slices.Concat(r.Order[:min(len(r.Order), mostDrawn)], front)
	slices.Sort(list)
	place := map[int]int{} // of a trial in e.Trials
	for _, i := range slices.Compact(list) {
		place[i] = len(e.Trials)
		t := newTrial(r, i, dimensions)
		d := dot{
			ID: t.Run.ID, Number: t.Run.Trial, State: t.State, Reason: t.Run.Reason, Picture: t.Run.Picture,
			Settings: t.Settings, Value: t.Value, Rank: ranks[i],
			X: placeX(xs[i]), Y: placeY(ys[i]), XText: rounded(xs[i]), YText: rounded(ys[i]),
		}
		for k := range dimensions {
			d.At = append(d.At, pointer(dimensions[k].Place(t.Run.Params[dimensions[k].Name])))
		}
		d.At = append(d.At, pointer(goal.Place(values[i]), plot.Finite(values[i])))
		e.Trials = append(e.Trials, d)
	}
	e.Front = []int{}
	for _, i := range front {
		e.Front = append(e.Front, place[i])
	}
	if r.Best >= 0 {
		e.Best = place[r.Best]
	}
	return e
}

func drawnDimension(d *study.Dimension) drawnAxis {
	if axis, ok := d.Scale(); ok {
		return drawnAxis{d.Name, false, d.Log, axis.Ticks(8)}
	}
	a := drawnAxis{Name: d.Name, List: true, Ticks: []plot.Tick{}}
	for k, label := range d.Levels {
		a.Ticks = append(a.Ticks, plot.Tick{At: d.LevelPlace(k), Text: label})
	}
	return a
}

// firstOf returns the first of some names that is known, or else the first that is known.
func firstOf(known []string, names ...string) string {
	for _, name := range append(names, known...) {
		if slices.Contains(known, name) {
			return name
		}
	}
	return ""
}

func pointer(v float64, ok bool) *float64 {
	if !ok || !plot.Finite(v) {
		return nil
	}
	return &v
}
