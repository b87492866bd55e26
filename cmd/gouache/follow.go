package main

import (
	"cmp"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/mlflow"
	"github.com/gouache-art/gouache/tracker/notify"
)

// Variables of the environment that take the place of --notify and --forward. gouache ui hands them to its worker.
const (
	notifyVariable  = "GOUACHE_NOTIFY"
	forwardVariable = "GOUACHE_FORWARD"
)

// followFlags name the other programs that hear of runs while they are painted.
type followFlags struct{ notify, forward string }

func (f *followFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.notify, "notify", "", "post to the `URL` when a run or a sweep ends, fails, diverges or waits for judgements; none for nobody (default: $"+notifyVariable+")")
	flags.StringVar(&f.forward, "forward", "", "send runs to MLflow at the `URL` while they are painted, as in mlflow+http://127.0.0.1:5000; none for nobody (default: $"+forwardVariable+")")
}

// noAddress is the value of a flag, or of its variable, for nobody. A flag with it counts more than the variable.
const noAddress = "none"

// addresses returns what to notify and where to forward to, "" for nothing.
func (f *followFlags) addresses() (notify, forward string) {
	of := func(flag, variable string) string {
		if address := cmp.Or(flag, os.Getenv(variable)); address != noAddress {
			return address
		}
		return ""
	}
	return of(f.notify, notifyVariable), of(f.forward, forwardVariable)
}

// check finds mistakes before anything slow begins, also in the other variable that matters while a run is recorded.
func (f *followFlags) check() error {
	if err := tracker.CheckSystem(); err != nil {
		return usage(err)
	}
	to, forward := f.addresses()
	if to != "" {
		if err := notify.Check(to); err != nil {
			return usage(fmt.Errorf("--notify: %w", err))
		}
	}
	if forward != "" {
		if _, err := mlflow.NewClient(forward); err != nil {
			return usage(fmt.Errorf("--forward: %w", err))
		}
	}
	return nil
}

// followers are the other programs that hear of runs.
type followers struct {
	all      []tracker.Follower
	notifier *notify.Notifier // among them, or nil
}

// followed returns the store so that others hear of the runs that this process paints in it. The addresses are checked.
func (f *followFlags) followed(store tracker.Store, warn func(error)) (tracker.Store, *followers) {
	to, forward := f.addresses()
	others := &followers{}
	if client, err := mlflow.NewClient(forward); forward != "" && err == nil {
		others.all = append(others.all, mlflow.NewForwarder(client, store, warn))
	}
	if notifier, err := notify.New(to, warn); to != "" && err == nil {
		others.all, others.notifier = append(others.all, notifier), notifier
	}
	for _, one := range others.all {
		store = tracker.Follow(store, one)
	}
	return store, others
}

// end waits a few seconds at most until the others have heard of everything.
func (o *followers) end() {
	for _, one := range o.all {
		one.Close()
	}
}

// waiting says that a sweep waits for judgements.
func (o *followers) waiting(sweep, reason string) {
	if o.notifier != nil {
		o.notifier.SweepWaiting(sweep, reason)
	}
}
