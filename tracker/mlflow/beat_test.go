package mlflow

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

// pulse is a store that counts the signs of life of runs.
type pulse struct {
	tracker.Store
	mu       sync.Mutex
	beats    map[string]int
	finished map[string]tracker.Outcome
	stopped  string // the run that was stopped by hand
}

func (p *pulse) Heartbeat(_ context.Context, c tracker.Claim) (bool, error) {
	if c.Run == "deleted" {
		return false, tracker.NoSuchRun(c.Run)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.beats[c.Run]++
	return c.Run == p.stopped, nil
}

func (p *pulse) FinishRun(_ context.Context, c tracker.Claim, o tracker.Outcome) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.finished[c.Run] = o
	return nil
}

// TestBeat: a run whose script is silent is kept alive until it ends, is stopped by hand, or is deleted.
func TestBeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &pulse{beats: map[string]int{}, finished: map[string]tracker.Outcome{}, stopped: "stopped"}
		h := NewHandler(store, Options{Log: slog.New(slog.DiscardHandler)})
		for _, id := range []string{"running", "ended", "stopped", "deleted"} {
			h.keep(tracker.Claim{Run: id, Attempt: 1})
		}
		time.Sleep(beatEvery + time.Second)
		if err := h.finish(t.Context(), tracker.Claim{Run: "ended", Attempt: 1}, tracker.Outcome{Status: tracker.StatusFinished}); err != nil {
			t.Error(err)
		}
		time.Sleep(10 * beatEvery)
		h.Close()
		if b := store.beats; b["running"] != 11 || b["ended"] != 1 || b["stopped"] != 1 || len(h.claims) != 1 {
			t.Errorf("signs of life %v, kept alive %v", b, h.claims)
		}
		if store.finished["stopped"] != stoppedByHand || len(store.finished) != 2 {
			t.Errorf("ended: %v", store.finished)
		}
	})
}
