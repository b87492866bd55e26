package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/tracker"
)

// offered is how many of the latest runs are shown to choose from.
const offered = 60

// compare shows two to twelve runs side by side. The query has run, or id as in the form of the Runs page: ids
// or beginnings of ids with commas between them; and step, the iteration to look at; what else the page's scripts keep in it, the server leaves to them. If
// the runs cannot be compared, or choose is given, the page offers runs to choose from.
func (s *server) compare(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	ids, err := s.findRuns(r.Context(), splitList(append(query["run"], query["id"]...)))
	if err != nil || len(ids) == 0 || query.Has("choose") {
		return s.chooseRuns(w, r, ids, err)
	}
	if len(ids) == 1 {
		return s.chooseRuns(w, r, ids, tracker.Errorf(tracker.CodeInvalid, "one run alone cannot be compared: tick at least one more"))
	}
	contrast, err := tracker.NewContrast(r.Context(), s.store, ids)
	if err != nil {
		return s.chooseRuns(w, r, ids, err)
	}
	frames := make([][]frame, len(ids))
	for i, id := range ids {
		if frames[i], err = s.frames(r.Context(), id); err != nil {
			return err
		}
	}
	step, err := number(query, "step", lastStep, 0, lastStep)
	if err != nil {
		return s.chooseRuns(w, r, ids, err)
	}
	title := "Compare " + format.Count(len(ids), "run", "runs")
	return s.render(w, http.StatusOK, "compare.html", page{Title: title, Nav: "compare", Data: newComparison(contrast, frames, int64(step))})
}

// findRuns returns the whole ids of runs, each once. Beside an error it returns those that it found.
func (s *server) findRuns(ctx context.Context, refs []string) ([]string, error) {
	if len(refs) > maxIDs {
		return nil, tracker.Errorf(tracker.CodeInvalid, "there are %d runs to compare: choose 2 to %d", len(refs), tracker.MaxContrast)
	}
	var ids []string
	var failed error
	for _, ref := range refs {
		id, err := s.store.Find(ctx, ref)
		switch {
		case err != nil && failed == nil:
			failed = err
		case err == nil && !slices.Contains(ids, id):
			ids = append(ids, id)
		}
	}
	return ids, failed
}

// frames returns what a run looked like along its way, the final picture last.
func (s *server) frames(ctx context.Context, id string) ([]frame, error) {
	pictures, err := s.store.Pictures(ctx, id, tracker.PictureQuery{})
	if err != nil {
		return nil, err
	}
	frames := []frame{}
	_, list, _ := sortPictures(pictures)
	for _, p := range list {
		frames = append(frames, frame{Step: p.Step, Hash: p.Hash, Width: p.Width, Height: p.Height})
	}
	return frames, nil
}

// chooseView is what is offered to choose from.
type chooseView struct {
	Runs  []candidate
	Most  int
	Total int    // runs in the store
	Error string // why the runs that were asked for are not compared
}

type candidate struct {
	tracker.Run
	Chosen bool
}

// chooseRuns offers the latest runs, and those that were asked for already above them. reason may be nil.
func (s *server) chooseRuns(w http.ResponseWriter, r *http.Request, ids []string, reason error) error {
	data := chooseView{Most: tracker.MaxContrast}
	status := http.StatusOK
	if reason != nil {
		if status = s.status(r, reason); status == http.StatusInternalServerError || status == http.StatusServiceUnavailable {
			return reason
		}
		data.Error = reason.Error()
	}
	latest, err := s.store.Runs(r.Context(), tracker.RunQuery{Limit: offered})
	if err != nil {
		return err
	}
	data.Total = latest.Total
	for _, id := range ids[:min(len(ids), maxIDs)] {
		run, err := s.store.Run(r.Context(), id)
		if err != nil {
			return err
		}
		data.Runs = append(data.Runs, candidate{*run, true})
	}
	for _, run := range latest.Runs {
		if !slices.Contains(ids, run.ID) {
			data.Runs = append(data.Runs, candidate{run, false})
		}
	}
	return s.render(w, status, "compare-choose.html", page{Title: "Compare", Nav: "compare", Data: data})
}

// compareURL is the address at which runs are compared.
func compareURL(ids []string, more ...string) string {
	query := url.Values{"run": ids}
	for _, name := range more {
		query.Set(name, "1")
	}
	return "/compare?" + query.Encode()
}
