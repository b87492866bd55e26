package tracker

import (
	"cmp"
	"context"
	"errors"
	"io"
	"iter"
	"time"
)

// Store keeps runs and everything about them. It is composed of one interface for each aggregate, so that a function
// takes only the part that it needs. Its methods may be called from several goroutines at once, and several processes
// may use one store. Their errors have a [Code]. A run whose process is gone is returned as interrupted, or as queued.
//
// Package tracker/trackertest holds the checks that every implementation passes.
type Store interface {
	RunStore
	CurveStore
	PictureStore
	FileStore
	CheckpointStore
	SweepStore
	WorkerStore
	JudgementStore
	ArchiveStore
	Index
	Verifier
	io.Closer
}

// Reader reads what a run is: its record, its curves, its pictures and its other files.
type Reader interface {
	RunReader
	CurveReader
	PictureReader
	FileReader
}

// Source is what Import reads of another store.
type Source interface {
	Reader
	CheckpointReader
	SweepReader
	JudgementReader
}

// LogStore takes what a process logs while it works on a run; see [Start].
type LogStore interface {
	RunStore
	CurveStore
	PictureStore
	FileStore
	CheckpointStore
}

// RunReader reads the records of runs.
type RunReader interface {
	// Find returns the id of the run that ref means: an id, or the beginning of one if it is unique. See FindID.
	Find(ctx context.Context, ref string) (id string, err error)
	// Run returns one run, by its whole id.
	Run(ctx context.Context, id string) (*Run, error)
	// Runs lists runs.
	Runs(ctx context.Context, q RunQuery) (*RunPage, error)
}

// RunStore reads and changes the records of runs. This is how a run gets from one status to another:
//
//	            CreateRun with Queued    queued
//	            CreateRun                running
//	queued      ClaimRun, ContinueRun    running
//	queued      StopRun                  interrupted
//	running     FinishRun                finished, failed or interrupted
//	running     StopRun, then FinishRun  interrupted, as soon as the run's process sees the mark
//	running     its process is gone      interrupted
//	interrupted ContinueRun              running
//	interrupted QueueRun                 queued
//	failed      ContinueRun              running
//	failed      QueueRun                 queued
//
// A run that was queued belongs to the queue until it is finished, failed or stopped. While it does, whatever interrupts
// it, FinishRun or the end of its process, makes it queued in place of interrupted, and the next worker continues it.
//
// Whoever works on a run writes with its [Claim]. ContinueRun and ClaimRun make a new one, and what is written with an
// earlier one is a conflict.
type RunStore interface {
	RunReader
	// CreateRun adds a run that begins now, or that is queued, with its inputs, and gives it an id unless it has one. An id
	// or a trial of a sweep that the store has already is a conflict, so only one of several processes creates it.
	CreateRun(ctx context.Context, n NewRun) (*Run, error)
	// UpdateRun changes what people say about a run and returns the changed run.
	UpdateRun(ctx context.Context, id string, u Update) (*Run, error)
	// Heartbeat records that a run is alive, and reports whether StopRun has asked it to stop. It may be called
	// often: mostly it only reads; see HeartbeatDue. AppendPoints, AddPicture and SaveCheckpoint are signs of life, too.
	Heartbeat(ctx context.Context, c Claim) (stopped bool, err error)
	// FinishRun ends a run, and removes its checkpoint if it is finished. A run of the queue that is interrupted is queued
	// again. A run that is not running is a conflict.
	FinishRun(ctx context.Context, c Claim, o Outcome) error
	// ContinueRun gives a run that is queued, interrupted or failed to a process that continues it; the zero value means
	// this one. The run is then running, and no other process may log into it. Its Tries are one more, unless it begins
	// only now. A run that is running or finished is a conflict: of several processes that ask for the same run at once,
	// one gets it.
	ContinueRun(ctx context.Context, id string, p Process) (*Run, error)
	// ClaimRun does that with the queued run of the greatest priority that was added first, among those that are wanted. If
	// there is none it returns CodeNotFound, at the cost of a short query.
	ClaimRun(ctx context.Context, p Process, w Wanted) (*Run, error)
	// QueueRun makes a run that was interrupted or failed wait for a worker, which continues it from its checkpoint. Its
	// Tries are 0 then. A run that is queued already stays so; one that is running or finished is a conflict.
	QueueRun(ctx context.Context, id string) (*Run, error)
	// StopRun ends a queued run as interrupted. It marks a running one as Stopped, which its process sees within a
	// second, and ends it; see [ActiveRun.Context]. The run leaves the queue. One that has ended is a conflict.
	StopRun(ctx context.Context, id string) (*Run, error)
	// DeleteRuns removes runs, all or none of them, with their checkpoints, their judgements and
	// the pictures and other files that no other run shares, and returns the space to the file system. Pictures of
	// RoleKept go to the first trial of their sweep that stays, if one does. A run that is still
	// running is a conflict, unless o.Force is set.
	DeleteRuns(ctx context.Context, ids []string, o DeleteOptions) (*Deletion, error)
}

