package web

import (
	"math"
	"net/url"
	"slices"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// exploration is what is drawn. Where something lies on an axis is a number from 0 to 1, or null if it does not.
type exploration struct {
	Axes      []drawnAxis `json:"axes"` // of the settings, and the objective's last
	X         drawnAxis   `json:"x"`
	Y         drawnAxis   `json:"y"`
	Metrics   []string    `json:"metrics"`
	Metric    string      `json:"metric"` // the usual one of the curves
	MoreWins  bool        `json:"moreWins"`
	Trials    []dot       `json:"trials"`
	Front     []int       `json:"front"` // indices of the trials that no other beats in both x and y
	Best      int         `json:"best"`  // or -1
	Objective string      `json:"objective"`
}

// drawnAxis is an axis with its marks.
type drawnAxis struct {
	Name  string `json:"name"`
	List  bool   `json:"list"` // it has words, or few numbers, rather than a scale
	Log   bool   `json:"log"`
	Ticks []tick `json:"ticks"`
}

// dot is a trial as it is drawn.
type dot struct {
	ID      string      `json:"id"`
	Number  int         `json:"number"`
	State   string      `json:"state"`
	Reason  string      `json:"reason,omitempty"`
	Picture string      `json:"picture"`
	Told    [][2]string `json:"told"`
	At      []*float64  `json:"at"` // on each axis
	X       *float64    `json:"x"`
	Y       *float64    `json:"y"`
	XText   string      `json:"xText"`
	YText   string      `json:"yText"`
	Value   string      `json:"value"`
	Rank    int         `json:"rank"` // from 0, the best
}

// exploration lays out the trials for a query.
func (st *study) exploration(query url.Values, dimensions []dimension, seen []sweep.Observation) exploration {
	e := exploration{Metrics: st.metrics(seen), MoreWins: st.Rated(), Best: st.best(seen), Objective: st.objective(), Axes: []drawnAxis{}, Trials: []dot{}}
	e.Metric = usual(e.Metrics, sweep.ObjectiveMetric, "total")
	scores := make([]float64, len(seen))
	for i, o := range seen {
		scores[i] = st.score(o.Value)
	}
	goal := newAxis(scores, !st.Rated() && wide(scores))
	for _, d := range dimensions {
		e.Axes = append(e.Axes, d.drawn())
	}
	e.Axes = append(e.Axes, drawnAxis{e.Objective, false, goal.Log, goal.ticks(8)})
	x := st.measure(query, "x", usual(e.Metrics, "loss.content", "content"), e.Metrics, seen)
	y := st.measure(query, "y", usual(e.Metrics, "loss.style", "style", sweep.ObjectiveMetric), e.Metrics, seen)
	e.X, e.Y = x.drawn, y.drawn
	ranks := make([]int, len(seen))
	for rank, i := range st.order(seen) {
		ranks[i] = rank
	}
	for i := range st.Runs {
		t := st.trial(i, dimensions, seen, e.Best)
		d := dot{
			ID: t.ID, Number: t.Trial, State: t.State, Reason: t.Reason, Picture: t.Picture, Told: [][2]string{}, Value: t.Value, Rank: ranks[i],
			X: x.place(i), Y: y.place(i), XText: format.Rounded(x.values[i], 5), YText: format.Rounded(y.values[i], 5),
		}
		for _, f := range t.Told {
			d.Told = append(d.Told, [2]string{f.Name, f.Text})
		}
		for k := range dimensions {
			d.At = append(d.At, pointer(dimensions[k].place(t.Params[dimensions[k].Name])))
		}
		d.At = append(d.At, pointer(goal.place(scores[i]), finite(scores[i])))
		e.Trials = append(e.Trials, d)
	}
	e.Front = front(x.values, y.values)
	return e
}

// drawn is the dimension's axis.
func (d *dimension) drawn() drawnAxis {
	if d.Values == nil && d.Low < d.High {
		return drawnAxis{d.Name, false, d.Log, d.axis().ticks(8)}
	}
	a := drawnAxis{Name: d.Name, List: true, Ticks: []tick{}}
	for k, label := range d.Levels {
		a.Ticks = append(a.Ticks, tick{d.levelPlace(k), label})
	}
	return a
}

// measured is a metric of all trials along an axis.
type measured struct {
	values []float64
	axis   axis
	drawn  drawnAxis
}

func (m *measured) place(i int) *float64 {
	v := m.values[i]
	return pointer(m.axis.place(v), finite(v))
}

// measure takes the metric that the query names for a side, or the usual one.
func (st *study) measure(query url.Values, side, name string, metrics []string, seen []sweep.Observation) measured {
	if wanted := query.Get(side); slices.Contains(metrics, wanted) {
		name = wanted
	}
	m := measured{values: make([]float64, len(seen))}
	for i, run := range st.Runs {
		v, ok := run.Final[name]
		switch {
		case name == sweep.ObjectiveMetric:
			m.values[i] = seen[i].Value
		case ok:
			m.values[i] = v
		default:
			m.values[i] = math.NaN()
		}
	}
	m.axis = newAxis(m.values, !slices.Contains(query["linear"], side))
	m.drawn = drawnAxis{name, false, m.axis.Log, m.axis.ticks(6)}
	return m
}

// metrics are those that a trial has, by name, and the objective.
func (st *study) metrics(seen []sweep.Observation) []string {
	list := []string{}
	for i, run := range st.Runs {
		for name := range run.Final {
			if !slices.Contains(list, name) {
				list = append(list, name)
			}
		}
		if finite(seen[i].Value) && !slices.Contains(list, sweep.ObjectiveMetric) {
			list = append(list, sweep.ObjectiveMetric)
		}
	}
	slices.Sort(list)
	return list
}

// usual returns the first of some names that is known, or else the first that is known.
func usual(known []string, names ...string) string {
	for _, name := range append(names, known...) {
		if slices.Contains(known, name) {
			return name
		}
	}
	return ""
}

// wide tells whether numbers spread so far that their logarithms say more.
func wide(numbers []float64) bool {
	a := newAxis(numbers, false)
	return spreads(a.Low, a.High)
}

// front returns the trials that no other beats in both metrics.
func front(x, y []float64) []int {
	points := make([][2]float64, len(x))
	for i := range x {
		points[i] = [2]float64{x[i], y[i]}
		if !finite(x[i]) || !finite(y[i]) {
			points[i][0] = math.NaN() // it is not drawn
		}
	}
	list := sweep.Pareto(points)
	if list == nil {
		return []int{}
	}
	return list
}

func pointer(v float64, ok bool) *float64 {
	if !ok || !finite(v) {
		return nil
	}
	return &v
}
