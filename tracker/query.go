package tracker

import "context"

// Bounds on pages of runs.
const (
	DefaultLimit = 100
	MaxLimit     = 10_000
)

// RunQuery chooses runs.
type RunQuery struct {
	Filter *Filter // nil for all
	Sort   Sort    // the default is the latest first
	Offset int     // how many to leave out
	Limit  int     // how many to return at most: 0 is DefaultLimit, the most is MaxLimit
}

// RunPage is a part of a list of runs.
type RunPage struct {
	Runs  []Run `json:"runs"`
	Total int   `json:"total"` // how many the filter lets through, in all
}

// AllRuns returns every run that a filter lets through, in an order, however many there are. It reads them MaxLimit at a
// time. The order must not depend on what changes while it reads, or a run may be missing or be there twice.
func AllRuns(ctx context.Context, store Reader, filter *Filter, order Sort) ([]Run, error) {
	var runs []Run
	for {
		page, err := store.Runs(ctx, RunQuery{Filter: filter, Sort: order, Offset: len(runs), Limit: MaxLimit})
		if err != nil {
			return nil, err
		}
		runs = append(runs, page.Runs...)
		if len(runs) >= page.Total || len(page.Runs) == 0 {
			return runs, nil
		}
	}
}

// CurveQuery chooses points.
type CurveQuery struct {
	Metrics []string // all if empty; names that the run lacks are left out
	From    int64    // the first step
	Points  int      // how many points of a curve at most, as Downsample chooses them; 0 for all
}

// PictureQuery chooses pictures of a run.
type PictureQuery struct {
	Roles []string // all if empty
}

// JudgementQuery chooses judgements: those of two runs that both belong to the sweep and to the experiment.
type JudgementQuery struct {
	Sweep      string // "" for any, and none
	Experiment string // "" for any
}

// GroupBy says by what runs are counted.
type GroupBy string

// What runs are counted by. Runs without an experiment are one group with the name ""; those without a sweep none.
const (
	ByExperiment GroupBy = "experiment"
	BySweep      GroupBy = "sweep"
)

// Group is an experiment or a sweep.
type Group struct {
	Name       string         `json:"name"`
	Experiment string         `json:"experiment"` // of the group's latest run
	Runs       int            `json:"runs"`
	Statuses   map[Status]int `json:"statuses"`
	Latest     *Run           `json:"latest"` // the one that began last
}
