package sweep

import (
	"context"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/gouache-art/gouache/tracker"
)

// TestRunRated: CMA-ES on people's ratings waits for them, and follows them.
func TestRunRated(t *testing.T) {
	store := openStore(t)
	f := parseSweep(t, "sampler: cmaes\ntrials: 18\nminimise: rating\nratings: 2\nsearch:\n  x: {linear: [0, 5]}\n  y: {linear: [-3, 3]}\n")
	beginSweep(t, store, f)
	people := &people{t: t, store: store}
	summary, err := Run(t.Context(), store, f, Options{Trial: func(_ context.Context, trial *Trial) error {
		x, y := trial.Params["x"].(float64), trial.Params["y"].(float64)
		people.see(trial.Run.ID(), math.Hypot(x-3, y+1))
		return nil
	}, Watcher: people})
	if err != nil {
		t.Fatal(err)
	}
	if summary.Finished != 18 || people.asked == 0 {
		t.Errorf("%+v, asked %d times", summary, people.asked)
	}
	best := trialsOf(t, store)
	for _, run := range best {
		if run.ID == summary.Best && people.distance[run.ID] > 2 {
			t.Errorf("the best rated is %v away", people.distance[run.ID])
		}
	}
}

// people prefer what is nearer to a place, and judge every pair when they are asked.
type people struct {
	t        testing.TB
	store    tracker.Store
	mu       sync.Mutex
	ids      []string
	distance map[string]float64
	judged   int
	asked    int
}

func (p *people) see(id string, distance float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.distance == nil {
		p.distance = map[string]float64{}
	}
	p.ids, p.distance[id] = append(p.ids, id), distance
}

func (p *people) Began(*Trial)                  {}
func (p *people) Ended(*Trial, tracker.Outcome) {}
func (p *people) Waiting(reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !strings.Contains(reason, "wait to be rated") {
		p.t.Errorf("waiting: %s", reason)
	}
	p.asked++
	for i := p.judged; i < len(p.ids); i++ {
		for _, other := range p.ids[:i] {
			verdict := tracker.LeftBetter
			if p.distance[other] < p.distance[p.ids[i]] {
				verdict = tracker.RightBetter
			}
			if _, err := p.store.AddJudgement(context.Background(), tracker.Judgement{Left: p.ids[i], Right: other, Verdict: verdict}); err != nil {
				p.t.Error(err)
			}
		}
	}
	p.judged = len(p.ids)
}
