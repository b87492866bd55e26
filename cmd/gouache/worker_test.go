package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/painting"
	"github.com/gouache-art/gouache/tracker/sqlite"
)

// workerStore returns the folder of a store. The lock of its workers is in the user's cache, where the plugin is, too.
func workerStore(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	path, err := workerLock(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(path) })
	return dir
}

// enqueue queues a painting of 64 pixels with random weights in a store.
func enqueue(t *testing.T, dir string, iterations int) string {
	t.Helper()
	store, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	n := tracker.NewRun{Params: tracker.Params{"size": 64, "iterations": iterations, "content_layer": "block2_conv1", "style_layers": "block1_conv1"}}
	n.Provenance.Weights = "random"
	for _, in := range [][2]string{{tracker.RoleContent, "sample:chelsea"}, {tracker.RoleStyle, "sample:swirl"}} {
		data, err := picture.ReadFile(in[1])
		if err != nil {
			t.Fatal(err)
		}
		n.AddInput(in[0], in[1], in[1], data)
	}
	if n, err = n.Normal(); err != nil {
		t.Fatal(err)
	}
	job, err := painting.Job(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	run, err := painting.Enqueue(t.Context(), store, job, n)
	if err != nil {
		t.Fatal(err)
	}
	return run.ID
}

// waitFor waits until a run has a status.
func waitFor(t *testing.T, store, id string, status tracker.Status) {
	t.Helper()
	const patience = 2 * time.Minute
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		run := shown(t, store, id)
		switch {
		case run.Status == status:
			return
		case run.Status == tracker.StatusFailed || time.Since(began) > patience:
			t.Fatalf("the run is %s, not %s: %s", run.Status, status, run.Reason)
		}
	}
}

