package web

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/study"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// sweepPages are the list of sweeps and the pages of each: its grid, exploration, rating and
// scores.
type sweepPages struct{ *frame }

type sweepView struct {
	*study.Study
	Tab    string
	Work   *sweepWork // nil if nothing can be done here
	Waits  study.Waits
	Cursor tracker.Cursor // of the store before it was read
}

func (s sweepPages) read(r *http.Request, tab string) (sweepView, error) {
	v := sweepView{Tab: tab}
	var err error
	if v.Cursor, err = s.now(r.Context()); err != nil { // first, so that no change is missed
		return v, err
	}
	v.Study, err = study.Read(r.Context(), s.store, sweepName(r.PathValue("name")), s.options.ReadSweep)
	return v, err
}

// readRanked reads the sweep that a request names, with the values of its trials.
func (s sweepPages) readRanked(r *http.Request, tab string) (sweepView, *study.Ranking, error) {
	v, err := s.read(r, tab)
	if err != nil {
		return v, nil, err
	}
	b, err := v.Ballot()
	if err != nil {
		return v, nil, err
	}
	v.Waits = b.Waits()
	ranking, err := v.Rank()
	return v, ranking, err
}

// dots are names that would mean another folder in an address, or none, and what replaces them
// there.
var dots = regexp.MustCompile(`^~*(\.{1,2}|/)$`)

// sweepPath is the address of a sweep's pages; sweepName reads the part of it that is the name.
func sweepPath(name string, more ...string) string {
	if dots.MatchString(name) {
		name = "~" + name
	}
	return strings.Join(append([]string{"/sweeps", url.PathEscape(name)}, more...), "/")
}

func sweepName(part string) string {
	if dots.MatchString(part) {
		return strings.TrimPrefix(part, "~")
	}
	return part
}

// Path is the address of one of the sweep's pages, or of the first.
func (v sweepView) Path(more ...string) string { return sweepPath(v.Name, more...) }

// List is the address of the sweep's runs among all.
func (v sweepView) List() string { return listAddress(tracker.Where("sweep", tracker.Equal, v.Name)) }

// sweepsPage is how many sweeps a page has. Each takes a query, 5 ms with 10,000 runs.
const sweepsPage = 24

type sweepsView struct {
	Sweeps       []sweepCard
	Cursor       tracker.Cursor
	Page, Pages  int // from 1
	Newer, Older int // pages, or 0
}

type sweepCard struct {
	Name, Experiment string
	Rated            bool
	StartedAt        time.Time
	Picture          string // the best trial's, or the latest
	Tally            study.Tally
	Waits            int // about how many ratings are missing
}

// Path is the address of one of the sweep's pages, or of the first.
func (c sweepCard) Path(more ...string) string { return sweepPath(c.Name, more...) }

// list shows all sweeps, the latest first, also those of which the store has only runs. The query
// may have page.
func (s sweepPages) list(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	now, err := s.now(ctx)
	if err != nil {
		return err
	}
	cards, err := s.sweepCards(ctx)
	if err != nil {
		return err
	}
	v := sweepsView{Cursor: now, Pages: max((len(cards)+sweepsPage-1)/sweepsPage, 1)}
	if v.Page, err = number(r.URL.Query(), "page", 1, 1, v.Pages); err != nil {
		return err
	}
	v.Newer = v.Page - 1
	if v.Page < v.Pages {
		v.Older = v.Page + 1
	}
	v.Sweeps = cards[(v.Page-1)*sweepsPage : min(v.Page*sweepsPage, len(cards))]
	names, err := s.store.Names(ctx)
	if err != nil {
		return err
	}
	for i := range v.Sweeps {
		if err := s.unlessDamaged(ctx, s.lookCloser(ctx, &v.Sweeps[i], names)); err != nil {
			return err
		}
	}
	return s.render(w, http.StatusOK, "sweeps.html", page{Title: "Sweeps", Nav: "sweeps", Data: v})
}

// sweepCards returns all sweeps, with what is known without reading their runs.
func (s sweepPages) sweepCards(ctx context.Context) ([]sweepCard, error) {
	groups, err := s.store.Groups(ctx, tracker.BySweep)
	if err != nil {
		return nil, err
	}
	records, err := s.store.Sweeps(ctx)
	if err != nil {
		return nil, err
	}
	for _, record := range records {
		if !slices.ContainsFunc(groups, func(g tracker.Group) bool { return g.Name == record.Name }) {
			groups = append(groups, tracker.Group{Name: record.Name}) // without a trial yet
		}
	}
	var cards []sweepCard
	for _, g := range groups {
		c := sweepCard{Name: g.Name, Experiment: g.Experiment, Tally: study.NewTally(0, g.Runs, g.Statuses)}
		if g.Latest != nil {
			c.Picture, c.StartedAt = g.Latest.Picture, g.Latest.StartedAt
		}
		if i := slices.IndexFunc(records, func(s tracker.Sweep) bool { return s.Name == g.Name }); i >= 0 {
			record := records[i]
			c.Experiment, c.Rated, c.StartedAt, c.Tally.Planned = record.Experiment, record.Rated, record.StartedAt, record.Trials
		}
		cards = append(cards, c)
	}
	slices.SortFunc(cards, func(a, b sweepCard) int {
		return cmp.Or(b.StartedAt.Compare(a.StartedAt), strings.Compare(a.Name, b.Name))
	})
	return cards, nil
}

// lookCloser finds the best trial and the number of pruned ones with one query. If people's ratings
// say which is the best, it reads all trials, and leaves the fit of more than study.MaxPaired
// pictures to the sweep's page: that of 3,000 takes 8 s.
func (s sweepPages) lookCloser(ctx context.Context, c *sweepCard, names *tracker.Names) error {
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
	if len(found.Runs) > 0 {
		c.Picture = cmp.Or(found.Runs[0].Picture, c.Picture)
	}
	c.Tally.Pruned = c.Tally.Finished - found.Total
	c.Tally.Finished = found.Total
	if !c.Rated {
		return nil
	}
	st, err := study.Read(ctx, s.store, c.Name, s.options.ReadSweep)
	if err != nil {
		return err
	}
	b, err := st.Ballot()
	if err != nil {
		return err
	}
	if c.Waits = b.Waits().More; len(b.Runs) > study.MaxPaired {
		return nil
	}
	ranking, err := st.Rank()
	if err == nil && ranking.Best >= 0 {
		c.Picture = cmp.Or(st.Runs[ranking.Best].Picture, c.Picture)
	}
	return err
}
