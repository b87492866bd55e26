package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/filename"
	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/painting"
	"github.com/gouache-art/gouache/tracker/stores"
)

// recordFlags say where a run is recorded, and its name there.
type recordFlags struct {
	store, blobs, experiment, name string
	tags                           []string
	follow                         followFlags
}

func (f *recordFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.Var((*path)(&f.store), "store", "`FOLDER` of the store that records the run, or its URL, or none (default: "+defaultStoreText+")")
	flags.StringVar(&f.blobs, "blobs", "", blobsUsage)
	flags.StringVar(&f.experiment, "experiment", "", "`NAME` of the experiment that the run belongs to")
	flags.StringVar(&f.name, "name", "", "`NAME` of the run (default: the output file's)")
	flags.StringArrayVar(&f.tags, "tag", nil, "`TAG` of the run; may be given several times")
	f.follow.add(cmd)
}

// check finds mistakes before anything slow begins.
func (f *recordFlags) check() error {
	_, err := stores.Place(f.store)
	switch {
	case tracker.ErrorCode(err) == tracker.CodeInvalid:
		return usage(err)
	case errors.Is(err, stores.ErrNone) && f.follow != (followFlags{}):
		return usage(errors.New("--notify and --forward need a record of the run: leave out --store none"))
	}
	if err := f.follow.check(); err != nil {
		return err
	}
	_, err = tracker.NewRun{Experiment: f.experiment, Name: f.name, Tags: f.tags}.Normal()
	return invalid(err)
}

// recording is a run being recorded. A nil one records nothing.
type recording struct {
	store  tracker.Store
	run    *tracker.ActiveRun
	others *followers
	warn   func(error)
}

// start begins to record a run. If the store fails it warns and returns nil: a painting does not fail because it cannot
// be recorded.
func (f *recordFlags) start(ctx context.Context, n tracker.NewRun, warn func(error)) *recording {
	store, err := (&storeFlags{dir: f.store, blobs: f.blobs}).open(ctx, creating)
	if errors.Is(err, stores.ErrNone) {
		return nil
	}
	if err != nil {
		warn(err)
		return nil
	}
	store, others := f.follow.followed(store, warn)
	n.Experiment, n.Tags = f.experiment, f.tags
	run, err := tracker.Start(ctx, store, n)
	if err != nil {
		others.end()
		store.Close()
		warn(err)
		return nil
	}
	return &recording{store: store, run: run, others: others, warn: warn}
}

// observer adds the recording to another observer.
func (r *recording) observer(other progress.Observer) progress.Observer {
	if r == nil {
		return other
	}
	// The recorder comes first: when the line says that all is done, it is.
	return progress.Multi{tracker.Observer(r.run, tracker.RecorderOptions{
		Warn: r.warn, PeakMemory: stylelib.PeakMemory, Checkpoint: painting.DefaultCheckpoint,
	}), other}
}

// end closes the store, after ending a run that failed before its observer was called.
func (r *recording) end(ctx context.Context, failure error) {
	if r == nil {
		return
	}
	if failure != nil {
		err := r.run.Finish(context.WithoutCancel(ctx), tracker.Outcome{Status: tracker.StatusFailed, Reason: failure.Error()})
		if err != nil && tracker.ErrorCode(err) != tracker.CodeConflict && r.run.Err() == nil { // else it has ended, or has warned
			r.warn(err)
		}
	}
	r.others.end()
	if err := r.store.Close(); err != nil {
		r.warn(err)
	}
}

// id returns the run's id, or "" if the run is not recorded, or only in part.
func (r *recording) id() string {
	if r == nil || r.run.Err() != nil {
		return ""
	}
	return r.run.ID()
}

// loadInput reads a picture and adds its file to a run.
func loadInput(ctx context.Context, run *tracker.NewRun, role, name string) (*picture.Picture, error) {
	return loadInputOf(ctx, run, 0, role, name)
}

// loadInputOf does the same for a picture of a style, with its index among the styles.
func loadInputOf(ctx context.Context, run *tracker.NewRun, style int, role, name string) (*picture.Picture, error) {
	data, err := picture.ReadFile(name)
	if err != nil {
		return nil, err
	}
	run.AddInputOf(int64(style), role, filepath.Base(name), filename.Absolute(name), data)
	return picture.Decode(ctx, name, data)
}

func provenance(command []string, studio *stylelib.Studio, seed int64) tracker.Provenance {
	p := tracker.NewProvenance()
	p.Command, p.Commit = command, cmp.Or(commit, p.Commit)
	p.XLA = fmt.Sprintf("%s, go-xla %s, GoMLX %s", studio.Backend().APIVersion(), moduleVersion("github.com/gomlx/go-xla"), moduleVersion("github.com/gomlx/gomlx"))
	p.Device = studio.Backend().DeviceName()
	p.Network, p.Weights, p.WeightsSHA256 = studio.Weights().Network, studio.Weights().Name, studio.Weights().SHA256
	p.Seed = &seed
	return p
}
