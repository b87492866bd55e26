package sweep

import (
	"context"

	"github.com/gouache-art/gouache/tracker"
)

// Trials returns the trials that a store has of a sweep, in the order of their numbers.
func Trials(ctx context.Context, store tracker.Reader, name string) ([]*tracker.Run, error) {
	filter, err := tracker.ParseFilter("sweep == " + tracker.QuoteText(name) + " && trial > 0")
	if err != nil {
		return nil, err
	}
	order := tracker.Sort{{Name: "trial"}}
	var runs []*tracker.Run
	for {
		page, err := store.Runs(ctx, tracker.RunQuery{Filter: filter, Sort: order, Offset: len(runs), Limit: tracker.MaxLimit})
		if err != nil {
			return nil, err
		}
		for i := range page.Runs {
			runs = append(runs, &page.Runs[i])
		}
		if len(runs) >= page.Total || len(page.Runs) == 0 {
			return runs, nil
		}
	}
}
