package export

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/gouache-art/gouache/internal/browsertest"
	"github.com/gouache-art/gouache/tracker"
)

func TestMain(m *testing.M) {
	code := m.Run()
	browsertest.Close()
	os.Exit(code)
}

// openInBrowser writes a page into a file and opens it. The test fails if the page requests
// anything else.
func openInBrowser(t *testing.T, html string) context.Context {
	t.Helper()
	ctx := browsertest.Open(t)
	file := filepath.Join(t.TempDir(), "gallery.html")
	if err := os.WriteFile(file, []byte(html), 0o644); err != nil {
		t.Fatal(err)
	}
	url := "file://" + file
	if err := chromedp.Listen(ctx, func(event any) {
		if e, ok := event.(*network.EventRequestWillBeSent); ok && e.Request.URL != url && !strings.HasPrefix(e.Request.URL, "data:") {
			t.Errorf("the page asks for %s", e.Request.URL)
		}
	}); err != nil {
		t.Fatal(err)
	}
	browsertest.Do(t, ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, network.Enable, network.EnableParams{})
		return err
	}), chromedp.Navigate(url))
	return ctx
}

// expect waits until an expression has a value in the page: a click takes effect a little later.
func expect[T comparable](t *testing.T, ctx context.Context, expression string, want T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, browsertest.Patience)
	defer cancel()
	var got T
	for deadline := time.Now().Add(browsertest.Patience); ; time.Sleep(20 * time.Millisecond) {
		value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
		if err != nil {
			t.Fatalf("%s: %v; it was %v before, want %v", expression, err, got, want)
		}
		if got = value; got == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is %v, want %v", expression, got, want)
		}
	}
}

// choose selects an option of a list, as a person does.
func choose(t *testing.T, ctx context.Context, id, value string) {
	t.Helper()
	expect(t, ctx, fmt.Sprintf(`(() => {
		const list = document.getElementById(%q);
		list.value = %q;
		list.dispatchEvent(new Event('change'));
		return list.value;
	})()`, id, value), value)
}

// album adds runs that look like real ones.
func album(t *testing.T) string {
	t.Helper()
	db, _ := openStore(t)
	var ids []string
	for i, name := range []string{"glass", "swirl", "woodcut", "watercolour"} {
		m := made{
			NewRun: tracker.NewRun{
				Experiment: "samples", Name: name, Params: tracker.Params{"style_weight": []int{60, 5, 1000, 60}[i], "size": 512},
				Tags: []string{[]string{"good", "dull"}[i%2]},
				Inputs: []tracker.NewPicture{
					{Role: tracker.RoleContent, Name: "coffee.jpg", Data: sample(t, "coffee.jpg")},
					{Role: tracker.RoleStyle, Name: name + ".jpg", Data: sample(t, name+".jpg")},
				},
				Provenance: tracker.Provenance{Command: []string{"gouache", "stylize", "--style", "my " + name + ".jpg"}},
			},
			points:   []tracker.Series{curve("total", 900, 40, []float64{8, 12, 9, 10}[i])},
			pictures: []tracker.NewPicture{{Role: tracker.RoleResult, Data: sample(t, name+".jpg")}},
			outcome:  tracker.Outcome{Status: tracker.StatusFinished},
			rating:   []int{3, 0, 5, 1}[i],
		}
		ids = append(ids, add(t, db, m))
	}
	return page(t, db, ids, GalleryOptions{})
}

const shownNames = `[...document.querySelectorAll('.card:not([hidden]) h2')].map(h => h.textContent).join(' ')`

// accessible fails if axe-core finds something in one of the themes.
func accessible(t *testing.T, ctx context.Context) {
	t.Helper()
	for _, theme := range []string{"dark", "light"} {
		browsertest.SetTheme(t, ctx, theme)
		browsertest.Accessible(t, ctx)
	}
}

func TestBrowserFind(t *testing.T) {
	ctx := openInBrowser(t, album(t))
	expect(t, ctx, `[...document.images].every(i => i.id === 'one' || i.id === 'other' || i.naturalWidth > 0)`, true)
	expect(t, ctx, `document.querySelectorAll('.strip img').length`, 8)
	browsertest.Screenshots(t, ctx, "album")
	accessible(t, ctx)
	browsertest.Do(t, ctx, chromedp.SendKeys("#search", "GOOD style_weight=60"))
	expect(t, ctx, shownNames, "glass")
	expect(t, ctx, `document.getElementById('count').textContent`, "1 of 4")
	browsertest.Do(t, ctx, chromedp.SendKeys("#search", "0 nothing"))
	expect(t, ctx, `document.getElementById('empty').hidden`, false)
	browsertest.Do(t, ctx, chromedp.SendKeys("#search", kb.Escape))
	for _, c := range []struct{ by, want string }{
		{"name", "glass swirl watercolour woodcut"},
		{"started", "watercolour woodcut swirl glass"},
		{"rating", "woodcut glass watercolour swirl"},
		{"final.total", "glass woodcut watercolour swirl"},
		{"param.style_weight", "swirl glass watercolour woodcut"},
		{"", "glass swirl woodcut watercolour"},
	} {
		choose(t, ctx, "sort", c.by)
		expect(t, ctx, shownNames, c.want)
	}
	choose(t, ctx, "sort", "rating")
	browsertest.Do(t, ctx, chromedp.Click("#direction"))
	expect(t, ctx, shownNames, "watercolour glass woodcut swirl")
}

