package live

import (
	"context"
	"fmt"
	"html"
	"image"
	"os"
	"slices"
	"strings"
	gosync "sync"
	"time"

	"github.com/janpfeifer/gonb/gonbui"

	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/painting"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// Sweep runs the sweep of paintings that a YAML text describes, as gouache sweep run does with a file, and shows the
// trials' pictures as they form. A sweep that the store has already goes on, so a cell that was interrupted is run
// again; see Context. Relative paths start from the notebook's folder.
func Sweep(ctx context.Context, store tracker.Store, yaml string) (*sweep.Summary, error) {
	file, err := painting.Parse([]byte(yaml), "sweep.yaml")
	if err != nil {
		return nil, err
	}
	painter := &painting.Painter{File: file}
	if err := painter.Check(); err != nil {
		return nil, err
	}
	studio, err := OpenStudio(ctx)
	if err != nil {
		return nil, err
	}
	defer studio.Backend().Close()
	view := newSweepView(file)
	painter.Studio, painter.Watch, painter.Warn = studio, view.observer, view.warn
	painter.Provenance = tracker.NewProvenance()
	return search(ctx, store, file, view, sweep.Options{Trial: painter.Trial, Describe: painter.Describe})
}

// Search runs a sweep of a function of one's own, which logs the terms that the file minimises with t.Log, and shows how
// it goes. sweep.Parse makes the file. A sweep that the store has already goes on.
func Search(ctx context.Context, store tracker.Store, file *sweep.File, trial func(ctx context.Context, t *sweep.Trial) error) (*sweep.Summary, error) {
	return search(ctx, store, file, newSweepView(file), sweep.Options{Trial: trial})
}

func search(ctx context.Context, store tracker.Store, file *sweep.File, view *sweepView, o sweep.Options) (*sweep.Summary, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	known, err := store.Sweep(ctx, file.Name)
	switch {
	case tracker.ErrorCode(err) == tracker.CodeNotFound:
		_, err = sweep.Begin(ctx, store, file, "notebook", dir)
	case err == nil && known.Text != string(file.Text):
		err = fmt.Errorf("the store has a sweep %s already, which is described otherwise: give this one another name", file.Name)
	}
	if err != nil {
		return nil, err
	}
	if err := view.begin(ctx, store); err != nil {
		return nil, err
	}
	o.Watcher = view
	summary, err := sweep.Run(ctx, store, file, o)
	if err != nil {
		return nil, err
	}
	view.end(summary)
	return summary, nil
}

// sweepView shows a sweep that runs in one output of the cell: the trials' pictures, in the order of the trials, and how
// far it is. It is a sweep.Watcher.
type sweepView struct {
	id   string
	file *sweep.File

	mu      gosync.Mutex
	cells   []*sweepCell
	summary sweep.Summary
	note    string // what is waited for, or went wrong
	next    time.Time
}

// sweepCell is a trial's picture.
type sweepCell struct {
	view    *sweepView
	trial   int
	label   string
	picture image.Image
	state   string // how far it is, or how it ended
	total   int    // iterations
}

const (
	sweepEvery = time.Second // how often the view is renewed at most
	sweepSide  = 160         // pixels of a trial's picture
	sweepRow   = 6           // pictures in a row
)

func newSweepView(file *sweep.File) *sweepView {
	return &sweepView{id: "gouache-" + gonbui.UniqueId(), file: file}
}

// begin shows what was there before.
func (v *sweepView) begin(ctx context.Context, store tracker.Reader) error {
	ranked, err := Trials(ctx, store, v.file)
	if err != nil {
		return err
	}
	for _, r := range ranked {
		c := v.cell(r.Run.Trial, r.Run.Params)
		c.state = string(r.Run.Status)
		if c.picture, err = runPicture(ctx, store, r.Run); err != nil {
			return err
		}
		v.count(r.Run.Status, r.State == sweep.Pruned)
	}
	if _, v.summary.Planned, err = sweep.Preview(v.file); err != nil {
		return err
	}
	v.update(true)
	return nil
}

func (v *sweepView) count(status tracker.Status, pruned bool) {
	switch {
	case status == tracker.StatusFailed:
		v.summary.Failed++
	case pruned:
		v.summary.Pruned++
	case status == tracker.StatusFinished:
		v.summary.Finished++
	}
}

// cell returns a trial's cell. The view is locked, or nobody else has it yet.
func (v *sweepView) cell(trial int, params tracker.Params) *sweepCell {
	at, found := slices.BinarySearchFunc(v.cells, trial, func(c *sweepCell, n int) int { return c.trial - n })
	if !found {
		v.cells = slices.Insert(v.cells, at, &sweepCell{view: v, trial: trial, label: v.file.Label(params)})
	}
	return v.cells[at]
}

// Began shows a trial that begins.
func (v *sweepView) Began(t *sweep.Trial) {
	v.mu.Lock()
	v.cell(t.Number, t.Params).state = "running"
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
func (v *sweepView) Ended(t *sweep.Trial, o tracker.Outcome) {
	v.mu.Lock()
	c := v.cell(t.Number, t.Params)
	c.state = string(o.Status)
	switch value, ok := t.Objective(); {
	case t.Pruned() != "":
		c.state = "pruned"
	case o.Status == tracker.StatusFailed:
		c.state = "failed: " + o.Reason
	case ok && o.Status == tracker.StatusFinished:
		c.state = fmt.Sprintf("%s = %.4g", v.file.Minimise, value)
	}
	v.count(o.Status, t.Pruned() != "")
	v.mu.Unlock()
	v.update(false)
}

// Waiting shows what for.
func (v *sweepView) Waiting(reason string) { v.say(reason) }

func (v *sweepView) warn(err error) { v.say(err.Error()) }

func (v *sweepView) say(text string) {
	v.mu.Lock()
	v.note = text
	v.mu.Unlock()
	v.update(true)
}

// Started notes how far the trial is to go.
func (c *sweepCell) Started(r progress.Run) { c.total = r.Iterations() }

// Iterated shows the picture as it forms.
func (c *sweepCell) Iterated(i progress.Iteration) {
	if !c.view.due() {
		return
	}
	m, err := i.Picture()
	if err != nil {
		return // the trial itself says so, if the device has failed
	}
	c.view.mu.Lock()
	c.picture, c.state = m, fmt.Sprintf("%d of %d", i.Iteration, c.total)
	c.view.mu.Unlock()
	c.view.update(false)
}

// Finished keeps the result.
func (c *sweepCell) Finished(o progress.Outcome) {
	if o.Picture == nil {
		return
	}
	if m, err := o.Picture(); err == nil {
		c.view.mu.Lock()
		c.picture = m
		c.view.mu.Unlock()
	}
}

func (v *sweepView) due() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return !time.Now().Before(v.next)
}

// end shows how the sweep stands when it is over. This is what a saved notebook keeps.
func (v *sweepView) end(s *sweep.Summary) {
	v.mu.Lock()
	v.note = fmt.Sprintf("%d of %d trials finished", s.Finished, s.Planned)
	for _, c := range []struct {
		n    int
		what string
	}{{s.Pruned, "pruned"}, {s.Failed, "failed"}, {s.Interrupted, "interrupted: run the cell again to go on"}} {
		if c.n > 0 {
			v.note += fmt.Sprintf(", %d %s", c.n, c.what)
		}
	}
	v.mu.Unlock()
	v.update(true)
	sync()
}

// update renews the output, if that is due.
func (v *sweepView) update(force bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !force && time.Now().Before(v.next) {
		return
	}
	done := v.summary.Finished + v.summary.Pruned + v.summary.Failed
	text := fmt.Sprintf("%d of %d trials", done, v.summary.Planned)
	if v.note != "" {
		text = v.note
	}
	if !inNotebook {
		fmt.Fprintln(terminal, text)
	} else {
		send(bundle(v.id, v.page(done, text), text))
	}
	v.next = time.Now().Add(sweepEvery)
}

func (v *sweepView) page(done int, text string) string {
	var page strings.Builder
	page.WriteString(`<table style="border:none">`)
	for i, c := range v.cells {
		if i%sweepRow == 0 {
			page.WriteString(`<tr style="background:none">`)
		}
		page.WriteString(`<td style="text-align:left;vertical-align:top">`)
		if c.picture != nil {
			m := shrink(c.picture, 2*sweepSide)
			page.WriteString(pictureTag(m, shrink(c.picture, sweepSide).Bounds().Dx(), c.label, "") + `<br>`)
		}
		fmt.Fprintf(&page, `%s<br>%s</td>`, html.EscapeString(c.label), html.EscapeString(c.state))
		if i%sweepRow == sweepRow-1 || i == len(v.cells)-1 {
			page.WriteString(`</tr>`)
		}
	}
	fmt.Fprintf(&page, `</table><p><progress value="%d" max="%d"></progress> %s</p>`, done, v.summary.Planned, html.EscapeString(text))
	return page.String()
}
