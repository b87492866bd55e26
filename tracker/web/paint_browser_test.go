package web

import (
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
	wellRead(t, ctx)
	browsertest.Eval[bool](t, ctx, `document.querySelectorAll("details").forEach(d => d.open = true) ?? true`)
	browsertest.Eval[bool](t, ctx, `document.querySelectorAll("#well-style input[type=checkbox]")[1].click() ?? true`)
	browsertest.WaitFor(t, ctx, `document.querySelector(".masked")`)
	browsertest.Screenshots(t, ctx, "paint-open")
	noOverflow(t, ctx)
	wellRead(t, ctx)
	open(t, ctx, base+"/paint/sweep?from="+named(t, store, "whiskers stay").ID)
	noOverflow(t, ctx)
	wellRead(t, ctx)
}
