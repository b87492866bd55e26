package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/filename"
	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/mlflow"
	"github.com/gouache-art/gouache/tracker/optuna"
	"github.com/gouache-art/gouache/tracker/stores"
	"github.com/gouache-art/gouache/tracker/tensorboard"
)

type importFlags struct {
	store     storeFlags
	filters   filterFlags
	artifacts string
}

func newRunsImport() *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use:   "import SOURCE [flags]",
		Short: "Add the runs of another store, or of TensorBoard, Optuna or MLflow",
		Long: `Add runs that are elsewhere. The SOURCE is one of
  FOLDER or URL  a store, for example a copy of one made on another machine
  FOLDER         TensorBoard's event files, in it or below it
  FILE.db        a database of Optuna
  mlflow+http:…  a server of MLflow; a name and password for it are in
                 $MLFLOW_TRACKING_USERNAME and $MLFLOW_TRACKING_PASSWORD
Runs of a store keep their ids, times and pictures; their checkpoints, sweeps and judgements come along.
Runs of other programs come with their parameters, curves and pictures. Runs that are here already stay,
and are updated if they continued there, so that the command may be repeated. A run that cannot be kept
is refused, the others are added, and the exit code is 1. --filter and the flags like it choose the runs
of a store.`,
		Example: `  gouache runs import /mnt/usb/gouache
  gouache runs import lightning_logs
  gouache runs import study.db --artifacts artifacts
  gouache runs import mlflow+http://127.0.0.1:5000`,
		Args: exactly("the SOURCE of runs"),
		RunE: func(cmd *cobra.Command, args []string) error { return runImport(cmd, &f, args[0]) },
	}
	f.filters.add(cmd)
	cmd.Flags().Var((*path)(&f.artifacts), "artifacts", "the `FOLDER` with the pictures of an Optuna study (default: NAME-artifacts for NAME.db)")
	f.store.addBlobs(cmd)
	return f.store.add(cmd, "print JSON")
}

func runImport(cmd *cobra.Command, f *importFlags, name string) error {
	filter, err := f.filters.read(cmd)
	if err != nil {
		return err
	}
	warn := func(err error) { terminal.Fprintf(cmd.ErrOrStderr(), "warning: %v\n", err) }
	from, err := f.source(cmd.Context(), name, warn)
	if err != nil {
		return err
	}
	if closer, ok := from.(io.Closer); ok {
		defer closer.Close()
	} else if f.filters.given(cmd) {
		return usage(errors.New("runs of other programs cannot be chosen by a filter: import all of them"))
	}
	return withStore(cmd, &f.store, creating, func(into tracker.Store) error {
		done, err := tracker.Import(cmd.Context(), into, from, filter)
		for _, note := range done.Notes {
			terminal.Fprintf(cmd.ErrOrStderr(), "note: %s\n", note)
		}
		for _, r := range done.Refused {
			terminal.Fprintf(cmd.ErrOrStderr(), "run %s is refused: %s\n", r.ID, r.Reason)
		}
		showErr := show(cmd, f.store.json, done, func(w *terminal.Table) { printImported(w, f.store.dir, done) })
		if n := len(done.Refused); n > 0 {
			err = cmp.Or(err, fmt.Errorf("%s refused", format.Count(n, "run was", "runs were")))
		}
		return cmp.Or(invalid(err), showErr)
	})
}

// source opens what a SOURCE means.
func (f *importFlags) source(ctx context.Context, name string, warn func(error)) (tracker.Source, error) {
	if mlflow.Is(name) {
		client, err := mlflow.NewClient(name)
		if err != nil {
			return nil, invalid(err)
		}
		return sourceOf(client.Open(ctx, warn))
	}
	name = filename.Expand(name)
	info, err := os.Stat(name)
	switch {
	case stores.IsURL(name):
		return sourceOf(stores.Open(ctx, name, stores.Options{ReadOnly: true}))
	case err != nil:
		return nil, fmt.Errorf("there is no store in %s (%w)", name, err)
	case !info.IsDir():
		return sourceOf(optuna.Open(ctx, name, f.artifacts, warn))
	}
	from, err := stores.Open(ctx, name, stores.Options{ReadOnly: true})
	switch {
	case err == nil:
		return from, nil
	case tensorboard.Has(name):
		return sourceOf(tensorboard.Open(ctx, name, warn))
	}
	return nil, err
}

// sourceOf makes no typed nil of an error.
func sourceOf[T tracker.Source](from T, err error) (tracker.Source, error) {
	if err != nil {
		return nil, invalid(err)
	}
	return from, nil
}

func printImported(w *terminal.Table, dir string, done *tracker.Imported) {
	w.Printf("added %s to %s, brought %d up to date; %d were there already\n",
		format.Count(len(done.Runs), "run", "runs"), dir, len(done.Updated), len(done.Present))
	if len(done.Sweeps) > 0 || done.Judgements > 0 {
		w.Printf("with them came %s and %s\n", format.Count(len(done.Sweeps), "sweep", "sweeps"),
			format.Count(done.Judgements, "new judgement", "new judgements"))
	}
}
