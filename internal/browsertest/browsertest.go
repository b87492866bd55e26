// Package browsertest drives Chromium in tests of pages. Its functions fail the test if the browser
// does not do what they ask.
package browsertest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Patience is how long a test waits for the browser before it fails. Nothing should take so long,
// except on a busy machine.
const Patience = time.Minute

// The size of the browser's window, in CSS pixels.
const (
	Width  = 1400
	Height = 900
)

// Close ends the browser, if one was started. A package's TestMain calls it last.
func Close() { closeBrowser() }

var closeBrowser = func() {}

// browser is the one that all tests of a package share: starting it takes a second or two.
var browser = sync.OnceValues(func() (context.Context, error) {
	path := browserPath()
	if path == "" {
		return nil, nil
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.WindowSize(Width, Height))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox) // root cannot have a sandbox
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	closeBrowser = func() { cancel(); stop() }
	return ctx, chromedp.Do(ctx)
})

func browserPath() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// requireVariable, if set, has tests fail that cannot look at pages.
const requireVariable = "GOUACHE_REQUIRE_BROWSER"

// Need skips a test where there is no browser, or pages are not looked at. A test whose preparations
// take long calls it first.
func Need(t *testing.T) {
	t.Helper()
	need(t)
}

func need(t *testing.T) context.Context {
	t.Helper()
	if testing.Short() { // as under the race detector, which looks at what the browser talks to in other tests
		t.Skip("-short looks at no pages")
	}
	ctx, err := browser()
	if err != nil {
		t.Fatal(err)
	}
	if ctx == nil {
		const word = "no chromium, chromium-browser or google-chrome is on the PATH: the pages were not looked at"
		if os.Getenv(requireVariable) != "" {
			t.Fatal(word)
		}
		t.Skip(word)
	}
	return ctx
}

// Open returns the context of a tab that shares no cookies and no local storage with others. The
// test fails if a page in it logs an error, throws an exception that nothing catches, or breaks the
// Content-Security-Policy. It is called after the server was started: tests clean up in reverse, and
// a page complains when a server ends before it.
func Open(t *testing.T) context.Context {
	t.Helper()
	parent := need(t)
	ctx, cancel := chromedp.NewContext(parent, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	c := &complaints{}
	if err := chromedp.Listen(ctx, c.hear); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, text := range c.list() {
			t.Error("the browser complains: ", text)
		}
	})
	return context.WithValue(ctx, complaintsKey{}, c)
}

// complaints are errors and warnings that a browser reports about a page.
type complaints struct {
	mu       sync.Mutex
	texts    []string
	expected []string
}

type complaintsKey struct{}

func (c *complaints) hear(event any) {
	var text string
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text = e.ExceptionDetails.Text
		if x := e.ExceptionDetails.Exception; x != nil {
			text += " " + x.Description
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type != runtime.ConsoleAPICalledTypeError && e.Type != runtime.ConsoleAPICalledTypeWarning {
			return
		}
		for _, a := range e.Args {
			text += fmt.Sprint(" ", a.Description, string(a.Value))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level != log.EntryLevelError && e.Entry.Source != log.EntrySourceSecurity {
			return
		}
		text = e.Entry.Text + " " + e.Entry.URL
	default:
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.texts = append(c.texts, text)
}

func (c *complaints) list() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(c.texts), func(text string) bool {
		return slices.ContainsFunc(c.expected, func(words string) bool { return strings.Contains(text, words) })
	})
}

// ExpectComplaint allows the browser to complain in these words, for example about an answer of
// 400.
func ExpectComplaint(ctx context.Context, words string) {
	c := ctx.Value(complaintsKey{}).(*complaints)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expected = append(c.expected, words)
}

// replaced is Chromium's error for an element that was replaced after it was found, for example by
// a page that renews itself.
const replaced = "Could not find node with given id"

// Do runs actions in the browser. An action whose element was replaced meanwhile is repeated, as a
// person would.
func Do(t *testing.T, ctx context.Context, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	for _, action := range actions {
		err := chromedp.Do(ctx, action)
		for err != nil && strings.Contains(err.Error(), replaced) && ctx.Err() == nil {
			err = chromedp.Do(ctx, action)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Eval returns the value of an expression, or of the promise that it is.
func Eval[T any](t *testing.T, ctx context.Context, expression string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// WaitFor waits until an expression is true in the page. It polls from outside, since a script
// inside a page ends when the page is left.
func WaitFor(t *testing.T, ctx context.Context, expression string) {
	t.Helper()
	for deadline := time.Now().Add(Patience); ; time.Sleep(20 * time.Millisecond) {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		if ok {
			return
		}
		if time.Now().After(deadline) {
			at, _ := chromedp.Run(ctx, chromedp.Location())
			t.Fatalf("waiting in vain for %s in %s (%v)", expression, at, err)
		}
	}
}

// Press types keys where the focus is.
func Press(t *testing.T, ctx context.Context, keys string) {
	t.Helper()
	Do(t, ctx, chromedp.KeyEvent(keys))
}

// Hit presses a key as a command that types no letter. A real browser does not type a key that a
// page has handled, but a driven one does.
func Hit(t *testing.T, ctx context.Context, key string) {
	t.Helper()
	Do(t, ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		for _, kind := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeRawKeyDown, input.DispatchKeyEventTypeKeyUp} {
			if _, err := cdp.Call(ctx, target, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: kind, Key: key}); err != nil {
				return err
			}
		}
		return nil
	}))
}

// SetTheme makes the browser prefer light or dark, as a system's settings do.
func SetTheme(t *testing.T, ctx context.Context, theme string) {
	t.Helper()
	Do(t, ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}},
		})
		return err
	}))
}

// A telephone's window, in CSS pixels.
const (
	PhoneWidth  = 390
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
