package live

import (
	"cmp"
	"context"
	"fmt"
	"html"
	"math"
	"slices"
	gosync "sync"
	"time"

	"github.com/janpfeifer/gonb/gonbui"

	"github.com/gouache-art/gouache/internal/fetch"
	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// sweepView shows a running sweep in one output of the cell: the trials' pictures, in the order of
// the trials, and its progress. It is a sweep.Watcher.
type sweepView struct {
	id      string
	store   tracker.Store
	file    *sweep.File
	weights string // those that a continued sweep began with

	mu      gosync.Mutex
	cells   []*sweepCell // in the order of trials
	planned int
	note    string // what is happening, is waited for, or went wrong
	next    time.Time
}

var _ sweep.Watcher = (*sweepView)(nil)

const (
	sweepRow   = 5           // pictures in a row
	sweepEvery = time.Second // how often the view is renewed at most
	sweepRate  = 256 << 10   // bytes a second that it may send: a view of a hundred trials is a megabyte or two
)

// openSweepView makes a view of a sweep, with what the store has of it.
func openSweepView(ctx context.Context, store tracker.Store, file *sweep.File) (*sweepView, error) {
	v := &sweepView{id: "gouache-" + gonbui.UniqueId(), store: store, file: file}
	known, err := store.Sweep(ctx, file.Name)
	if err == nil && known.Text != string(file.Text) {
		return nil, fmt.Errorf("the store has a sweep %q already, which is described otherwise: give this one another name, or "+
			"delete that one with gouache sweep delete", file.Name)
	} else if err != nil && tracker.ErrorCode(err) != tracker.CodeNotFound {
		return nil, err
	}
	ranked, err := trials(ctx, store, file)
	if err != nil {
		return nil, err
	}
	for _, r := range ranked {
		v.weights = cmp.Or(v.weights, r.Run.Provenance.Weights)
		if err := v.load(ctx, r); err != nil {
			return nil, err
		}
	}
	_, v.planned, err = sweep.Preview(file)
	return v, err
}

// cell returns a trial's cell. The view is locked.
func (v *sweepView) cell(trial int, params tracker.Params) *sweepCell {
	at, found := slices.BinarySearchFunc(v.cells, trial, func(c *sweepCell, n int) int { return c.trial - n })
	if !found {
		v.cells = slices.Insert(v.cells, at, &sweepCell{view: v, trial: trial, label: v.file.Label(params)})
	}
	return v.cells[at]
}

func (v *sweepView) load(ctx context.Context, r sweep.Ranked) error {
	tag, err := runTag(ctx, v.store, r.Run, sweepSide, v.file.Label(r.Run.Params))
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	c := v.cell(r.Run.Trial, r.Run.Params)
	c.state, c.ended = standing(r), r.Run.Status == tracker.StatusFinished || r.Run.Status == tracker.StatusFailed
	c.tag = cmp.Or(tag, c.tag)
	return nil
}

// Began shows a trial that begins.
func (v *sweepView) Began(t *sweep.Trial) {
	v.mu.Lock()
	c := v.cell(t.Number, t.Params)
	c.state, c.ended = "running", false
	v.note = ""
	v.mu.Unlock()
	v.update(false)
}

func (v *sweepView) observer(t *sweep.Trial) progress.Observer {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.cell(t.Number, t.Params)
}

// Ended shows how a trial ended.
func (v *sweepView) Ended(t *sweep.Trial, _ tracker.Outcome) {
	ctx := context.Background() // the sweep's may have been cancelled
	run, err := v.store.Run(ctx, t.Run.ID())
	var ranked []sweep.Ranked
	if err == nil {
		ranked, err = sweep.Rank(v.file, []*tracker.Run{run}, nil)
	}
	if err == nil {
		err = v.load(ctx, ranked[0])
	}
	if err != nil {
		v.warn(err)
		return
	}
	v.update(false)
}

// Waiting shows what for.
func (v *sweepView) Waiting(reason string) { v.say(reason) }

func (v *sweepView) warn(err error) { v.say(err.Error()) }

func (v *sweepView) say(text string) { v.saying(text, true) }

func (v *sweepView) transfer(p fetch.Progress) { v.saying(transferText(p), false) }

// saying sets the note, and renews the output as update does.
func (v *sweepView) saying(note string, must bool) {
	v.mu.Lock()
	v.note = note
	v.mu.Unlock()
	v.update(must)
}

func (v *sweepView) due() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return !time.Now().Before(v.next)
}

