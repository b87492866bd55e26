package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/gouache-art/gouache/internal/plot"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/study"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// explorePages show how settings relate to results: of a sweep's trials, or of any runs.
type explorePages struct{ *frame }

// exploreView is what the page of parallel coordinates, scatter, importances and curves shows.
type exploreView struct {
	explored
	Importances []sweep.Importance
	Warning     string
	Scene       exploration
	Omitted     int // runs that are not drawn
	MostCurves  int // runs whose curves are drawn
	Lasts       []last
}

// explored is what is looked at, in the way that a request asks for.
type explored struct {
	sweepView // without a name if it is any runs
	ranking   *study.Ranking
	objective bool // whether there is a sweep's objective
	axes      []study.Dimension
	All       []study.Dimension // the settings that could be axes
	Filter    string
	Ignored   int // runs that pass the filter and are too many to look at
}

// last is a choice of the last axis.
type last struct {
	Name, Label string
	On          bool
}

// Bounds on what is drawn, of a sweep that may have 100,000 trials. 12,000 trials were 4.6 MB of
// JSON and as many lines over each other; their curves took 7 s to read.
const (
	mostDrawn  = 2000 // trials
	mostCurves = 300
	mostAxes   = 12 // of runs that differ in more settings, unless others are chosen
)

// read reads what a request is about. The query may have last, what the last axis shows, and more if more of that is
// better; and of any runs, filter, and axes.
func (s explorePages) read(r *http.Request) (e explored, err error) {
	query := r.URL.Query()
	if r.PathValue("name") != "" {
		e.sweepView, err = sweepPages(s).read(r, "explore")
		if err != nil {
			return e, err
		}
		b, err := e.Ballot()
		if err != nil {
			return e, err
		}
		e.Waits = b.Waits()
	} else if err = s.readRuns(r, &e); err != nil {
		return e, err
	}
	if e.ranking, err = e.Rank(); err != nil {
		return e, err
	}
	e.objective = e.Name != "" && (e.Rated() || slices.ContainsFunc(e.ranking.Seen, func(o sweep.Observation) bool { return plot.Finite(o.Value) }))
	if by := e.chooseLast(query.Get("last")); by != "" {
		if e.ranking, err = e.RankBy(by, query.Has("more")); err != nil {
			return e, err
		}
	}
	e.All = e.Dimensions()
	e.axes = e.All
	if e.Name == "" {
		e.axes = e.chooseAxes(splitList(query["axes"]))
	}
	return e, nil
}

// readRuns reads the runs that the query's filter finds, the latest first.
func (s explorePages) readRuns(r *http.Request, e *explored) error {
	now, err := s.now(r.Context()) // before the runs are read, so that no change is missed
	if err != nil {
		return err
	}
	e.Filter = r.URL.Query().Get("filter")
	filter, err := tracker.ParseFilter(e.Filter)
	if err != nil {
		return err
	}
	found, err := s.store.Runs(r.Context(), tracker.RunQuery{Filter: filter, Limit: tracker.MaxLimit})
	if err != nil {
		return err
	}
	e.sweepView = sweepView{Study: study.Of(found.Runs), Cursor: now}
	e.Ignored = found.Total - len(found.Runs)
	return nil
}

// chooseLast returns the metric or study.Stars that the last axis shows, or "" for the objective. Without a choice it is
// the objective, or where no trial has one, the stars or a metric.
func (e explored) chooseLast(wanted string) string {
	metrics := e.ranking.Metrics()
	switch {
	case wanted == sweep.ObjectiveMetric && e.objective:
		return ""
	case wanted == study.Stars || slices.Contains(metrics, wanted):
		return wanted
	case e.objective:
		return ""
	case slices.ContainsFunc(e.Runs, func(run *tracker.Run) bool { return run.Rating > 0 }):
		return study.Stars
	}
	return firstOf(metrics, "total")
}

// chooseAxes returns the settings that are named, or the first that matter most.
func (e explored) chooseAxes(names []string) []study.Dimension {
	if len(names) == 0 {
		shares, _ := e.ranking.Importances(e.All)
		slices.SortStableFunc(shares, func(a, b sweep.Importance) int { return cmp.Compare(b.Share, a.Share) })
		for _, share := range shares {
			names = append(names, share.Name)
		}
		for _, d := range e.All {
			if !slices.Contains(names, d.Name) {
				names = append(names, d.Name)
			}
		}
		names = names[:min(len(names), mostAxes)]
	}
	return slices.DeleteFunc(slices.Clone(e.All), func(d study.Dimension) bool { return !slices.Contains(names, d.Name) })
}

