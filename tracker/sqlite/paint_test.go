package sqlite

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// paintState is the state of a painting of childPaint after an iteration: its number, repeated many
// times, so that a part of a state, or parts of two, differ from a whole one.
func paintState(iteration int) []byte {
	return bytes.Repeat(binary.LittleEndian.AppendUint64(nil, uint64(iteration)), 1<<15)
}

// readState returns the iteration of a run's checkpoint, 0 if it has none yet.
func readState(ctx context.Context, store *DB, id string) (int, error) {
	file, err := store.OpenCheckpoint(ctx, id)
	if tracker.ErrorCode(err) == tracker.CodeNotFound {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil || len(data) < 8 {
		return 0, fmt.Errorf("a checkpoint of %d bytes: %w", len(data), err)
	}
	iteration := int(binary.LittleEndian.Uint64(data))
	if !bytes.Equal(data, paintState(iteration)) {
		return 0, fmt.Errorf("the checkpoint of iteration %d is not whole", iteration)
	}
	return iteration, nil
}

// childPaint continues a run from its checkpoint, and saves as many checkpoints as it can. Its
// arguments are the store, the run, and the number of iterations.
func childPaint(ctx context.Context, args []string) error {
	iterations, err1 := strconv.Atoi(args[2])
	store, err2 := Open(ctx, args[0], Options{})
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	defer store.Close()
	run, err := tracker.Continue(ctx, store, args[1])
	if err != nil {
		return err
	}
	done, err := readState(ctx, store, run.ID())
	if err != nil {
		return err
	}
	recorder := tracker.Observer(run, tracker.RecorderOptions{Checkpoint: time.Nanosecond})
	recorder.Observe(progress.Run{Scales: []progress.Scale{{Iterations: iterations}}, Done: done})
	fmt.Println("begun")
	for i := done + 1; i <= iterations; i++ {
		recorder.Observe(progress.Iteration{Iteration: i, Total: float64(i), Checkpoint: func(w io.Writer) error {
			_, err := w.Write(paintState(i))
			return err
		}})
		time.Sleep(time.Millisecond)
	}
	recorder.Observe(progress.Result{Status: progress.Finished})
	return run.Err()
}

// TestPaintedDespiteKills kills a process that paints and saves checkpoints, and starts it again,
// until the painting is finished. After each kill there is a whole checkpoint, and the curve has no
// hole up to it.
func TestPaintedDespiteKills(t *testing.T) {
	const iterations, longest = 600, 300 * time.Millisecond // so the first process is killed
	store := openStore(t, t.TempDir(), Options{})
	run, err := store.CreateRun(t.Context(), tracker.NewRun{Process: lostProcess()})
	if err != nil {
		t.Fatal(err)
	}
	kills, checkpoints := 0, map[int]bool{}
	for paintAndKill(t, store, run.ID, iterations, rand.N(longest)) {
		if kills++; kills == 200 {
			t.Fatalf("after %d kills it is not finished", kills)
		}
		done, err := readState(t.Context(), store, run.ID)
		if err != nil {
			t.Fatal(err)
		}
		if points := keptPoints(t, store, run.ID, "total"); points < int64(done) {
			t.Errorf("there is a checkpoint of iteration %d, and %d points", done, points)
		}
		checkpoints[done] = true
		trackertest.Verify(t, store)
	}
	t.Logf("%d kills, %d different checkpoints", kills, len(checkpoints))
	got, err := store.Run(t.Context(), run.ID)
	if err != nil || got.Status != tracker.StatusFinished || got.Final["total"] != iterations || kills == 0 {
		t.Errorf("after %d kills: got %+v (%v)", kills, got, err)
	}
	curves, err := store.Curves(t.Context(), run.ID, tracker.CurveQuery{})
	if err != nil || len(curves) == 0 || curves[0].Total != iterations {
		t.Errorf("got %+v (%v)", curves, err)
	}
	if points := keptPoints(t, store, run.ID, "total"); points != iterations {
		t.Errorf("there are %d points, want %d", points, iterations)
	}
}

// paintAndKill starts childPaint, kills it some time after it has begun, and reports whether it was
// killed before it finished.
func paintAndKill(t *testing.T, store *DB, id string, iterations int, after time.Duration) bool {
	t.Helper()
	cmd := child(t, "paint", store.dir, id, strconv.Itoa(iterations))
	out, err := cmd.StdoutPipe()
	if err := errors.Join(err, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	var line string
	if _, err := fmt.Fscanln(out, &line); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(after, func() { cmd.Process.Kill() })
	defer kill.Stop()
	_ = cmd.Wait() // may say that it was killed
	run, err := store.Run(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return run.Status == tracker.StatusInterrupted
}
