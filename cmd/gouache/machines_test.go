package main

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gouache-art/gouache/internal/postgrestest"
	"github.com/gouache-art/gouache/internal/s3test"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/painting"
	"github.com/gouache-art/gouache/tracker/stores"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// team is a sweep in PostgreSQL and S3, whose trials are painted by processes of gouache worker.
type team struct {
	database *postgrestest.Server
	objects  *s3test.Server
	source   string        // of the database
	store    tracker.Store // with the sweep
	straight tracker.Store // with the same sweep, which one worker has painted into a folder, undisturbed
	trials   int

	mu       sync.Mutex
	finished map[string]int // how often workers have said so, by run
}

// newTeam begins a sweep. With an address of this machine, workers reach the database and the object store there.
func newTeam(t *testing.T, trials, iterations int, address string) *team {
	t.Helper()
	f := &team{database: postgrestest.New(t), objects: s3test.New(t), trials: trials, finished: map[string]int{}}
	f.source = f.database.Database(t)
	bucket := f.objects.Bucket(t, "paintings")
	if address != "" {
		f.source, bucket = forwardDatabase(t, f.source, address), forwardBucket(t, bucket, address)
	}
	var seeds []string
	for i := range trials {
		seeds = append(seeds, strconv.Itoa(i))
	}
	text := fmt.Sprintf("name: night\ncontent: sample:chelsea\nstyle: sample:swirl\nweights: random\nsize: 96\niterations: %d\nscales: 2\ninit: noise\n"+
		"style_layers: block1_conv1\ncontent_layer: block2_conv1\ncheckpoint: 1s\nsampler: grid\nsearch: {seed: [%s]}\n", iterations, strings.Join(seeds, ", "))
	begin := func(place, bucket string) tracker.Store {
		store, err := stores.Open(t.Context(), place, stores.Options{Blobs: bucket})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { store.Close() })
		file, err := painting.Parse([]byte(text), "night.yaml")
		if err != nil {
			t.Fatal(err)
		}
		painter := &painting.Painter{File: file}
		if err := painter.Check(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		if _, err := painter.Begin(t.Context(), store, "", ""); err != nil {
			t.Fatal(err)
		}
		return store
	}
	dir := workerStore(t)
	f.straight = begin(dir, "")
	if _, stderr, code := gouache(t.Context(), "worker", "--store", dir, "--device", "cpu", "--weights", "random", "--idle-exit", "1ns"); code != exitDone {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	f.store = begin(f.source, bucket)
	return f
}

// painted reports whether all trials are finished.
func (f *team) painted(t *testing.T) bool {
	t.Helper()
	n := 0
	for _, run := range trackertest.Trials(t, f.store) {
		switch run.Status {
		case tracker.StatusFinished:
			n++
		case tracker.StatusFailed:
			t.Fatalf("trial %d failed: %s", run.Trial, run.Reason)
		}
	}
	return n == f.trials
}

// until waits until something is so, for as long as go test lets it: by hand these tests take minutes.
func until(is func() bool) {
	for !is() {
		time.Sleep(100 * time.Millisecond)
	}
}

// check checks that each trial was finished once, with what nothing disturbed.
func (f *team) check(t *testing.T) {
	t.Helper()
	trackertest.SameTrials(t, f.straight, f.store)
	trackertest.Verify(t, f.store)
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, times := range f.finished {
		if times > 1 {
			t.Errorf("run %s was finished %d times", id, times)
		}
	}
}

// asMachine is what comes before a command that has another host name, by which stores tell machines apart. Without root's
// rights there is none, and all processes are on one machine.
func asMachine(name string) []string {
	if exec.Command("unshare", "--uts", "true").Run() != nil {
		return nil
	}
	return []string{"unshare", "--uts", "sh", "-c", `echo "$0" >/proc/sys/kernel/hostname; exec "$@"`, name}
}

// member is a process of gouache worker.
type member struct {
	*exec.Cmd
	began chan struct{} // closed when it takes its first trial
	ended chan struct{}

	mu  sync.Mutex
	log strings.Builder
}

// said is what it has written.
func (m *member) said() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.log.String()
}

// over reports whether it has ended.
func (m *member) over() bool {
	select {
	case <-m.ended:
		return true
	default:
		return false
	}
}

// stop ends it, as an administrator does.
func (m *member) stop(t *testing.T) {
	t.Helper()
	_ = m.Process.Signal(syscall.SIGTERM) // unless it has ended
	<-m.ended
	if !m.ProcessState.Success() {
		t.Errorf("the worker ended with %v: %s", m.ProcessState, m.said())
	}
}

