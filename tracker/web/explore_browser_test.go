package web

import (
	"context"
	"math"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/gouache-art/gouache/internal/browsertest"
)

func TestSweepExploreInBrowser(t *testing.T) {
	store := emptyStore(t)
	var trials []made
	for i := range 12 {
		m := way(math.Pow(10, float64(i)/3), []string{"max", "avg"}[i%2], uint8(10*i+10))
		m.final["loss.content"], m.final["loss.style"] = float64(i+1), 1/float64(i+1)
		trials = append(trials, m)
	}
	ids := makeSweep(t, store, "night", tpeFile, trials...)
	ctx := openSweep(t, store, "/sweeps/night/explore")
	browsertest.WaitFor(t, ctx, `document.querySelector(".overlaid canvas") && document.querySelectorAll(".point").length === 12 && document.querySelectorAll(".parallel-line").length === 12`)
	// A drag along the axis of style_weight, from its middle to its top, keeps those from 100 on.
	axis := browsertest.Eval[box](t, ctx, `(e => { e.scrollIntoView({block: "center"}); return e.getBoundingClientRect().toJSON(); })(document.querySelector('.axis[data-name="style_weight"] .axis-line'))`)
	mouse := func(kind input.DispatchMouseEventType, share float64) {
		t.Helper()
		browsertest.Do(t, ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			_, err := cdp.Call(ctx, target, input.DispatchMouseEvent, input.DispatchMouseEventParams{
				Type: kind, X: axis.X, Y: axis.Y + share*axis.Height, Button: input.MouseButtonLeft, ClickCount: 1,
			})
			return err
		}))
	}
	mouse(input.DispatchMouseEventTypeMousePressed, 0.5)
	mouse(input.DispatchMouseEventTypeMouseMoved, 0.2)
	mouse(input.DispatchMouseEventTypeMouseMoved, -0.02)
	mouse(input.DispatchMouseEventTypeMouseReleased, -0.02)
	browsertest.WaitFor(t, ctx, `document.getElementById("matching").textContent === "6 of 12 match" && document.querySelectorAll(".point.faded").length === 6 && document.querySelectorAll(".parallel-line.faded").length === 6 && document.querySelectorAll(".matches img").length === 6`)
	waitForReds(t, ctx, ".matches img", 90, 100, 110, 120, 130, 140)
	// By keys, the axis of the pooling: the upper end comes down, and only max is left.
	browsertest.Eval[bool](t, ctx, `(document.querySelector('.axis[data-name="pooling"]').focus(), true)`)
	browsertest.Press(t, ctx, kb.ArrowDown)
	browsertest.WaitFor(t, ctx, `document.getElementById("matching").textContent === "3 of 12 match"`)
	browsertest.Screenshots(t, ctx, "sweep-explore-brushed")
	browsertest.Press(t, ctx, kb.Escape)
	browsertest.WaitFor(t, ctx, `document.getElementById("matching").textContent === "6 of 12 match"`)
	browsertest.Do(t, ctx, chromedp.Click("#unbrush"))
	browsertest.WaitFor(t, ctx, `document.querySelectorAll(".faded").length === 0 && document.getElementById("matching").textContent === ""`)
	// A point that has the focus shows its picture and settings; arrows go on to the next.
	browsertest.Eval[bool](t, ctx, `(document.querySelector('.point[tabindex="0"]').focus(), true)`)
	browsertest.WaitFor(t, ctx, `!document.getElementById("over").hidden && document.querySelector(".over-head").textContent === "Trial 1"`)
	browsertest.Press(t, ctx, kb.ArrowRight)
	browsertest.WaitFor(t, ctx, `document.querySelector(".over-head").textContent === "Trial 2" && document.getElementById("over").textContent.includes("poolingavg")`)
	waitForReds(t, ctx, "#over img", 40)
	accessible(t, ctx)
	// So does one under the mouse.
	browsertest.Eval[bool](t, ctx, `(document.activeElement.blur(), true)`)
	browsertest.WaitFor(t, ctx, `document.getElementById("over").hidden`)
	mouseTo(t, ctx, ".point[data-run='"+ids[7]+"'] .point-mark")
	browsertest.WaitFor(t, ctx, `!document.getElementById("over").hidden && document.querySelector(".over-head").textContent === "Trial 8"`)
	waitForReds(t, ctx, "#over img", 100)
	browsertest.Screenshot(t, ctx, "sweep-explore-over")
	// Other metrics, and a trial that comes while one looks.
	browsertest.Eval[bool](t, ctx, `(e => { e.value = "objective"; return e.dispatchEvent(new Event("change")); })(document.getElementById("x"))`)
	browsertest.WaitFor(t, ctx, `document.querySelector(".scatter").textContent.includes("objective") && location.search.includes("x=objective")`)
	makeTrial(t, store, "night", 13, way(5, "max", 5))
	browsertest.WaitFor(t, ctx, `document.querySelectorAll(".parallel-line").length === 13 && document.getElementById("sweep-state").textContent.includes("13 finished")`)
	browsertest.Eval[bool](t, ctx, `(document.querySelector(".point[data-run='`+ids[2]+`']").dispatchEvent(new MouseEvent("click", {bubbles: true, cancelable: true})), true)`)
	browsertest.WaitFor(t, ctx, `location.pathname === "/runs/`+ids[2]+`"`)
}

// mouseTo moves the mouse to an element's middle.
func mouseTo(t *testing.T, ctx context.Context, selector string) {
	t.Helper()
	x, y := boxOf(t, ctx, selector).at(0.5, 0.5)
	browsertest.Do(t, ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		for _, off := range []float64{30, 0} {
			_, err := cdp.Call(ctx, target, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: input.DispatchMouseEventTypeMouseMoved, X: x + off, Y: y})
			if err != nil {
				return err
			}
		}
		return nil
	}))
}
