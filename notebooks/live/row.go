package live

import (
	"fmt"
	"html"
	"image"
	"strings"
	"time"

	"github.com/janpfeifer/gonb/gonbui"

	"github.com/gouache-art/gouache/internal/fetch"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/stylelib/progress"
)

// rowView shows several paintings side by side in one output of the cell, as they form. It is the observer of each.
type rowView struct {
	id     string
	side   int // the longer side of a picture, in CSS pixels
	cells  []string
	texts  []string
	now    Variant
	total  int // iterations of that
	status string
	due    time.Time
}

var _ progress.Observer = (*rowView)(nil)

// rowMost is how many pictures are in a row at most: more would be too small to tell apart.
const rowMost = 4

// rowLeast is the longer side of a picture in a row at least, in CSS pixels. Small ones are enlarged, to be told apart.
const rowLeast = 280

// tag is a picture of the row.
func (v *rowView) tag(m image.Image, alt string) string {
	b := shrink(m, v.side).Bounds()
	width := max(b.Dx(), min(v.side, rowLeast)*b.Dx()/max(b.Dx(), b.Dy()))
	return pictureTag(shrink(m, 2*v.side), width, alt, "")
}

func newRowView(count int) *rowView {
	return &rowView{id: "gouache-" + gonbui.UniqueId(), side: min(shownSide, 960/max(1, min(count, rowMost)))}
}

// next adds a variant that is painted now.
func (v *rowView) next(variant Variant) {
	v.now = variant
	v.cells, v.texts = append(v.cells, figure("", variant.Caption)), append(v.texts, variant.Caption)
	v.say("painting " + variant.Caption)
}

// Observe shows the picture as it forms.
func (v *rowView) Observe(e progress.Event) {
	if r, ok := e.(progress.Run); ok {
		v.total = r.Iterations()
	}
	i, ok := e.(progress.Iteration)
	if began := time.Now(); ok && !began.Before(v.due) {
		m, err := i.Picture()
		if err != nil {
			return // if the device has failed, Stylize reports it
		}
		v.cells[len(v.cells)-1] = figure(v.tag(m, v.now.Caption), v.now.Caption)
		v.say(fmt.Sprintf("%s: iteration %d of %d", v.now.Caption, i.Iteration, v.total))
		v.due = time.Now().Add(min(viewLongest, time.Duration(float64(time.Since(began))/viewShare)))
	}
}

// done shows a result.
func (v *rowView) done(i int, r *progress.Result) {
	caption := v.now.Caption
	if r.Status == progress.Interrupted {
		caption += ", interrupted"
	}
	c := Captioned{r.Picture.Image(), caption}
	v.cells[i], v.texts[i] = figure(v.tag(c.Image, caption), caption), describe(c)
	v.say("")
}

func (v *rowView) transfer(p fetch.Progress) { v.say(transferText(p)) }

func (v *rowView) measuring(done, total int) { v.say(measuringText(done, total)) }

func (v *rowView) say(status string) {
	v.status = status
	v.update()
}

func (v *rowView) end() {
	v.status = ""
	v.update()
	sync()
}

func (v *rowView) update() {
	page, text := inRows(min(len(v.cells), rowMost), v.cells), strings.Join(v.texts, "\n")
	if v.status != "" {
		page += `<p>` + html.EscapeString(v.status) + ` …</p>`
		text = v.status
	}
	update(v.id, page, terminal.Text(text))
}
