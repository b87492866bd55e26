package main

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// sweepBoard shows a running sweep: a line for each running trial, and one for the whole.
type sweepBoard struct {
	line  *statusLine
	file  *sweep.File
	waits func(reason string) // is called when the sweep waits, or nil

	mu      sync.Mutex
	planned int            // trials in all
	states  map[int]string // of the trials that have ended, by number: "finished", "pruned" or "failed"
	running []*trialLine
	took    time.Duration // the sum of the durations of trials that ended in this process
	ended   int           // the number of these trials
	began   time.Time
}

// trialLine shows a running trial. It is an observer of it.
type trialLine struct {
	board     *sweepBoard
	trial     *sweep.Trial
	total     int // iterations
	latest    progress.Iteration
	objective string // its latest value
	tiles     string // the progress of an evaluation in tiles
	began     time.Time
}

func newSweepBoard(w io.Writer, file *sweep.File) *sweepBoard {
	return &sweepBoard{line: newStatusLine(w), file: file, states: map[int]string{}, began: time.Now()}
}

// begin shows the state of the sweep before anything runs.
func (b *sweepBoard) begin(ctx context.Context, store sweep.Store) {
	record, err := store.Sweep(ctx, b.file.Name)
	if err != nil {
		return // running the sweep returns the same error
	}
	report, err := reportSweep(ctx, store, record)
	if err != nil {
		return
	}
	summary := report.Summary
	b.planned = summary.Planned
	for _, run := range report.Trials {
		if run.Status == tracker.StatusFinished || run.Status == tracker.StatusFailed {
			b.states[run.Trial] = trialState(run)
		}
	}
	done := summary.Finished + summary.Pruned + summary.Failed
	text := terminal.Sprintf("sweep %s: %s", b.file.Name, format.Count(summary.Planned, "trial", "trials"))
	if done+summary.Interrupted > 0 {
		text += terminal.Sprintf(", %d done before, %d to continue", done, summary.Interrupted)
	}
	b.line.say(terminal.Sprintf("%s; %s, %d at once", text, b.file.Sampler, max(b.file.Parallel, 1)))
}

// Began adds a trial's line.
func (b *sweepBoard) Began(t *sweep.Trial) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.states, t.Number) // it may have failed before
	b.running = append(b.running, &trialLine{board: b, trial: t, began: time.Now()})
}

// observer returns the line of a trial that has begun.
func (b *sweepBoard) observer(t *sweep.Trial) progress.Observer {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.running[slices.IndexFunc(b.running, func(l *trialLine) bool { return l.trial == t })]
}

// Ended removes a trial's line, and prints how the trial ended.
func (b *sweepBoard) Ended(t *sweep.Trial, o tracker.Outcome) {
	b.mu.Lock()
	at := slices.IndexFunc(b.running, func(l *trialLine) bool { return l.trial == t })
	l := b.running[at]
	b.running = slices.Delete(b.running, at, at+1)
	b.took += time.Since(l.began)
	b.ended++
	word := string(o.Status)
	switch {
	case o.Status == tracker.StatusFailed:
		b.states[t.Number] = word
		word = "failed: " + o.Reason
	case o.Status == tracker.StatusFinished && t.Pruned() != "":
		b.states[t.Number] = "pruned"
		word = o.Reason
	case o.Status == tracker.StatusFinished:
		b.states[t.Number] = word
	}
	b.mu.Unlock()
	text := terminal.Sprintf("trial %d %s in %s  %s", t.Number, word, format.Duration(time.Since(l.began)), b.file.Label(t.Params))
	if o.Status == tracker.StatusFinished {
		text += objectiveText(b.file, t)
	}
	b.line.sayAbove(text)
	b.show(true)
}

// Waiting prints the reason.
func (b *sweepBoard) Waiting(reason string) {
	b.line.sayAbove(terminal.Line(reason))
	if b.waits != nil {
		b.waits(reason)
	}
}

// warn prints an error that ends nothing.
func (b *sweepBoard) warn(err error) { b.line.sayAbove(terminal.Sprintf("warning: %v", err)) }

