package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sqlite"
)

const defaultStoreText = "$" + sqlite.StoreVariable + ", else gouache in the XDG data folder"

// storePath returns the folder of the store that --store names, where "" stands for the user's own.
func storePath(flag string) (string, error) {
	if flag != "" {
		return flag, nil
	}
	return sqlite.UserStore()
}

// storeFlag chooses the store of a command that reads one.
type storeFlag struct{ dir string }

func (f *storeFlag) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.dir, "store", "", "`FOLDER` of the store (default: "+defaultStoreText+")")
}

// open opens a store that is there: for reading only where readOnly is set. The path is for messages.
func (f *storeFlag) open(ctx context.Context, readOnly bool) (tracker.Store, string, error) {
	dir, err := storePath(f.dir)
	if err != nil {
		return nil, "", err
	}
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil, dir, fmt.Errorf("there is no store in %s: gouache stylize makes it with the first picture, and --store or $%s names another", dir, sqlite.StoreVariable)
	}
	store, err := sqlite.Open(ctx, dir, sqlite.Options{ReadOnly: readOnly})
	if err != nil {
		return nil, dir, err
	}
	return store, dir, nil
}

// findRuns resolves what people type for runs: ids, or beginnings of them.
func findRuns(ctx context.Context, store tracker.RunReader, refs []string) ([]string, error) {
	ids := make([]string, len(refs))
	for i, ref := range refs {
		var err error
		if ids[i], err = store.Find(ctx, strings.TrimSpace(ref)); err != nil {
			return nil, invalid(err)
		}
	}
	return ids, nil
}

// invalid makes a usage error of a store's error that is about what was typed.
func invalid(err error) error {
	if tracker.ErrorCode(err) == tracker.CodeInvalid {
		return usage(err)
	}
	return err
}
