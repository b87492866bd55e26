package web

import (
	"fmt"
	"testing"

	"github.com/gouache-art/gouache/internal/browsertest"
	"github.com/gouache-art/gouache/tracker/painting"
)

func TestPaintFits(t *testing.T) {
	store := realStore(t)
	base := serve(t, store, Options{Title: "~/pictures", Version: "v0.4.0", Desk: painting.Desk{Store: store}, WorkerCommand: "gouache worker"})
	ctx := browsertest.Open(t)
	open(t, ctx, base+"/paint")
	browsertest.Screenshots(t, ctx, "paint")
	browsertest.SetSize(t, ctx, 900, browsertest.Height)
	browsertest.Screenshot(t, ctx, "paint-900")
	noOverflow(t, ctx)
	accessible(t, ctx)
	browsertest.Eval[bool](t, ctx, `document.querySelectorAll("details").forEach(d => d.open = true) ?? true`)
	browsertest.Eval[bool](t, ctx, `document.querySelectorAll("#well-style input[type=checkbox]")[1].click() ?? true`)
	browsertest.WaitFor(t, ctx, `document.querySelector(".masked")`)
	browsertest.Screenshots(t, ctx, "paint-open")
	noOverflow(t, ctx)
	accessible(t, ctx)
	open(t, ctx, base+"/paint/sweep?from="+named(t, store, "whiskers stay").ID)
	for chosen, i := range []int{0, 2} { // beside the run's own
		browsertest.Eval[bool](t, ctx, fmt.Sprintf(`document.querySelectorAll("#well-style input[type=checkbox]")[%d].click() ?? true`, i))
		browsertest.WaitFor(t, ctx, fmt.Sprintf(`document.querySelectorAll("#well-style .on").length === %d`, chosen+2))
	}
	for i, name := range []string{"pooling", "strength", "style_layers"} { // kinds of fields
		browsertest.Eval[bool](t, ctx, fmt.Sprintf(`(e => { e.value = %q; return e.dispatchEvent(new Event("change", { bubbles: true })) })(document.getElementById("search-%d-name"))`, name, i))
		browsertest.WaitFor(t, ctx, fmt.Sprintf(`document.querySelectorAll(".search-row").length > %d`, i+1))
	}
	browsertest.WaitFor(t, ctx, `document.getElementById("search-0-avg")?.checked && document.getElementById("search-1-values").value === "0, 1"`)
	browsertest.Screenshots(t, ctx, "sweep-form")
	noOverflow(t, ctx)
	accessible(t, ctx)
}
