package thumbnail

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/semaphore"
)

// lane is where some pictures are made smaller, each in a place and within a time. What does not fit
// goes into the other lane, so that pictures that were made to be slow, or to be large, do not keep
// others waiting.
type lane struct {
	places *semaphore.Weighted
	file   int64 // the most bytes of a file
	memory int64 // the most bytes that decoding it takes
	time   time.Duration
}

// A photograph of 12 million pixels takes 98 MB at most and, on one core of 2024, 0.4 s; more while
// the machine paints. The quick lane takes 0.5 GB of memory at most, the slow one 1 GB and the file.
var (
	quick = lane{semaphore.NewWeighted(4), 16 << 20, 104 << 20, 2 * time.Second}
	slow  = lane{semaphore.NewWeighted(1), 1 << 30, MaxMemory, 30 * time.Second}
)

// errUnfit is the error of what needs more than a lane has.
var errUnfit = errors.New("is too large, or too slow to decode, to be made smaller here: open it")

// in does work in a place of a lane.
func (l lane) in(ctx context.Context, work func(context.Context) error) error {
	if err := l.places.Acquire(ctx, 1); err != nil {
		return err
	}
	defer l.places.Release(1)
	limited, cancel := context.WithTimeoutCause(ctx, l.time, errUnfit)
	defer cancel()
	err := work(limited)
	if limited.Err() != nil && ctx.Err() == nil && err != nil {
		return errUnfit
	}
	return err
}
