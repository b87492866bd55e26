package web

import (
	"context"
	"testing"

	"github.com/gouache-art/gouache/internal/browsertest"
)

// noOverflow fails if a page is wider than its window, which on a telephone hides what stands at the right, or if its
// head takes two lines where a window has room for one.
func noOverflow(t *testing.T, ctx context.Context) {
	t.Helper()
	for _, width := range []int64{1440, 900, 641, browsertest.PhoneWidth} {
		browsertest.SetSize(t, ctx, width, browsertest.Height)
		if over := browsertest.Eval[int](t, ctx, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
			widest := browsertest.Eval[string](t, ctx, `[...document.querySelectorAll("main *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".table-frame, .compare-scroll, .film, .parallel")).map(e => e.tagName + "." + e.className).slice(0, 5).join(" ")`)
			t.Errorf("at %d pixels the page is %d wider than the window: %s", width, over, widest)
		}
		if high := browsertest.Eval[float64](t, ctx, `document.querySelector(".top").clientHeight`); high > 64 && width > 640 {
			t.Errorf("at %d pixels the head is %v high", width, high)
		}
	}
	browsertest.SetSize(t, ctx, browsertest.Width, browsertest.Height)
}

// accessible fails if axe-core finds something that keeps people from using a page, in one of the themes: a text that is hard
// to read, a field without a name.
func accessible(t *testing.T, ctx context.Context) {
	t.Helper()
	for _, theme := range []string{"dark", "light"} {
		browsertest.SetTheme(t, ctx, theme)
		browsertest.WaitFor(t, ctx, `document.documentElement.dataset.theme === "`+theme+`"`)
		browsertest.Accessible(t, ctx)
	}
}
