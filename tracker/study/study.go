// Package study is what is known of a sweep: its trials in order of preference, the settings that
// they differ in, their places in a grid, the trade-off between metrics, which pictures to compare
// next, and what people's comparisons say. Pages and notebooks show it.
package study

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/gouache-art/gouache/internal/plot"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// Study is a sweep with all of its trials.
type Study struct {
	Name       string
	Experiment string
	Record     *tracker.Sweep // nil if the store has only its runs
	File       *sweep.File    // an empty one if none could be read
	Problem    string         // why the sweep's file could not be read, if it could not
	Runs       []*tracker.Run // the trials, by number
	Judgements []tracker.Judgement
	Tally      Tally

	read bool // whether File was read
}

// Of is a study of any runs, in the order given, in place of a sweep's trials: the settings in which they differ are its
// dimensions.
func Of(runs []tracker.Run) *Study {
	s := &Study{File: &sweep.File{}}
	states := map[tracker.Status]int{}
	for i := range runs {
		s.Runs = append(s.Runs, &runs[i])
		states[tracker.Status(State(&runs[i]))]++
	}
	s.Tally = NewTally(0, len(runs), states)
	return s
}

// Store is what a study reads.
type Store interface {
	sweep.Reader
	tracker.SweepStore
	tracker.Index
}

// Read reads a sweep and all of its trials. readFile reads the file that the record holds. If it is
// nil or returns nil, the settings in which the trials differ are taken for those that are
// searched.
func Read(ctx context.Context, store Store, name string, readFile func(*tracker.Sweep) (*sweep.File, error)) (*Study, error) {
	s := &Study{Name: name, File: &sweep.File{}}
	var err error
	s.Record, err = store.Sweep(ctx, name)
	if err != nil && tracker.ErrorCode(err) != tracker.CodeNotFound {
		return nil, err
	}
	if s.Runs, err = trials(ctx, store, name); err != nil {
		return nil, err
	}
	if s.Record == nil && len(s.Runs) == 0 {
		return nil, noSuchSweep(ctx, store, name)
	}
	if s.Judgements, err = store.Judgements(ctx, tracker.JudgementQuery{Sweep: name}); err != nil {
		return nil, err
	}
	planned := 0
	if s.Record != nil {
		s.Experiment, planned = s.Record.Experiment, s.Record.Trials
		err = s.readFile(readFile)
	} else {
		s.Experiment = s.Runs[0].Experiment
	}
	states := map[tracker.Status]int{}
	for _, run := range s.Runs {
		states[tracker.Status(State(run))]++
	}
	s.Tally = NewTally(planned, len(s.Runs), states)
	return s, err
}

// trials returns the runs of a sweep by their numbers. Runs that were recorded without a number, 0,
// come first.
func trials(ctx context.Context, store tracker.RunReader, name string) ([]*tracker.Run, error) {
	if name == "" {
		return nil, nil
	}
	found, err := tracker.AllRuns(ctx, store, tracker.Where("sweep", tracker.Equal, name), tracker.Sort{{Name: "id"}})
	if err != nil {
		return nil, err
	}
	runs := make([]*tracker.Run, len(found))
	for i := range found {
		runs[i] = &found[i]
	}
	slices.SortStableFunc(runs, func(a, b *tracker.Run) int { return cmp.Compare(a.Trial, b.Trial) })
	return runs, nil
}

// noSuchSweep is the error for a name that neither a sweep nor a run's sweep has.
func noSuchSweep(ctx context.Context, store Store, name string) error {
	names, err := store.Names(ctx)
	if err != nil {
		return err
	}
	sweeps, err := store.Sweeps(ctx)
	if err != nil {
		return err
	}
	known := names.Sweeps
	for _, sw := range sweeps {
		known = append(known, sw.Name)
	}
	return tracker.NoSuchSweep(name, known)
}

// readFile reads the sweep's file. Whether ratings are minimised is known without it.
func (s *Study) readFile(read func(*tracker.Sweep) (*sweep.File, error)) error {
	if read != nil {
		file, err := read(s.Record)
		if err != nil {
			s.Problem = err.Error()
		} else if file != nil {
			s.File, s.read = file, true
			return nil
		}
	}
	if !s.Record.Rated {
		return nil
	}
	var err error
	s.File.Minimise, err = sweep.ParseObjective("rating", nil)
	s.File.Ratings = sweep.DefaultRatings
	return err
}

// Rated reports whether the sweep minimises people's ratings.
func (s *Study) Rated() bool { return s.File.Minimise.IsRating() }

// Objective is what the sweep minimises, in words.
func (s *Study) Objective() string {
	switch {
	case s.Rated():
		return "rating"
	case s.File.Minimise.IsZero():
		return sweep.ObjectiveMetric
	}
	return s.File.Minimise.String()
}

// IDs are the ids of all trials, with spaces between them.
func (s *Study) IDs() string {
	var list []string
	for _, run := range s.Runs {
		list = append(list, run.ID)
	}
	return strings.Join(list, " ")
}

// Pruned is the state of a trial that was ended early. The other states are the statuses of runs.
const Pruned = "pruned"

// State returns the state of a trial.
func State(run *tracker.Run) string {
	if run.Status == tracker.StatusFinished && slices.Contains(run.Tags, sweep.PrunedTag) {
		return Pruned
	}
	return string(run.Status)
}

// Tally counts a sweep's trials by state.
type Tally struct{ Planned, Begun, Finished, Pruned, Failed, Interrupted, Running int }

