package web

import (
	"math"
	"net/http"
	"strconv"

	"github.com/gouache-art/gouache/internal/plot"
	"github.com/gouache-art/gouache/tracker/rating"
	"github.com/gouache-art/gouache/tracker/study"
)

// scoresView is what the page shows of people's judgements.
type scoresView struct {
	Sweep       sweepView
	Runs        []scoredRun // the strongest first; none if nothing was compared
	Scores      *study.Scores
	Marks       []plot.Tick // of the runs' intervals; At is from 0 to 100
	Parameters  []scoredParameter
	EffectMarks []plot.Tick
	Residual    string
}

// scoredRun is a run with its strength.
type scoredRun struct {
	study.Scored
	Settings []fact
	Bar      interval
}

type scoredParameter struct {
	Name    string
	Aliases []string
	Values  []scoredValue
}

type scoredValue struct {
	Label string
	Items int // pictures that have it
	Bar   interval
}

// scores shows what people's judgements say.
func (s sweepPages) scores(w http.ResponseWriter, r *http.Request) error {
	sw, err := s.read(r, "scores")
	if err != nil {
		return err
	}
	b, err := sw.Ballot()
	if err != nil {
		return err
	}
	sw.Waits = b.Waits()
	v := scoresView{Sweep: sw}
	if len(b.Comparisons) > 0 {
		if v.Scores, err = sw.Scores(b); err != nil {
			return err
		}
		v.draw()
	}
	return s.render(w, http.StatusOK, "sweep-scores.html", page{Title: "Scores of " + sw.Name, Nav: "sweeps", Data: v})
}

// draw lays out the intervals.
func (v *scoresView) draw() {
	dimensions := v.Sweep.Dimensions()
	for _, run := range v.Scores.Runs {
		v.Runs = append(v.Runs, scoredRun{run, searched(run.Run, dimensions), newInterval(v.Scores.Axis, run.Strength)})
	}
	v.Marks, v.EffectMarks = marks(v.Scores.Axis), marks(v.Scores.EffectAxis)
	v.Residual = strconv.FormatFloat(v.Scores.Effects.Residual, 'g', 3, 64)
	for _, p := range v.Scores.Effects.Parameters {
		scored := scoredParameter{Name: p.Name, Aliases: p.Aliases}
		for _, e := range p.Values {
			scored.Values = append(scored.Values, scoredValue{e.Label, e.Items, newInterval(v.Scores.EffectAxis, e.Estimate)})
		}
		v.Parameters = append(v.Parameters, scored)
	}
}

// interval is an estimate as it is drawn, from 0 to 100 along its axis.
type interval struct {
	From, Width, At, Zero float64
	Text, Ends            string
}

func newInterval(axis plot.Axis, e rating.Estimate) interval {
	at := func(x float64) float64 { return math.Round(axis.Place(x)*1e4) / 100 }
	return interval{at(e.Low), at(e.High) - at(e.Low), at(e.Value), at(0), study.Signed(e.Value), study.Interval(e)}
}

// marks are an axis's ticks, from 0 to 100.
func marks(axis plot.Axis) []plot.Tick {
	list := axis.Ticks(6)
	for i := range list {
		list[i].At *= 100
	}
	return list
}
