package tracker

import (
	"context"
	"image"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gouache-art/gouache/stylelib/progress"
)

// memory is the part of a store that an ActiveRun and a Recorder use.
type memory struct {
	Store // nil: no other method is called

	mu       sync.Mutex
	points   int
	pictures []Picture
	beats    int
	ended    []Outcome
	broken   error // what every write fails with
}

func (m *memory) CreateRun(context.Context, NewRun) (*Run, error) { return &Run{ID: "r"}, nil }

func (m *memory) Run(context.Context, string) (*Run, error) { return &Run{ID: "r"}, nil }

func (m *memory) UpdateRun(context.Context, string, Update) (*Run, error) {
	return &Run{ID: "r"}, m.do(func() {})
}

func (m *memory) do(f func()) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken == nil {
		f()
	}
	return m.broken
}

func (m *memory) AppendPoints(_ context.Context, _ Claim, series []Series) error {
	return m.do(func() {
		for _, s := range series {
			m.points += len(s.Points)
		}
	})
}

func (m *memory) AddPicture(_ context.Context, _ Claim, n NewPicture) (*Picture, error) {
	if _, err := n.Describe(time.Now()); err != nil {
		return nil, err
	}
	return &Picture{}, m.do(func() { m.pictures = append(m.pictures, Picture{Role: n.Role, Step: n.Step}) })
}

func (m *memory) Pictures(context.Context, string, PictureQuery) ([]Picture, error) {
	return m.pictures, nil
}

func (m *memory) ContinueRun(context.Context, string, Process) (*Run, error) {
	return &Run{ID: "r"}, nil
}

func (m *memory) Heartbeat(context.Context, Claim) (stopped bool, err error) {
	return false, m.do(func() { m.beats++ })
}

func (m *memory) FinishRun(ctx context.Context, _ Claim, o Outcome) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return m.do(func() { m.ended = append(m.ended, o) })
}

func (m *memory) kept() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.points
}

func TestMetricsAreBufferedASecondAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		run, err := Start(t.Context(), store, NewRun{})
		if err != nil {
			t.Fatal(err)
		}
		random := rand.New(rand.NewPCG(3, 3))
		for step := range int64(100) {
			if err := run.Log(step, Metrics{"a": 1, "b": 2}); err != nil {
				t.Fatal(err)
			}
			logged := int(2 * (step + 1))
			time.Sleep(time.Second)
			synctest.Wait()
			if got := store.kept(); got != logged {
				t.Fatalf("a second after step %d the store has %d points, want %d", step, got, logged)
			}
			time.Sleep(time.Duration(random.IntN(1000)) * time.Millisecond)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if store.beats < 5 {
			t.Errorf("%d signs of life in a silent minute", store.beats)
		}
		if err := run.Finish(t.Context(), Outcome{Status: StatusFinished}); err != nil || len(store.ended) != 1 {
			t.Errorf("ended %v (%v)", store.ended, err)
		}
	})
}

func TestBufferIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		run, err := Start(t.Context(), store, NewRun{})
		if err != nil {
			t.Fatal(err)
		}
		for step := range int64(maxBuffered) + 10 { // the clock stands still
			if err := run.Log(step, Metrics{"a": 1}); err != nil {
				t.Fatal(err)
			}
		}
		if got := store.kept(); got != maxBuffered {
			t.Errorf("the store has %d points, want %d", got, maxBuffered)
		}
		if err := run.Finish(t.Context(), Outcome{Status: StatusFinished}); err != nil || store.kept() != maxBuffered+10 {
			t.Errorf("in the end the store has %d points (%v)", store.kept(), err)
		}
	})
}

// TestInterruptedRunIsWritten ends the context that the run began with, as Ctrl-C does.
func TestInterruptedRunIsWritten(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	store := &memory{}
	run, err := Start(ctx, store, NewRun{})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := run.Log(1, Metrics{"a": 1}); err != nil {
		t.Error(err)
	}
	if err := run.Finish(t.Context(), Outcome{Status: StatusInterrupted}); err != nil || store.kept() != 1 {
		t.Errorf("the store has %d points (%v)", store.kept(), err)
	}
}

func TestRecorderToleratesABrokenStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		run, err := Start(t.Context(), store, NewRun{})
		if err != nil {
			t.Fatal(err)
		}
		told := 0
		recorder := Observer(run, RecorderOptions{System: -1, Warn: func(error) { told++ }})
		recorder.Observe(progress.Run{Scales: []progress.Scale{{Iterations: 50}}})
		for i := 1; i <= 50; i++ {
			if i == 20 {
				store.mu.Lock()
				store.broken = Errorf(CodeUnavailable, "the disk is full")
				store.mu.Unlock()
			}
			picture := func() (image.Image, error) { return image.NewGray(image.Rect(0, 0, 1, 1)), nil }
			recorder.Observe(progress.Iteration{Iteration: i, Elapsed: time.Duration(i) * time.Second, Picture: picture})
			time.Sleep(time.Second)
			synctest.Wait()
		}
		recorder.Observe(progress.Result{Status: progress.Finished})
		if told != 1 || len(store.ended) != 0 {
			t.Errorf("told %d times, ended %v", told, store.ended)
		}
		if store.points != 19*3 || len(store.pictures) == 0 {
			t.Errorf("the store has %d points and %d pictures", store.points, len(store.pictures))
		}
	})
}

// TestSnapshotsTakeTheirShareOnly has pictures that take longer to copy than the whole run.
func TestSnapshotsTakeTheirShareOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		run, err := Start(t.Context(), store, NewRun{})
		if err != nil {
			t.Fatal(err)
		}
		recorder := Observer(run, RecorderOptions{})
		recorder.Observe(progress.Run{Scales: []progress.Scale{{Iterations: 100}}})
		for i := 1; i <= 100; i++ {
			recorder.Observe(progress.Iteration{Iteration: i, Elapsed: time.Duration(i) * time.Second, Picture: func() (image.Image, error) {
				time.Sleep(time.Second)
				return image.NewGray(image.Rect(0, 0, 1, 1)), nil
			}})
		}
		recorder.Observe(progress.Result{Status: progress.Finished})
		if len(store.pictures) != 2 {
			t.Errorf("%d snapshots, want the first and the last", len(store.pictures))
		}
	})
}

// TestAnyReasonEndsARun ends runs, directly and through a Recorder, with reasons that a store would
// not keep.
func TestAnyReasonEndsARun(t *testing.T) {
	for _, reason := range []string{"x\x00\xff", strings.Repeat("é", maxText), "x" + strings.Repeat("é", maxText)} {
		store := &memory{}
		run, err := Start(t.Context(), store, NewRun{})
		if err != nil {
			t.Fatal(err)
		}
		recorder := Observer(run, RecorderOptions{Warn: func(err error) { t.Error(err) }})
		recorder.Observe(progress.Run{})
		recorder.Observe(progress.Result{Status: progress.Failed, Reason: reason})
		direct, err := Start(t.Context(), store, NewRun{})
		if err != nil {
			t.Fatal(err)
		}
		if err := direct.Finish(t.Context(), Outcome{Status: StatusFailed, Reason: reason}); err != nil {
			t.Error(err)
		}
		if err := direct.Finish(t.Context(), Outcome{Status: StatusFailed, Reason: reason}); ErrorCode(err) != CodeConflict {
			t.Errorf("the second end of a run: the error is %v", err)
		}
		if len(store.ended) != 2 {
			t.Fatalf("%.10q: ended %v", reason, store.ended)
		}
		for _, o := range store.ended {
			if o.Reason == "" || len(o.Reason) < min(len(reason)-2, maxText-1) || checkText("reason", o.Reason, maxText) != nil {
				t.Errorf("%.10q: the reason has %d bytes: %.20q", reason, len(o.Reason), o.Reason)
			}
		}
	}
}
