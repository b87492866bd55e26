package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/stores"
	_ "github.com/gouache-art/gouache/tracker/stores/databases" // postgres://
)

// planFlags choose a store, and a part of a plan.
type planFlags struct {
	store, pictures   string
	size              int
	pairs, contenders []string
}

func (f *planFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.store, "store", "", "`FOLDER` of the store (default: as for gouache)")
	flags.StringVar(&f.pictures, "pictures", "", "`FOLDER` of the pairs' pictures (default: the plan's)")
	flags.IntVar(&f.size, "size", 0, "longer side of the results in `PIXELS` (default: the plan's)")
	flags.StringSliceVar(&f.pairs, "pairs", nil, "only the pairs with these `NAMES`, separated by commas")
	flags.StringSliceVar(&f.contenders, "contenders", nil, "only the contenders with these `NAMES`, separated by commas")
}

// withStore reads a plan, and calls work with the chosen part of it and the store.
func (f *planFlags) withStore(ctx context.Context, path string, work func(*plan, tracker.Store) error) error {
	p, err := readPlan(path, f.pictures, f.size)
	if err != nil {
		return err
	}
	if p, err = p.only(f.pairs, f.contenders); err != nil {
		return err
	}
	place, err := stores.Place(f.store)
	if err != nil {
		return err
	}
	store, err := stores.Open(ctx, place, stores.Options{})
	if err != nil {
		return err
	}
	defer store.Close()
	return work(p, store)
}
