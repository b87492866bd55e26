package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// sweepsPage is how many sweeps a page has. Each takes a question to the store, 5 ms of 10,000 runs.
const sweepsPage = 24

// sweepsView is what the page of all sweeps shows.
type sweepsView struct {
	Sweeps       []sweepCard
	Cursor       tracker.Cursor
	Page, Pages  int    // from 1
	Newer, Older string // addresses, or ""
}

// sweepCard is a sweep in the list.
type sweepCard struct {
	Name, Experiment string
	Path             string
	Rated            bool
	StartedAt        time.Time
	Picture          string // the best trial's, or the latest
	Tally            tally
	Waits            int // for about so many ratings
}

// sweeps shows all sweeps, the latest first, also those of which only runs are known. The query may have page.
func (s *server) sweeps(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	now, err := s.store.Changes(ctx, "")
	if err != nil {
		return err
	}
	cards, err := s.sweepCards(ctx)
	if err != nil {
		return err
	}
	v := sweepsView{Cursor: now.Cursor, Pages: max((len(cards)+sweepsPage-1)/sweepsPage, 1)}
	if v.Page, err = number(r.URL.Query(), "page", 1, 1, v.Pages); err != nil {
		return err
	}
	if v.Page > 1 {
		v.Newer = fmt.Sprint("/sweeps?page=", v.Page-1)
	}
	if v.Page < v.Pages {
		v.Older = fmt.Sprint("/sweeps?page=", v.Page+1)
	}
	v.Sweeps = cards[(v.Page-1)*sweepsPage : min(v.Page*sweepsPage, len(cards))]
	names, err := s.store.Names(ctx)
	if err != nil {
		return err
	}
	for i := range v.Sweeps {
		if err := s.lookCloser(ctx, &v.Sweeps[i], names); err != nil {
			return err
		}
	}
	return s.render(w, http.StatusOK, "sweeps.html", page{Title: "Sweeps", Nav: "sweeps", Data: v})
}

// sweepCards are all sweeps, as far as can be told without looking at their runs.
func (s *server) sweepCards(ctx context.Context) ([]sweepCard, error) {
	groups, err := s.store.Groups(ctx, tracker.BySweep)
	if err != nil {
		return nil, err
	}
	records, err := s.store.Sweeps(ctx)
	if err != nil {
		return nil, err
	}
	byName := map[string]*tracker.Sweep{}
	for i := range records {
		byName[records[i].Name] = &records[i]
	}
	var cards []sweepCard
	for _, g := range groups {
		cards = append(cards, newSweepCard(g, byName[g.Name]))
		delete(byName, g.Name)
	}
	for _, record := range byName { // which have no trial yet
		cards = append(cards, newSweepCard(tracker.Group{Name: record.Name}, record))
	}
	slices.SortFunc(cards, func(a, b sweepCard) int {
		return cmp.Or(b.StartedAt.Compare(a.StartedAt), strings.Compare(a.Name, b.Name))
	})
	return cards, nil
}

func newSweepCard(g tracker.Group, record *tracker.Sweep) sweepCard {
	c := sweepCard{Name: g.Name, Experiment: g.Experiment, Path: sweepPath(g.Name)}
	c.Tally = tally{
		Begun: g.Runs, Finished: g.Statuses[tracker.StatusFinished], Failed: g.Statuses[tracker.StatusFailed],
		Interrupted: g.Statuses[tracker.StatusInterrupted], Running: g.Statuses[tracker.StatusRunning],
	}
	if g.Latest != nil {
		c.Picture, c.StartedAt = g.Latest.Picture, g.Latest.StartedAt
	}
	if record != nil {
		c.Experiment, c.Rated, c.StartedAt, c.Tally.Planned = record.Experiment, record.Rated, record.StartedAt, record.Trials
	}
	return c
}

// lookCloser finds the best trial by one question to the store, which also tells how many were pruned. Where people's
// ratings say which is the best, it takes all of them.
func (s *server) lookCloser(ctx context.Context, c *sweepCard, names *tracker.Names) error {
	if c.Tally.Begun == 0 {
		return nil
	}
	filter := tracker.All(
		tracker.Where("sweep", tracker.Equal, c.Name),
		tracker.Where("status", tracker.Equal, tracker.StatusFinished),
		tracker.Where("tag", tracker.NotEqual, sweep.PrunedTag),
	)
	order := tracker.Sort{{Name: "rating", Descending: true}}
	if slices.Contains(names.Metrics, sweep.ObjectiveMetric) && !c.Rated {
		order = slices.Insert(order, 0, tracker.SortKey{Name: "metric." + sweep.ObjectiveMetric})
	}
	found, err := s.store.Runs(ctx, tracker.RunQuery{Filter: filter, Sort: order, Limit: 1})
	if err != nil {
		return err
	}
	if len(found.Runs) > 0 && found.Runs[0].Picture != "" {
		c.Picture = found.Runs[0].Picture
	}
	c.Tally.Pruned = c.Tally.Finished - found.Total
	c.Tally.Finished = found.Total
	if c.Rated {
		return s.findFavourite(ctx, c)
	}
	return nil
}

// findFavourite shows the picture that people find best, once there is one.
func (s *server) findFavourite(ctx context.Context, c *sweepCard) error {
	st, err := s.readStudy(ctx, c.Name)
	if err != nil {
		return err
	}
	seen, err := st.observe()
	if err != nil {
		return err
	}
	if best := st.best(seen); best >= 0 && st.Runs[best].Picture != "" {
		c.Picture = st.Runs[best].Picture
	}
	w, err := st.waits()
	c.Waits = w.More
	return err
}
