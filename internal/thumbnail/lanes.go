package thumbnail

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/semaphore"
)

// lane is where some pictures are made smaller, each in a place and within a time. Those that take
// longer, or more memory, go into another lane, so that pictures that were made to be slow, or to be
// large, do not keep others waiting.
type lane struct {
	places *semaphore.Weighted
	time   time.Duration
}

// A photograph of 12 million pixels takes 98 MB at most and, on one core of 2024, 0.4 s; more while
// the machine paints. All lanes together take 1.6 GB of memory at most.
var (
	quick   = &lane{semaphore.NewWeighted(4), 2 * time.Second}
	patient = &lane{semaphore.NewWeighted(1), 30 * time.Second} // for what was too slow in the quick lane
	wide    = &lane{semaphore.NewWeighted(1), 30 * time.Second} // for what takes more than usual
)

// Bounds on what a place takes in the quick and the patient lane: bytes of a file, and bytes that
// decoding it takes. In the wide lane they are those of files that stores keep, and MaxMemory.
const (
	usualFile   = 16 << 20
	usualMemory = 104 << 20
)

var (
	errSlow  = errors.New("is too slow to decode to be made smaller here: open it")
	errLarge = errors.New("is too large for the lane")
)

// in does work in a place of a lane. Its error is errSlow if the lane's time was too short.
func (l *lane) in(ctx context.Context, work func(context.Context) error) error {
	if err := l.places.Acquire(ctx, 1); err != nil {
		return err
	}
	defer l.places.Release(1)
	limited, cancel := context.WithTimeout(ctx, l.time)
	defer cancel()
	err := work(limited)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return errSlow
	}
	return err
}
