package browsertest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// A telephone's window, in CSS pixels.
const (
	PhoneWidth  = 420
	PhoneHeight = 860
)

// screenshotsVariable names the folder where screenshots go. Without it none are taken.
const screenshotsVariable = "GOUACHE_SCREENSHOTS"

// SetSize gives the window another size.
func SetSize(t *testing.T, ctx context.Context, width, height int64) {
	t.Helper()
	Do(t, ctx, chromedp.EmulateViewport(width, height))
}

// Screenshot writes a picture of the whole page into the folder $GOUACHE_SCREENSHOTS, if it is set,
// as NAME.png.
func Screenshot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	dir := os.Getenv(screenshotsVariable)
	if dir == "" {
		return
	}
	WaitFor(t, ctx, `[...document.images].every(i => i.complete || i.loading === "lazy")`)
	beyond := true
	Do(t, ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		shot, err := cdp.Call(ctx, target, cdppage.CaptureScreenshot, cdppage.CaptureScreenshotParams{CaptureBeyondViewport: &beyond})
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, name+".png"), shot.Data, 0o644)
	}))
}

// Screenshots takes four of a page: light and dark, in a window and on a telephone.
func Screenshots(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	if os.Getenv(screenshotsVariable) == "" {
		return
	}
	for _, theme := range []string{"light", "dark"} {
		SetTheme(t, ctx, theme)
		for width, height := range map[int64]int64{Width: Height, PhoneWidth: PhoneHeight} {
			SetSize(t, ctx, width, height)
			Screenshot(t, ctx, fmt.Sprintf("%s-%s-%d", name, theme, width))
		}
	}
	SetSize(t, ctx, Width, Height)
	SetTheme(t, ctx, "light")
}