// Wanted says which queued runs a worker takes. The zero value takes any.
type Wanted struct {
	// Kinds of devices: it takes runs that need one of them, or none in particular. Without any it takes all.
	Kinds []string `json:"kinds,omitempty"`
	// Least is the least priority of the runs that it takes, or nil for all.
	Least *int `json:"least,omitempty"`
}

// CurveReader reads the metrics of runs.
type CurveReader interface {
	// Curves returns a run's metrics, sorted by name.
	Curves(ctx context.Context, id string, q CurveQuery) ([]Curve, error)
}

// CurveStore reads and writes the metrics of runs.
type CurveStore interface {
	CurveReader
	// AppendPoints adds points to a run's metrics, all or none of them. A point replaces an earlier
	// one of the same metric and step.
	AppendPoints(ctx context.Context, c Claim, series []Series) error
}

// PictureReader reads the pictures of runs.
type PictureReader interface {
	// Pictures returns a run's pictures, sorted by role, step and name.
	Pictures(ctx context.Context, id string, q PictureQuery) ([]Picture, error)
	// OpenPicture opens a picture's file by its hash, after it has compared them: a file that is another is CodeNotFound.
	// The content of another file of a run is opened in the same way.
	OpenPicture(ctx context.Context, hash string) (io.ReadSeekCloser, error)
}

// PictureStore reads and writes the pictures of runs.
type PictureStore interface {
	PictureReader
	// AddPicture adds a picture to a run and syncs it to the disk before returning. Adding the same
	// picture again is no error; a different one with the same role, step and name is a conflict. The run may have ended.
	AddPicture(ctx context.Context, c Claim, n NewPicture) (*Picture, error)
}

// FileReader reads the files of runs beside their pictures.
type FileReader interface {
	// Files returns a run's files, sorted by name. OpenPicture opens their contents.
	Files(ctx context.Context, id string) ([]File, error)
}

// FileStore reads and writes the files of runs beside their pictures.
type FileStore interface {
	FileReader
	// AddFile adds a file to a run, or replaces the one with its name, and syncs it to the disk before returning. A run
	// with more than MaxFiles is CodeInvalid. The run may have ended.
	AddFile(ctx context.Context, c Claim, n NewFile) (*File, error)
}

// CheckpointReader reads the states that runs are continued from.
type CheckpointReader interface {
	// OpenCheckpoint opens the run's latest checkpoint. A run without one is CodeNotFound.
	OpenCheckpoint(ctx context.Context, id string) (io.ReadCloser, error)
}

// CheckpointStore keeps the states that runs are continued from, one for each run.
type CheckpointStore interface {
	CheckpointReader
	// SaveCheckpoint atomically replaces the run's checkpoint and syncs it before returning. It sets the run's Tries
	// to 0. If write fails, or writes more than MaxCheckpoint bytes, nothing changes; see LimitCheckpoint.
	SaveCheckpoint(ctx context.Context, c Claim, write func(io.Writer) error) error
}