// TestWorker: a worker paints what is queued, a second one waits or refuses, and a run is stopped and resumed.
func TestWorker(t *testing.T) {
	dir := workerStore(t)
	id := enqueue(t, dir, 2)
	if _, stderr, code := gouache(t.Context(), "worker", "--store", dir, "--weights", "random", "--idle-exit", "1ns"); code != exitDone || !strings.Contains(stderr, "run "+id+" finished") {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	release, err := (&workerFlags{store: storeFlags{dir: dir}}).lock(t.Context(), &workerLine{line: newStatusLine(io.Discard)})
	if err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := gouache(t.Context(), "worker", "--store", dir, "--no-wait"); code != exitFailed || !strings.Contains(stderr, "another worker of this machine works on "+dir) {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if path, err := workerLock(dir, "1"); err == nil {
		t.Cleanup(func() { os.Remove(path) })
	}
	if _, stderr, code := gouache(t.Context(), "worker", "--store", dir, "--weights", "random", "--no-wait", "--slot", "1", "--idle-exit", "1ns"); code != exitDone {
		t.Errorf("in another slot: exit %d: %s", code, stderr)
	}
	release()
	id = enqueue(t, dir, 2)
	for _, c := range []struct {
		args []string
		want string
		code int
	}{
		{[]string{"runs", "stop", id}, tracker.ReasonNotBegun, exitDone},
		{[]string{"runs", "stop", id}, "has ended already", exitFailed},
		{[]string{"runs", "resume", "--status", "interrupted"}, "queued", exitDone},
		{[]string{"runs", "list", "--status", "queued"}, id, exitDone},
		{[]string{"runs", "stop"}, "takes the ids of runs, or a filter", exitUsage},
		{[]string{"worker", "--idle-exit", "-1s"}, "--idle-exit -1s must be 0 or more", exitUsage},
	} {
		stdout, stderr, code := gouache(t.Context(), append(c.args, "--store", dir)...)
		if code != c.code || !strings.Contains(stdout+stderr, c.want) {
			t.Errorf("%v: exit %d: %s%s", c.args, code, stdout, stderr)
		}
	}
}

// TestUIWorker: the worker of a gouache ui that is killed gives its run back and ends, and that of the next one paints it.
func TestUIWorker(t *testing.T) {
	dir := workerStore(t)
	id := enqueue(t, dir, 100_000)
	start := func() *exec.Cmd {
		ui := exec.CommandContext(t.Context(), os.Args[0], "ui", "--store", dir, "--addr", "127.0.0.1:0")
		ui.Env = append(os.Environ(), asProgram+"=1")
		out, err := ui.StdoutPipe()
		if err == nil {
			err = ui.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		bufio.NewScanner(out).Scan() // its address
		return ui
	}
	for _, end := range []os.Signal{os.Kill, os.Interrupt} {
		ui := start()
		waitFor(t, dir, id, tracker.StatusRunning)
		if err := ui.Process.Signal(end); err != nil {
			t.Fatal(err)
		}
		_ = ui.Wait() // the error is that it was killed
		waitFor(t, dir, id, tracker.StatusQueued)
	}
	ui := start()
	waitFor(t, dir, id, tracker.StatusRunning)
	if _, stderr, code := gouache(t.Context(), "runs", "stop", "--store", dir, id); code != exitDone {
		t.Errorf("exit %d: %s", code, stderr)
	}
	waitFor(t, dir, id, tracker.StatusInterrupted)
	if err := ui.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := ui.Wait(); err != nil {
		t.Error(err)
	}
	waitFor(t, dir, id, tracker.StatusInterrupted)
}

// TestWorkerEnds: a signal of a person, of a terminal that closes or of a scheduler ends a worker, which saves its run and
// gives it back.
func TestWorkerEnds(t *testing.T) {
	hangUps := make(chan os.Signal, 1) // handled here, SIGHUP is not ignored there, even if nohup began the tests
	signal.Notify(hangUps, syscall.SIGHUP)
	defer signal.Stop(hangUps)
	for _, end := range []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2} {
		dir := workerStore(t)
		id := enqueue(t, dir, 100_000)
		worker := exec.CommandContext(t.Context(), os.Args[0], "worker", "--store", dir, "--weights", "random")
		worker.Env = append(os.Environ(), asProgram+"=1")
		if err := worker.Start(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, dir, id, tracker.StatusRunning)
		for shown(t, dir, id).Final["total"] == 0 { // until something of it is painted
			time.Sleep(50 * time.Millisecond)
		}
		if err := worker.Process.Signal(end); err != nil {
			t.Fatal(err)
		}
		if err := worker.Wait(); err != nil {
			t.Errorf("after %v: %v", end, err)
		}
		waitFor(t, dir, id, tracker.StatusQueued)
		store, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		state, err := store.OpenCheckpoint(t.Context(), id)
		if err := errors.Join(err, store.Close()); err != nil {
			t.Fatalf("after %v: %v", end, err)
		}
		state.Close()
	}
}

// TestWorkers: people list workers, drain them, and queue runs for a device and before others.
func TestWorkers(t *testing.T) {
	dir := workerStore(t)
	id := enqueue(t, dir, 2)
	store, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	second := tracker.ThisProcess()
	second.PID++
	second.Host += "-far"
	for _, w := range []tracker.Worker{{Device: "cpu"}, {Device: "NVIDIA H200", Process: second, Run: id}} {
		if _, err := store.SeeWorker(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	first := tracker.Worker{Process: tracker.ThisProcess()}
	other := tracker.Worker{Process: second}
	for _, c := range []struct {
		args []string
		want string
		code int
	}{
		{[]string{"workers", "list"}, "NVIDIA H200", exitDone},
		{[]string{"workers", "drain", other.Name(), first.Process.Host}, id + ", and takes no more", exitDone},
		{[]string{"workers", "list"}, "drained", exitDone},
		{[]string{"workers", "list", "--json"}, `"draining": true`, exitDone},
		{[]string{"workers", "drain", second.Host, "--undo", "--json"}, `"run": "` + id + `"`, exitDone},
		{[]string{"workers", "drain", "nowhere"}, "there is no worker \"nowhere\": there are " + first.Name(), exitFailed},
		{[]string{"workers", "drain"}, "takes one or more workers", exitUsage},
		{[]string{"runs", "stop", id}, tracker.ReasonNotBegun, exitDone},
		{[]string{"runs", "resume", id, "--priority", "7", "--device", "cuda"}, "queued", exitDone},
		{[]string{"runs", "show", id}, "cuda", exitDone},
		{[]string{"runs", "list", "--filter", "priority == 7 && needs == cuda"}, id, exitDone},
		{[]string{"runs", "resume", id, "--device", "auto", "--json"}, `"priority": 7`, exitDone},
		{[]string{"runs", "resume", id, "--priority", "101"}, "choose a number from -100 to 100", exitUsage},
		{[]string{"runs", "resume", id, "--device", "tpu"}, "--device: ", exitUsage},
	} {
		stdout, stderr, code := gouache(t.Context(), append(c.args, "--store", dir)...)
		if code != c.code || !strings.Contains(stdout+stderr, c.want) {
			t.Errorf("%v: exit %d: %s%s", c.args, code, stdout, stderr)
		}
	}
	workers, err := store.Workers(t.Context())
	if err != nil || len(workers) != 2 || !workers[0].Draining || workers[1].Draining {
		t.Errorf("%+v, %v", workers, err)
	}
	if run := shown(t, dir, id); run.Needs != "" || run.Priority != 7 {
		t.Errorf("%+v", run.Run)
	}
}
