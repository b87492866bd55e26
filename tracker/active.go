package tracker

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"io"
	"sync"
	"time"
)

// flushEvery is how often buffered metrics are written. A process that is killed loses what it logged since, and in
// the time a write takes: together less than the second that is promised.
const flushEvery = 500 * time.Millisecond

// maxBuffered is how many points are buffered at most, 1 MiB of them; Log then waits for the store.
const maxBuffered = 1 << 16

// ActiveRun is a run that this process records. Its methods may be called from several goroutines at once.
//
// Metrics are buffered for at most a second, pictures are kept at once. When the store fails for good, because the
// disk is full say, Log and the others return that error from then on, and nothing more is recorded.
type ActiveRun struct {
	store LogStore
	id    string
	ctx   context.Context // for writes in the background; it outlives the caller's
	stop  func()
	done  chan struct{}

	writing sync.Mutex // held while buffered metrics are written, so that they stay in order

	mu       sync.Mutex
	buffer   map[string][]Point
	names    []string // of the buffer, in the order in which they were first logged
	buffered int      // points
	ended    bool
	err      error // what the store failed with
}

// ID returns the run's id.
func (r *ActiveRun) ID() string { return r.id }

// Err returns what the store failed with, if it did.
func (r *ActiveRun) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Log logs values at a step, which is 0 or more. It returns at once; an error of CodeInvalid is about these values,
// any other about the store.
func (r *ActiveRun) Log(step int64, values Metrics) error {
	full, err := r.log(step, values)
	if err == nil && full {
		return r.flush()
	}
	return err
}

func (r *ActiveRun) log(step int64, values Metrics) (full bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return false, r.err
	}
	if r.ended {
		return false, r.errEnded()
	}
	if step < 0 {
		return false, Errorf(CodeInvalid, "metrics at step %d: steps are 0 or more", step)
	}
	for name := range values {
		if _, known := r.buffer[name]; !known {
			if err := checkName("metric", name); err != nil {
				return false, err
			}
			r.buffer[name] = nil
			r.names = append(r.names, name)
		}
	}
	for name, v := range values {
		r.buffer[name] = append(r.buffer[name], Point{step, v})
	}
	r.buffered += len(values)
	return r.buffered >= maxBuffered, nil
}

func (r *ActiveRun) errEnded() error {
	return Errorf(CodeConflict, "run %s has ended: it takes no more metrics", r.id)
}

// take empties the buffer.
func (r *ActiveRun) take() []Series {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.buffered == 0 || r.err != nil {
		return nil
	}
	var series []Series
	for _, name := range r.names {
		if points := r.buffer[name]; len(points) > 0 {
			series = append(series, Series{name, points})
			r.buffer[name] = nil
		}
	}
	r.buffered = 0
	return series
}

// flush writes what is buffered and returns what the store failed with, now or before.
func (r *ActiveRun) flush() error {
	r.writing.Lock()
	defer r.writing.Unlock()
	if series := r.take(); series != nil {
		r.fail(r.store.AppendPoints(r.ctx, r.id, series))
	}
	return r.Err()
}

// fail remembers the first error of the store.
func (r *ActiveRun) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
	}
}

// flushAll writes what is buffered, and now and then a sign of life, until the run ends.
func (r *ActiveRun) flushAll() {
	defer close(r.done)
	ticks := time.NewTicker(flushEvery)
	defer ticks.Stop()
	silent := time.Duration(0)
	for {
		select {
		case <-r.ctx.Done():
			return
		case <-ticks.C:
		}
		r.mu.Lock()
		idle, failed := r.buffered == 0, r.err != nil
		r.mu.Unlock()
		switch silent += flushEvery; {
		case failed:
			return
		case !idle:
			silent = 0
			_ = r.flush() // the next call of Log returns the error
		case silent >= HeartbeatEvery:
			silent = 0
			if err := r.store.Heartbeat(r.ctx, r.id); r.ctx.Err() == nil {
				r.fail(err)
			}
		}
	}
}

// AddPicture keeps a picture as it is.
func (r *ActiveRun) AddPicture(ctx context.Context, n NewPicture) (*Picture, error) {
	if err := r.Err(); err != nil {
		return nil, err
	}
	p, err := r.store.AddPicture(ctx, r.id, n)
	if ErrorCode(err) == CodeUnavailable {
		r.fail(err)
	}
	return p, err
}

// LogPicture keeps a picture as a PNG. It may be called after Finish too.
func (r *ActiveRun) LogPicture(ctx context.Context, role string, step int64, picture image.Image) error {
	var file bytes.Buffer
	// The samples at 512×512 take 29 to 37 ms so, and with the default 51 to 139 ms for files 0 to 11% smaller.
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := encoder.Encode(&file, picture); err != nil {
		return Errorf(CodeInvalid, "picture %s at step %d cannot be written as a PNG: %w", role, step, err)
	}
	_, err := r.AddPicture(ctx, NewPicture{Role: role, Step: step, Data: file.Bytes()})
	return err
}

// SaveCheckpoint writes what is buffered, so that what goes on from the checkpoint leaves no hole in the curves, and then
// has the store keep the checkpoint; see [Writer].
func (r *ActiveRun) SaveCheckpoint(ctx context.Context, write func(io.Writer) error) error {
	if err := r.flush(); err != nil {
		return err
	}
	return r.store.SaveCheckpoint(ctx, r.id, write)
}

// SetParams adds parameters, in the place of those of the same names.
func (r *ActiveRun) SetParams(ctx context.Context, p Params) error {
	_, err := r.store.UpdateRun(ctx, r.id, Update{Params: p})
	return err
}

// Tag adds tags.
func (r *ActiveRun) Tag(ctx context.Context, tags ...string) error {
	_, err := r.store.UpdateRun(ctx, r.id, Update{Tag: tags})
	return err
}

// Note replaces the note.
func (r *ActiveRun) Note(ctx context.Context, text string) error {
	_, err := r.store.UpdateRun(ctx, r.id, Update{Note: &text})
	return err
}

// Finish writes what is buffered and ends the run. It is a conflict if the run has ended already.
func (r *ActiveRun) Finish(ctx context.Context, o Outcome) error {
	o, err := o.Normal()
	if err != nil {
		return err
	}
	r.mu.Lock()
	ended := r.ended
	r.ended = true
	r.mu.Unlock()
	if ended {
		return Errorf(CodeConflict, "run %s has ended already", r.id)
	}
	err = r.flush()
	r.stop()
	<-r.done
	if err != nil {
		return err
	}
	return r.store.FinishRun(ctx, r.id, o)
}
