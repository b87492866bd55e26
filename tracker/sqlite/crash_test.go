package sqlite

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// childCrash logs until it is killed, and prints what the store has promised to keep: each picture,
// and each step with the milliseconds since it began.
func childCrash(ctx context.Context, args []string) error {
	store, err := Open(ctx, args[0], Options{})
	if err != nil {
		return err
	}
	run, err := tracker.Start(ctx, store, tracker.NewRun{Name: "crash", Tags: []string{"kept"}, Params: tracker.Params{"x": 1}})
	if err != nil {
		return err
	}
	fmt.Println("run", run.ID(), 0)
	began := time.Now()
	for step := int64(1); ; step++ {
		if err := run.Log(step, tracker.Metrics{"x": float64(step)}); err != nil {
			return err
		}
		fmt.Println("step", time.Since(began).Milliseconds(), step)
		if step%5 == 0 {
			p, err := run.AddPicture(ctx, tracker.NewPicture{Role: "snapshot", Step: step, Data: trackertest.Picture(noTest{}, int(step))})
			if err != nil {
				return err
			}
			fmt.Println("picture", p.Hash, step)
		}
		time.Sleep(time.Millisecond)
	}
}

// TestCrash kills processes that log into one store at random moments, and checks after each round
// what all of them have left.
func TestCrash(t *testing.T) {
	rounds, together := 5, 3
	if testing.Short() {
		rounds, together = 2, 2
	}
	dir := t.TempDir()
	var all []*crashed
	for range rounds {
		for range together {
			all = append(all, startCrash(t, dir))
		}
		for _, c := range all[len(all)-together:] {
			<-c.read
			_ = c.cmd.Wait() // says that it was killed
		}
		store, err := Open(t.Context(), dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range all {
			c.check(t, store)
		}
		trackertest.Verify(t, store)
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// crashed is a process that is killed, and what it printed before.
type crashed struct {
	cmd  *exec.Cmd
	said []promise
	read chan struct{} // closed when all of it is read
}

// promise is a line of childCrash.
type promise struct {
	what, text string
	number     int64
}

// startCrash starts a process and kills it at a random moment: one in four while it still opens the
// store.
func startCrash(t *testing.T, dir string) *crashed {
	t.Helper()
	c := &crashed{cmd: child(t, "crash", dir), read: make(chan struct{})}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := func(most int) {
		time.AfterFunc(time.Duration(rand.IntN(most))*time.Microsecond, func() { c.cmd.Process.Kill() })
	}
	early := rand.IntN(4) == 0
	if early {
		kill(100_000)
	}
	go func() {
		defer close(c.read)
		c.said = readPromises(out, func() {
			if !early {
				kill(1_500_000)
			}
		})
	}()
	return c
}

// readPromises reads until the process ends, and calls begun once it has a run.
func readPromises(r io.Reader, begun func()) (said []promise) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		var p promise
		if n, err := fmt.Sscan(lines.Text(), &p.what, &p.text, &p.number); n != 3 || err != nil {
			continue // cut short
		}
		if said = append(said, p); len(said) == 1 {
			begun()
		}
	}
	return said
}

// check checks what a killed process has left: its run is interrupted and has its inputs, each
// picture that was kept, and the points without a gap up to at most a second before the end. Where
// the machine stood still for a while, so that there was no step, as much more may be lost.
func (c *crashed) check(t *testing.T, store *DB) {
	t.Helper()
	if len(c.said) == 0 {
		return // killed before it had a run
	}
	run, err := store.Run(t.Context(), c.said[0].text)
	if err != nil {
		t.Fatal(err)
	}
	if run.Status != tracker.StatusInterrupted || run.Reason != tracker.ReasonGone || run.EndedAt.IsZero() {
		t.Errorf("the run is %s: %s", run.Status, run.Reason)
	}
	if run.Name != "crash" || len(run.Tags) != 1 || run.Params["x"] != int64(1) {
		t.Errorf("the run lost what it began with: %+v", run)
	}
	kept := keptPoints(t, store, run.ID, "x")
	pictures, err := store.Pictures(t.Context(), run.ID, tracker.PictureQuery{})
	if err != nil {
		t.Fatal(err)
	}
	has := map[promise]bool{}
	for _, p := range pictures {
		has[promise{"picture", p.Hash, p.Step}] = true
	}
	var steps, pause, last int64
	lost := map[int64]int64{} // when lost steps were logged
	for _, p := range c.said[1:] {
		if p.what == "picture" {
			if !has[p] {
				t.Errorf("the picture of step %d is lost", p.number)
			}
			continue
		}
		var at int64
		if _, err := fmt.Sscan(p.text, &at); err != nil {
			t.Fatal(err)
		}
		steps, pause, last = steps+1, max(pause, at-last), at
		if p.number > kept {
			lost[p.number] = at
		}
	}
	for step, at := range lost {
		if last-at > 1000+pause {
			t.Errorf("step %d was logged %d ms before the end and is lost, and the longest pause was %d ms; %d of %d steps are kept", step, last-at, pause, kept, steps)
		}
	}
}

// keptPoints returns the number of points of a metric of a killed run, which must be its first
// ones: the value is the step.
func keptPoints(t *testing.T, store *DB, id, metric string) int64 {
	t.Helper()
	curves, err := store.Curves(t.Context(), id, tracker.CurveQuery{Metrics: []string{metric}})
	if err != nil {
		t.Fatal(err)
	}
	if len(curves) == 0 {
		return 0
	}
	for i, p := range curves[0].Points {
		if step := int64(i + 1); p != (tracker.Point{Step: step, Value: float64(step)}) {
			t.Fatalf("point %d is %v", i, p)
		}
	}
	return int64(len(curves[0].Points))
}
