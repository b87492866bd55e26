package web

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/gouache-art/gouache/tracker"
)

// deleteView says what deleting runs will do.
type deleteView struct {
	Runs    []tracker.Run
	Running []tracker.Run // which stay
	Freed   tracker.Deletion
}

// askDelete shows what deleting the chosen runs will free, and asks whether to.
func (s *server) askDelete(w http.ResponseWriter, r *http.Request) error {
	if s.options.ReadOnly {
		return errReadOnly
	}
	ids, err := s.runIDs(r, r.URL.Query())
	if err != nil {
		return err
	}
	v := &deleteView{}
	var ended []string
	for _, id := range ids {
		run, err := s.store.Run(r.Context(), id)
		if err != nil {
			return err
		}
		if run.Status == tracker.StatusRunning {
			v.Running = append(v.Running, *run)
			continue
		}
		v.Runs = append(v.Runs, *run)
		ended = append(ended, id)
	}
	if len(ended) > 0 {
		freed, err := s.store.DeleteRuns(r.Context(), ended, true)
		if err != nil {
			return err
		}
		v.Freed = *freed
	}
	return s.render(w, http.StatusOK, "delete.html", page{Title: "Delete", Nav: "runs", Data: v})
}

// delete deletes the runs that a form names, and goes back to the others.
func (s *server) delete(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(w, r)
	if err != nil {
		return err
	}
	ids, err := s.runIDs(r, form)
	if err != nil {
		return err
	}
	freed, err := s.store.DeleteRuns(r.Context(), ids, false)
	if err != nil {
		return err
	}
	said := url.Values{"deleted": {strconv.Itoa(freed.Runs)}, "freed": {strconv.FormatInt(freed.Bytes, 10)}}
	http.Redirect(w, r, "/runs?"+said.Encode(), http.StatusSeeOther)
	return nil
}
