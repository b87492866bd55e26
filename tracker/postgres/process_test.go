package postgres

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gouache-art/gouache/internal/postgrestest"
	"github.com/gouache-art/gouache/internal/s3test"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// The test binary starts itself again as other processes. This variable says what they do.
const childVariable = "GOUACHE_TEST_CHILD"

func TestMain(m *testing.M) {
	what := os.Getenv(childVariable)
	if what == "" {
		code := postgrestest.Run(m)
		os.RemoveAll(manyBlob)
		os.Exit(code)
	}
	do := map[string]func(context.Context, []string) error{"work": childWork, "log": childLog, "sweep": childSweep}[what]
	if err := do(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func child(t testing.TB, what string, args ...string) *exec.Cmd {
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

func writes(state string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, state); return err }
}

func readState(t testing.TB, store tracker.CheckpointReader, id string) string {
	t.Helper()
	file, err := store.OpenCheckpoint(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	state, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(state)
}

// noTest is a test for a process that runs none.
type noTest struct{ testing.TB }

func (noTest) Helper()           {}
func (noTest) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

// steps is the length of a trivial painting: at each step it logs a point, at every fifth it saves a checkpoint.
const steps = 40

// paint paints a run from its checkpoint to its end.
func paint(ctx context.Context, store tracker.Store, active *tracker.ActiveRun, pause time.Duration) error {
	from := int64(0)
	if file, err := store.OpenCheckpoint(ctx, active.ID()); err == nil {
		_, err := fmt.Fscan(file, &from)
		if err := errors.Join(err, file.Close()); err != nil {
			return err
		}
	} else if tracker.ErrorCode(err) != tracker.CodeNotFound {
		return err
	}
	for step := from + 1; step <= steps; step++ {
		if err := active.Log(step, tracker.Metrics{"x": float64(step * step)}); err != nil {
			return err
		}
		if step%5 == 0 {
			if err := active.SaveCheckpoint(ctx, writes(fmt.Sprint(step))); err != nil {
				return err
			}
		}
		time.Sleep(pause)
	}
	if err := active.LogPicture(ctx, tracker.RoleResult, steps, image.NewGray(image.Rect(0, 0, 4, 4))); err != nil {
		return err
	}
	return active.Finish(ctx, tracker.Outcome{Status: tracker.StatusFinished})
}

// childWork takes runs from the queue until all have ended, and prints what became of them: the store, and the pause after
// each step.
func childWork(ctx context.Context, args []string) error {
	store, err := Open(ctx, args[0], Options{})
	if err != nil {
		return err
	}
	defer store.Close()
	pause, err := time.ParseDuration(args[1])
	if err != nil {
		return err
	}
	for {
		active, run, err := tracker.Take(ctx, store, tracker.Wanted{})
		if tracker.ErrorCode(err) == tracker.CodeNotFound {
			if page, err := store.Runs(ctx, tracker.RunQuery{Filter: tracker.Any(
				tracker.Where("status", tracker.Equal, "queued"), tracker.Where("status", tracker.Equal, "running"))}); err != nil || page.Total == 0 {
				return err
			}
			time.Sleep(50 * time.Millisecond)
			continue
		}
		if err != nil {
			return err
		}
		fmt.Println("claimed", run.ID)
		switch err := paint(ctx, store, active, pause); tracker.ErrorCode(err) {
		case "":
			fmt.Println("finished", run.ID)
		case tracker.CodeConflict: // it was given to another process
			fmt.Println("lost", run.ID)
		default:
			return err
		}
	}
}

// checkPainted fails the test unless a run was painted as if nothing had happened.
func checkPainted(t *testing.T, store tracker.Store, id string) {
	t.Helper()
	run, err := store.Run(t.Context(), id)
	if err != nil || run.Status != tracker.StatusFinished {
		t.Fatalf("run %s: %+v (%v)", id, run, err)
	}
	curves, err := store.Curves(t.Context(), id, tracker.CurveQuery{})
	if err != nil || len(curves) != 1 || len(curves[0].Points) != steps {
		t.Fatalf("run %s: %+v (%v)", id, curves, err)
	}
	for i, p := range curves[0].Points {
		if step := int64(i + 1); p != (tracker.Point{Step: step, Value: float64(step * step)}) {
			t.Errorf("run %s: point %d is %v", id, i, p)
		}
	}
	pictures, err := store.Pictures(t.Context(), id, tracker.PictureQuery{})
	if err != nil || len(pictures) != 1 || pictures[0].Role != tracker.RoleResult {
		t.Errorf("run %s: %+v (%v)", id, pictures, err)
	}
}

// queue adds runs to the queue and returns their ids.
func queue(t *testing.T, store tracker.Store, n int) (ids []string) {
	t.Helper()
	for i := range n {
		run, err := store.CreateRun(t.Context(), tracker.NewRun{Name: strconv.Itoa(i), Queued: true})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, run.ID)
	}
	return ids
}

// killsVariable is the number of workers that TestKilledWorkers kills.
const killsVariable = "GOUACHE_TEST_KILLS"

// TestKilledWorkers has four workers paint, kills them at random moments, and starts others: each run is painted once.
func TestKilledWorkers(t *testing.T) {
	kills := 12
	if n, err := strconv.Atoi(os.Getenv(killsVariable)); err == nil {
		kills = n
	}
	for name, bucket := range map[string]func(testing.TB) string{
		"folder": folder, "S3": func(t testing.TB) string { return s3test.New(t).Bucket(t, "paintings") },
	} {
		t.Run(name, func(t *testing.T) { testKilledWorkers(t, bucket(t), kills) })
	}
}

func testKilledWorkers(t *testing.T, bucket string, kills int) {
	source := postgrestest.Database(t)
	store := openStore(t, source, Options{Blobs: bucket})
	ids := queue(t, store, 20)
	finished := map[string]int{}
	var mu sync.Mutex
	var wait sync.WaitGroup
	left := kills
	for range 4 {
		wait.Go(func() {
			for {
				cmd := child(t, "work", source, "5ms")
				out, err := cmd.StdoutPipe()
				if err != nil {
					t.Error(err)
					return
				}
				if err := cmd.Start(); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				kill := left > 0
				left--
				mu.Unlock()
				if kill {
					time.AfterFunc(time.Duration(50+rand.IntN(1000))*time.Millisecond, func() { cmd.Process.Kill() })
				}
				for lines := bufio.NewScanner(out); lines.Scan(); {
					if id, ok := strings.CutPrefix(lines.Text(), "finished "); ok {
						mu.Lock()
						finished[id]++
						mu.Unlock()
					}
				}
				if err := cmd.Wait(); err == nil {
					return // all is painted
				} else if !kill {
					t.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	for _, id := range ids {
		checkPainted(t, store, id)
		if finished[id] > 1 {
			t.Errorf("run %s was finished %d times", id, finished[id])
		}
	}
	if left > 0 {
		t.Errorf("%d processes were not killed: all was painted before", left)
	}
	trackertest.Verify(t, store)
}

// TestStoppedWorker stops a worker with a signal, as a machine that sleeps does, has another one take its run, and wakes
// it: nothing that it writes then stays.
func TestStoppedWorker(t *testing.T) {
	source := postgrestest.Database(t)
	store := openStore(t, source, Options{Blobs: folder(t)})
	id := queue(t, store, 1)[0]
	cmd := child(t, "work", source, "50ms")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "claimed "+id {
		t.Fatalf("it says %q", lines.Text())
	}
	for { // until it has a checkpoint
		if file, err := store.OpenCheckpoint(t.Context(), id); err == nil {
			file.Close()
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	// On another machine it would be presumed dead after a minute.
	if _, err := store.pool.Exec(t.Context(), `UPDATE runs SET host = 'far', seen_at = seen_at - $1 WHERE status = 'running'`, 2*tracker.SilentAfter.Microseconds()); err != nil {
		t.Fatal(err)
	}
	active, run, err := tracker.Take(t.Context(), store, tracker.Wanted{})
	if err != nil || run.ID != id || run.Attempt != 3 {
		t.Fatalf("got %+v (%v)", run, err)
	}
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if !lines.Scan() || lines.Text() != "lost "+id {
		t.Errorf("it says %q", lines.Text())
	}
	if err := paint(t.Context(), store, active, 0); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	checkPainted(t, store, id)
	trackertest.Verify(t, store)
}

// TestSleeperInTransaction has a process fall silent in the middle of a transaction: what it has locked is free soon, and
// when it wakes it does the transaction again.
func TestSleeperInTransaction(t *testing.T) {
	source := postgrestest.Database(t)
	other := openStore(t, source, Options{Blobs: folder(t)})
	id := queue(t, other, 1)[0]
	sleeper := openStore(t, source+"&"+idleTimeout+"=300ms", Options{})
	const lock = `UPDATE runs SET note = note || $1 WHERE id = $2`
	times := 0
	if err := sleeper.write(t.Context(), "noting", func(tx pgx.Tx) error {
		if err := do(t.Context(), tx, lock, "s", id); err != nil {
			return err
		}
		if times++; times > 1 {
			return nil
		}
		// It is still asleep when the other one has written.
		return other.write(t.Context(), "noting", func(tx pgx.Tx) error { return do(t.Context(), tx, lock, "o", id) })
	}); err != nil {
		t.Fatal(err)
	}
	if run, err := other.Run(t.Context(), id); err != nil || run.Note != "os" || times != 2 {
		t.Errorf("after %d times it has %+v (%v)", times, run, err)
	}
}

// TestDatabaseAway stops the database for a while in the course of a painting: nothing is lost.
func TestDatabaseAway(t *testing.T) {
	away := 3 * time.Second
	if d, err := time.ParseDuration(os.Getenv("GOUACHE_TEST_AWAY")); err == nil {
		away = d
	}
	server := postgrestest.New(t)
	store := openStore(t, server.Database(t), Options{Blobs: folder(t)})
	queue(t, store, 1)
	active, run, err := tracker.Take(t.Context(), store, tracker.Wanted{})
	if err != nil {
		t.Fatal(err)
	}
	stopped := make(chan error)
	go func() {
		time.Sleep(300 * time.Millisecond)
		err := server.Stop()
		time.Sleep(away)
		stopped <- errors.Join(err, server.Start())
	}()
	if err := paint(t.Context(), store, active, 50*time.Millisecond); err != nil {
		t.Error(err)
	}
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	checkPainted(t, store, run.ID)
	trackertest.Verify(t, store)
	// Whoever cannot wait gets to know why.
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	store.patience = 0
	_, err = store.Run(t.Context(), run.ID)
	wantError(t, err, tracker.CodeUnavailable, "cannot be reached")
	began := time.Now()
	_, err = Open(t.Context(), server.URL("test1"), Options{})
	wantError(t, err, tracker.CodeUnavailable, "cannot be reached")
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("to say so took %v", took)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
}

// childLog logs a run: the store, its name, the numbers of points and of pictures.
func childLog(ctx context.Context, args []string) error {
	number, err1 := strconv.Atoi(args[1])
	points, err2 := strconv.Atoi(args[2])
	pictures, err3 := strconv.Atoi(args[3])
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
			// Half of the pictures are the same in all processes.
			n := i + (number+1)<<16*(i/every%2)
			if _, err := run.AddPicture(ctx, tracker.NewPicture{Role: "snapshot", Step: int64(i), Data: trackertest.Picture(noTest{}, n)}); err != nil {
				return err
			}
		}
	}
	return run.Finish(ctx, tracker.Outcome{Status: tracker.StatusFinished})
}

// TestEightProcesses has eight processes log into one new store at once.
func TestEightProcesses(t *testing.T) {
	const processes = 8
	points, pictures := 10_000, 20
	if testing.Short() {
		points, pictures = 1000, 4
	}
	source := postgrestest.Database(t)
	store := openStore(t, source, Options{Blobs: folder(t)})
	var children []*exec.Cmd
	for i := range processes {
		cmd := child(t, "log", source, strconv.Itoa(i), strconv.Itoa(points), strconv.Itoa(pictures))
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
	page, err := store.Runs(t.Context(), tracker.RunQuery{})
	if err != nil || len(page.Runs) != processes {
		t.Fatalf("%+v (%v), want %d runs", page, err, processes)
	}
	for _, run := range page.Runs {
		curves, err := store.Curves(t.Context(), run.ID, tracker.CurveQuery{})
		if err != nil || len(curves) != 1 || len(curves[0].Points) != points || run.Status != tracker.StatusFinished {
			t.Errorf("run %s: %d curves (%v)", run.Name, len(curves), err)
		}
	}
	report, err := store.Verify(t.Context(), tracker.VerifyOptions{})
	if want := processes*pictures/2 + pictures/2; err != nil || report.Pictures != want || len(report.Problems) > 0 {
		t.Errorf("got %+v (%v), want %d pictures, as half of them are the same", report, err, want)
	}
}
