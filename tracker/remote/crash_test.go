package remote

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gouache-art/gouache/stylelib/setting"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sqlite"
	"github.com/gouache-art/gouache/tracker/sweep"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// crashSteps is the number of steps of each run of TestServerCrash.
const crashSteps = 40

// TestServerCrash: while workers paint over HTTP, queued runs and the trials of a sweep, their server is killed again and
// again, and started again. Nothing is lost, and nothing is done twice.
func TestServerCrash(t *testing.T) {
	kills := 12
	if testing.Short() {
		kills = 4
	}
	dir := t.TempDir()
	token := must(Tokens{filepath.Join(dir, "tokens.json")}.Add("painter", true))(t)
	free := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	address := free.Addr().String()
	free.Close()
	stop := keepServer(t, dir, address, kills)
	store := must(openWhenThere(t, "http://"+address, token))(t)
	defer store.Close()

	const queued = 30
	for i := range queued {
		must(store.CreateRun(t.Context(), tracker.NewRun{Name: fmt.Sprint(i), Queued: true, Inputs: []tracker.NewPicture{{Role: tracker.RoleContent, Data: trackertest.Picture(t, i)}}}))(t)
	}
	schema := sweep.Schema{Settings: []setting.Setting{{Name: "a", Kind: setting.Int}, {Name: "b", Kind: setting.Int}}, Terms: []string{"x"}}
	file := must(sweep.Parse([]byte("name: s\nparallel: 3\nsampler: grid\nminimise: x\nsearch: {a: [1, 2, 3, 4, 5], b: [1, 2]}\n"), "s.yaml", schema))(t)
	must(sweep.Begin(t.Context(), store, file, "", ""))(t)
	var mu sync.Mutex
	times := map[string]int{} // how often each run was painted to its end
	var wait sync.WaitGroup
	for range 3 {
		wait.Go(func() {
			for {
				run, _, err := tracker.Take(t.Context(), store, tracker.Wanted{})
				if tracker.ErrorCode(err) == tracker.CodeNotFound {
					return
				}
				if err == nil {
					err = paint(t, run)
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				times[run.ID()]++
				mu.Unlock()
			}
		})
	}
	wait.Go(func() {
		_, err := sweep.Run(t.Context(), store, file, sweep.Options{Trial: func(ctx context.Context, trial *sweep.Trial) error {
			for step := range int64(crashSteps) {
				time.Sleep(5 * time.Millisecond)
				if err := trial.Log(step, tracker.Metrics{"x": float64(step)}); err != nil {
					return err
				}
			}
			return nil
		}})
		if err != nil {
			t.Error(err)
		}
	})
	wait.Wait()
	t.Logf("the server was killed %d times", stop())

	db := must(sqlite.Open(t.Context(), filepath.Join(dir, "store"), sqlite.Options{}))(t)
	defer db.Close()
	trackertest.Verify(t, db)
	runs := must(tracker.AllRuns(t.Context(), db, nil, nil))(t)
	if len(runs) != queued+10 {
		t.Errorf("there are %d runs, want %d", len(runs), queued+10)
	}
	for _, run := range runs {
		curves := must(db.Curves(t.Context(), run.ID, tracker.CurveQuery{}))(t)
		if run.Status != tracker.StatusFinished || len(curves) != 1 || len(curves[0].Points) != crashSteps {
			t.Errorf("run %s: %+v with %d curves", run.Name, run, len(curves))
		}
		if run.Sweep != "" {
			continue
		}
		pictures := must(db.Pictures(t.Context(), run.ID, tracker.PictureQuery{}))(t)
		if times[run.ID] != 1 || run.Attempt != 2 || len(pictures) != 1+crashSteps/10 {
			t.Errorf("run %s was painted %d times, with %d pictures: %+v", run.Name, times[run.ID], len(pictures), run)
		}
	}
}

// paint logs a run as a worker does.
func paint(t *testing.T, run *tracker.ActiveRun) error {
	ctx := t.Context()
	for step := range int64(crashSteps) {
		time.Sleep(5 * time.Millisecond)
		err := run.Log(step, tracker.Metrics{"x": float64(step)})
		if step%10 == 9 {
			_, added := run.AddPicture(ctx, tracker.NewPicture{Role: tracker.RoleSnapshot, Step: step, Data: trackertest.Picture(t, int(step))})
			err = errors.Join(err, added, run.SaveCheckpoint(ctx, writes(fmt.Sprint(step))))
		}
		if err != nil {
			return err
		}
	}
	return run.Finish(ctx, tracker.Outcome{Status: tracker.StatusFinished})
}

// keepServer has a server run as a child process, which it kills so many times, and starts again. stop ends it.
func keepServer(t *testing.T, dir, address string, kills int) (stop func() (killed int)) {
	t.Helper()
	program := must(os.Executable())(t)
	end := make(chan struct{})
	killed := make(chan int, 1)
	go func() {
		n := 0
		defer func() { killed <- n }()
		for {
			child := exec.Command(program)
			child.Env = append(os.Environ(), childVariable+"="+dir+" "+address)
			child.Stderr = os.Stderr
			if err := child.Start(); err != nil {
				t.Error(err)
				return
			}
			life := time.Duration(100+rand.IntN(400)) * time.Millisecond
			if n >= kills {
				life = time.Hour
			}
			ended := false
			select {
			case <-end:
				ended = true
			case <-time.After(life):
			}
			_ = child.Process.Kill()
			_ = child.Wait() // the error is that it was killed
			if ended {
				return
			}
			n++
		}
	}()
	return func() int {
		close(end)
		return <-killed
	}
}

// openWhenThere opens the store of a server that is just being started.
func openWhenThere(t *testing.T, address, token string) (store *Store, err error) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if store, err = Open(t.Context(), address, token); err == nil {
			return store, nil
		}
	}
	return nil, err
}
