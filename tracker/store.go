package tracker

import (
	"context"
	"io"
)

// Store keeps runs. Its methods may be called from several goroutines at once, and several processes may use one
// store. Their errors have a [Code]. tracker/trackertest holds the checks that every implementation passes.
type Store interface {
	Reader
	Writer
	io.Closer
}

// Writer is what changes a store.
type Writer interface {
	// CreateRun adds a run that begins now and gives it an id. It does not look at n.Inputs.
	CreateRun(ctx context.Context, n NewRun) (*Run, error)
	// AppendPoints adds points to a run's metrics, all or none of them. A step that a metric has already gets the
	// newer value.
	AppendPoints(ctx context.Context, id string, series []Series) error
	// AddPicture adds a picture to a run; it is on the disk when AddPicture returns. The same picture once more is no error;
	// another with the same role, step and name is a conflict.
	AddPicture(ctx context.Context, id string, n NewPicture) (*Picture, error)
	// Heartbeat says that a run is alive. AppendPoints and AddPicture say so too.
	Heartbeat(ctx context.Context, id string) error
	// FinishRun ends a run. One that has ended already is a conflict.
	FinishRun(ctx context.Context, id string, o Outcome) error
	// UpdateRun changes what is said about a run and returns it as it is then.
	UpdateRun(ctx context.Context, id string, u Update) (*Run, error)
	// DeleteRuns removes runs, all or none of them, and the pictures that no other run shares, and gives their bytes back to the
	// file system at once. A run that is still running is a conflict. With dry it only says what it would do.
	DeleteRuns(ctx context.Context, ids []string, dry bool) (*Deletion, error)
	// Restore adds a whole run as another store had it, its id and times included; open gives its pictures by
	// their hashes. A run with that id is a conflict.
	Restore(ctx context.Context, a *Archive, open OpenPicture) error
	// Refresh brings a run that Restore added to what the other store has of it by now: its points, parameters, provenance,
	// how it stands and ended. The archive's pictures and tags join those that are here. Name, experiment, note and
	// rating stay as they are here, unless there is no note or rating yet. A run that was seen later here than in the
	// archive stays as it is.
	Refresh(ctx context.Context, a *Archive, open OpenPicture) error
}

// Reader is what questions a store answers. A run whose process is gone is answered as interrupted.
type Reader interface {
	// Find returns the id of the run that ref stands for: an id, or the beginning of one if no other begins so.
	Find(ctx context.Context, ref string) (id string, err error)
	// Run returns one run, by its whole id.
	Run(ctx context.Context, id string) (*Run, error)
	// Runs lists runs.
	Runs(ctx context.Context, q RunQuery) (*RunPage, error)
	// Curves returns a run's metrics, sorted by name.
	Curves(ctx context.Context, id string, q CurveQuery) ([]Curve, error)
	// Pictures returns a run's pictures, sorted by role, step and name.
	Pictures(ctx context.Context, id string, q PictureQuery) ([]Picture, error)
	// OpenPicture opens a picture's file by its hash.
	OpenPicture(ctx context.Context, hash string) (io.ReadSeekCloser, error)
	// Groups counts runs by experiment or by sweep, the latest first.
	Groups(ctx context.Context, by GroupBy) ([]Group, error)
	// Names returns what filters, sort orders and columns can name.
	Names(ctx context.Context) (*Names, error)
	// Changes returns which runs changed since an earlier call. It costs little when none did.
	Changes(ctx context.Context, since Cursor) (*Changes, error)
	// Verify checks the whole store.
	Verify(ctx context.Context, o VerifyOptions) (*Report, error)
}

// OpenPicture opens a picture by its hash.
type OpenPicture func(ctx context.Context, hash string) (io.ReadSeekCloser, error)

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

// Cursor is a place in a store's history. "" is now: what it returns is a cursor for later.
type Cursor string

// Changes are what happened in a store since a cursor.
type Changes struct {
	Cursor  Cursor   `json:"cursor"`
	Runs    []string `json:"runs,omitempty"`    // ids of those that are new or have something new
	Deleted []string `json:"deleted,omitempty"` // ids
	// More is set when there were too many to tell; read everything anew.
	More bool `json:"more,omitempty"`
}

// Deletion is what deleting runs frees.
type Deletion struct {
	Runs     int   `json:"runs"`
	Pictures int   `json:"pictures"` // files that no other run shares
	Shared   int   `json:"shared"`   // files that stay
	Bytes    int64 `json:"bytes"`    // of the pictures and the curves
}

// Archive is a whole run.
type Archive struct {
	Run      Run
	Series   []Series
	Pictures []Picture
}

// Check returns an error of CodeInvalid for an archive that no store can have made.
func (a *Archive) Check() error {
	r := &a.Run
	if id, err := CanonicalID(r.ID); err != nil || id != r.ID || len(id) != idLength {
		return Errorf(CodeInvalid, "%q is no run's id", r.ID)
	}
	n := NewRun{Experiment: r.Experiment, Name: r.Name, Sweep: r.Sweep, Trial: r.Trial, Params: r.Params, Tags: r.Tags, Note: r.Note}
	if _, err := n.Normal(); err != nil {
		return err
	}
	if r.Status != StatusRunning {
		if err := (Outcome{Status: r.Status, Reason: r.Reason}).Check(); err != nil {
			return err
		}
	}
	if _, err := (Update{Rating: &r.Rating}).Normal(); err != nil {
		return err
	}
	return CheckSeries(a.Series)
}

// VerifyOptions say how thoroughly a store is checked.
type VerifyOptions struct {
	// Repair removes files that no run names. Nothing that a run names is ever removed.
	Repair bool
}

// Report is what a check of a store found.
type Report struct {
	Runs     int       `json:"runs"`
	Pictures int       `json:"pictures"` // files
	Bytes    int64     `json:"bytes"`    // of the files
	Points   int64     `json:"points"`
	Problems []Problem `json:"problems"`
	Removed  int       `json:"removed,omitempty"` // files, if asked to repair
}

// Problem is one thing wrong with a store.
type Problem struct {
	Kind ProblemKind `json:"kind"`
	What string      `json:"what"` // a sentence
	Hash string      `json:"hash,omitempty"`
}

// ProblemKind is a kind of problem.
type ProblemKind string

// The kinds of problems.
const (
	ProblemDatabase ProblemKind = "database" // the database contradicts itself
	ProblemPoints   ProblemKind = "points"   // a curve is damaged
	ProblemMissing  ProblemKind = "missing"  // a run names a picture that is not there
	ProblemAltered  ProblemKind = "altered"  // a picture is not what its hash says
	ProblemOrphaned ProblemKind = "orphaned" // a file that no run names
)