// Observe updates the trial's line.
func (l *trialLine) Observe(e progress.Event) {
	l.board.mu.Lock()
	switch e := e.(type) {
	case progress.Run:
		l.total = e.Iterations()
	case progress.Iteration:
		l.latest, l.objective, l.tiles = e, objectiveText(l.board.file, l.trial), ""
	case progress.Tiles:
		l.tiles = terminal.Sprintf("  evaluation %d: tile %d of %d", e.Evaluations+1, e.Done, e.Total)
	}
	l.board.mu.Unlock()
	l.board.show(false)
}

// show updates all lines. In a log, where lines stay, it shows only that of the whole sweep.
func (b *sweepBoard) show(force bool) {
	b.mu.Lock()
	var lines []string
	for _, l := range b.running {
		if b.line.terminal != nil {
			lines = append(lines, l.text(b.file))
		}
	}
	lines = append(lines, b.overall())
	b.mu.Unlock()
	b.line.show(strings.Join(lines, "\n"), force)
}

func (l *trialLine) text(f *sweep.File) string {
	i := l.latest
	text := terminal.Sprintf("trial %-4d %s %d/%d  %s%s%s", l.trial.Number, bar(i.Iteration, l.total), i.Iteration, l.total,
		f.Label(l.trial.Params), l.objective, l.tiles)
	if i.Iteration > 0 && i.Remaining >= 0 {
		text += terminal.Sprintf("  %s left", format.Duration(i.Remaining))
	}
	return text
}

// overall is the line of the whole sweep.
func (b *sweepBoard) overall() string {
	done := len(b.states)
	text := terminal.Sprintf("sweep      %s %d/%d", bar(done, b.planned), done, b.planned)
	counts := map[string]int{}
	for _, state := range b.states {
		counts[state]++
	}
	for _, state := range []string{"pruned", "failed"} {
		if counts[state] > 0 {
			text += terminal.Sprintf("  %d %s", counts[state], state)
		}
	}
	if left := b.remaining(done); left >= 0 {
		text += terminal.Sprintf("  %s left", format.Duration(left))
	}
	return text
}

// remaining estimates the time left from the trials that ended in this process, or else from the
// running ones' own estimates. It is negative if it is unknown.
func (b *sweepBoard) remaining(done int) time.Duration {
	var each time.Duration
	var current time.Duration // spent on the running trials
	for _, l := range b.running {
		spent := time.Since(l.began)
		current += spent
		if i := l.latest; b.ended == 0 && i.Iteration > 0 && i.Remaining >= 0 {
			each = max(each, spent+i.Remaining)
		}
	}
	if b.ended > 0 {
		each = b.took / time.Duration(b.ended)
	}
	if each == 0 {
		return -1
	}
	left := each*time.Duration(b.planned-done) - min(current, each*time.Duration(len(b.running)))
	return max(left, 0) / time.Duration(max(min(b.file.Parallel, b.planned-done), 1))
}

// conclude prints the result.
func (b *sweepBoard) conclude(out io.Writer, store sweep.Reader, s *sweep.Summary) error {
	text := terminal.Sprintf("%d of %s finished", s.Finished, format.Count(s.Planned, "trial", "trials"))
	for _, c := range []struct {
		n    int
		what string
	}{{s.Pruned, "pruned"}, {s.Failed, "failed"}, {s.Interrupted, "to continue"}, {s.Running, "running in another process"}} {
		if c.n > 0 {
			text += terminal.Sprintf(", %d %s", c.n, c.what)
		}
	}
	terminal.Fprintf(b.line.w, "%s, in %s\n", text, format.Duration(time.Since(b.began)))
	if s.Best == "" {
		return nil
	}
	best, err := store.Run(context.Background(), s.Best)
	if err != nil {
		return err
	}
	terminal.Fprintf(b.line.w, "best: trial %d, run %s: %s; gouache ui shows them all\n", best.Trial, best.ID, b.file.Label(best.Params))
	_, err = terminal.Fprintf(out, "%s\n", best.ID)
	return err
}

// objectiveText returns a trial's objective for a line, or "".
func objectiveText(f *sweep.File, t *sweep.Trial) string {
	if v, ok := t.Objective(); ok {
		return terminal.Sprintf("  %s = %s", f.Minimise, format.Rounded(v, 4))
	}
	return ""
}
