package live

import (
	"cmp"
	"fmt"
	"html"
	"image"
	"strings"
	"time"

	"github.com/janpfeifer/gonb/gonbui"

	"github.com/gouache-art/gouache/internal/fetch"
	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/internal/plot"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/progress"
)

// viewShare is the share of a run's time that updates may take. One costs 7 ms at 256 pixels
// (BenchmarkUpdate), so with iterations of 0.3 s every third is shown.
const viewShare = 0.008

// viewLongest is the longest time between updates. Without it a slow update, such as the first,
// would leave the picture unchanged for five seconds.
const viewLongest = 2 * time.Second

// View shows one run in one output of the cell. It is a progress.Observer.
type View struct {
	id     string
	run    progress.Run
	image  image.Image
	curves []Curve
	last   int       // the chart's last iteration
	next   time.Time // when the next update is due
	ended  bool

	recorded string        // the id of the run that records it
	below    func() string // more HTML below the status; may be nil
}

var _ progress.Observer = (*View)(nil)

// Observer returns the view of Stylize for a painting of one's own, by a studio's method. It appears when the run begins.
func Observer() *View { return &View{id: "gouache-" + gonbui.UniqueId()} }

// begin shows what the run will start from.
func (v *View) begin(job stylelib.Job) {
	if start := cmp.Or(job.Start, job.Content); job.Content != nil && !job.Noise {
		v.image = shrink(start.Image(), shownSide)
		b := v.image.Bounds()
		v.run.Scales = []progress.Scale{{Width: b.Dx(), Height: b.Dy()}}
	}
	v.say("opening the device and the network's weights")
}

// say shows what is happening before the run begins.
func (v *View) say(text string) { v.update(`<p>`+html.EscapeString(text)+` …</p>`, text) }

// saySometimes is say, twice a second at most.
func (v *View) saySometimes(text string) {
	if now := time.Now(); !now.Before(v.next) {
		v.next = now.Add(500 * time.Millisecond)
		v.say(text)
	}
}

func (v *View) transfer(p fetch.Progress) { v.saySometimes(transferText(p)) }

// measuring shows the progress of choosing convolutions, once for a device and size.
func (v *View) measuring(done, total int) {
	if done == total {
		v.say("compiling")
		return
	}
	v.saySometimes(measuringText(done, total))
}

func measuringText(done, total int) string {
	return fmt.Sprintf("measuring which convolution is fastest for each layer, once for this machine and size: %d of %d", done, total)
}

func transferText(p fetch.Progress) string {
	if p.Total > 0 {
		return p.Message + ": " + format.Progress(p.Done, p.Total)
	}
	return p.Message
}

// Observe shows an event.
func (v *View) Observe(e progress.Event) {
	switch e := e.(type) {
	case progress.Run:
		v.run, v.last = e, e.Iterations()
		full := e.Scales[len(e.Scales)-1]
		v.say(fmt.Sprintf("compiling for %s on %s: %d iterations up to %d×%d pixels", e.Network, e.Device, v.last, full.Width, full.Height))
		v.next = time.Time{}
	case progress.Tiles:
		if began := time.Now(); !began.Before(v.next) {
			text := fmt.Sprintf("%s: evaluation %d, tile %d of %d", v.position(e.Scale, e.Iteration), e.Evaluations+1, e.Done, e.Total)
			v.progress(e.Iteration-1, text, began)
		}
	case progress.Iteration:
		v.iteration(e)
	case progress.Result:
		v.finished(e)
	}
}

// iteration keeps the terms, and shows them with the picture if that is due.
func (v *View) iteration(i progress.Iteration) {
	for _, t := range i.Terms {
		v.curves = termCurve(v.curves, t.Name, i.Iteration, t.Weighted)
	}
	v.curves = termCurve(v.curves, "total", i.Iteration, i.Total)
	began := time.Now()
	if began.Before(v.next) {
		return
	}
	m, err := i.Picture()
	if err != nil {
		return // if the device has failed, the run reports it
	}
	v.image = shrink(m, shownSide)
	text := v.position(i.Scale, i.Iteration)
	if i.Remaining >= 0 {
		text += ", " + format.Duration(i.Remaining) + " left"
	}
	v.progress(i.Iteration, text, began)
}

func (v *View) position(scale, iteration int) string {
	s := v.run.Scales[scale]
	return fmt.Sprintf("iteration %d of %d, at %d×%d pixels", iteration, v.run.Iterations(), s.Width, s.Height)
}

// progress renews the output with how much is done, and sets when the next update is due.
func (v *View) progress(done int, text string, began time.Time) {
	v.update(fmt.Sprintf(`<p><progress value="%d" max="%d"></progress> %s</p>`, done, v.run.Iterations(), html.EscapeString(text)), text)
	v.next = time.Now().Add(min(viewLongest, time.Duration(float64(time.Since(began))/viewShare)))
}

// finished shows the result and how the run ended. A saved notebook keeps this.
func (v *View) finished(o progress.Result) {
	if o.Status == progress.Failed {
		v.fail(o.Err)
		return
	}
	v.image = shrink(o.Picture.Image(), shownSide)
	done := 0
	if len(v.curves) > 0 {
		points := v.curves[0].Points
		done = int(points[len(points)-1].Step)
	}
	text := fmt.Sprintf("%s; %d iterations in %s", o.Reason, done, format.Duration(o.Elapsed))
	if o.Status == progress.Finished {
		text = "finished: " + text
	} else if v.recorded != "" {
		text += fmt.Sprintf("; live.Resume(%q) continues it", v.recorded[:min(8, len(v.recorded))])
	}
	v.last = done
	v.end(`<p>`+html.EscapeString(text)+`</p>`, text)
}

func (v *View) fail(err error) {
	if v.ended {
		return
	}
	text := "failed: " + err.Error()
	v.end(`<p style="color:#c4463a">`+html.EscapeString(text)+`</p>`, text)
}

func (v *View) end(status, text string) {
	v.ended = true
	v.update(status, text)
	sync()
	enhance()
}

func (v *View) update(status, text string) {
	var page strings.Builder
	if v.image != nil {
		full := v.run.Scales[len(v.run.Scales)-1]
		width := full.Width
		if longer := max(full.Width, full.Height); longer > shownSide {
			width = width * shownSide / longer
		}
		page.WriteString(pictureTag(v.image, width, "the picture, "+text, spaced))
	}
	if len(v.curves) > 0 {
		page.WriteString(chart("iteration", int64(v.last), v.curves, scaleMarks(v.run, v.last)...))
	}
	page.WriteString(status)
	for _, w := range v.run.Warnings {
		page.WriteString(`<p>warning: ` + html.EscapeString(w.Error()) + `</p>`)
		text += "; warning: " + w.Error()
	}
	if v.below != nil {
		page.WriteString(v.below())
	}
	update(v.id, page.String(), terminal.Line(text))
}

// scaleMarks are where the picture becomes larger, before the last iteration.
func scaleMarks(run progress.Run, last int) []plot.Mark {
	var marks []plot.Mark
	at := 0
	for _, s := range run.Scales {
		if at >= last {
			break
		}
		marks = append(marks, plot.Mark{X: float64(at), Text: fmt.Sprintf("%d px", max(s.Width, s.Height))})
		at += s.Iterations
	}
	return marks
}
