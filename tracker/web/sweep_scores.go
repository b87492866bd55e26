package web

import (
	"cmp"
	"math"
	"net/http"
	"slices"
	"strconv"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/rating"
)

// scoresView is what the page shows of people's judgements.
type scoresView struct {
	*study
	Tab         string
	Waits       waits
	Runs        []scoredRun // the strongest first
	Unseen      int         // pictures that nobody has compared
	Axis        span
	Parameters  []scoredParameter
	EffectAxis  span
	Residual    string
	Consistency rating.Share
	Raters      []raterShare
	Sides       rating.Share
	Ties        string
}

// scoredRun is a run with its strength.
type scoredRun struct {
	trial
	Rank  int
	Count int // of comparisons
	Bar   interval
}

type scoredParameter struct {
	rating.Parameter
	Bars []scoredValue
}

type scoredValue struct {
	rating.ValueEffect
	Bar interval
}

type raterShare struct {
	Name string
	rating.Share
}

// scores shows what people's judgements say.
func (s *server) scores(w http.ResponseWriter, r *http.Request) error {
	st, err := s.study(r)
	if err != nil {
		return err
	}
	b, err := st.ballot()
	if err != nil {
		return err
	}
	v := scoresView{study: st, Tab: "scores", Waits: b.waits(st)}
	if len(b.comparisons) > 0 {
		if err := v.score(b); err != nil {
			return err
		}
	}
	return s.render(w, http.StatusOK, "sweep-scores.html", page{Title: "Scores of " + st.Name, Nav: "sweeps", Data: v})
}

// score fits the models. Pictures that nobody has compared tell them nothing, and would only take time.
func (v *scoresView) score(b *ballot) error {
	seen := b.compared()
	v.Unseen = len(b.runs) - len(seen.runs)
	fitted, err := rating.Fit(len(seen.runs), seen.comparisons, rating.Options{})
	if err != nil {
		return err
	}
	dimensions := v.dimensions()
	v.Axis = spanOf(fitted.Strengths)
	for item, run := range seen.runs {
		t := trial{Run: run, State: stateOf(run), Told: toldOf(run, dimensions)}
		v.Runs = append(v.Runs, scoredRun{trial: t, Count: seen.counts[item], Bar: v.Axis.interval(fitted.Strengths[item])})
	}
	slices.SortStableFunc(v.Runs, func(a, b scoredRun) int { return cmp.Compare(b.Bar.Value, a.Bar.Value) })
	for i := range v.Runs {
		v.Runs[i].Rank = i + 1
	}
	v.Ties = percent(fitted.Ties)
	v.Sides = rating.Sides(b.comparisons)
	all, raters := rating.Consistency(b.comparisons)
	v.Consistency = all
	for name, share := range raters {
		v.Raters = append(v.Raters, raterShare{name, share})
	}
	slices.SortFunc(v.Raters, func(a, b raterShare) int { return cmp.Compare(a.Name, b.Name) })
	return v.scoreValues(seen, dimensions)
}

// scoreValues estimates what each setting's values do.
func (v *scoresView) scoreValues(b *ballot, dimensions []dimension) error {
	items := make([]map[string]string, len(b.runs))
	for i, run := range b.runs {
		items[i] = map[string]string{}
		for k := range dimensions {
			d := &dimensions[k]
			if value, ok := run.Params[d.Name]; ok {
				items[i][d.Name] = d.label(value)
			}
		}
	}
	effects, err := rating.FitEffects(items, b.comparisons, rating.Options{})
	if err != nil {
		return err
	}
	v.Residual = strconv.FormatFloat(effects.Residual, 'g', 3, 64)
	var all []rating.Estimate
	for _, p := range effects.Parameters {
		for _, e := range p.Values {
			all = append(all, e.Estimate)
		}
	}
	v.EffectAxis = spanOf(all)
	for _, p := range effects.Parameters {
		scored := scoredParameter{Parameter: p}
		for _, e := range p.Values {
			scored.Bars = append(scored.Bars, scoredValue{e, v.EffectAxis.interval(e.Estimate)})
		}
		v.Parameters = append(v.Parameters, scored)
	}
	return nil
}

// compared is the ballot without the pictures that were not compared.
func (b *ballot) compared() *ballot {
	seen, place := &ballot{}, make([]int, len(b.runs))
	for item, run := range b.runs {
		if place[item] = len(seen.runs); b.counts[item] > 0 {
			seen.runs = append(seen.runs, run)
			seen.counts = append(seen.counts, b.counts[item])
		}
	}
	for _, c := range b.comparisons {
		c.Left, c.Right = place[c.Left], place[c.Right]
		seen.comparisons = append(seen.comparisons, c)
	}
	return seen
}

// toldOf are a run's settings that are searched.
func toldOf(run *tracker.Run, dimensions []dimension) []fact {
	var list []fact
	for _, d := range dimensions {
		if v, ok := run.Params[d.Name]; ok {
			list = append(list, fact{d.Name, format.Rounded(v, 5)})
		}
	}
	return list
}

// span is what intervals are drawn along.
type span struct{ axis }

// interval is an estimate as it is drawn, from 0 to 100 along its span.
type interval struct {
	rating.Estimate
	From, To, At, Zero float64
}

// spanOf reaches over all intervals and nought.
func spanOf(list []rating.Estimate) span {
	ends := []float64{0}
	for _, e := range list {
		ends = append(ends, e.Low, e.High)
	}
	return span{newAxis(ends, false)}
}

func (s span) interval(e rating.Estimate) interval {
	at := func(x float64) float64 { return math.Round(s.place(x)*1e4) / 100 }
	return interval{e, at(e.Low), at(e.High), at(e.Value), at(0)}
}

// Text writes the estimate, and Ends its interval.
func (i interval) Text() string { return strength(i.Value) }

func (i interval) Ends() string { return strength(i.Low) + " to " + strength(i.High) }

// Wide is how long the interval is drawn.
func (i interval) Wide() float64 { return i.To - i.From }

// Marks are the span's marks, from 0 to 100.
func (s span) Marks() []tick {
	marks := s.ticks(6)
	for i := range marks {
		marks[i].At *= 100
	}
	return marks
}

func strength(x float64) string {
	text := strconv.FormatFloat(math.Abs(x), 'f', 2, 64)
	switch {
	case x > 0:
		return "+" + text
	case x < 0:
		return "−" + text
	}
	return text
}
