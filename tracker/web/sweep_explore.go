package web

import (
	"encoding/json"
	"net/http"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// exploreView is what the page of a sweep's parallel coordinates, scatter, importances and curves shows.
type exploreView struct {
	*study
	Tab         string
	Waits       waits
	Objective   string
	Importances []sweep.Importance
	Warning     string
	Scene       exploration
}

// explore shows how a sweep's settings go with what came of them. The query may have x and y, the metrics of the
// scatter, and linear=x, linear=y.
func (s *server) explore(w http.ResponseWriter, r *http.Request) error {
	st, seen, err := s.observed(r)
	if err != nil {
		return err
	}
	dimensions := st.dimensions()
	v := exploreView{study: st, Tab: "explore", Objective: st.objective(), Scene: st.exploration(r.URL.Query(), dimensions, seen)}
	v.Importances, v.Warning = sweep.Importances(space(dimensions), seen)
	if v.Waits, err = st.waits(); err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "sweep-explore.html", page{Title: "Explore " + st.Name, Nav: "sweeps", Data: v})
}

// trials answers with what the page's scripts draw, for a query as the page's.
func (s *server) trials(w http.ResponseWriter, r *http.Request) error {
	st, seen, err := s.observed(r)
	if err != nil {
		return err
	}
	b, err := json.Marshal(st.exploration(r.URL.Query(), st.dimensions(), seen))
	if err != nil {
		return err
	}
	return writeJSON(w, b)
}

// curvesOf answers with one metric's curves of all trials, as {"curves": [{"id", "points": [[step, value]]}]}. The query
// has metric, and may have points, how many of each curve at most.
func (s *server) curvesOf(w http.ResponseWriter, r *http.Request) error {
	st, err := s.study(r)
	if err != nil {
		return err
	}
	metric := r.URL.Query().Get("metric")
	points, err := number(r.URL.Query(), "points", curvePoints, 4, defaultPoints)
	if err != nil {
		return err
	}
	b := []byte(`{"curves":[`)
	for i, run := range st.Runs {
		curves, err := s.store.Curves(r.Context(), run.ID, tracker.CurveQuery{Metrics: []string{metric}, Points: points})
		if err != nil {
			return err
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"id":`...)
		b = appendText(b, run.ID)
		b = append(b, `,"points":`...)
		if len(curves) > 0 {
			b = appendPoints(b, curves[0].Points)
		} else {
			b = append(b, "[]"...)
		}
		b = append(b, '}')
	}
	return writeJSON(w, append(b, "]}"...))
}

// curvePoints is how many points of a curve are enough where many lie over each other.
const curvePoints = 120
