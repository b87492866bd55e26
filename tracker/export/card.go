package export

import (
	"cmp"
	"html/template"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/tracker"
)

// top is what stands above the cards.
type top struct {
	Title, Policy, Dates string
	Style                template.CSS
	Runs                 int
	Common               []setting
	Metrics, Params      []string // what cards can be sorted by
}

func (g *gallery) top() top {
	t := top{Title: g.options.Title, Policy: policy(), Style: template.CSS(asset("gallery.css")), Runs: len(g.entries)}
	if t.Title == "" {
		t.Title = cmp.Or(g.experiment(), "Runs")
	}
	first, last := g.entries[0].StartedAt, g.entries[0].StartedAt
	for _, e := range g.entries {
		if e.StartedAt.Before(first) {
			first = e.StartedAt
		}
		if e.StartedAt.After(last) {
			last = e.StartedAt
		}
	}
	const day = "2 January 2006"
	t.Dates = first.Format(day)
	if until := last.Format(day); until != t.Dates {
		t.Dates += " – " + until
	}
	if len(g.entries) > 1 {
		t.Common = settings(0, g.contrast.Common...)
	}
	t.Metrics = names(g.entries, func(e *entry) []string { return drawn(e.Final) })
	for _, row := range g.contrast.Differs {
		if row.Kind == tracker.ContrastParam {
			t.Params = append(t.Params, row.Name)
		}
	}
	return t
}

// experiment returns the one that all runs belong to.
func (g *gallery) experiment() string {
	all := names(g.entries, func(e *entry) []string { return []string{e.Experiment} })
	if len(all) == 1 {
		return all[0]
	}
	return ""
}

// card is a run as the page shows it.
type card struct {
	*tracker.Run
	Differs []setting
	Chart   *chart
	Finals  []final
	Inputs  []reference
	All     []setting // everything that is known, folded away
	Command string
	Mixed   bool // not all runs are of its experiment
}

// final is a metric's last value.
type final struct {
	Name, Value, Exact string
	Color              int // of its line in the chart, or -1
}

// reference points to a picture that stands elsewhere in the page.
type reference struct{ ID, Role, Label string }

func (g *gallery) card(run int) (*card, error) {
	e := &g.entries[run]
	c := &card{
		Run: &e.Run, Differs: g.differs(run), All: g.everything(run),
		Command: e.Provenance.CommandLine(), Mixed: g.experiment() == "",
	}
	for _, p := range e.inputs() {
		c.Inputs = append(c.Inputs, reference{"i-" + p.Hash, p.Role, label(&p)})
	}
	order := drawn(e.Final)
	if len(order) > 0 {
		curves, err := g.reader.Curves(g.ctx, e.ID, tracker.CurveQuery{Metrics: order, Points: chartPoints})
		if err != nil {
			return nil, err
		}
		c.Chart = newChart(curves, order)
	}
	for i, name := range order {
		f := final{name, format.Rounded(e.Final[name], 4), format.Value(e.Final[name]), -1}
		if c.Chart != nil && slices.ContainsFunc(c.Chart.Lines, func(l line) bool { return l.Color == i }) {
			f.Color = i
		}
		c.Finals = append(c.Finals, f)
	}
	return c, nil
}

// everything lists a run's parameters, what made it, and its last values.
func (g *gallery) everything(run int) []setting {
	e := &g.entries[run]
	var list []setting
	for _, s := range g.settings(run) {
		if s.Kind != tracker.ContrastProvenance {
			list = append(list, s)
		}
	}
	for _, c := range provenanceColumns {
		if text := c.cell(e); text != "" && c.name != "command" && e.Params[c.name] == nil {
			list = append(list, setting{Kind: tracker.ContrastProvenance, Name: c.name, Value: text})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.Final)) {
		list = append(list, setting{Kind: tracker.ContrastMetric, Name: "final." + name, Value: format.Value(e.Final[name])})
	}
	return list
}

// searchable is what the page's script finds and sorts a card by.
type searchable struct {
	Name    string         `json:"name"`
	Started int64          `json:"started"` // milliseconds since 1970
	Rating  int            `json:"rating"`
	Text    string         `json:"text"`
	Values  map[string]any `json:"values"` // by the names that columns of CSV have
}

func (g *gallery) searchable() []searchable {
	list := make([]searchable, 0, len(g.entries))
	for i := range g.entries {
		e := &g.entries[i]
		s := searchable{Name: e.Name, Started: e.StartedAt.UnixMilli(), Rating: e.Rating, Values: map[string]any{}}
		words := append([]string{e.Name, e.ID, e.Experiment, e.Sweep, string(e.Status), e.Reason, e.Note}, e.Tags...)
		for _, setting := range g.settings(i) {
			words = append(words, setting.Name+"="+setting.Value)
		}
		s.Text = strings.Join(words, "\n")
		for _, row := range g.contrast.Differs {
			if v := row.Values[i]; v != nil && row.Kind == tracker.ContrastParam {
				s.Values["param."+row.Name] = v
			}
		}
		for _, name := range drawn(e.Final) {
			if v := e.Final[name]; !math.IsNaN(v) && !math.IsInf(v, 0) { // JSON has no such numbers, and they belong last
				s.Values["final."+name] = v
			}
		}
		list = append(list, s)
	}
	return list
}

func when(t time.Time) string { return t.UTC().Format("2 Jan 2006 15:04 UTC") }
