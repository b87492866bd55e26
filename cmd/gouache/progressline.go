package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/gouache-art/gouache/internal/fetch"
	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/tracker/stores"
)

// statusLine shows the latest state of a process in one or more lines: in place on a terminal, or else periodically in
// new lines.
type statusLine struct {
	w        io.Writer
	terminal *terminal.Writer // or nil

	mu    sync.Mutex // of what follows, and of writing
	shown int        // lines
	last  time.Time
	busy  bool // what is shown only says that the program is at work
}

// How often a status line is replaced.
const (
	everyOnTerminal = 100 * time.Millisecond
	everyInLog      = 5 * time.Second
)

func newStatusLine(w io.Writer) *statusLine {
	s := &statusLine{w: w}
	if t, ok := w.(*terminal.Writer); ok && t.IsTerminal() {
		s.terminal, s.w = t, t.Raw()
	}
	return s
}

// show replaces the lines, unless they were replaced a moment ago; force replaces them in any case. What is not
// printable is escaped, but for line breaks: make the text with terminal.Sprintf.
func (s *statusLine) show(text string, force bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	every := everyInLog
	if s.terminal != nil {
		every = everyOnTerminal
	}
	if !force && time.Since(s.last) < every {
		return
	}
	s.last, s.busy = time.Now(), false
	if s.terminal == nil {
		fmt.Fprintln(s.w, terminal.Text(text))
		return
	}
	s.clear()
	lines := strings.Split(text, "\n")
	width, height := s.terminal.Size()
	if height > 1 && len(lines) > height-1 { // what has left the screen cannot be replaced
		lines = lines[len(lines)-height+1:]
	}
	for i := range lines {
		lines[i] = terminal.Line(lines[i])
		if width > 1 {
			lines[i] = terminal.Cut(lines[i], width-1)
		}
	}
	fmt.Fprint(s.w, strings.Join(lines, "\n"))
	s.shown = len(lines)
}

// working says on a terminal what the program does, until something else is shown.
func (s *statusLine) working(on string) {
	if s.terminal == nil {
		return
	}
	s.show(terminal.Line(on)+" …", true)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy, s.last = true, time.Time{}
}

func (s *statusLine) clear() {
	if s.shown > 1 {
		fmt.Fprintf(s.w, "\x1b[%dA", s.shown-1)
	}
	if s.shown > 0 {
		fmt.Fprint(s.w, "\r\x1b[J")
	}
	s.shown = 0
}

// end leaves the lines as they are, unless they only say that the program is at work.
func (s *statusLine) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy {
		s.clear()
	}
	if s.shown > 0 {
		fmt.Fprintln(s.w)
		s.shown = 0
	}
}

// wipe removes the lines.
func (s *statusLine) wipe() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
}

// say writes a separate line below the lines, which stay.
func (s *statusLine) say(text string) {
	s.end()
	s.sayAbove(text)
}

// sayAbove writes a separate line above the lines, which the next show restores.
func (s *statusLine) sayAbove(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	fmt.Fprintln(s.w, terminal.Text(text))
	s.last = time.Time{}
}

// progressLine is an observer that shows a run in one line.
type progressLine struct {
	line  *statusLine
	run   progress.Run
	state string // of the latest iteration
}

func newProgressLine(w io.Writer) *progressLine { return &progressLine{line: newStatusLine(w)} }

// Observe shows an event.
func (p *progressLine) Observe(e progress.Event) {
	switch e := e.(type) {
	case progress.Run:
		p.run = e
		scales, last := "", e.Scales[len(e.Scales)-1]
		if n := len(e.Scales); n > 1 {
			scales = fmt.Sprintf(", coarse to fine from %d×%d in %d scales", e.Scales[0].Width, e.Scales[0].Height, n)
		}
		p.line.say(terminal.Sprintf("painting %d×%d pixels%s, %d iterations on %s", last.Width, last.Height, scales, e.Iterations(), e.Device))
		p.line.working("preparing the first scale")
	case progress.Tiles:
		p.tiles(e)
	case progress.Iteration:
		p.iteration(e)
	case progress.Result:
		p.line.end()
		if e.Status == progress.Finished {
			p.line.say(terminal.Sprintf("done in %s: %s", format.Duration(e.Elapsed), e.Reason))
		}
	}
}

func (p *progressLine) iteration(i progress.Iteration) {
	total := p.run.Iterations()
	scale := p.run.Scales[i.Scale]
	var b strings.Builder
	terminal.Fprintf(&b, "%s ", bar(i.Iteration, total))
	if i.Remaining >= 0 && i.Iteration < total {
		terminal.Fprintf(&b, "%s left  ", format.Duration(i.Remaining))
	}
	terminal.Fprintf(&b, "%d/%d  %d×%d  loss %s", i.Iteration, total, scale.Width, scale.Height, format.Rounded(i.Total, 4))
	for _, t := range i.Terms { // last, since a terminal may be too narrow for them
		terminal.Fprintf(&b, "  %s %s", t.Name, format.Rounded(t.Weighted, 4))
	}
	p.state = b.String()
	p.line.show(p.state, i.Iteration == 1 || i.Iteration == total)
}

// tiles shows the progress of the evaluation that the next iteration waits for.
func (p *progressLine) tiles(t progress.Tiles) {
	scale := p.run.Scales[t.Scale]
	state := p.state
	if state == "" {
		state = fmt.Sprintf("%s %d/%d  %d×%d", bar(0, 1), t.Iteration-1, p.run.Iterations(), scale.Width, scale.Height)
	}
	p.line.show(terminal.Sprintf("%s  evaluation %d: tile %d of %d", state, t.Evaluations+1, t.Done, t.Total), t.Done == 1 && t.Evaluations == 0)
}

// notRecorded warns of a store that fails. It may be called from any goroutine.
func (p *progressLine) notRecorded(err error) {
	p.line.say(terminal.Sprintf("warning: this run cannot be recorded: %v; the painting continues (--store %s leaves out the recording)", err, stores.None))
}

func bar(done, total int) string {
	const cells = 20
	full := cells * min(done, total) / max(total, 1)
	return "[" + strings.Repeat("█", full) + strings.Repeat("·", cells-full) + "]"
}

func (s *statusLine) transfer(p fetch.Progress) {
	text := terminal.Line(p.Message)
	if p.Total > 0 {
		text += "  " + format.Progress(p.Done, p.Total)
	}
	s.show(strings.TrimSpace(text), p.Done == p.Total) // messages without a total, too
}

func (s *statusLine) measuring(done, total int) {
	s.show(fmt.Sprintf("measuring which convolution is fastest for each layer, once for this device and size: %d of %d", done, total), done == 0)
	if done == total {
		s.wipe()
	}
}
