package live

import (
	"context"
	"fmt"
	"html"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gouache-art/gouache/internal/plot"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/tracker"
)

// Interact paints as [Stylize] does, with controls below the picture. Sliders change the weights of content, style and
// smoothness and the strength of the style while it paints, from the next iteration on. Buttons stop it and let it continue,
// keep the picture as it is now, compare it with the one before, and finish. The one before is the one that was kept last,
// or else the picture before the latest change of a slider. The result has the status progress.Finished, whether all
// iterations are done or Finish was clicked.
//
// The strength moves the style's weight and the freedom. The palette, which it sets in [stylelib.Job.SetStrength], stays:
// targets that were computed depend on it.
//
// The controls are GoNB's widgets, which work in a page of a Jupyter server, such as JupyterLab. Elsewhere, and if the page
// is loaded again, the painting goes through to its end without them. The run is in the store with its changes
// (tracker.ChangedParam), with the kept pictures as snapshots, and with a checkpoint: what happens to the notebook, its
// kernel or its page loses nothing, and [Resume] continues the run.
func Interact(name string, job stylelib.Job) *progress.Result {
	return Must(cell.interact(name, job, openPanel))
}

func (c *session) interact(name string, job stylelib.Job, open func(*interaction)) (*progress.Result, error) {
	in := &interaction{View: Observer(), weights: weightsOf(job), turned: map[string]float64{}, commands: make(chan command, 256)}
	in.below = in.belowStatus
	in.begin(job)
	result, err := c.paintWith(in, name, job, open)
	if err != nil {
		in.fail(err)
	}
	return result, err
}

func (c *session) paintWith(in *interaction, name string, job stylelib.Job, open func(*interaction)) (*progress.Result, error) {
	run, err := c.start(&job, tracker.NewRun{Name: name, Experiment: Experiment}, in.View)
	if err != nil {
		return nil, err
	}
	in.job, in.recording = job, run
	ctx, finish := context.WithCancel(Context())
	defer finish()
	in.finish = finish
	in.ctx = ctx
	observers := progress.Multi{in}
	if run != nil {
		stopped, stop := run.Context(ctx)
		defer stop()
		in.ctx, in.recorded = stopped, run.ID()
		observers = progress.Multi{recorder(run), in}
	}
	open(in)
	defer in.panel.close()
	result, err := c.resume(in.ctx, job, nil, in.View, byHand{observers, in})
	if result != nil {
		*result = in.ended(*result)
	}
	return result, closed(run, err)
}

// The sliders, and the settings that they multiply. The other slider is strength.
var factors = []struct{ slider, setting string }{
	{"content", "content_weight"}, {"style", "style_weight"}, {"smoothness", "tv_weight"},
}

const strengthSlider = "strength"

// The buttons.
const (
	stopButton     = "Stop"
	continueButton = "Continue"
	keepButton     = "Keep this one"
	compareButton  = "Compare"
	finishButton   = "Finish"
)

// command is what a person did: a button was clicked, or a slider moved to a position.
type command struct {
	button string
	slider string
	value  float64 // the factor of a weight, or the strength
}

// interaction is a painting with controls. It is the painting's observer: all but the commands belongs to the painting's
// goroutine.
type interaction struct {
	*View
	job       stylelib.Job
	recording *tracker.ActiveRun // nil if the painting is not recorded
	ctx       context.Context
	finish    func()
	commands  chan command
	panel     panel

	weights  map[string]float64 // as they are now, by setting
	turned   map[string]float64 // sliders that were moved
	stopped  bool
	finished bool
	note     string
	kept     []string   // pictures with their captions, as HTML
	before   *Captioned // what is compared with
}

// panel is where the controls are.
type panel interface {
	// relabel changes the text of a button.
	relabel(button, text string)
	close()
}

// send passes on what a person did. If too much waits, it is lost.
func (in *interaction) send(c command) {
	select {
	case in.commands <- c:
	default:
	}
}

// weightsOf returns the settings of a job that the sliders change.
func weightsOf(job stylelib.Job) map[string]float64 {
	settings := job.Settings()
	weights := map[string]float64{}
	for _, name := range []string{"content_weight", "style_weight", "tv_weight", "freedom"} {
		weights[name], _ = settings[name].(float64)
	}
	return weights
}

// Observe shows an event, and does what a person asked for meanwhile.
func (in *interaction) Observe(e progress.Event) {
	i, ok := e.(progress.Iteration)
	if !ok {
		in.View.Observe(e)
		return
	}
	in.iteration(i)
	for in.ctx.Err() == nil {
		var c command
		select {
		case c = <-in.commands:
		default:
			if !in.stopped {
				return
			}
			select {
			case c = <-in.commands:
			case <-in.ctx.Done():
				return
			}
		}
		in.obey(c, i)
	}
}

// obey does what a person asked for at an iteration.
func (in *interaction) obey(c command, i progress.Iteration) {
	switch c.button {
	case "":
		in.turn(c, i)
		return
	case stopButton:
		in.stopped = !in.stopped
		if in.stopped {
			in.save(i)
			in.panel.relabel(stopButton, continueButton)
			in.look(i, fmt.Sprintf("stopped at iteration %d of %d", i.Iteration, in.run.Iterations()))
			return
		}
		in.panel.relabel(stopButton, stopButton)
		in.next = time.Time{}
	case keepButton:
		in.keep(i)
		in.refresh(i)
	case compareButton:
		if p, ok := in.picture(i); ok && in.before != nil {
			page, text := swipe(*in.before, p)
			update(in.id+"-compared", page, text)
			return
		}
		in.note = "there is nothing to compare with yet: keep a picture, or move a slider"
		in.refresh(i)
	case finishButton:
		in.finished = true
		in.finish()
	}
}

