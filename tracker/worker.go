package tracker

import (
	"cmp"
	"net"
	"strconv"
	"strings"
	"time"
)

// Worker is a process that takes runs from a store's queue.
type Worker struct {
	Process  Process   `json:"process"`
	Device   string    `json:"device"`             // what it computes on
	Run      string    `json:"run,omitempty"`      // the id of the run that it works on, "" while it waits
	SeenAt   time.Time `json:"seen_at"`            // its last sign of life
	Draining bool      `json:"draining,omitempty"` // it takes no more runs; see WorkerStore.DrainWorker
}

// Name is how people name the worker: its host and its PID, such as studio:4711.
func (w *Worker) Name() string { return net.JoinHostPort(w.Process.Host, strconv.Itoa(w.Process.PID)) }

// FindWorker returns the worker with a name, or the only one of a host. The error has CodeNotFound if there is none, and
// CodeConflict if there are several.
func FindWorker(workers []Worker, name string) (*Worker, error) {
	var found []*Worker
	var names []string
	for i := range workers {
		w := &workers[i]
		if w.Name() == name || w.Process.Host == name {
			found = append(found, w)
		}
		names = append(names, w.Name())
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1 && found[0].Name() != found[1].Name():
		return nil, Errorf(CodeConflict, "%q has several workers: write HOST:PID, as in %s", name, found[0].Name())
	case len(found) > 1: // of two machines with one name
		return nil, Errorf(CodeConflict, "several workers have the name %q: drain them in the pages of gouache ui", name)
	case len(names) == 0:
		return nil, Errorf(CodeNotFound, "there is no worker %q: no worker is at work", name)
	}
	const most = 10
	list := strings.Join(names[:min(len(names), most)], ", ")
	if len(names) > most {
		list += " and others"
	}
	return nil, Errorf(CodeNotFound, "there is no worker %q: there are %s", name, list)
}

// NoSuchWorker is the error for a process that is no worker of the store.
func NoSuchWorker(p Process) *Error {
	return Errorf(CodeNotFound, "process %d on %s is no worker: it has ended, or never was one", p.PID, p.Host)
}

// Normal returns the worker as a store keeps it, or an error of CodeInvalid. Its SeenAt is now.
func (w Worker) Normal(now time.Time) (Worker, error) {
	if w.Process == (Process{}) {
		w.Process = ThisProcess()
	}
	w.SeenAt = now
	err := cmp.Or(w.Process.check(now), checkLine("device", w.Device))
	if w.Run != "" {
		err = cmp.Or(err, CheckID(w.Run))
	}
	return w, err
}

// Known reports whether a store that has the worker as was has nothing to write for SeeWorker: nothing is new, and the
// last sign of life is fresh.
func (w *Worker) Known(was *Worker) bool {
	return w.Process.Equal(was.Process) && w.Device == was.Device && w.Run == was.Run && !HeartbeatDue(w.SeenAt, was.SeenAt)
}

// Mend replaces what no store keeps, for implementations of [WorkerStore], and returns the names of the fields.
func (w *Worker) Mend() (damaged []string) {
	m := mender{&damaged}
	w.Process.mend(m)
	m.text("device", &w.Device, maxName)
	m.replace("run", w.Run != "" && CheckID(w.Run) != nil, func() { w.Run = "" })
	m.time("seen", &w.SeenAt)
	return damaged
}

// SeeWorkerEvery is the interval at which a worker should call SeeWorker: less than SilentAfter.
const SeeWorkerEvery = heartbeatEvery
