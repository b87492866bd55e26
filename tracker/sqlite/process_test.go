package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// The test binary starts itself again as other processes. This variable says what they do.
const childVariable = "GOUACHE_TEST_CHILD"

func TestMain(m *testing.M) {
	what := os.Getenv(childVariable)
	if what == "" {
		code := m.Run()
		removeMany()
		os.Exit(code)
	}
	do := map[string]func(context.Context, []string) error{
		"log": childLog, "crash": childCrash, "picture": childPicture, "continue": childContinue, "trials": childTrials, "paint": childPaint,
	}[what]
	if err := do(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func child(t *testing.T, what string, args ...string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), childVariable+"="+what)
	cmd.Stderr = os.Stderr
	return cmd
}

// childLog logs a run: the store, its name, the numbers of points and of pictures. Half of the
// pictures are the same in all processes.
func childLog(ctx context.Context, args []string) error {
	points, err1 := strconv.Atoi(args[2])
	pictures, err2 := strconv.Atoi(args[3])
	number, err3 := strconv.Atoi(args[1])
	store, err4 := Open(ctx, args[0], Options{})
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	defer store.Close()
	run, err := tracker.Start(ctx, store, tracker.NewRun{Name: args[1]})
	if err != nil {
		return err
	}
	for i := range points {
		if err := run.Log(int64(i), tracker.Metrics{"x": float64(i)}); err != nil {
			return err
		}
		if every := points / pictures; i%every == 0 {
			n := tracker.NewPicture{Role: "snapshot", Step: int64(i), Data: childSnapshot(number, i, i/every%2 == 0)}
			if _, err := run.AddPicture(ctx, n); err != nil {
				return err
			}
		}
	}
	return run.Finish(ctx, tracker.Outcome{Status: tracker.StatusFinished})
}

// childSnapshot is a picture at a step, either of one process only or the same in all.
func childSnapshot(number, step int, own bool) []byte {
	if own {
		step += (number + 1) << 16
	}
	return trackertest.Picture(noTest{}, step)
}

// noTest is a test for a process that runs none.
type noTest struct{ testing.TB }

func (noTest) Helper()           {}
func (noTest) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

// TestEightProcesses has eight processes log into one new store at once.
func TestEightProcesses(t *testing.T) {
	const processes = 8
	points, pictures := 10_000, 20
	if testing.Short() {
		points, pictures = 1000, 4
	}
	dir := t.TempDir()
	var children []*exec.Cmd
	for i := range processes {
		cmd := child(t, "log", dir, strconv.Itoa(i), strconv.Itoa(points), strconv.Itoa(pictures))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		children = append(children, cmd)
	}
	for i, cmd := range children {
		if err := cmd.Wait(); err != nil {
			t.Errorf("process %d: %v", i, err)
		}
	}
	store := openStore(t, dir, Options{})
	page, err := store.Runs(t.Context(), tracker.RunQuery{})
	if err != nil || len(page.Runs) != processes {
		t.Fatalf("%+v (%v), want %d runs", page, err, processes)
	}
	for _, run := range page.Runs {
		checkLogged(t, store, run, points, pictures)
	}
	report, err := store.Verify(t.Context(), tracker.VerifyOptions{})
	if want := processes*pictures/2 + pictures/2; err != nil || report.Pictures != want || len(report.Problems) > 0 {
		t.Errorf("got %+v (%v), want %d files, as half of the pictures are the same", report, err, want)
	}
}

// checkLogged looks for everything that childLog logged.
func checkLogged(t *testing.T, store *DB, run tracker.Run, points, pictures int) {
	t.Helper()
	number, err := strconv.Atoi(run.Name)
	if err != nil || run.Status != tracker.StatusFinished || run.Final["x"] != float64(points-1) {
		t.Errorf("got %+v (%v)", run, err)
	}
	curves, err := store.Curves(t.Context(), run.ID, tracker.CurveQuery{})
	if err != nil || len(curves) != 1 || len(curves[0].Points) != points {
		t.Fatalf("run %s has %d curves (%v)", run.Name, len(curves), err)
	}
	for i, p := range curves[0].Points {
		if p != (tracker.Point{Step: int64(i), Value: float64(i)}) {
			t.Fatalf("run %s: point %d is %v", run.Name, i, p)
		}
	}
	list, err := store.Pictures(t.Context(), run.ID, tracker.PictureQuery{})
	if err != nil || len(list) != pictures {
		t.Fatalf("run %s: %d pictures, want %d (%v)", run.Name, len(list), pictures, err)
	}
	for i, got := range list {
		step := i * (points / pictures)
		want, err := tracker.NewPicture{Role: "snapshot", Step: int64(step), Data: childSnapshot(number, step, i%2 == 0)}.Describe(got.At)
		if err != nil || got != want {
			t.Errorf("run %s: picture %d is %+v, want %+v (%v)", run.Name, i, got, want, err)
		}
	}
}

// TestClockSetBack: a clock that was an hour ahead keeps no run running for an hour, and a run that lives is not taken
// for gone longer than until its next sign of life.
func TestClockSetBack(t *testing.T) {
	store := openStore(t, t.TempDir(), Options{})
	store.Now = func() time.Time { return time.Now().Add(time.Hour) }
	far := tracker.ThisProcess()
	far.Host += "-far"
	run, err := store.CreateRun(t.Context(), tracker.NewRun{Process: far})
	if err != nil {
		t.Fatal(err)
	}
	store.Now = time.Now
	want := func(status tracker.Status) {
		t.Helper()
		got, err := store.Run(t.Context(), run.ID)
		if err != nil || got.Status != status || got.Duration() != 0 {
			t.Errorf("it is %s after %v (%v), want %s", got.Status, got.Duration(), err, status)
		}
	}
	want(tracker.StatusInterrupted)
	if _, err := store.Heartbeat(t.Context(), run.Claim()); err != nil {
		t.Fatal(err)
	}
	want(tracker.StatusRunning)
	if err := store.FinishRun(t.Context(), run.Claim(), tracker.Outcome{Status: tracker.StatusFinished}); err != nil {
		t.Fatal(err)
	}
	want(tracker.StatusFinished)
}
