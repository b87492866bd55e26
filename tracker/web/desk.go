package web

import (
	"context"
	"time"

	"github.com/gouache-art/gouache/stylelib/setting"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// Desk is what pages need to have something painted; see [painting.Desk]. The parameters of a form are values of its
// Settings. Errors of CodeInvalid are shown to users.
type Desk interface {
	// Settings are those that a form may have. The names of the first ones are known to the page.
	Settings() []setting.Setting
	// Weights are the sets of weights to choose from.
	Weights() []tracker.WeightSet
	// Devices are the kinds of devices that a painting may need.
	Devices() []string
	// Samples are the pictures that come with the program, with their roles.
	Samples() ([]tracker.NewPicture, error)
	// CheckPicture returns what is wrong with a picture's file; name is for the error.
	CheckPicture(ctx context.Context, name string, data []byte) error
	// Fill returns the parameters of a form that paints a run again, or why it cannot be.
	Fill(run *tracker.Run, inputs []tracker.Picture) (tracker.Params, error)
	// Estimator returns what estimates paintings with the parameters of forms.
	Estimator(ctx context.Context) (tracker.Estimator, error)
	// Enqueue queues a run with the parameters of a form.
	Enqueue(ctx context.Context, n tracker.NewRun) (*tracker.Run, error)
	// Again queues a run once more, with some parameters changed.
	Again(ctx context.Context, run *tracker.Run, changes tracker.Params) (*tracker.Run, error)
	// ReadSweep reads the file that a sweep's record holds.
	ReadSweep(*tracker.Sweep) (*sweep.File, error)
	// Begin adds a sweep, from which workers then take trials. inputs are the pictures that its file names, but for samples.
	Begin(ctx context.Context, text, name, experiment string, inputs []tracker.NewPicture) (*tracker.Sweep, error)
	// Left returns how long a running run still takes, 0 if that is unknown, or the size that is prepared, in words, while
	// nothing is painted.
	Left(ctx context.Context, run *tracker.Run, inputs []tracker.Picture) (left time.Duration, prepared string, err error)
}
