package web

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// study is what is known of a sweep.
type study struct {
	Name       string
	Experiment string
	Record     *tracker.Sweep // nil if the store has only its runs
	Problem    string         // why the sweep's file could not be read, if it could not
	Runs       []*tracker.Run // its trials, by number
	Judgements []tracker.Judgement
	Cursor     tracker.Cursor
	Tally      tally

	file *sweep.File // an empty one if there is none to read
	read bool        // whether it was read
}

// study reads the sweep that a request names.
func (s *server) study(r *http.Request) (*study, error) {
	return s.readStudy(r.Context(), sweepName(r.PathValue("name")))
}

// observed reads the sweep that a request names, with what is known of its trials.
func (s *server) observed(r *http.Request) (*study, []sweep.Observation, error) {
	st, err := s.study(r)
	if err != nil {
		return nil, nil, err
	}
	seen, err := st.observe()
	return st, seen, err
}

func (s *server) readStudy(ctx context.Context, name string) (*study, error) {
	st := &study{Name: name, file: &sweep.File{}}
	now, err := s.store.Changes(ctx, "") // before the rest is read, so that no change falls between
	if err != nil {
		return nil, err
	}
	st.Cursor = now.Cursor
	st.Record, err = s.store.Sweep(ctx, st.Name)
	if err != nil && tracker.ErrorCode(err) != tracker.CodeNotFound {
		return nil, err
	}
	if st.Runs, err = s.trialsOf(ctx, st.Name); err != nil {
		return nil, err
	}
	if st.Record == nil && len(st.Runs) == 0 {
		return nil, s.noSuchSweep(ctx, st.Name)
	}
	if st.Judgements, err = s.store.Judgements(ctx, tracker.JudgementQuery{Sweep: st.Name}); err != nil {
		return nil, err
	}
	if st.Record != nil {
		st.Experiment = st.Record.Experiment
		err = st.readFile(s.options.ReadSweep)
	} else {
		st.Experiment = st.Runs[0].Experiment
	}
	st.Tally = st.tally()
	return st, err
}

// trialsOf returns the runs of a sweep by their numbers.
func (s *server) trialsOf(ctx context.Context, name string) ([]*tracker.Run, error) {
	if name == "" {
		return nil, nil
	}
	found, err := tracker.AllRuns(ctx, s.store, tracker.Where("sweep", tracker.Equal, name), tracker.Sort{{Name: "id"}})
	if err != nil {
		return nil, err
	}
	runs := make([]*tracker.Run, len(found))
	for i := range found {
		runs[i] = &found[i]
	}
	slices.SortFunc(runs, func(a, b *tracker.Run) int { return cmp.Or(cmp.Compare(a.Trial, b.Trial), strings.Compare(a.ID, b.ID)) })
	return runs, nil
}

// noSuchSweep is the error for a name that neither a sweep nor a run's sweep has.
func (s *server) noSuchSweep(ctx context.Context, name string) error {
	names, err := s.store.Names(ctx)
	if err != nil {
		return err
	}
	known := names.Sweeps
	sweeps, err := s.store.Sweeps(ctx)
	if err != nil {
		return err
	}
	for _, sw := range sweeps {
		known = append(known, sw.Name)
	}
	return tracker.NoSuchSweep(name, known)
}

// readFile reads the sweep's file, if the program can. Whether people's ratings count is known without it.
func (st *study) readFile(read func(*tracker.Sweep) (*sweep.File, error)) error {
	if read != nil {
		file, err := read(st.Record)
		if err != nil {
			st.Problem = err.Error()
		} else if file != nil {
			st.file, st.read = file, true
			return nil
		}
	}
	if !st.Record.Rated {
		return nil
	}
	var err error
	st.file.Minimise, err = sweep.ParseObjective("rating", nil)
	st.file.Ratings = sweep.DefaultRatings
	return err
}

// Rated tells whether people's ratings are what the sweep minimises.
func (st *study) Rated() bool { return st.file.Minimise.IsRating() }

// least is how many comparisons a picture should have.
func (st *study) least() int { return cmp.Or(st.file.Ratings, sweep.DefaultRatings) }

// observe returns what is known of each trial.
func (st *study) observe() ([]sweep.Observation, error) {
	return sweep.Observations(st.file, st.Runs, st.Judgements)
}

// objective is what the sweep minimises, in words.
func (st *study) objective() string {
	if st.Rated() {
		return "rating"
	}
	if st.file.Minimise.IsZero() {
		return sweep.ObjectiveMetric
	}
	return st.file.Minimise.String()
}

// IDs are all trials', for what is new to be told from other runs' news.
func (st *study) IDs() string {
	var list []string
	for _, run := range st.Runs {
		list = append(list, run.ID)
	}
	return strings.Join(list, " ")
}
