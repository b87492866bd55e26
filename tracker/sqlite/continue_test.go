package sqlite

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

// TestIdle interrupts a run for a night, twice: neither counts towards the run's duration.
func TestIdle(t *testing.T) {
	store := openStore(t, t.TempDir(), Options{})
	now := time.Now()
	store.Now = func() time.Time { return now }
	run, err := store.CreateRun(t.Context(), tracker.NewRun{})
	if err != nil {
		t.Fatal(err)
	}
	id := run.ID
	const minute, night = time.Minute, 9 * time.Hour
	for range 2 {
		now = now.Add(minute)
		if err := store.FinishRun(t.Context(), run.Claim(), tracker.Outcome{Status: tracker.StatusInterrupted}); err != nil {
			t.Fatal(err)
		}
		now = now.Add(night)
		if run, err = store.ContinueRun(t.Context(), id, tracker.Process{}); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(minute)
	if err := store.FinishRun(t.Context(), run.Claim(), tracker.Outcome{Status: tracker.StatusFinished}); err != nil {
		t.Fatal(err)
	}
	if run, err = store.Run(t.Context(), id); err != nil || run.Idle != 2*night || run.Duration() != 3*minute {
		t.Errorf("it was idle for %v and took %v (%v)", run.Idle, run.Duration(), err)
	}
	filter, err := tracker.ParseFilter("duration == 180")
	if err != nil {
		t.Fatal(err)
	}
	if page, err := store.Runs(t.Context(), tracker.RunQuery{Filter: filter}); err != nil || page.Total != 1 {
		t.Errorf("%d runs took 180 s (%v)", page.Total, err)
	}
}

// lostProcess is a process that has ended: another one has its PID.
func lostProcess() tracker.Process {
	p := tracker.ThisProcess()
	p.StartedAt = p.StartedAt.Add(-time.Hour)
	return p
}

// childContinue waits for a line, tries to continue a run, prints the result, and lives until its
// input ends.
func childContinue(ctx context.Context, args []string) error {
	store, err := Open(ctx, args[0], Options{})
	if err != nil {
		return err
	}
	fmt.Println("ready")
	in := bufio.NewReader(os.Stdin)
	if _, err := in.ReadString('\n'); err != nil {
		return err
	}
	_, err = store.ContinueRun(ctx, args[1], tracker.Process{})
	fmt.Printf("code:%s\n", tracker.ErrorCode(err))
	_, err = io.Copy(io.Discard, in)
	return err
}

// TestOneProcessContinues has several processes continue one run at the same time, and then checks
// what the winner leaves when it ends.
func TestOneProcessContinues(t *testing.T) {
	store := openStore(t, t.TempDir(), Options{})
	run, err := store.CreateRun(t.Context(), tracker.NewRun{Process: lostProcess()})
	if err != nil {
		t.Fatal(err)
	}
	var ins []io.WriteCloser
	var outs []io.Reader
	var children []*exec.Cmd
	said := func() (lines []string) {
		for _, out := range outs {
			var line string
			if _, err := fmt.Fscanln(out, &line); err != nil {
				t.Fatal(err)
			}
			lines = append(lines, line)
		}
		slices.Sort(lines)
		return lines
	}
	for range 4 {
		cmd := child(t, "continue", store.dir, run.ID)
		in, err1 := cmd.StdinPipe()
		out, err2 := cmd.StdoutPipe()
		if err := errors.Join(err1, err2, cmd.Start()); err != nil {
			t.Fatal(err)
		}
		ins, outs, children = append(ins, in), append(outs, out), append(children, cmd)
	}
	said() // they are ready
	for _, in := range ins {
		if _, err := fmt.Fprintln(in, "go"); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := said(), []string{"code:", "code:conflict", "code:conflict", "code:conflict"}; !slices.Equal(got, want) {
		t.Errorf("they say %q, want %q", got, want)
	}
	if _, err := store.ContinueRun(t.Context(), run.ID, tracker.Process{}); tracker.ErrorCode(err) != tracker.CodeConflict {
		t.Errorf("while it lives, the error is %v", err)
	}
	for i, cmd := range children {
		if err := errors.Join(ins[i].Close(), cmd.Wait()); err != nil {
			t.Error(err)
		}
	}
	if run, err = store.ContinueRun(t.Context(), run.ID, tracker.Process{}); err != nil || run.Tries != 2 {
		t.Errorf("after its end: %+v (%v)", run, err)
	}
}

// childTrials makes the trials of a sweep and prints which it made.
func childTrials(ctx context.Context, args []string) error {
	trials, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	store, err := Open(ctx, args[0], Options{})
	if err != nil {
		return err
	}
	defer store.Close()
	for trial := 1; trial <= trials; trial++ {
		run, err := tracker.Start(ctx, store, tracker.NewRun{Sweep: "shared", Trial: trial})
		if tracker.ErrorCode(err) == tracker.CodeConflict {
			continue
		}
		if err != nil {
			return err
		}
		fmt.Println(trial)
		if err := run.Finish(ctx, tracker.Outcome{Status: tracker.StatusFinished}); err != nil {
			return err
		}
	}
	return nil
}

// TestProcessesShareTrials has several processes make the same trials at the same time.
func TestProcessesShareTrials(t *testing.T) {
	const trials = 40
	dir := t.TempDir()
	said := make([]bytes.Buffer, 3)
	var children []*exec.Cmd
	for i := range said {
		cmd := child(t, "trials", dir, strconv.Itoa(trials))
		cmd.Stdout = &said[i]
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		children = append(children, cmd)
	}
	made := map[string]int{}
	for i, cmd := range children {
		if err := cmd.Wait(); err != nil {
			t.Errorf("process %d: %v", i, err)
		}
		for trial := range strings.FieldsSeq(said[i].String()) {
			made[trial]++
		}
	}
	page, err := openStore(t, dir, Options{}).Runs(t.Context(), tracker.RunQuery{})
	if err != nil || page.Total != trials {
		t.Fatalf("there are %d runs (%v), want %d", page.Total, err, trials)
	}
	for _, run := range page.Runs {
		if n := made[strconv.Itoa(run.Trial)]; n != 1 || run.Status != tracker.StatusFinished {
			t.Errorf("trial %d is %s and was made %d times", run.Trial, run.Status, n)
		}
	}
}
