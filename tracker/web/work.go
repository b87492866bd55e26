package web

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/gouache-art/gouache/tracker"
)

// work is what can be done with a run: what its page offers, and how far it is.
type work struct {
	Run      *tracker.Run
	Place    int           // in the queue, from 1; 0 if it is not queued
	NoWorker string        // the command that starts one, if the run waits and none is at work
	Left     time.Duration // until it is painted, 0 if unknown
	Prepared string        // the size that is prepared while nothing is painted, or ""
	Stop     bool
	Resume   bool
	Larger   []larger
	Why      string // why it can be painted no larger, as a sentence, or ""
	Again    bool   // it can be painted again
	Start    bool   // its picture can be started from
	Cannot   string // why a painting cannot be painted again
}

// larger is a size that a run can be painted at.
type larger struct {
	Size    int
	Time    time.Duration
	Largest bool // of those that make sense
}

// Ordinal is the run's place in the queue in words.
func (w *work) Ordinal() string {
	if w.Place == 1 {
		return "next in line"
	}
	return humanize.Ordinal(w.Place) + " in line"
}

// newWork returns what can be done with a run.
func (f *frame) newWork(ctx context.Context, run *tracker.Run, pictures []tracker.Picture) (w *work, err error) {
	if f.options.ReadOnly {
		return nil, nil
	}
	w = &work{Run: run, Stop: !run.Status.Ended() && !run.Stopped}
	if run.Status == tracker.StatusQueued {
		if err := f.queued(ctx, w); err != nil {
			return nil, err
		}
	}
	if _, painted := run.Params["preset"]; f.options.Desk == nil || !painted {
		return w, nil
	}
	inputs, frames, _ := sortPictures(pictures)
	params, err := f.options.Desk.Fill(run, inputs)
	if tracker.ErrorCode(err) == tracker.CodeInvalid {
		w.Cannot = err.Error()
		return w, nil
	}
	if err != nil {
		return nil, err
	}
	if run.Status == tracker.StatusRunning {
		if w.Left, w.Prepared, err = f.options.Desk.Left(ctx, run, inputs); err != nil {
			return nil, f.unlessDamaged(ctx, err)
		}
	}
	w.Again, w.Start = true, len(frames) > 0 && run.Status.Ended()
	w.Resume = run.Status == tracker.StatusInterrupted || run.Status == tracker.StatusFailed
	if run.Status == tracker.StatusFinished {
		w.Larger, w.Why, err = f.larger(ctx, params, inputs)
	}
	return w, err
}

// queued says where a run is in the queue.
func (f *frame) queued(ctx context.Context, w *work) error {
	priority := int64(w.Run.Priority)
	before := tracker.All(tracker.Where("status", tracker.Equal, tracker.StatusQueued), tracker.Any(
		tracker.Where("priority", tracker.Greater, priority),
		tracker.All(tracker.Where("priority", tracker.Equal, priority), tracker.Where("id", tracker.Less, w.Run.ID))))
	found, err := f.store.Runs(ctx, tracker.RunQuery{Filter: before, Limit: 1})
	if err != nil {
		return err
	}
	w.Place = found.Total + 1
	workers, err := f.store.Workers(ctx)
	if err == nil && !someWork(workers) {
		w.NoWorker = f.options.WorkerCommand
	}
	return err
}

// largerSizes are sizes that a picture can be painted larger at, beside the largest that makes sense.
var largerSizes = []int{1024, 2048}

// larger returns the sizes that a picture can be painted larger at, up to the largest that makes sense, and why that is no
// larger.
func (f *frame) larger(ctx context.Context, params tracker.Params, inputs []tracker.Picture) (list []larger, why string, err error) {
	estimate, err := f.options.Desk.Estimator(ctx)
	if err != nil {
		return nil, "", err
	}
	size, ok := params["size"].(int64)
	if !ok {
		size = defaultSize(f.options.Desk)
	}
	sized := tracker.Params{}
	maps.Copy(sized, params) // which may be nil
	at := func(n int) (*tracker.Estimate, error) {
		sized["size"] = int64(n)
		return estimate(sized, inputs)
	}
	now, err := at(int(size))
	if err != nil {
		return nil, "", unlessInvalid(err)
	}
	for _, n := range append(slices.Clone(largerSizes), now.Fine) {
		if n <= int(size) || n > now.Fine || len(list) > 0 && n <= list[len(list)-1].Size {
			continue
		}
		e, err := at(n)
		if err != nil {
			return nil, "", unlessInvalid(err)
		}
		list = append(list, larger{n, e.Time, n == now.Fine})
	}
	return list, now.Why, nil
}

// unlessInvalid returns nil for an error that only says that something makes no sense.
func unlessInvalid(err error) error {
	if tracker.ErrorCode(err) == tracker.CodeInvalid {
		return nil
	}
	return err
}

// defaultSize is the size of a painting for which none is set.
func defaultSize(desk Desk) int64 {
	for _, s := range desk.Settings() {
		if n, ok := s.Default.(int64); ok && s.Name == "size" {
			return n
		}
	}
	return 0
}

// work answers with the part of a run's page that says what can be done with it.
func (s paintPages) work(w http.ResponseWriter, r *http.Request) error {
	v, err := runPages(s).newRunView(r.Context(), r.PathValue("id"), "")
	if err != nil {
		return err
	}
	return s.write(w, http.StatusOK, "run.html", "work", v.Work)
}

// stop stops a run; its best picture is kept.
func (s paintPages) stop(w http.ResponseWriter, r *http.Request) error {
	return s.act(w, r, func(id string) (*tracker.Run, error) { return s.store.StopRun(r.Context(), id) })
}

// resume queues a run that was interrupted, or that failed.
func (s paintPages) resume(w http.ResponseWriter, r *http.Request) error {
	return s.act(w, r, func(id string) (*tracker.Run, error) { return s.store.QueueRun(r.Context(), id) })
}

// again queues a run once more, at another size.
func (s paintPages) again(w http.ResponseWriter, r *http.Request) error {
	if !s.options.canPaint() {
		return s.cannot()
	}
	form, err := readForm(w, r)
	if err != nil {
		return err
	}
	size, err := number(form, "size", 0, 1, 1<<20)
	if err != nil {
		return err
	}
	return s.act(w, r, func(id string) (*tracker.Run, error) {
		run, err := s.store.Run(r.Context(), id)
		if err != nil {
			return nil, err
		}
		return s.options.Desk.Again(r.Context(), run, tracker.Params{"size": int64(size)})
	})
}

// act does something with the run that the address names, and shows the run that comes of it.
func (s paintPages) act(w http.ResponseWriter, r *http.Request, do func(id string) (*tracker.Run, error)) error {
	id, err := s.store.Find(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	run, err := do(id)
	if err != nil {
		return err
	}
	http.Redirect(w, r, runAddress(run.ID, r.URL.Query().Get("filter")), http.StatusSeeOther)
	return nil
}