// MaxCheckpoint is the size of the largest checkpoint that is kept, in bytes.
const MaxCheckpoint = 16 << 30

// LimitCheckpoint returns a function that writes a run's checkpoint as write does, but fails with
// CodeInvalid after most bytes, for implementations of [CheckpointStore].
func LimitCheckpoint(id string, most int64, write func(io.Writer) error) func(io.Writer) error {
	return func(w io.Writer) error {
		b := &boundedWriter{w: w, left: most}
		err := write(b)
		if b.left < 0 {
			return Errorf(CodeInvalid, "the checkpoint of run %s has more than %d bytes", id, most)
		}
		return err
	}
}

// boundedWriter writes a number of bytes and refuses more; left is then negative.
type boundedWriter struct {
	w    io.Writer
	left int64
}

func (b *boundedWriter) Write(p []byte) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, errors.New("it is too large")
	}
	return b.w.Write(p)
}

// SweepReader reads sweeps.
type SweepReader interface {
	// Sweep returns one sweep, by its name. See NoSuchSweep.
	Sweep(ctx context.Context, name string) (*Sweep, error)
	// Sweeps returns all sweeps, the latest first.
	Sweeps(ctx context.Context) ([]Sweep, error)
}

// SweepStore keeps sweeps. Their trials are runs; runs may also name sweeps that were deleted.
type SweepStore interface {
	SweepReader
	// CreateSweep adds a sweep. It begins now unless s.StartedAt is set. A name that another sweep
	// has, or that runs name as their sweep, is a conflict.
	CreateSweep(ctx context.Context, s Sweep) (*Sweep, error)
	// ActivateSweep says whether workers take trials from a sweep, and returns the changed sweep.
	ActivateSweep(ctx context.Context, name string, active bool) (*Sweep, error)
	// DeleteSweep removes a sweep; its runs stay. A sweep with a running trial is a conflict.
	DeleteSweep(ctx context.Context, name string) error
}

// WorkerStore keeps which processes take runs from the queue.
type WorkerStore interface {
	// Workers returns the workers whose processes are not gone.
	Workers(ctx context.Context) ([]Worker, error)
	// SeeWorker adds or replaces the worker with w.Process; the zero value means this process. It was seen now. SeeWorker
	// reports whether the worker is drained. It may be called often: mostly it only reads; see HeartbeatDue.
	SeeWorker(ctx context.Context, w Worker) (draining bool, err error)
	// DrainWorker asks the worker of a process to take no more runs, or lets it take runs again. It may finish the run that it
	// works on. One that is unknown is CodeNotFound.
	DrainWorker(ctx context.Context, p Process, drain bool) error
	// RemoveWorker removes the worker of a process; the zero value means this one. One that is unknown is no error.
	RemoveWorker(ctx context.Context, p Process) error
}

// JudgementReader reads judgements.
type JudgementReader interface {
	// Judgements returns judgements in the order in which they were made.
	Judgements(ctx context.Context, q JudgementQuery) ([]Judgement, error)
}

// JudgementStore keeps judgements.
type JudgementStore interface {
	JudgementReader
	// AddJudgement adds a judgement and gives it an id. It is made now unless j.At is set.
	AddJudgement(ctx context.Context, j Judgement) (*Judgement, error)
	// DeleteJudgement removes a judgement.
	DeleteJudgement(ctx context.Context, id int64) error
}

