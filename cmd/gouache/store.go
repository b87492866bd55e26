package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/suggest"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/blobs"
	_ "github.com/gouache-art/gouache/tracker/blobs/clouds" // gs:// and azblob://
	"github.com/gouache-art/gouache/tracker/stores"
	_ "github.com/gouache-art/gouache/tracker/stores/databases" // postgres://
)

const defaultStoreText = "$" + stores.Variable + ", else gouache in the XDG data folder"

// blobsUsage is that of --blobs, which all commands have that may make a store.
const blobsUsage = "`URL` of the bucket for the pictures of a new store in PostgreSQL, such as " + blobs.Examples

type storeFlags struct {
	dir   string // or a URL
	blobs string
	json  bool
}

// add adds --store to a command, and --json unless its usage text is empty.
func (f *storeFlags) add(cmd *cobra.Command, jsonUsage string) *cobra.Command {
	flags := cmd.Flags()
	flags.Var((*path)(&f.dir), "store", "`FOLDER` of the store, or its URL, postgres://HOST/NAME or https://HOST (default: "+defaultStoreText+")")
	if jsonUsage != "" {
		flags.BoolVar(&f.json, "json", false, jsonUsage)
	}
	return cmd
}

// addBlobs adds --blobs to a command that may make a store.
func (f *storeFlags) addBlobs(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.blobs, "blobs", "", blobsUsage)
}

// access says what a command does with a store.
type access int

const (
	reading  access = iota // an existing store
	changing               // an existing store
	deleting               // from an existing store, on a full disk, too
	creating               // changing a store that need not exist
)

// open opens the store and sets f.dir to its folder, or to its URL without the password.
func (f *storeFlags) open(ctx context.Context, a access) (tracker.Store, error) {
	place, err := stores.Place(f.dir)
	if err != nil {
		return nil, invalid(err)
	}
	if f.dir, err = hidePassword(place); err != nil {
		return nil, err
	}
	if _, err := os.Stat(f.dir); errors.Is(err, os.ErrNotExist) && a != creating && !stores.IsURL(f.dir) {
		return nil, fmt.Errorf("there is no store in %s: gouache stylize makes it with the first picture, and --store or $%s names another", f.dir, stores.Variable)
	}
	store, err := stores.Open(ctx, f.dir, stores.Options{ReadOnly: a == reading, Delete: a == deleting, Blobs: f.blobs})
	return store, invalid(err)
}

// hidePassword returns a store's URL without its password, which it keeps in the environment: this program and its
// children find it there, and command lines, pages and records do not show it.
func hidePassword(place string) (string, error) {
	if !stores.IsDatabase(place) {
		return place, nil
	}
	u, err := url.Parse(place)
	if err != nil { // which may repeat the password
		return "", usage(errors.New("--store postgres://… cannot be read: in a password, characters such as / are percent-encoded, as in p%2Fss"))
	}
	query := u.Query()
	password, ok := u.User.Password()
	if ok {
		u.User = url.User(u.User.Username())
	} else if ok = query.Has("password"); ok {
		password = query.Get("password")
		query.Del("password")
		u.RawQuery = query.Encode()
	}
	if ok {
		err = os.Setenv("PGPASSWORD", password)
	}
	return u.String(), err
}

func withStore(cmd *cobra.Command, f *storeFlags, a access, work func(tracker.Store) error) error {
	store, err := f.open(cmd.Context(), a)
	if err != nil {
		return err
	}
	defer store.Close()
	return work(store)
}

// showFrom prints what work returns of a store, as show does.
func showFrom[T any](cmd *cobra.Command, f *storeFlags, a access, work func(context.Context, tracker.Store) (T, error), print func(*terminal.Table, T)) error {
	return withStore(cmd, f, a, func(store tracker.Store) error {
		result, err := work(cmd.Context(), store)
		if err != nil {
			return invalid(err)
		}
		return show(cmd, f.json, result, func(w *terminal.Table) { print(w, result) })
	})
}

// invalid makes a usage error of a store's error that is about what was typed.
func invalid(err error) error {
	if tracker.ErrorCode(err) == tracker.CodeInvalid {
		return usage(err)
	}
	return err
}

// findRuns returns the whole ids for what people type: ids, or beginnings of them.
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

// filterFlags choose runs by their properties.
type filterFlags struct {
	filter, experiment, sweep string
	statuses, tags            []string
}

func (f *filterFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.filter, "filter", "", "`CONDITION` on parameters, metrics and fields; see gouache runs --help")
	flags.StringVar(&f.experiment, "experiment", "", "only runs of the experiment `NAME`")
	flags.StringVar(&f.sweep, "sweep", "", "only trials of the sweep `NAME`")
	flags.StringArrayVar(&f.statuses, "status", nil, "only runs with the `STATUS` "+strings.Join(statuses(), ", ")+"; several mean any of them")
	flags.StringArrayVar(&f.tags, "tag", nil, "only runs with the `TAG`; several mean all of them")
}

// given says whether any of the flags was given.
func (f *filterFlags) given(cmd *cobra.Command) bool {
	return slices.ContainsFunc([]string{"filter", "experiment", "sweep", "status", "tag"}, cmd.Flags().Changed)
}

// read returns the filter that all the flags together make.
func (f *filterFlags) read(cmd *cobra.Command) (*tracker.Filter, error) {
	typed, err := tracker.ParseFilter(f.filter)
	if err != nil {
		return nil, usage(fmt.Errorf("--filter: %w", err))
	}
	all := []*tracker.Filter{typed}
	if cmd.Flags().Changed("experiment") {
		all = append(all, tracker.Where("experiment", tracker.Equal, f.experiment))
	}
	if cmd.Flags().Changed("sweep") {
		all = append(all, tracker.Where("sweep", tracker.Equal, f.sweep))
	}
	for _, t := range f.tags {
		all = append(all, tracker.Where("tag", tracker.Equal, t))
	}
	known := statuses()
	var allowed []*tracker.Filter
	for _, s := range f.statuses {
		if !slices.Contains(known, s) {
			return nil, usage(fmt.Errorf("--status: %w", suggest.Unknown("status", s, known)))
		}
		allowed = append(allowed, tracker.Where("status", tracker.Equal, s))
	}
	return tracker.All(append(all, tracker.Any(allowed...))...), nil
}

// chosenRuns returns the ids of the runs that are named by ids or by a filter, of which exactly one must be given.
func chosenRuns(cmd *cobra.Command, store tracker.RunReader, refs []string, f *filterFlags) ([]string, error) {
	switch given := f.given(cmd); {
	case given && len(refs) > 0:
		return nil, usage(fmt.Errorf("`%s` takes ids of runs or a filter, not both", cmd.CommandPath()))
	case !given && len(refs) == 0:
		return nil, usage(fmt.Errorf("`%s` takes the ids of runs, or a filter such as --experiment NAME; see `%s --help`", cmd.CommandPath(), cmd.CommandPath()))
	case len(refs) > 0:
		ids, err := findRuns(cmd.Context(), store, refs)
		slices.Sort(ids)
		return slices.Compact(ids), err
	}
	filter, err := f.read(cmd)
	if err != nil {
		return nil, err
	}
	runs, err := tracker.AllRuns(cmd.Context(), store, filter, nil)
	if err == nil && len(runs) == 0 {
		err = fmt.Errorf("no run passes the filter %s", filter)
	}
	var ids []string
	for _, r := range runs {
		ids = append(ids, r.ID)
	}
	return ids, err
}
