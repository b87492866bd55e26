package live

import (
	"fmt"
	"html"
	"math"
	"strings"
	gosync "sync"
	"sync/atomic"
	"time"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/comms"
	"github.com/janpfeifer/gonb/gonbui/dom"
	"github.com/janpfeifer/gonb/gonbui/widgets"

	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/loss"
)

// pagePanel is the controls in a page of a Jupyter server: GoNB's widgets, in an element that scripts fill, so that they
// are not saved with the notebook.
type pagePanel struct {
	id     string      // of the output, and of the element in it
	built  atomic.Bool // the controls are there
	closed atomic.Bool
}

// noPanel is used where there is no page.
type noPanel struct{}

func (noPanel) relabel(string, string) {}
func (noPanel) close()                 {}

// The controls ask for the page this often, and wait a little longer each time: where a cell is out of sight, a page shows
// it late.
const (
	pageTries = 20
	pageWait  = time.Second
)

// noControls stands where the controls appear, and where they were if the page is loaded again, which renders what was
// sent and not what scripts made of it.
const noControls = "Controls appear here while the cell runs. A page that is loaded again does not get them back: there the " +
	"picture stands still, while the painting continues to its end and is recorded. Interrupt the kernel (■) to end it, and " +
	"run the cell again for controls."

// openPanel gives a painting its controls. They appear when the page answers, while it paints.
func openPanel(in *interaction) {
	if !inNotebook || !served {
		in.note = "there are no controls here: open the notebook in JupyterLab, from a Jupyter server"
		in.panel = noPanel{}
		return
	}
	p := &pagePanel{id: "gouache-controls-" + gonbui.UniqueId()}
	in.panel = p
	gonbui.UpdateHtml(p.id, fmt.Sprintf(`<div id="%s">%s</div>`, p.id, noControls))
	go p.build(in)
}

// build adds the controls to the page. (GoNB's comms lock up when a value comes for an address without a subscription. So
// addresses are subscribed to before their widgets exist, and for as long as the cell runs.)
func (p *pagePanel) build(in *interaction) {
	ready := make(chan struct{})
	hello := p.id + "/ready"
	once := gosync.OnceFunc(func() { close(ready) })
	comms.Subscribe(hello, func(string, int) { once() })
	for try := 1; !p.asked(ready, hello, time.Duration(try)*pageWait); try++ {
		if try == pageTries || p.closed.Load() {
			return
		}
		comms.Start() // which does nothing if the page is connected
	}
	enhance()
	var page strings.Builder
	for _, name := range in.sliders() {
		fmt.Fprintf(&page, `<label style="display:inline-block;margin:0 20px 6px 0">%s<br><span id="%s"></span> <output style="display:inline-block;width:4em"></output></label>`,
			html.EscapeString(name), p.of(name))
	}
	fmt.Fprintf(&page, `<div id="%s" style="margin:4px 0 10px"></div>`, p.of("buttons"))
	dom.SetInnerHtml(p.id, page.String())
	for _, name := range in.sliders() {
		start, value := sliderEnd/2, factorAt
		if name == strengthSlider {
			start, value = int(math.Round(sliderEnd*strengthOf(in.job))), func(position int) float64 { return float64(position) / sliderEnd }
		}
		var moved atomic.Bool // a widget sends its value when it is made, too
		comms.Subscribe(p.of(name)+"/value", func(_ string, position int) {
			if position != start {
				moved.Store(true)
			}
			if moved.Load() {
				in.send(command{slider: name, value: value(position)})
			}
		})
		widgets.Slider(0, sliderEnd, start).WithAddress(p.of(name) + "/value").AppendTo(p.of(name)).Done()
	}
	for _, name := range []string{stopButton, keepButton, compareButton, finishButton} {
		comms.Subscribe(p.of(name)+"/clicks", func(_ string, clicks int) {
			if clicks > 0 {
				in.send(command{button: name})
			}
		})
		widgets.Button(name).WithAddress(p.of(name) + "/clicks").WithHtmlId(p.of(name)).AppendTo(p.of("buttons")).Done()
	}
	p.script(`for (const slider of document.getElementById(%q).querySelectorAll("input")) {
	const label = slider.closest("label"), shown = label.querySelector("output");
	const show = () => {
		shown.textContent = label.textContent.startsWith(%q) ? (slider.value / %[3]d).toFixed(2) : "× " + (10 ** ((slider.value - %[4]d) / %[4]d)).toPrecision(2);
	};
	slider.addEventListener("input", show);
	show();
}`, p.id, strengthSlider, sliderEnd, sliderEnd/2)
	p.built.Store(true)
}

// asked asks the page to answer, and reports whether it does in time. It does when it shows the element of the controls and
// is connected to the kernel, for which GoNB gives a page half a second only.
func (p *pagePanel) asked(ready <-chan struct{}, hello string, wait time.Duration) bool {
	p.script(`if (document.getElementById(%q)) globalThis.gonb_comm?.send(%q, 1);`, p.id, hello)
	select {
	case <-ready:
		return true
	case <-time.After(wait):
		return false
	}
}

// of returns the id of a part of the controls.
func (p *pagePanel) of(name string) string {
	return p.id + "-" + strings.ReplaceAll(strings.ToLower(name), " ", "-")
}

// script runs a script in the page, which is not saved.
func (p *pagePanel) script(format string, args ...any) {
	dom.TransientJavascript("(() => {\n" + fmt.Sprintf(format, args...) + "\n})();")
}

func (p *pagePanel) relabel(button, text string) {
	if p.built.Load() {
		dom.SetInnerText(p.of(button), text)
	}
}

// close removes the controls, so that none are saved.
func (p *pagePanel) close() {
	p.closed.Store(true)
	gonbui.UpdateHtml(p.id, "")
	sync()
}

// strengthOf returns the strength that a job's style has.
func strengthOf(job stylelib.Job) float64 {
	settings := job.Settings()
	weight, _ := settings["style_weight"].(float64)
	name, _ := settings["preset"].(string)
	preset, err := loss.LookupPreset(name)
	if err != nil {
		return stylelib.Medium // a preset of one's own
	}
	return stylelib.StrengthOf(weight, preset.StyleWeight)
}
