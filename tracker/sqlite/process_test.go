package sqlite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// The test binary starts itself again to have other processes; what they do is in this variable.
const childVariable = "GOUACHE_TEST_CHILD"

func TestMain(m *testing.M) {
	var err error
	switch os.Getenv(childVariable) {
	case "":
		code := m.Run()
		removeMany()
		os.Exit(code)
	case "log":
		err = childLog(os.Args[1:])
	case "crash":
		err = childCrash(os.Args[1:])
	}
	if err != nil {
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

// childLog logs a run: the store, its name, the numbers of points and of pictures. Half of the pictures are the same
// in all processes.
func childLog(args []string) error {
	ctx := context.Background()
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
			shade := i
			if i/every%2 == 0 {
				shade += (number + 1) << 16
			}
			if _, err := run.AddPicture(ctx, tracker.NewPicture{Role: "snapshot", Step: int64(i), Data: trackertest.Picture(noTest{}, shade)}); err != nil {
				return err
			}
		}
	}
	return run.Finish(ctx, tracker.Outcome{Status: tracker.StatusFinished})
}

// noTest stands for a test in a process that runs none.
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
		curves, err := store.Curves(t.Context(), run.ID, tracker.CurveQuery{})
		if err != nil || len(curves) != 1 || len(curves[0].Points) != points || run.Final["x"] != float64(points-1) {
			t.Errorf("run %s: %d curves (%v), finally %v", run.Name, len(curves), err, run.Final)
		}
		list, err := store.Pictures(t.Context(), run.ID, tracker.PictureQuery{})
		if err != nil || len(list) != pictures || run.Status != tracker.StatusFinished {
			t.Errorf("run %s: %d pictures, want %d (%v); %s", run.Name, len(list), pictures, err, run.Status)
		}
	}
	report, err := store.Verify(t.Context(), tracker.VerifyOptions{})
	if want := processes*pictures/2 + pictures/2; err != nil || report.Pictures != want {
		t.Errorf("%d files, want %d: half of the pictures are the same (%v)", report.Pictures, want, err)
	}
}

// childCrash logs until it is killed, and says on standard output what it has been promised to be kept.
func childCrash(args []string) error {
	ctx := context.Background()
	store, err := Open(ctx, args[0], Options{})
	if err != nil {
		return err
	}
	run, err := tracker.Start(ctx, store, tracker.NewRun{Name: "crash"})
	if err != nil {
		return err
	}
	fmt.Println("run", run.ID(), 0)
	for step := int64(1); ; step++ {
		if err := run.Log(step, tracker.Metrics{"x": float64(step)}); err != nil {
			return err
		}
		if step%5 == 0 {
			p, err := run.AddPicture(ctx, tracker.NewPicture{Role: "snapshot", Step: step, Data: trackertest.Picture(noTest{}, int(step))})
			if err != nil {
				return err
			}
			fmt.Println("picture", p.Hash, step)
		}
		fmt.Println("step", time.Now().UnixMilli(), step)
		time.Sleep(time.Millisecond)
	}
}

// TestCrash kills processes at random moments and looks at what they leave.
func TestCrash(t *testing.T) {
	kills := 12
	if testing.Short() {
		kills = 3
	}
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	for range kills {
		crashOnce(t, dir, time.Duration(random.IntN(1500))*time.Millisecond)
		store := openStore(t, dir, Options{})
		trackertest.Verify(t, store)
	}
}

func crashOnce(t *testing.T, dir string, after time.Duration) {
	cmd := child(t, "crash", dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { cmd.Process.Kill() })
	defer timer.Stop()
	said, last := readPromises(t, out)
	_ = cmd.Wait() // killed
	store := openStore(t, dir, Options{})
	if len(said) == 0 {
		return // killed before it had a run
	}
	run, err := store.Run(t.Context(), said[0].text)
	if err != nil {
		t.Fatal(err)
	}
	if run.Status != tracker.StatusInterrupted || run.Reason != tracker.ReasonGone {
		t.Errorf("after %v the run is %s: %s", after, run.Status, run.Reason)
	}
	kept := int64(run.Final["x"])
	for _, p := range said[1:] {
		switch p.what {
		case "picture":
			if file, err := store.OpenPicture(t.Context(), p.text); err != nil {
				t.Errorf("after %v: the picture of step %d: %v", after, p.step, err)
			} else {
				file.Close()
			}
		case "step":
			at, err := strconv.ParseInt(p.text, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			if last-at > 1000 && p.step > kept {
				t.Errorf("after %v: step %d was logged %d ms before the end and is lost; the last kept is %d", after, p.step, last-at, kept)
			}
		}
	}
}

// promise is a line of childCrash.
type promise struct {
	what, text string
	step       int64
}

// readPromises reads until the process ends, and returns when the last step was logged.
func readPromises(t *testing.T, r io.Reader) (said []promise, last int64) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		var p promise
		if n, err := fmt.Sscan(lines.Text(), &p.what, &p.text, &p.step); n != 3 || err != nil {
			continue // cut short
		}
		said = append(said, p)
		if p.what == "step" {
			last, _ = strconv.ParseInt(p.text, 10, 64)
		}
	}
	return said, last
}
