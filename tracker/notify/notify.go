// Package notify posts a message to an address that a person chose when a run or a sweep has ended, has failed or
// diverged, or waits for people's judgements.
//
// The address may be a webhook of Slack (docs.slack.dev/messaging/sending-messages-using-incoming-webhooks) or of Discord
// (docs.discord.com/developers/resources/webhook#execute-webhook), or anything that takes a POST with a [Message] as
// JSON. Whoever knows the address of a webhook can post to it, so errors name its host only.
package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/tracker"
)

// Message is what is posted as plain JSON.
type Message struct {
	Event Event     `json:"event"`
	Text  string    `json:"text"` // one sentence
	At    time.Time `json:"at"`
	Run   string    `json:"run,omitempty"` // its id
	Name  string    `json:"name,omitempty"`
	Sweep string    `json:"sweep,omitempty"`
}

// Event is what a message is about.
type Event string

// The events. A trial of a sweep has a message only if it failed or diverged.
const (
	RunFinished    Event = "run.finished"
	RunInterrupted Event = "run.interrupted"
	RunFailed      Event = "run.failed"
	RunDiverged    Event = "run.diverged" // its total is not a number, or infinite
	SweepEnded     Event = "sweep.ended"
	SweepWaiting   Event = "sweep.waiting" // for people's judgements
)

// Bounds on what a notifier takes of the time and the memory of a painting.
const (
	timeout  = 5 * time.Second // of one message
	patience = 5 * time.Second // in Close, for all that are left
	queue    = 64              // messages; more are left out, with a warning
)

// Notifier posts messages in the background, in their order. It is a [tracker.Follower].
type Notifier struct {
	address *url.URL
	body    func(Message) any
	client  *http.Client

	warning sync.Mutex
	warn    func(error)

	mu       sync.Mutex
	closed   bool
	messages chan Message
	done     chan struct{}
	cancel   context.CancelFunc
}

var _ tracker.Follower = (*Notifier)(nil)

// Check returns an error of CodeInvalid for an address that is none.
func Check(address string) error {
	_, _, err := parse(address)
	return err
}

// parse returns the address of a webhook, and what is posted there. slack+https:// and discord+https:// name the form
// where the host does not, as for Mattermost, which has Slack's.
func parse(address string) (*url.URL, func(Message) any, error) {
	form, rest := "", address
	if before, after, ok := strings.Cut(address, "+"); ok && (before == "slack" || before == "discord") {
		form, rest = before, after
	}
	u, err := url.Parse(rest)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, nil, tracker.Errorf(tracker.CodeInvalid, "the address to notify must begin with https://, http://, slack+https:// or discord+https://, "+
			"and name a host") // the address itself is a secret
	}
	host := u.Hostname()
	switch {
	case form == "slack", form == "" && host == "hooks.slack.com":
		return u, slack, nil
	case form == "discord", form == "" && slices.Contains([]string{"discord.com", "discordapp.com"}, host):
		return u, discord, nil
	}
	return u, func(m Message) any { return m }, nil
}

// slack is Slack's form. Three characters begin links and mentions.
func slack(m Message) any {
	return map[string]string{"text": strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(m.Text)}
}

// discord is Discord's form. A name such as @everyone mentions nobody.
func discord(m Message) any {
	const most = 2000 // characters
	text := []rune(m.Text)
	return map[string]any{"content": string(text[:min(len(text), most)]), "allowed_mentions": map[string]any{"parse": []string{}}}
}

// New returns a notifier of an address. warn is called with errors, one at a time, from any
// goroutine; they name the host only. The caller must call Close.
func New(address string, warn func(error)) (*Notifier, error) {
	u, body, err := parse(address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	n := &Notifier{
		address: u, body: body, warn: warn, messages: make(chan Message, queue), done: make(chan struct{}), cancel: cancel,
		client: &http.Client{
			Timeout: timeout, Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: timeout}).DialContext},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // only to where the person said
		},
	}
	go func() {
		defer close(n.done)
		for m := range n.messages {
			if err := n.post(ctx, m); err != nil {
				n.report(fmt.Errorf("%s was not notified: %w", u.Host, err))
			}
		}
	}()
	return n, nil
}

func (n *Notifier) post(ctx context.Context, m Message) error {
	body, err := json.Marshal(n.body(m))
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, n.address.String(), bytes.NewReader(body))
	if err != nil {
		return errors.New("its address makes no request")
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := n.client.Do(request)
	if err != nil {
		var of *url.Error
		if errors.As(err, &of) {
			err = of.Err // without the address
		}
		return err
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<16)) // the connection is used again
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("it answers %s", answer.Status)
	}
	return nil
}

// report passes on an error. Posts and send have them at the same time, and a person's function expects one.
func (n *Notifier) report(err error) {
	n.warning.Lock()
	defer n.warning.Unlock()
	n.warn(err)
}

// send queues a message. It never waits.
func (n *Notifier) send(m Message) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	m.At = time.Now().UTC().Truncate(time.Second)
	select {
	case n.messages <- m:
	default:
		n.report(fmt.Errorf("%s is slower than what happens: a message is left out", n.address.Host))
	}
}

// Began implements tracker.Follower.
func (n *Notifier) Began(*tracker.Run) {}

// Ended implements tracker.Follower.
func (n *Notifier) Ended(run *tracker.Run) {
	m := Message{Run: run.ID, Name: run.Name, Sweep: run.Sweep}
	what := "run " + run.Name
	if run.Trial > 0 {
		what = fmt.Sprintf("trial %d of sweep %s", run.Trial, run.Sweep)
	}
	total, logged := run.Final["total"]
	diverged := logged && (math.IsNaN(total) || math.IsInf(total, 0))
	switch {
	case diverged:
		m.Event, m.Text = RunDiverged, fmt.Sprintf("%s diverged: its loss is %v", what, total)
	case run.Status == tracker.StatusFailed:
		m.Event, m.Text = RunFailed, fmt.Sprintf("%s failed: %s", what, run.Reason)
	case run.Trial > 0 || run.Status == tracker.StatusQueued:
		return
	case run.Status == tracker.StatusFinished:
		m.Event, m.Text = RunFinished, fmt.Sprintf("%s finished in %s", what, format.Duration(run.Duration()))
	default:
		m.Event, m.Text = RunInterrupted, fmt.Sprintf("%s was interrupted: %s", what, run.Reason)
	}
	n.send(m)
}

// SweepEnded implements tracker.Follower.
func (n *Notifier) SweepEnded(s *tracker.Sweep) {
	n.send(Message{Event: SweepEnded, Sweep: s.Name, Text: fmt.Sprintf("all trials of sweep %s have ended", s.Name)})
}

// SweepWaiting posts that a sweep waits for people's judgements.
func (n *Notifier) SweepWaiting(name, reason string) {
	n.send(Message{Event: SweepWaiting, Sweep: name, Text: fmt.Sprintf("sweep %s waits: %s", name, reason)})
}

// Close waits until all messages are posted, a few seconds at most.
func (n *Notifier) Close() {
	n.mu.Lock()
	if !n.closed {
		n.closed = true
		close(n.messages)
	}
	n.mu.Unlock()
	late := time.AfterFunc(patience, n.cancel)
	<-n.done
	late.Stop()
	n.cancel()
}
