package web

import (
	"math"
	"net/http"

	"github.com/gouache-art/gouache/internal/plot"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/rating"
	"github.com/gouache-art/gouache/tracker/study"
)

type scoresView struct {
	Sweep      sweepView
	Scores     *study.Scores // nil if nothing was compared
	dimensions []study.Dimension
}

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
	v := scoresView{Sweep: sw, dimensions: sw.Dimensions()}
	if len(b.Comparisons) > 0 {
		if v.Scores, err = sw.Scores(b); err != nil {
			return err
		}
	}
	return s.render(w, http.StatusOK, "sweep-scores.html", page{Title: "Scores of " + sw.Name, Nav: "sweeps", Data: v})
}

// Settings are a run's settings that are searched.
func (v scoresView) Settings(run *tracker.Run) []fact { return searched(run, v.dimensions) }

// interval is an estimate as it is drawn, from 0 to 100 along its axis.
type interval struct {
	From, Width, At, Zero float64
	Text, Ends            string
}

// Bar lays out an estimate along an axis.
func (scoresView) Bar(axis plot.Axis, e rating.Estimate) interval {
	at := func(x float64) float64 { return math.Round(axis.Place(x)*1e4) / 100 }
	return interval{at(e.Low), at(e.High) - at(e.Low), at(e.Value), at(0), study.Signed(e.Value), study.Interval(e)}
}

// Marks are an axis's ticks, from 0 to 100.
func (scoresView) Marks(axis plot.Axis) []plot.Tick {
	list := axis.Ticks(6)
	for i := range list {
		list[i].At *= 100
	}
	return list
}
