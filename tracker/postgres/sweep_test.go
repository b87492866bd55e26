package postgres

import (
	"context"
	"math"
	"os/exec"
	"testing"
	"time"

	"github.com/gouache-art/gouache/internal/postgrestest"
	"github.com/gouache-art/gouache/stylelib/setting"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// witness is a sampler whose only value is the number of other trials that it was shown.
type witness struct{}

func init() {
	sweep.Register("witness", sweep.Caps{}, func(sweep.Space, int64) (sweep.Sampler, error) { return witness{}, nil })
}

func (witness) Points() int { return 0 }

func (witness) Ask(_ int, seen []sweep.Observation) (tracker.Params, error) {
	time.Sleep(5 * time.Millisecond) // so that others ask meanwhile
	return tracker.Params{"seen": float64(len(seen))}, nil
}

func witnessed(t testing.TB) *sweep.File {
	text := "name: night\ncontent: a.png\nstyle: b.png\nsampler: witness\ntrials: 60\nsearch: {seen: {linear: [0, 1000]}}\n"
	f, err := sweep.Parse([]byte(text), "night.yaml", sweep.Schema{Settings: []setting.Setting{{Name: "seen", Kind: setting.Float, Max: math.Inf(1)}}})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// childSweep works on the sweep until all its trials have ended.
func childSweep(ctx context.Context, args []string) error {
	store, err := Open(ctx, args[0], Options{})
	if err != nil {
		return err
	}
	defer store.Close()
	_, err = sweep.Run(ctx, store, witnessed(noTest{}), sweep.Options{Trial: func(context.Context, *sweep.Trial) error {
		time.Sleep(10 * time.Millisecond)
		return nil
	}})
	return err
}

// TestSampledInTurns has four processes work on a sweep: each trial is chosen once, by a sampler that was shown all trials
// before it, and no process has more than the one that it runs. Processes that ask at once are sorted out when they
// record their trials: all but one of them find the number taken, look again, and ask anew.
func TestSampledInTurns(t *testing.T) {
	const processes = 4
	source := postgrestest.Database(t)
	store := openStore(t, source, Options{Blobs: folder(t)})
	f := witnessed(t)
	if _, err := sweep.Begin(t.Context(), store, f, "", ""); err != nil {
		t.Fatal(err)
	}
	var children []*exec.Cmd
	for range processes {
		c := child(t, "sweep", source)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		children = append(children, c)
	}
	for _, c := range children {
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
	}
	runs, err := tracker.AllRuns(t.Context(), store, nil, tracker.Sort{{Name: "trial"}})
	if err != nil || len(runs) != f.Trials {
		t.Fatalf("%d runs (%v)", len(runs), err)
	}
	workers := map[int]bool{}
	for i, run := range runs {
		workers[run.Process.PID] = true
		if run.Trial != i+1 || run.Status != tracker.StatusFinished || run.Attempt != 1 || run.Params["seen"] != float64(i) {
			t.Errorf("trial %d, attempt %d, %s, was chosen with %v others in sight", run.Trial, run.Attempt, run.Status, run.Params["seen"])
		}
		ahead := 0 // trials that have begun and not ended
		for _, other := range runs {
			if other.StartedAt.Before(run.StartedAt) && other.EndedAt.After(run.StartedAt) {
				ahead++
			}
		}
		if ahead >= processes {
			t.Errorf("%d trials ran when trial %d began", ahead, run.Trial)
		}
	}
	if len(workers) < 2 { // the others may have started late
		t.Errorf("%d process ran all trials", len(workers))
	}
}