// NewTally returns the tally of the trials that have begun, by their states.
func NewTally(planned, begun int, states map[tracker.Status]int) Tally {
	return Tally{
		Planned: planned, Begun: begun, Finished: states[tracker.StatusFinished], Pruned: states[Pruned], Failed: states[tracker.StatusFailed],
		Interrupted: states[tracker.StatusInterrupted] + states[tracker.StatusQueued], Running: states[tracker.StatusRunning],
	}
}

// Ended is how many trials need nothing more.
func (t Tally) Ended() int { return t.Finished + t.Pruned + t.Failed }

// Ranking is what is known of the values of a study's trials. Trials are named by their index in
// Study.Runs.
type Ranking struct {
	*Study
	By       string // the objective, in words, or the metric that is taken for it, or Stars
	MoreWins bool   // more of it is better
	Seen     []sweep.Observation
	Order    []int // the trials in order of preference
	Best     int   // the finished trial with the best value, or -1
}

// Stars is what RankBy takes for people's stars.
const Stars = "stars"

// Rank ranks the trials: by state, then by the objective, then by stars.
func (s *Study) Rank() (*Ranking, error) {
	seen, err := sweep.Observations(s.File, s.Runs, s.Judgements)
	if err != nil {
		return nil, err
	}
	return s.rank(&Ranking{Study: s, By: s.Objective(), MoreWins: s.Rated(), Seen: seen}), nil
}

// RankBy ranks the trials by a metric or Stars in place of the objective. Of a metric, less is better unless moreWins.
func (s *Study) RankBy(by string, moreWins bool) (*Ranking, error) {
	seen, err := sweep.Observations(s.File, s.Runs, nil)
	if err != nil {
		return nil, err
	}
	r := &Ranking{Study: s, By: by, MoreWins: moreWins || by == Stars, Seen: seen}
	for i, run := range s.Runs {
		value, ok := run.Final[by]
		if by == Stars {
			value, ok = float64(run.Rating), run.Rating > 0
		}
		switch {
		case !ok:
			value = math.NaN()
		case r.MoreWins:
			value = -value
		}
		seen[i].Value = value
	}
	return s.rank(r), nil
}

func (s *Study) rank(r *Ranking) *Ranking {
	seen := r.Seen
	r.Best, r.Order = -1, make([]int, len(s.Runs))
	for i, o := range seen {
		r.Order[i] = i
		if o.State == sweep.Finished && !math.IsNaN(o.Value) && (r.Best < 0 || o.Value < seen[r.Best].Value) {
			r.Best = i
		}
	}
	states := []string{string(tracker.StatusFinished), string(tracker.StatusRunning), string(tracker.StatusQueued), string(tracker.StatusInterrupted), Pruned, string(tracker.StatusFailed)}
	slices.SortStableFunc(r.Order, func(i, j int) int {
		a, b := s.Runs[i], s.Runs[j]
		return cmp.Or(
			cmp.Compare(slices.Index(states, State(a)), slices.Index(states, State(b))),
			cmp.Compare(-seen[j].Value, -seen[i].Value), // NaN, which is less than all numbers, comes last
			cmp.Compare(b.Rating, a.Rating),
		)
	})
	return r
}

// Value is a trial's value as people see it: for example the strength of its picture, of which more is better, if they
// rate. It is NaN if the trial has none.
func (r *Ranking) Value(trial int) float64 {
	if r.MoreWins {
		return -r.Seen[trial].Value
	}
	return r.Seen[trial].Value
}

// Importances are the shares of the settings in what makes trials good; see [sweep.Importances].
func (r *Ranking) Importances(dimensions []Dimension) (shares []sweep.Importance, warning string) {
	var space sweep.Space
	for _, d := range dimensions {
		space = append(space, d.Dimension)
	}
	return sweep.Importances(space, r.Seen)
}

// Metrics are the names of the metrics that any trial has, as [tracker.CompareMetrics] orders them, with the objective.
func (r *Ranking) Metrics() []string {
	known := map[string]bool{}
	for i, run := range r.Runs {
		for name := range run.Final {
			known[name] = true
		}
		if plot.Finite(r.Seen[i].Value) && r.By == r.Objective() {
			known[sweep.ObjectiveMetric] = true
		}
	}
	return append([]string{}, slices.SortedFunc(maps.Keys(known), tracker.CompareMetrics)...)
}

// Metric returns the last value of a metric for each trial, NaN if it has none.
func (r *Ranking) Metric(name string) []float64 {
	values := make([]float64, len(r.Runs))
	for i, run := range r.Runs {
		values[i] = math.NaN()
		if v, ok := run.Final[name]; ok {
			values[i] = v
		}
		if name == sweep.ObjectiveMetric && r.By == r.Objective() {
			values[i] = r.Seen[i].Value
		}
	}
	return values
}

// Front returns the indices of the points that are on the Pareto front of two metrics, both of
// which are to be small: those that no other point beats, by x, then y, then the index. A point
// beats another if it is less in one metric and not greater in the other, so equal points are all
// on the front. Points that are not finite are not.
func Front(x, y []float64) []int {
	var order []int
	for i := range x {
		if plot.Finite(x[i]) && plot.Finite(y[i]) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(x[a], x[b]), cmp.Compare(y[a], y[b])) })
	var front []int
	for _, i := range order {
		if n := len(front); n == 0 || y[i] < y[front[n-1]] || y[i] == y[front[n-1]] && x[i] == x[front[n-1]] {
			front = append(front, i)
		}
	}
	return front
}
