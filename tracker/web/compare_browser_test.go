package web

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/gouache-art/gouache/internal/browsertest"
	"github.com/gouache-art/gouache/tracker"
)

// everyPane is true when each viewer that is on the screen shows a picture.
const everyPane = `(panes => panes.length > 0 && panes.every(p => p.dataset.shown))([...document.querySelectorAll(".pane:has(> .viewer)")].filter(p => p.checkVisibility()))`

// openCompare shows runs and waits for their pictures.
func openCompare(t *testing.T, store tracker.Store, ids []string, more string) context.Context {
	t.Helper()
	address := serve(t, store, Options{}) + compareURL(ids) + more
	ctx := browsertest.Open(t)
	goCompare(t, ctx, address)
	return ctx
}

func goCompare(t *testing.T, ctx context.Context, address string) {
	t.Helper()
	browsertest.Do(t, ctx, chromedp.Navigate(address))
	browsertest.WaitFor(t, ctx, everyPane)
}

// chart is a picture whose pixels say where they are: red is how far right, in units of scale, and green how far down.
func chart(width, height, scale int) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			m.Set(x, y, color.RGBA{uint8(x * scale), uint8(y * scale), 0, 255})
		}
	}
	return m
}

// middles is what stands in the middle of each tile: for charts, where it is looking.
func middles(t *testing.T, ctx context.Context) [][2]int {
	t.Helper()
	return browsertest.Eval[[][2]int](t, ctx, middlesJS)
}

const middlesJS = `[...document.querySelectorAll(".tile canvas")].map(c => [...c.getContext("2d").getImageData(c.width / 2, c.height / 2, 1, 1).data].slice(0, 2))`

// waitForMiddles waits until every tile has the same in its middle, to a pixel or two. An animation brings it there.
func waitForMiddles(t *testing.T, ctx context.Context, x, y int) {
	t.Helper()
	browsertest.WaitFor(t, ctx, fmt.Sprintf("%s.every(([x, y]) => Math.abs(x - %d) <= 2 && Math.abs(y - %d) <= 2)", middlesJS, x, y))
}

// box is where an element is on the screen.
type box struct{ X, Y, Width, Height float64 }

func boxOf(t *testing.T, ctx context.Context, selector string) box {
	t.Helper()
	return browsertest.Eval[box](t, ctx, fmt.Sprintf("(e => { e.scrollIntoView({block: 'center'}); return e.getBoundingClientRect().toJSON(); })(document.querySelector(%q))", selector))
}

func (b box) at(right, down float64) (x, y float64) { return b.X + right*b.Width, b.Y + down*b.Height }

// seen is the colour that is on the screen at a place, in fractions of an element.
func seen(t *testing.T, ctx context.Context, selector string, right, down float64) color.NRGBA {
	t.Helper()
	x, y := boxOf(t, ctx, selector).at(right, down)
	var c color.NRGBA
	browsertest.Do(t, ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		shot, err := cdp.Call(ctx, target, cdppage.CaptureScreenshot, cdppage.CaptureScreenshotParams{})
		if err != nil {
			return err
		}
		m, err := png.Decode(bytes.NewReader(shot.Data))
		if err != nil {
			return err
		}
		c = color.NRGBAModel.Convert(m.At(int(x), int(y))).(color.NRGBA)
		return nil
	}))
	return c
}

// waitUntilSeen waits for a colour at a place.
func waitUntilSeen(t *testing.T, ctx context.Context, selector string, right, down float64, want color.NRGBA) {
	t.Helper()
	limited, cancel := context.WithTimeout(ctx, browsertest.Patience)
	defer cancel()
	var got color.NRGBA
	for limited.Err() == nil {
		if got = seen(t, ctx, selector, right, down); got == want {
			return
		}
	}
	t.Fatalf("at %v, %v of %s is %v, not %v", right, down, selector, got, want)
}

// key presses a key, or lets one go.
func key(t *testing.T, ctx context.Context, kind input.DispatchKeyEventType, name, code string, modifiers int64) {
	t.Helper()
	browsertest.Do(t, ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: kind, Key: name, Code: code, Modifiers: modifiers})
		return err
	}))
}

var red, blue = color.NRGBA{200, 20, 20, 255}, color.NRGBA{20, 20, 200, 255}

// redAndBlue are two runs.
func redAndBlue(t *testing.T, store tracker.Store) []string {
	return paintRuns(t, store, painted{name: "red", result: flat(400, 300, red)}, painted{name: "blue", result: flat(400, 300, blue)})
}