// Base is the address that the page's scripts ask for more.
func (e explored) Base() string {
	if e.Name != "" {
		return e.sweepView.Path()
	}
	return "/explore"
}

// List is the address of the runs in the list.
func (e explored) List() string {
	if e.Name != "" {
		return e.sweepView.List()
	}
	return listing{Filter: e.Filter, Page: 1}.Address()
}

// Has reports whether a setting is an axis.
func (e explored) Has(name string) bool {
	return slices.ContainsFunc(e.axes, func(d study.Dimension) bool { return d.Name == name })
}

// By and MoreWins say what the last axis shows, and whether more of it is better.
func (e explored) By() string     { return e.ranking.By }
func (e explored) MoreWins() bool { return e.ranking.MoreWins }

// Metric reports whether the last axis shows a metric, of which more may be better.
func (e explored) Metric() bool { return e.ranking.By != study.Stars && e.ranking.By != e.Objective() }

// explore shows how settings relate to results. The query may also have x and y, the metrics of the scatter, and
// linear=x, linear=y.
func (s explorePages) explore(w http.ResponseWriter, r *http.Request) error {
	e, err := s.read(r)
	if err != nil {
		return err
	}
	v := exploreView{explored: e, Scene: e.scene(r.URL.Query())}
	v.Omitted = len(e.Runs) - len(v.Scene.Trials)
	if len(e.Runs) > mostCurves {
		v.MostCurves = mostCurves
	}
	v.Importances, v.Warning = e.ranking.Importances(e.All)
	if e.objective {
		v.Lasts = append(v.Lasts, last{sweep.ObjectiveMetric, e.Objective(), e.By() == e.Objective()})
	}
	v.Lasts = append(v.Lasts, last{study.Stars, "rating, in stars", e.By() == study.Stars})
	for _, metric := range e.ranking.Metrics() {
		if metric != sweep.ObjectiveMetric || !e.objective {
			v.Lasts = append(v.Lasts, last{metric, metric, e.By() == metric})
		}
	}
	title, nav := "Explore "+e.Name, "sweeps"
	if e.Name == "" {
		title, nav = "Explore", "runs"
	}
	return s.render(w, http.StatusOK, "explore.html", page{Title: title, Nav: nav, Data: v})
}

// trials answers with what the page's scripts draw, for a query like the page's.
func (s explorePages) trials(w http.ResponseWriter, r *http.Request) error {
	e, err := s.read(r)
	if err != nil {
		return err
	}
	return writeJSON(w, e.scene(r.URL.Query()))
}

// curvePoints is how many points of a curve are enough where many curves overlap.
const curvePoints = 120

// curves answers with one metric's curves of all trials, or the best mostCurves, as {"curves":
// [{"id", "points": [[step, value]]}]}. The query has metric, and may have points, how many of each
// curve at most.
func (s explorePages) curves(w http.ResponseWriter, r *http.Request) error {
	e, err := s.read(r)
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
	best := e.ranking.Order[:min(len(e.ranking.Order), mostCurves)]
	for _, trial := range slices.Sorted(slices.Values(best)) {
		run := e.Runs[trial]
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
	Name     string     `json:"name"` // for people
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

// scene lays out what is explored.
func (of explored) scene(query url.Values) exploration {
	r, dimensions := of.ranking, of.axes
	e := exploration{Metrics: r.Metrics(), MoreWins: r.MoreWins, Trials: []dot{}, Best: -1, Objective: r.By, Axes: []drawnAxis{}}
	e.Metric = firstOf(e.Metrics, sweep.ObjectiveMetric, "total")
	values, ranks := make([]float64, len(r.Runs)), make([]int, len(r.Runs))
	for rank, i := range r.Order {
		values[i], ranks[i] = r.Value(i), rank
	}
	for i := range dimensions {
		e.Axes = append(e.Axes, drawnDimension(&dimensions[i]))
	}
	goal := plot.NewAxis(values, false)
	goal = plot.NewAxis(values, !r.MoreWins && plot.Spreads(goal.Low, goal.High))
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
			ID: t.Run.ID, Number: t.Run.Trial, Name: of.label(t.Run), State: t.State, Reason: t.Run.Reason, Picture: t.Run.Picture,
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

// label is what people call a run here.
func (of explored) label(run *tracker.Run) string {
	if of.Name == "" {
		return run.Name
	}
	return "Trial " + strconv.Itoa(run.Trial)
}

func drawnDimension(d *study.Dimension) drawnAxis {
	axis, scale := d.Scale()
	return drawnAxis{d.Name, !scale, scale && axis.Log, d.Ticks()}
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