// end shows the state of the sweep when it is over. A saved notebook keeps this.
func (v *sweepView) end(s *sweep.Summary) {
	v.mu.Lock()
	v.note = fmt.Sprintf("%d of %d trials finished", s.Finished, s.Planned)
	for _, c := range []struct {
		count int
		what  string
	}{
		{s.Pruned, "pruned"}, {s.Failed, "failed"}, {s.Running, "running elsewhere"},
		{s.Interrupted, "interrupted: run the cell again to continue"},
	} {
		if c.count > 0 {
			v.note += fmt.Sprintf(", %d %s", c.count, c.what)
		}
	}
	if m := v.file.Minimise; !m.IsZero() && !m.IsRating() {
		v.note += "; the numbers are " + m.String() + ", less is better"
	}
	v.mu.Unlock()
	v.update(true)
	sync()
}

// update renews the output, if it must or an update is due.
func (v *sweepView) update(must bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !must && time.Now().Before(v.next) {
		return
	}
	ended := 0
	var cells []string
	for _, c := range v.cells {
		if c.ended {
			ended++
		}
		tag := c.tag
		if tag != "" {
			tag += "<br>"
		}
		cells = append(cells, fmt.Sprintf(`%s<b>%d</b> %s<br>%s`, tag, c.trial, html.EscapeString(c.label), html.EscapeString(c.state)))
	}
	text, bar := v.note, ""
	if text == "" {
		text = fmt.Sprintf("%d of %d trials", ended, v.planned)
		bar = fmt.Sprintf(`<progress value="%d" max="%d"></progress> `, ended, v.planned)
	}
	page := inRows(sweepRow, cells) + `<p>` + bar + html.EscapeString(text) + `</p>`
	v.next = time.Now().Add(max(sweepEvery, time.Duration(len(page))*time.Second/sweepRate))
	update(v.id, page, terminal.Line(text))
}

// sweepCell is a trial in the view. It is the trial's progress.Observer.
type sweepCell struct {
	view  *sweepView
	trial int
	label string
	tag   string // the picture, as an element of HTML
	state string // its progress, or how it ended
	ended bool
	total int // iterations
}

var _ progress.Observer = (*sweepCell)(nil)

// sweepSide is the longer side of a trial's picture, in CSS pixels at most.
const sweepSide = 160

// Observe shows the picture as it forms. The result is shown from the store.
func (c *sweepCell) Observe(e progress.Event) {
	if r, ok := e.(progress.Run); ok {
		c.total = r.Iterations()
	}
	i, ok := e.(progress.Iteration)
	if !ok || !c.view.due() {
		return
	}
	m, err := i.Picture()
	if err != nil {
		return // if the device has failed, the trial reports it
	}
	tag := smallTag(m, sweepSide, c.label)
	c.view.mu.Lock()
	c.tag, c.state = tag, fmt.Sprintf("iteration %d of %d", i.Iteration, c.total)
	c.view.mu.Unlock()
	c.view.update(false)
}

func standing(r sweep.Ranked) string {
	switch value := format.Rounded(r.Value, 4); {
	case r.Run.Status == tracker.StatusFailed:
		return "failed: " + r.Run.Reason
	case r.Run.Status != tracker.StatusFinished || math.IsNaN(r.Value):
		return string(r.Run.Status)
	case r.State == sweep.Pruned:
		return "pruned at " + value
	default:
		return value
	}
}
