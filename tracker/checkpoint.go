package tracker

import (
	"bytes"
	"io"
	"sync/atomic"
	"time"

	"github.com/gouache-art/gouache/stylelib/progress"
)

// checkpoints is what a Recorder knows of a run's checkpoints.
type checkpoints struct {
	latest time.Time    // when the latest was taken, or the run began
	buffer bytes.Buffer // the one that is being written
	busy   atomic.Bool  // whether one is
}

// checkpoint copies what the run can go on from, if it is time, and has it written while the run goes on. As long as an
// earlier one or a snapshot waits to be written, a later iteration's will do.
func (r *Recorder) checkpoint(i progress.Iteration) {
	s := &r.saves
	if r.options.Checkpoint <= 0 || i.Checkpoint == nil || time.Since(s.latest) < r.options.Checkpoint || len(r.jobs) > 0 || s.busy.Load() {
		return
	}
	if s.take(i.Checkpoint) {
		s.busy.Store(true)
		r.jobs <- func() {
			defer s.busy.Store(false)
			r.check(r.run.SaveCheckpoint(r.ctx, s.write))
		}
	}
}

// lastCheckpoint keeps where a run was interrupted.
func (r *Recorder) lastCheckpoint(o progress.Result) {
	if r.options.Checkpoint <= 0 || o.Checkpoint == nil || o.Status != progress.Interrupted || r.run.Err() != nil {
		return
	}
	if r.saves.take(o.Checkpoint) {
		r.check(r.run.SaveCheckpoint(r.ctx, r.saves.write))
	}
}

// take copies a checkpoint from the device. Where it cannot be brought over the run itself will fail for the same reason,
// and says so.
func (s *checkpoints) take(checkpoint func(io.Writer) error) bool {
	s.latest = time.Now()
	s.buffer.Reset()
	return checkpoint(&s.buffer) == nil
}

func (s *checkpoints) write(w io.Writer) error {
	_, err := w.Write(s.buffer.Bytes())
	return err
}
