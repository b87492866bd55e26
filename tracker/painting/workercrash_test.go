package painting

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sqlite"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// childWorker works on a store, and prints which runs it paints and has finished. It ends when its input does.
func childWorker(ctx context.Context, args []string) error {
	store, err := sqlite.Open(ctx, args[0], sqlite.Options{})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	worker := newWorker(store)
	worker.Idle, worker.Watcher = time.Second, speaker{}
	if err := worker.Run(ctx); err != nil {
		return err
	}
	if ctx.Err() == nil {
		fmt.Println("done")
	}
	return nil
}

// speaker is a Watcher that prints.
type speaker struct{ silent }

func (speaker) Began(run *tracker.Run) progress.Observer {
	return watch(func(i progress.Iteration) {
		if i.Iteration%5 == 1 {
			fmt.Println("painting", run.ID)
		}
	})
}

func (speaker) Ended(run *tracker.Run) { fmt.Println("ended", run.ID, run.Status) }

// TestWorkerCrash: workers that are killed, or whose parent is, at random moments, two at a time, lose none of the queued
// runs, and finish each once, with the picture that nothing interrupted. GOUACHE_TEST_KILLS is how many are killed.
func TestWorkerCrash(t *testing.T) {
	kills := 8
	if text := os.Getenv("GOUACHE_TEST_KILLS"); text != "" {
		if _, err := fmt.Sscan(text, &kills); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	store := openStore(t, dir)
	queued := map[string]int{} // how often each run was finished
	for seed := range 6 {
		run, _ := enqueue(t, store, newRun(t, tracker.Params{"iterations": 40, "init": "noise", "seed": seed}))
		queued[run.ID] = 0
	}
	killed, done := 0, false
	for rounds := 0; !done; rounds++ {
		if rounds > 5*kills {
			t.Fatalf("not done after %d rounds", rounds)
		}
		together := []*workerVictim{startWorkerVictim(t, dir, killed < kills), startWorkerVictim(t, dir, killed < kills)}
		for _, v := range together {
			<-v.read
			_ = v.cmd.Wait() // the error is that it was killed
			done = done || v.done
			if !v.done {
				killed++
			}
			for _, id := range v.finished {
				queued[id]++
			}
		}
	}
	t.Logf("%d killed", killed)
	for id, times := range queued {
		run := readRun(t, store, id)
		// A worker that is killed between the end of a run and its message has finished it all the same.
		if run.Status != tracker.StatusFinished || times > 1 {
			t.Errorf("finished %d times: %+v", times, run)
			continue
		}
		job, err := Again(t.Context(), store, run)
		if err != nil {
			t.Fatal(err)
		}
		result, err := tinyStudio().Stylize(t.Context(), job, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(result.Picture.Image().Pix, resultOf(t, store, id).Pix) {
			t.Errorf("run %s is another picture than one that nothing interrupted", id)
		}
		if c := curvesOf(t, store, id)["total"]; len(c) != 40 {
			t.Errorf("run %s has %d iterations", id, len(c))
		}
	}
	trackertest.Verify(t, store)
}

// workerVictim is a worker that is killed.
type workerVictim struct {
	cmd      *exec.Cmd
	read     chan struct{} // closed when it has said all
	finished []string      // the ids of runs
	done     bool          // nothing is queued any more
}

// startWorkerVictim starts a worker. A mortal one loses its life, or its input, at a random moment, one in four before it
// paints.
func startWorkerVictim(t *testing.T, dir string, mortal bool) *workerVictim {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	v := &workerVictim{cmd: exec.CommandContext(t.Context(), program), read: make(chan struct{})}
	v.cmd.Env = append(os.Environ(), childVariable+"=worker "+dir)
	v.cmd.Stderr = os.Stderr
	in, err := v.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := v.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := v.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end := func() {
		if rand.IntN(4) == 0 {
			in.Close()
		} else {
			v.cmd.Process.Kill()
		}
	}
	early, ending := rand.IntN(4) == 0, false
	kill := func() {
		if mortal && !ending {
			ending = true
			time.AfterFunc(time.Duration(rand.IntN(300_000))*time.Microsecond, end)
		}
	}
	if early {
		kill()
	}
	go func() {
		defer close(v.read)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			words := strings.Fields(lines.Text())
			switch {
			case words[0] == "painting":
				kill()
			case words[0] == "ended" && words[2] == string(tracker.StatusFinished):
				v.finished = append(v.finished, words[1])
			case words[0] == "done":
				v.done = true
			}
		}
	}()
	return v
}