// keep shows the picture as it is now below the others, and records it.
func (in *interaction) keep(i progress.Iteration) {
	p, ok := in.picture(i)
	if !ok {
		return
	}
	in.before = &p
	in.kept = append(in.kept, figure(smallTag(p.Image, keptSide, p.Caption), p.Caption))
	update(in.id+"-kept", inRows(rowMost, in.kept), "kept: "+p.Caption)
	if in.recording == nil {
		return
	}
	if err := in.recording.LogPicture(in.ctx, tracker.RoleSnapshot, int64(i.Iteration), p.Image); err != nil {
		in.note = err.Error()
	}
}

// turn moves a slider, and with it weights.
func (in *interaction) turn(c command, i progress.Iteration) {
	if c.value == in.turned[c.slider] {
		return
	}
	in.turned[c.slider] = c.value
	job := in.job
	if strength, ok := in.turned[strengthSlider]; ok {
		if err := job.SetStrength(strength); err != nil {
			in.note = err.Error()
			return
		}
	}
	changed := map[string]float64{}
	for name, v := range weightsOf(job) {
		for _, f := range factors {
			if factor, ok := in.turned[f.slider]; ok && f.setting == name {
				v *= factor
			}
		}
		if v != in.weights[name] {
			changed[name] = v
		}
	}
	if len(changed) == 0 {
		return
	}
	before, ok := in.picture(i)
	if err := i.Retune(changed); err != nil {
		in.note = err.Error()
		in.refresh(i)
		return
	}
	if ok && len(in.kept) == 0 {
		in.before = &before
	}
	maps.Copy(in.weights, changed)
	in.note = ""
	in.refresh(i)
}

// save saves a checkpoint: a painting that is stopped may stay so for long.
func (in *interaction) save(i progress.Iteration) {
	if in.recording == nil || i.Checkpoint == nil {
		return
	}
	if err := in.recording.SaveCheckpoint(in.ctx, i.Checkpoint); err != nil {
		in.note = err.Error()
	}
}

// picture is the picture as it is now. It returns false if it cannot be had: the painting then reports why.
func (in *interaction) picture(i progress.Iteration) (Captioned, bool) {
	m, err := i.Picture()
	if err != nil {
		return Captioned{}, false
	}
	return Captioned{m, fmt.Sprintf("iteration %d: %s", i.Iteration, in.weightsText())}, true
}

// refresh has the output renewed with the next iteration, or at once while the painting is stopped.
func (in *interaction) refresh(i progress.Iteration) {
	in.next = time.Time{}
	if in.stopped {
		in.look(i, fmt.Sprintf("stopped at iteration %d of %d", i.Iteration, in.run.Iterations()))
	}
}

// look renews the output with the picture as it is now.
func (in *interaction) look(i progress.Iteration, text string) {
	if p, ok := in.picture(i); ok {
		in.image = shrink(p.Image, shownSide)
	}
	in.update(`<p><b>`+html.EscapeString(text)+`</b></p>`, text)
}

// weightsText says what the weights are.
func (in *interaction) weightsText() string {
	var words []string
	for _, f := range factors {
		words = append(words, f.slider+" "+plot.Text(in.weights[f.setting]))
	}
	return strings.Join(append(words, "freedom "+plot.Text(in.weights["freedom"])), ", ")
}

// belowStatus is what follows the status: the weights, and a note.
func (in *interaction) belowStatus() string {
	page := `<p>` + html.EscapeString(in.weightsText()) + `</p>`
	if in.note != "" {
		page += `<p>` + html.EscapeString(terminal.Line(in.note)) + `</p>`
	}
	return page
}

// keptSide is the longer side of a picture that was kept, in CSS pixels.
const keptSide = 220

// ended returns the result as it is if Finish was clicked: finished.
func (in *interaction) ended(r progress.Result) progress.Result {
	if in.finished && r.Status == progress.Interrupted {
		r.Status, r.Reason = progress.Finished, "ended by hand"
	}
	return r
}

// byHand passes events on to observers for which a painting that Finish ended has finished.
type byHand struct {
	progress.Observer
	in *interaction
}

func (b byHand) Observe(e progress.Event) {
	if r, ok := e.(progress.Result); ok {
		e = b.in.ended(r)
	}
	b.Observer.Observe(e)
}

// The range of a slider: its middle is the weight that the job has, its ends are a tenth and ten times that. That of the
// strength is 0 to 1.
const sliderEnd = 200

// factorAt returns the factor at a position of a slider.
func factorAt(position int) float64 { return math.Pow(10, float64(position-sliderEnd/2)/(sliderEnd/2)) }

// sliders returns the sliders of a painting, in the order in which they are shown: those whose setting has a weight.
func (in *interaction) sliders() []string {
	var names []string
	for _, f := range factors {
		if in.weights[f.setting] > 0 {
			names = append(names, f.slider)
		}
	}
	return slices.Concat(names, []string{strengthSlider})
}
