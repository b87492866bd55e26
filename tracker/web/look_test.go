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

// contrasts is an expression for the texts of a page that are hard to read: those with less contrast to their ground
// than WCAG 2.2, 1.4.3 asks for. Texts of controls that are switched off need none, nor do the stars that a rating
// lacks.
const contrasts = `(() => {
	const parse = (text) => text.startsWith("color(srgb")
		? text.match(/[\d.]+/g).map(Number).map((v, i) => (i < 3 ? v * 255 : v))
		: text.match(/[\d.]+/g).map(Number);
	const linear = (v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
	const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
	const ground = (e) => {
		for (; e; e = e.parentElement) {
			const c = parse(getComputedStyle(e).backgroundColor);
			if (c.length < 4 || c[3] === 1) return c;
		}
		return [255, 255, 255];
	};
	const hard = [];
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (walker.nextNode()) {
		const e = walker.currentNode.parentElement;
		if (!walker.currentNode.textContent.trim() || !e.checkVisibility() || e.closest(":disabled, .unseen, option")) continue;
		const style = getComputedStyle(e);
		const [a, b] = [light(parse(style.color)), light(ground(e))];
		const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (ratio < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5)) hard.push(walker.currentNode.textContent.trim().slice(0, 40) + " " + ratio.toFixed(2));
	}
	return [...new Set(hard)].join("; ");
})()`

// wellRead fails if a text of a page is hard to read in one of the themes.
func wellRead(t *testing.T, ctx context.Context) {
	t.Helper()
	for _, theme := range []string{"dark", "light"} {
		browsertest.SetTheme(t, ctx, theme)
		browsertest.WaitFor(t, ctx, `document.documentElement.dataset.theme === "`+theme+`"`)
		if hard := browsertest.Eval[string](t, ctx, contrasts); hard != "" {
			t.Errorf("hard to read in the %s theme: %s", theme, hard)
		}
	}
}
