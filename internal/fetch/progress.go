package fetch

import (
	"context"
	"io"
	"time"
)

// Progress is what is known about a transfer under way.
type Progress struct {
	Done    int64  // bytes that are here
	Total   int64  // bytes of the whole file, 0 if unknown
	Message string // what is going on, for a person
}

// reporter passes progress on, at most about ten times a second; messages and ends always.
type reporter struct {
	report func(Progress)
	last   *time.Time
}

func newReporter(report func(Progress)) reporter {
	if report == nil {
		report = func(Progress) {}
	}
	return reporter{report: report, last: new(time.Time)}
}

func (r reporter) message(text string) { r.report(Progress{Message: text}) }

func (r reporter) progress(p Progress) {
	if now := time.Now(); p.Done == p.Total || now.Sub(*r.last) >= 100*time.Millisecond {
		*r.last = now
		r.report(p)
	}
}

// counter counts what is written to a file, reports it, ends with the context and refuses to exceed a limit.
type counter struct {
	ctx    context.Context
	to     io.Writer
	limit  int64
	report reporter
	p      Progress
}

func (c *counter) Write(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	if c.p.Done+int64(len(b)) > c.limit {
		return 0, errTooLong
	}
	n, err := c.to.Write(b)
	c.p.Done += int64(n)
	c.report.progress(c.p)
	return n, err
}
