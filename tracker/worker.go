package tracker

import (
	"cmp"
	"time"
)

// Worker is a process that takes runs from a store's queue.
type Worker struct {
	Process Process   `json:"process"`
	Device  string    `json:"device"`        // what it computes on
	Run     string    `json:"run,omitempty"` // the id of the run that it works on, "" while it waits
	SeenAt  time.Time `json:"seen_at"`       // its last sign of life
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
