package live

import (
	"fmt"
	"html"
	"image"
	"math"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// sweepCell is a trial in the view. It is the trial's progress.Observer.
type sweepCell struct {
	view  *sweepView
	trial int
	label string
	tag   string // the picture, as an element of HTML
	state string // how far it is, or how it ended
	ended bool
	total int // iterations
}

var _ progress.Observer = (*sweepCell)(nil)

// sweepSide is the longer side of a trial's picture, in CSS pixels at most.
const sweepSide = 160

// Observe shows the picture as it forms. The result has nothing to show here: it is in the store soon.
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
		return // the trial itself says so, if the device has failed
	}
	tag := trialTag(m, sweepSide, c.label)
	c.view.mu.Lock()
	c.tag, c.state = tag, fmt.Sprintf("iteration %d of %d", i.Iteration, c.total)
	c.view.mu.Unlock()
	c.view.update(false)
}

// page is the cell as HTML. The view is locked.
func (c *sweepCell) page() string {
	return fmt.Sprintf(`%s<b>%d</b> %s<br>%s`, lined(c.tag), c.trial, html.EscapeString(c.label), html.EscapeString(c.state))
}

// standing says in a few words how a trial stands.
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

// trialTag is a trial's picture, side pixels wide or high at most, and sharp on a screen of two pixels to a CSS pixel.
func trialTag(m image.Image, side int, alt string) string {
	return pictureTag(shrink(m, 2*side), shrink(m, side).Bounds().Dx(), alt, "")
}

// lined ends the line below an element, if there is one.
func lined(tag string) string {
	if tag == "" {
		return ""
	}
	return tag + "<br>"
}
