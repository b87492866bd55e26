package tracker

import (
	"bytes"
	"context"
	"errors"
	"image"
	"io"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gouache-art/gouache/stylelib/progress"
)

// slow is a store that is slow to save checkpoints, each the number of an iteration.
type slow struct {
	memory
	takes    time.Duration
	saving   bool
	saved    []int   // iterations
	points   []int   // that the store had when each was saved
	failures []error // what went wrong
}

func (s *slow) SaveCheckpoint(_ context.Context, _ Claim, write func(io.Writer) error) error {
	if s.saving {
		s.failures = append(s.failures, errors.New("two checkpoints are saved at once"))
	}
	s.saving = true
	s.points = append(s.points, s.kept())
	var state bytes.Buffer
	if err := write(&state); err != nil {
		s.failures = append(s.failures, err)
	}
	time.Sleep(s.takes)
	var again bytes.Buffer // what is saved may not change meanwhile
	if err := write(&again); err != nil || again.String() != state.String() {
		s.failures = append(s.failures, errors.New("the checkpoint changed while it was saved"))
	}
	iteration, err := strconv.Atoi(state.String())
	if err != nil {
		s.failures = append(s.failures, err)
	}
	s.saved = append(s.saved, iteration)
	s.saving = false
	return nil
}

// paint has a recorder observe iterations of one second each.
func paint(run *ActiveRun, o RecorderOptions, begun progress.Run, last int, end progress.Result) {
	recorder := Observer(run, o)
	recorder.Observe(begun)
	for i := begun.Done + 1; i <= last; i++ {
		time.Sleep(time.Second)
		synctest.Wait()
		recorder.Observe(progress.Iteration{
			Iteration: i, Elapsed: time.Duration(i) * time.Second, Checkpoint: state(i),
			Picture: func() (image.Image, error) { return image.NewGray(image.Rect(0, 0, 1, 1)), nil },
		})
	}
	recorder.Observe(end)
}

func state(iteration int) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, strconv.Itoa(iteration))
		return err
	}
}

func TestCheckpoints(t *testing.T) {
	const pointsEach = 3 // total, seconds and evaluations
	every10 := RecorderOptions{Checkpoint: 10 * time.Second, Snapshots: -1}
	interrupted := progress.Result{Status: progress.Interrupted, Checkpoint: state(57)}
	for _, test := range []struct {
		name    string
		options RecorderOptions
		takes   time.Duration
		end     progress.Result
		want    []int
	}{
		{"every ten seconds", every10, 0, progress.Result{Status: progress.Finished}, []int{10, 20, 30, 40, 50}},
		{"never two at once", every10, 14500 * time.Millisecond, progress.Result{Status: progress.Finished}, []int{10, 25, 40, 55}},
		{"the last of an interruption", every10, 0, interrupted, []int{10, 20, 30, 40, 50, 57}},
		{"an interruption without one", every10, 0, progress.Result{Status: progress.Interrupted}, []int{10, 20, 30, 40, 50}},
		{"a failure", every10, 0, progress.Result{Status: progress.Failed, Checkpoint: state(57)}, []int{10, 20, 30, 40, 50}},
		{"none asked for", RecorderOptions{Snapshots: -1}, 0, interrupted, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &slow{takes: test.takes}
				run, err := Start(t.Context(), store, NewRun{})
				if err != nil {
					t.Fatal(err)
				}
				paint(run, test.options, progress.Run{Scales: []progress.Scale{{Iterations: 100}}}, 57, test.end)
				if !slices.Equal(store.saved, test.want) || len(store.failures) > 0 || len(store.ended) != 1 {
					t.Errorf("saved %v, want %v: %v", store.saved, test.want, store.failures)
				}
				for i, iteration := range store.saved {
					if got := store.points[i]; got < iteration*pointsEach {
						t.Errorf("when the checkpoint of iteration %d was saved there were %d points", iteration, got)
					}
				}
			})
		})
	}
}

// TestUnreadableCheckpoint has a device that cannot be read: the run continues without a
// checkpoint, and is not asked for one at every iteration.
func TestUnreadableCheckpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slow{}
		run, err := Start(t.Context(), store, NewRun{})
		if err != nil {
			t.Fatal(err)
		}
		asked := 0
		recorder := Observer(run, RecorderOptions{Checkpoint: 10 * time.Second, Warn: func(err error) { t.Error(err) }})
		recorder.Observe(progress.Run{Scales: []progress.Scale{{Iterations: 100}}})
		for i := 1; i <= 30; i++ {
			time.Sleep(time.Second)
			recorder.Observe(progress.Iteration{Iteration: i, Checkpoint: func(io.Writer) error {
				asked++
				return errors.New("the device is gone")
			}})
		}
		recorder.Observe(progress.Result{Status: progress.Failed})
		if asked != 3 || len(store.saved) > 0 || len(store.ended) != 1 {
			t.Errorf("asked %d times, saved %v, ended %v", asked, store.saved, store.ended)
		}
	})
}

