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
	// CreateRun adds a run that begins now and gives it an id. It does not look at n.Inputs. A trial that the store has
	// of that sweep already is a conflict, so that of several processes one makes it.
	CreateRun(ctx context.Context, n NewRun) (*Run, error)
	// AppendPoints adds points to a run's metrics, all or none of them. A step that a metric has already gets the
	// newer value.
	AppendPoints(ctx context.Context, id string, series []Series) error
	// AddPicture adds a picture to a run; it is on the disk when AddPicture returns. The same picture once more is no error;
	// another with the same role, step and name is a conflict.
	AddPicture(ctx context.Context, id string, n NewPicture) (*Picture, error)
	// Heartbeat says that a run is alive. AppendPoints and AddPicture say so too.
	Heartbeat(ctx context.Context, id string) error
	// FinishRun ends a run, and removes its checkpoint if it is finished. One that has ended already is a conflict.
	FinishRun(ctx context.Context, id string, o Outcome) error
	// ContinueRun gives a run that was interrupted or failed to a process that goes on with it; the zero value stands
	// for this one. The run is running again then, has been tried once more, and nobody else may log into it. One that
	// is running or finished is a conflict: of several processes that want the same run at once one gets it.
	ContinueRun(ctx context.Context, id string, p Process) (*Run, error)
	// SaveCheckpoint keeps what a running run can go on from, in the place of what was kept before; it is on the disk
	// when SaveCheckpoint returns, and cut short at any moment leaves the one or the other, whole. The run has been tried
	// no more times then, and is alive. If write fails, or writes more than MaxCheckpoint bytes, nothing changes.
	SaveCheckpoint(ctx context.Context, id string, write func(io.Writer) error) error
	// UpdateRun changes what is said about a run and returns it as it is then.
	UpdateRun(ctx context.Context, id string, u Update) (*Run, error)
	// DeleteRuns removes runs, all or none of them, with their checkpoints, the judgements of them and the pictures that
	// no other run shares, and gives the bytes back to the file system at once. A run that is still running is a conflict.
	// With dry it only says what it would do.
	DeleteRuns(ctx context.Context, ids []string, dry bool) (*Deletion, error)
	// Restore adds a whole run as another store had it, its id and times included; open gives its pictures by
	// their hashes. A run with that id is a conflict.
	Restore(ctx context.Context, a *Archive, open OpenPicture) error
	// Refresh brings a run that Restore added to what the other store has of it by now: its points, parameters, provenance,
	// how it stands and ended. The archive's pictures and tags join those that are here. Name, experiment, note and
	// rating stay as they are here, unless there is no note or rating yet. A run that was seen later here than in the
	// archive stays as it is.
	Refresh(ctx context.Context, a *Archive, open OpenPicture) error
	// CreateSweep adds a sweep, which begins now unless it says when. A name that another sweep has, or that runs name as
	// theirs, is a conflict.
	CreateSweep(ctx context.Context, s Sweep) (*Sweep, error)
	// DeleteSweep removes what is kept of a sweep itself; its runs stay. One with a trial that is running is a conflict.
	DeleteSweep(ctx context.Context, name string) error
	// AddJudgement keeps which of two runs somebody finds better, now unless it says when, and gives the judgement an id.
	AddJudgement(ctx context.Context, j Judgement) (*Judgement, error)
	// DeleteJudgement takes a judgement back.
	DeleteJudgement(ctx context.Context, id int64) error
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
	// OpenCheckpoint opens what a run was last kept to go on from. A run without a checkpoint is CodeNotFound.
	OpenCheckpoint(ctx context.Context, id string) (io.ReadCloser, error)
	// Sweep returns one sweep, by its name.
	Sweep(ctx context.Context, name string) (*Sweep, error)
	// Sweeps returns all sweeps, the latest first. Runs may name others, which were imported or deleted; see Groups.
	Sweeps(ctx context.Context) ([]Sweep, error)
	// Judgements returns what people judged, in the order in which they did.
	Judgements(ctx context.Context, q JudgementQuery) ([]Judgement, error)
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