// start starts a worker. before is what comes before its command, as on another machine.
func (f *team) start(t *testing.T, before ...string) *member {
	t.Helper()
	slot := strconv.FormatUint(rand.Uint64(), 36) // since all machines are this one, with one folder of locks
	args := append(before, os.Args[0], "worker", "--store", f.source, "--device", "cpu", "--weights", "random", "--slot", slot)
	m := &member{Cmd: exec.CommandContext(t.Context(), args[0], args[1:]...), began: make(chan struct{}), ended: make(chan struct{})}
	errors, err := m.StderrPipe()
	if err == nil {
		err = m.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if path, err := workerLock(f.source, slot); err == nil {
		t.Cleanup(func() { os.Remove(path) })
	}
	go func() {
		defer close(m.ended)
		began := false
		for lines := bufio.NewScanner(errors); lines.Scan(); {
			line := lines.Text()
			m.mu.Lock()
			fmt.Fprintln(&m.log, line)
			m.mu.Unlock()
			words := strings.Fields(line)
			if len(words) < 3 || words[0] != "run" {
				continue
			}
			if words[2] == "finished" {
				f.mu.Lock()
				f.finished[words[1]]++
				f.mu.Unlock()
			}
			if !began {
				began = true
				close(m.began)
			}
		}
		_ = m.Wait() // callers look at its state
	}()
	return m
}

// TestKilledMachines has four workers on two machines paint a sweep, kills them at random moments, GOUACHE_TEST_KILLS of
// them, and starts others: each trial is finished once, with the picture that nothing disturbed.
func TestKilledMachines(t *testing.T) {
	kills := 5
	if n, err := strconv.Atoi(os.Getenv("GOUACHE_TEST_KILLS")); err == nil {
		kills = n
	}
	f := newTeam(t, max(6, kills/2), 80, "")
	var mu sync.Mutex
	left := kills
	// dies reports whether another one is to be killed.
	dies := func() bool {
		mu.Lock()
		defer mu.Unlock()
		left--
		return left >= 0
	}
	ctx, cancel := context.WithCancel(t.Context())
	var slots sync.WaitGroup
	for i := range 4 {
		slots.Go(func() {
			for ctx.Err() == nil {
				m := f.start(t, asMachine(fmt.Sprint("machine-", i%2))...)
				if !dies() {
					select {
					case <-ctx.Done():
						m.stop(t)
					case <-m.ended:
						t.Errorf("it ended with %v: %s", m.ProcessState, m.said())
					}
					return
				}
				if rand.IntN(4) > 0 { // else perhaps before it paints
					select {
					case <-m.began:
					case <-m.ended:
					case <-ctx.Done():
					}
				}
				select {
				case <-time.After(time.Duration(rand.IntN(2000)) * time.Millisecond):
				case <-m.ended:
					t.Errorf("it ended with %v: %s", m.ProcessState, m.said())
					return
				}
				_ = m.Process.Kill()
				<-m.ended
			}
		})
	}
	until(func() bool { return t.Failed() || f.painted(t) })
	cancel()
	slots.Wait()
	if left > 0 {
		t.Errorf("%d workers were not killed: all was painted before", left)
	}
	f.check(t)
}

// outage is how long something is away: GOUACHE_TEST_AWAY, or a moment.
func outage() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("GOUACHE_TEST_AWAY")); err == nil {
		return d
	}
	return 3 * time.Second
}

// TestOutages takes the database and the object store away for a while, in the course of a painting: the worker stays,
// paints on, and nothing is lost.
func TestOutages(t *testing.T) {
	for name, away := range map[string]func(*testing.T, *team, time.Duration){
		"database": func(t *testing.T, f *team, d time.Duration) {
			if err := f.database.Stop(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(d)
			if err := f.database.Start(); err != nil {
				t.Fatal(err)
			}
		},
		"object store": func(t *testing.T, f *team, d time.Duration) {
			f.objects.Stop()
			time.Sleep(d)
			f.objects.Start(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newTeam(t, 3, 150, "")
			m := f.start(t)
			<-m.began
			time.Sleep(time.Second)
			away(t, f, outage())
			f.checkUndisturbed(t, m)
		})
	}
}

// checkUndisturbed waits for one worker to paint all, and checks that no other process was needed.
func (f *team) checkUndisturbed(t *testing.T, m *member) {
	t.Helper()
	until(func() bool { return f.painted(t) || m.over() })
	m.stop(t)
	f.check(t)
	want := trackertest.Trials(t, f.straight)
	for i, run := range trackertest.Trials(t, f.store) {
		if run.Attempt != want[i].Attempt {
			t.Errorf("trial %d took %d attempts, want %d: %s", run.Trial, run.Attempt, want[i].Attempt, m.said())
		}
	}
}

// TestSleepingMachine stops a worker with a signal, as a machine that sleeps does, has one on another machine take its trial,
// and wakes it: nothing that it writes then stays, and it works on.
func TestSleepingMachine(t *testing.T) {
	f := newTeam(t, 1, 400, "")
	near := f.start(t, asMachine("near")...)
	<-near.began
	time.Sleep(time.Second)
	if err := near.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	slept := time.Now()
	if away := outage(); away < tracker.SilentAfter || asMachine("far") == nil {
		// As if it were another machine, and a minute had passed.
		u, err := url.Parse(f.source)
		if err != nil {
			t.Fatal(err)
		}
		f.database.SQL(t, strings.TrimPrefix(u.Path, "/"), fmt.Sprintf("UPDATE gouache.runs SET host = 'near there', seen_at = seen_at - %d WHERE status = 'running'",
			2*tracker.SilentAfter.Microseconds()))
	}
	far := f.start(t, asMachine("far")...)
	<-far.began
	time.Sleep(time.Until(slept.Add(outage())))
	if err := near.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	until(func() bool { return f.painted(t) || far.over() })
	before := trackertest.Trials(t, f.store)[0]
	until(func() bool { return strings.Contains(near.said(), "waiting for work") || near.over() })
	near.stop(t)
	far.stop(t)
	f.check(t)
	if said := near.said(); !strings.Contains(said, "another one has it") {
		t.Errorf("after it woke it says: %s", said)
	}
	if after := trackertest.Trials(t, f.store)[0]; after.Process.PID != far.Process.Pid || after.Attempt != before.Attempt || !after.SeenAt.Equal(before.SeenAt) || !after.EndedAt.Equal(before.EndedAt) {
		t.Errorf("after it woke the run is %+v\nand it was %+v\nit says: %s", after, before, near.said())
	}
}