func TestBrowserViewer(t *testing.T) {
	ctx := openInBrowser(t, album(t))
	const (
		said  = `document.getElementById('said').firstChild.textContent`
		open  = `document.getElementById('viewer').open`
		shown = `[...document.querySelectorAll('.stage img')].filter(i => getComputedStyle(i).visibility === 'visible').map(i => i.alt).join()`
	)
	browsertest.Do(t, ctx, chromedp.Click(".card:nth-child(2) .open"))
	expect(t, ctx, said, "swirl")
	expect(t, ctx, shown, "swirl")
	browsertest.Do(t, ctx, chromedp.KeyEvent(kb.ArrowRight))
	expect(t, ctx, shown, "woodcut")
	browsertest.Do(t, ctx, chromedp.KeyEvent(kb.ArrowLeft), chromedp.KeyEvent(kb.ArrowLeft), chromedp.KeyEvent(kb.ArrowLeft))
	expect(t, ctx, shown, "watercolour") // round the beginning
	browsertest.Do(t, ctx, chromedp.Click("#stage"))
	expect(t, ctx, shown, "glass") // the one before
	browsertest.Do(t, ctx, chromedp.KeyEvent(" "))
	expect(t, ctx, shown, "watercolour")
	choose(t, ctx, "with", "input:content")
	expect(t, ctx, shown, "content: coffee.jpg")
	expect(t, ctx, said, "content: coffee.jpg")
	browsertest.Screenshots(t, ctx, "viewer")
	accessible(t, ctx)
	browsertest.Do(t, ctx, chromedp.KeyEvent("1"))
	expect(t, ctx, `document.getElementById('one').getBoundingClientRect().width * devicePixelRatio`, 640)
	browsertest.Do(t, ctx, chromedp.KeyEvent(kb.Escape))
	expect(t, ctx, open, false)
	expect(t, ctx, `document.activeElement.closest('.card').querySelector('h2').textContent`, "watercolour")
	// By keyboard: on a busy machine a driven click has missed the link while the page scrolled back.
	browsertest.Do(t, ctx, chromedp.Focus(".card:nth-child(3) .strip li:nth-child(2) a"), chromedp.KeyEvent(kb.Enter))
	expect(t, ctx, open, true)
	expect(t, ctx, shown, "style: woodcut.jpg")
}

func TestBrowserCommand(t *testing.T) {
	ctx := openInBrowser(t, album(t))
	browsertest.Do(t, ctx, chromedp.Click(".card .command summary"), chromedp.Click(".card .copy"))
	expect(t, ctx, `getSelection().toString()`, "gouache stylize --style 'my glass.jpg'")
	expect(t, ctx, `dispatchEvent(new Event('beforeprint')) && document.querySelectorAll('.command[open]').length`, 4)
	expect(t, ctx, `dispatchEvent(new Event('afterprint')) && document.querySelectorAll('.command[open]').length`, 1)
}

// TestBrowserHostile opens a page of runs with hostile and odd texts, also on a telephone.
func TestBrowserHostile(t *testing.T) {
	db, _ := openStore(t)
	ids := fill(t, db)
	long := strings.Repeat("verylongname", 16)
	if _, err := db.UpdateRun(t.Context(), ids[3], tracker.Update{Name: &long, Params: tracker.Params{long: long}, Tag: []string{long}}); err != nil {
		t.Fatal(err)
	}
	ctx := openInBrowser(t, page(t, db, ids, GalleryOptions{}))
	expect(t, ctx, `document.querySelectorAll('.card h2')[1].textContent`, hostileName)
	expect(t, ctx, `document.querySelectorAll('.card .open').length`, 3)
	expect(t, ctx, `document.querySelectorAll('script').length`, 2)
	expect(t, ctx, `document.querySelectorAll('.card .note')[1].textContent.replaceAll('\r', '')`, strings.ReplaceAll(hostileNote, "\r", ""))
	browsertest.Do(t, ctx, chromedp.Click(".card:nth-child(4) .open"))
	expect(t, ctx, `document.getElementById('said').firstChild.textContent`, long)
	browsertest.Do(t, ctx, chromedp.Click("#close"))
	for _, width := range []int64{1400, 420, 320} {
		browsertest.Do(t, ctx, chromedp.EmulateViewport(width, 900))
		expect(t, ctx, `document.documentElement.scrollWidth - document.documentElement.clientWidth`, 0)
		expect(t, ctx, `[...document.querySelectorAll('.card')].filter(c => c.scrollWidth > c.clientWidth).length`, 0)
	}
	browsertest.Screenshots(t, ctx, "hostile")
}
