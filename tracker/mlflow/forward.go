package mlflow

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

// Times of a Forwarder.
const (
	forwardEvery = 5 * time.Second
	lastChance   = 10 * time.Second // for what is left when a run has ended
)

// Forwarder sends runs to a server while they are painted. It works beside the painting and reads the store, which is the
// queue of what was not sent yet: nothing waits for the server, and one that is away costs nothing. What was not sent ten
// seconds after the end, Send sends later.
type Forwarder struct {
	client *Client
	from   Source
	warn   func(error)

	mu     sync.Mutex
	active map[string]chan struct{} // by run; closed when it has ended
	work   sync.WaitGroup
	once   sync.Once // calls warn
}

var _ tracker.Follower = (*Forwarder)(nil)

// NewForwarder returns a forwarder of runs of a store. warn is called with the first error.
func NewForwarder(client *Client, from Source, warn func(error)) *Forwarder {
	return &Forwarder{client: client, from: from, warn: warn, active: map[string]chan struct{}{}}
}

// Began implements [tracker.Follower]: it sends the run every few seconds until it has ended.
func (f *Forwarder) Began(run *tracker.Run) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.active[run.ID] == nil {
		ended := make(chan struct{})
		f.active[run.ID] = ended
		f.work.Go(func() { f.forward(run.ID, ended) })
	}
}

// Ended implements [tracker.Follower]: what is left is sent now.
func (f *Forwarder) Ended(run *tracker.Run) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ended := f.active[run.ID]; ended != nil {
		close(ended)
		delete(f.active, run.ID)
	}
}

// SweepEnded implements [tracker.Follower].
func (f *Forwarder) SweepEnded(*tracker.Sweep) {}

// Close implements [tracker.Follower]: it waits until what is left is sent, ten seconds at most.
func (f *Forwarder) Close() {
	f.mu.Lock()
	for id, ended := range f.active {
		close(ended)
		delete(f.active, id)
	}
	f.mu.Unlock()
	f.work.Wait()
}

// forward sends a run again and again. Only one goroutine does so, since two at once might add it twice.
func (f *Forwarder) forward(id string, ended <-chan struct{}) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() {
		<-ended
		time.AfterFunc(lastChance, stop)
	}()
	for last := false; ; {
		if _, err := f.client.Send(ctx, f.from, id); err != nil {
			if ctx.Err() != nil {
				err = errors.New("not all was sent to MLflow in time: gouache runs export --to sends the rest")
			}
			f.once.Do(func() { f.warn(err) }) // a server that is away stays away for more than one request
		}
		if last {
			return
		}
		select {
		case <-ended:
			last = true
		case <-time.After(forwardEvery):
		}
	}
}
