package sweep

import (
	"context"

	"github.com/gouache-art/gouache/tracker"
)

// Store is what running a sweep needs of a store.
type Store interface {
	tracker.LogStore
	tracker.SweepStore
	tracker.JudgementStore
	tracker.Index
}

// Reader is what ranking a sweep's trials needs of a store.
type Reader interface {
	tracker.RunReader
	tracker.JudgementStore
}

// Trials returns the trials that a store has of a sweep, in the order of their numbers.
func Trials(ctx context.Context, store tracker.RunReader, name string) ([]*tracker.Run, error) {
	filter := tracker.All(tracker.Where("sweep", tracker.Equal, name), tracker.Where("trial", tracker.Greater, 0))
	runs, err := tracker.AllRuns(ctx, store, filter, tracker.Sort{{Name: "trial"}})
	if err != nil {
		return nil, err
	}
	trials := make([]*tracker.Run, len(runs))
	for i := range runs {
		trials[i] = &runs[i]
	}
	return trials, nil
}