// TestSnapshotsGoOn interrupts a run at any iteration, loses some iterations, and continues it: in
// the end it has the same snapshots as without the interruption.
func TestSnapshotsGoOn(t *testing.T) {
	for _, o := range []RecorderOptions{{}, {Snapshots: 8}, {Snapshots: 8, Every: 20}, {Snapshots: -1}} {
		begun := progress.Run{Scales: []progress.Scale{{Iterations: 60}, {Iterations: 40}}}
		whole := snapshots(t, o, begun, 100)
		for done := 0; done < 100; done += 7 {
			for _, reached := range []int{done, min(done+12, 99)} {
				if got := snapshots(t, o, begun, reached, done); !slices.Equal(got, whole) {
					t.Errorf("%+v, from %d after %d: snapshots at %v, want %v", o, done, reached, got, whole)
				}
			}
		}
	}
}

// snapshots returns the steps of the snapshots of a run that is interrupted at an iteration and
// continued from another, if that is given.
func snapshots(t *testing.T, o RecorderOptions, begun progress.Run, reached int, done ...int) (steps []int64) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		run, err := Start(t.Context(), store, NewRun{})
		if err != nil {
			t.Fatal(err)
		}
		paint(run, o, begun, reached, progress.Result{Status: progress.Interrupted})
		for _, begun.Done = range done {
			if run, err = Continue(t.Context(), store, "r"); err != nil {
				t.Fatal(err)
			}
			paint(run, o, begun, begun.Iterations(), progress.Result{Status: progress.Finished})
		}
		for _, p := range store.pictures {
			steps = append(steps, p.Step)
		}
	})
	return steps
}

// TestSnapshotsStayFew continues a run that has all but one of its snapshots already.
func TestSnapshotsStayFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		for step := range int64(7) {
			store.pictures = append(store.pictures, Picture{Role: RoleSnapshot, Step: 2 + step})
		}
		run, err := Continue(t.Context(), store, "r")
		if err != nil {
			t.Fatal(err)
		}
		begun := progress.Run{Scales: []progress.Scale{{Iterations: 100}}, Done: 10}
		paint(run, RecorderOptions{Snapshots: 8}, begun, 100, progress.Result{Status: progress.Finished})
		if n := len(store.pictures); n != 8 || store.pictures[n-1].Step != 100 {
			t.Errorf("the snapshots are %+v, want one more, of the last iteration", store.pictures)
		}
	})
}

// series is a store that keeps the points of each metric.
type series struct {
	memory
	of map[string][]Point
}

func (s *series) AppendPoints(_ context.Context, _ Claim, list []Series) error {
	return s.do(func() {
		for _, one := range list {
			s.of[one.Name] = append(s.of[one.Name], one.Points...)
		}
	})
}

func TestSystem(t *testing.T) {
	for _, test := range []struct {
		name     string
		system   time.Duration
		variable string
		want     []int64 // steps, of one second each
	}{
		{"by default", 0, "", []int64{11, 21, 31, 41}},
		{"turned on", 0, "on", []int64{11, 21, 31, 41}},
		{"every 20 seconds", 20 * time.Second, "off", []int64{21, 41}},
		{"none", -1, "on", nil},
		{"turned off", 0, "off", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv(SystemVariable, test.variable)
			synctest.Test(t, func(t *testing.T) {
				store := &series{of: map[string][]Point{}}
				run, err := Start(t.Context(), store, NewRun{})
				if err != nil {
					t.Fatal(err)
				}
				options := RecorderOptions{System: test.system, Snapshots: -1}
				paint(run, options, progress.Run{Scales: []progress.Scale{{Iterations: 100}}}, 45, progress.Result{Status: progress.Finished})
				for _, name := range []string{"cpu_percent", "memory_gb", "machine_memory_gb"} { // the processors' own clock is not the bubble's
					var steps []int64
					for _, p := range store.of[SystemPrefix+name] {
						steps = append(steps, p.Step)
					}
					if !slices.Equal(steps, test.want) {
						t.Errorf("%s is at steps %v, want %v", name, steps, test.want)
					}
				}
			})
		})
	}
}

func TestCheckSystem(t *testing.T) {
	for value, ok := range map[string]bool{"": true, "on": true, "off": true, "0": false, "OFF": false, "no\x1b": false} {
		t.Setenv(SystemVariable, value)
		if err := CheckSystem(); (err == nil) != ok || !ok && ErrorCode(err) != CodeInvalid {
			t.Errorf("%q gives %v", value, err)
		}
	}
}

func TestCompareMetrics(t *testing.T) {
	got := []string{"zebra", "system/memory_gb", "total", "system", "system/cpu_percent", "loss.style"}
	slices.SortFunc(got, CompareMetrics)
	if want := []string{"loss.style", "system", "total", "zebra", "system/cpu_percent", "system/memory_gb"}; !slices.Equal(got, want) {
		t.Errorf("sorted %v, want %v", got, want)
	}
}