// ArchiveStore takes what other stores had; see [Import].
type ArchiveStore interface {
	// Restore adds a whole run as another store had it, with its id and times, in its normal form. open opens its
	// pictures and its other files by their hashes; see ReadPicture and ReadFile. A run with that id is a conflict. If another run is the same trial of
	// the same sweep, the restored one belongs to the sweep as trial 0, so that the sweep can be resumed.
	Restore(ctx context.Context, a *Archive, open OpenPicture) (*Run, error)
	// Refresh brings a run that Restore added up to date: its points, parameters, provenance, status and times become
	// the archive's, and so does the checkpoint if the archive has one. The archive's pictures and tags are added, and its files
	// are added or replace those of their names. Name,
	// experiment, sweep, note and rating stay as they are, but an empty note or rating is filled in. A run that was
	// seen later here than in the archive, or that another process continues here or will, stays as it is.
	Refresh(ctx context.Context, a *Archive, open OpenPicture) error
	// RestoreSweep adds a sweep as another store had it, but not active. Unlike in CreateSweep, runs may name it already. Adding the
	// same sweep again is no error; a different one with that name is a conflict. See Sweep.Same.
	RestoreSweep(ctx context.Context, s Sweep) error
	// RestoreJudgements adds those judgements whose runs are in the store and that it does not have yet. Their ids are
	// ignored. It returns how many it added.
	RestoreJudgements(ctx context.Context, judgements []Judgement) (int, error)
}

// OpenPicture opens a picture, or another file, by its hash.
type OpenPicture func(ctx context.Context, hash string) (io.ReadSeekCloser, error)

// Index answers questions about all runs together.
type Index interface {
	// Groups counts runs by experiment or by sweep, the latest first.
	Groups(ctx context.Context, by GroupBy) ([]Group, error)
	// Names returns what filters, sort orders and columns can name.
	Names(ctx context.Context) (*Names, error)
	// Changes returns which runs changed since an earlier call. It costs little when none did.
	Changes(ctx context.Context, since Cursor) (*Changes, error)
}

// Verifier checks itself.
type Verifier interface {
	// Verify checks the whole store.
	Verify(ctx context.Context, o VerifyOptions) (*Report, error)
}

// Bounds on pages of runs.
const (
	DefaultLimit = 100
	MaxLimit     = 10_000
)

// RunQuery selects runs.
type RunQuery struct {
	Filter *Filter // nil for all
	Sort   Sort    // the default is the latest first
	Offset int     // runs to leave out
	Limit  int     // the most runs to return: 0 means DefaultLimit, the most is MaxLimit
}

// Normal returns the query with defaults filled in, or an error of CodeInvalid. Filter and Sort are not looked at.
func (q RunQuery) Normal() (RunQuery, error) {
	q.Limit = cmp.Or(q.Limit, DefaultLimit)
	bad := q.Limit < 0 || q.Limit > MaxLimit || q.Offset < 0
	return q, invalidIf(bad, "runs %d to %d: list 1 to %d at a time, from 0 up", q.Offset, q.Offset+q.Limit, MaxLimit)
}

// RunPage is a part of a list of runs.
type RunPage struct {
	Runs  []Run `json:"runs"`
	Total int   `json:"total"` // the number of runs that pass the filter
}

