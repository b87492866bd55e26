package web

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

// workerPages are the list of workers, and what is asked of them.
type workerPages struct{ *frame }

type workersView struct {
	Workers []workerRow
	Command string // starts a worker, or ""
	Cursor  tracker.Cursor
}

type workerRow struct {
	tracker.Worker
	Key     string        // its process, for the form
	Paints  string        // the name of its run
	Silence time.Duration // since its last sign of life
}

func (s workerPages) list(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	cursor, err := s.now(ctx)
	if err != nil {
		return err
	}
	workers, err := s.store.Workers(ctx)
	if err != nil {
		return err
	}
	names, err := s.namesOf(ctx, workers)
	if err != nil {
		return err
	}
	v := workersView{Command: s.options.WorkerCommand, Cursor: cursor}
	for _, worker := range workers {
		key, err := jsonText(worker.Process)
		if err != nil {
			return err
		}
		paints := names[worker.Run]
		if paints == "" { // it ended just now
			paints = worker.Run
		}
		v.Workers = append(v.Workers, workerRow{worker, key, paints, max(0, time.Since(worker.SeenAt))})
	}
	return s.render(w, http.StatusOK, "workers.html", page{Title: "Workers", Nav: "workers", Data: v})
}

// namesOf returns the names of the runs that workers paint, by id.
func (s workerPages) namesOf(ctx context.Context, workers []tracker.Worker) (map[string]string, error) {
	names := map[string]string{}
	if !slices.ContainsFunc(workers, func(w tracker.Worker) bool { return w.Run != "" }) {
		return names, nil
	}
	running, err := tracker.AllRuns(ctx, s.store, tracker.Where("status", tracker.Equal, tracker.StatusRunning), tracker.Sort{{Name: "id"}})
	for i := range running {
		names[running[i].ID] = running[i].Name
	}
	return names, s.unlessDamaged(ctx, err)
}

// drain has a worker take no more runs, or lets it take runs again.
func (s workerPages) drain(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(w, r)
	if err != nil {
		return err
	}
	do := form.Get("do")
	if do != "drain" && do != "undo" {
		return tracker.Errorf(tracker.CodeInvalid, "do=%.40q: choose drain or undo", do)
	}
	var p tracker.Process
	if err := json.Unmarshal([]byte(form.Get("process")), &p); err != nil || p.PID == 0 {
		return tracker.Errorf(tracker.CodeInvalid, "the form names no worker")
	}
	if err := s.store.DrainWorker(r.Context(), p, do == "drain"); err != nil {
		return err
	}
	http.Redirect(w, r, "/workers", http.StatusSeeOther)
	return nil
}

// someWork reports whether a worker takes runs.
func someWork(workers []tracker.Worker) bool {
	return slices.ContainsFunc(workers, func(w tracker.Worker) bool { return !w.Draining })
}