// AllRuns returns every run that passes a filter, in an order, however many there are. It reads MaxLimit of them at a
// time. The order must not depend on what changes while it reads, or a run may be missing or occur twice.
func AllRuns(ctx context.Context, store RunReader, filter *Filter, order Sort) ([]Run, error) {
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

// CurveQuery selects points.
type CurveQuery struct {
	Metrics []string // all if empty; names that the run does not have are left out
	From    int64    // the first step
	Points  int      // the most points of a curve, selected as Downsample does; 0 for all
}

// Check returns an error of CodeInvalid for a query that makes no sense.
func (q CurveQuery) Check() error {
	return invalidIf(q.Points < 0, "curves of %d points: ask for 4 or more, or 0 for all", q.Points)
}

// PictureQuery selects pictures of a run.
type PictureQuery struct {
	Roles []string // all if empty
}

// JudgementQuery selects judgements: those whose two runs both belong to the sweep and to the experiment.
type JudgementQuery struct {
	Sweep      string // "" for any, and none
	Experiment string // "" for any
}

// GroupBy is what runs are counted by.
type GroupBy string

// What runs are counted by. Runs without an experiment are one group with the name ""; those
// without a sweep are in no group.
const (
	ByExperiment GroupBy = "experiment"
	BySweep      GroupBy = "sweep"
)

// Check returns an error of CodeInvalid for anything else.
func (by GroupBy) Check() error {
	return invalidIf(by != ByExperiment && by != BySweep, "runs are counted by %s or %s, not by %q", ByExperiment, BySweep, by)
}

// Group is an experiment or a sweep.
type Group struct {
	Name       string         `json:"name"`
	Experiment string         `json:"experiment"` // of the group's latest run
	Runs       int            `json:"runs"`
	Statuses   map[Status]int `json:"statuses"`
	Latest     *Run           `json:"latest"` // the one that began last
}

// Cursor is a place in a store's history. "" means now: a call with it returns a cursor for later.
type Cursor string

// Changes are what happened in a store since a cursor.
type Changes struct {
	Cursor  Cursor   `json:"cursor"`
	Runs    []string `json:"runs,omitempty"`    // ids of new and changed runs
	Deleted []string `json:"deleted,omitempty"` // ids
	// More is set if there were too many to list; the caller reads everything anew.
	More bool `json:"more,omitempty"`
}

// Waker is a store that notices when something is done to runs, by any process.
type Waker interface {
	// Woken returns a channel that receives soon after runs are added, queued, changed by people, stopped or ended, until
	// ctx ends. It may leave out what is logged, and may miss something: who waits looks at an interval, too. It returns
	// nil if nothing will wake who waits.
	Woken(ctx context.Context) <-chan struct{}
}

// Woken returns the channel of a store that is a [Waker], or nil: a channel that never receives.
func Woken(ctx context.Context, store Index) <-chan struct{} {
	if w, ok := store.(Waker); ok {
		return w.Woken(ctx)
	}
	return nil
}

// Watch yields what changes in a store after a cursor, or from now on if that is "", until ctx ends or the store
// fails. It asks the store at an interval, and when a [Waker] wakes it, and yields nothing while nothing changes, which
// costs two short queries.
func Watch(ctx context.Context, store Index, since Cursor, every time.Duration) iter.Seq2[*Changes, error] {
	return func(yield func(*Changes, error) bool) {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		ticks := time.NewTicker(every)
		defer ticks.Stop()
		wake := Woken(ctx, store)
		for {
			changes, err := store.Changes(ctx, since)
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if since != "" && changes.Cursor != since && !yield(changes, nil) {
				return
			}
			since = changes.Cursor
			select {
			case <-ctx.Done():
				return
			case <-ticks.C:
			case <-wake:
			}
		}
	}
}

// DeleteOptions configures how runs are deleted.
type DeleteOptions struct {
	Dry   bool `json:"dry,omitempty"`   // only return what would be deleted
	Force bool `json:"force,omitempty"` // delete runs that are running, too: nothing more can be logged into them
}

// Deletion is what deleting runs frees.
type Deletion struct {
	Runs     int   `json:"runs"`
	Pictures int   `json:"pictures"`        // pictures that no other run shares
	Files    int   `json:"files,omitempty"` // other files that no other run shares
	Shared   int   `json:"shared"`          // pictures and files that stay
	Bytes    int64 `json:"bytes"`           // of the pictures, the files, the curves and the checkpoints
}

// VerifyOptions configures a check of a store.
type VerifyOptions struct {
	// Repair removes files that no run needs: pictures and other files that no run names, and checkpoints of runs
	// that are finished or do not exist. Files that a run needs are never removed.
	Repair bool `json:"repair,omitempty"`
}

// Report is the result of a check of a store.
type Report struct {
	Runs        int       `json:"runs"`
	Pictures    int       `json:"pictures"`              // files of pictures
	Files       int       `json:"files,omitempty"`       // contents of other files
	Bytes       int64     `json:"bytes"`                 // of the pictures and the files
	Checkpoints int       `json:"checkpoints,omitempty"` // files
	Points      int64     `json:"points"`
	Problems    []Problem `json:"problems"`
	Removed     int       `json:"removed,omitempty"` // files, with Repair
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
	ProblemMissing  ProblemKind = "missing"  // a run names a picture or a file that does not exist
	ProblemAltered  ProblemKind = "altered"  // a picture or a file does not match its hash
	ProblemOrphaned ProblemKind = "orphaned" // a file that no run needs
)
