package browsertest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gouache-art/gouache/internal/fetch"
)

// axe is the script of axe-core 4.12.1, which finds what keeps people from using a page. It comes through pip, as others that the
// tests need, and stays in the user's cache.
var axe = sync.OnceValues(func() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	file := filepath.Join(cache, "gouache", "axe.min.js")
	from := fetch.Wheel{Package: "axe-playwright-python", Version: "0.1.8", Member: "axe_playwright_python/axe.min.js"}
	if err := fetch.File(context.Background(), file, from, fetch.Checksums{SHA256: axeSHA256}, nil); err != nil {
		return "", err
	}
	script, err := os.ReadFile(file)
	return string(script), err
})

const axeSHA256 = "84494fec757e4710dc751c8d7a636e457f4532f08f85c86dc9070133fbff53bc"

// barriers is an expression for what axe-core finds: a line for each rule that is broken, with the elements.
const barriers = `axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) =>
	violations.map(({ id, help, nodes }) => id + ": " + help + ": " + nodes.map(({ target }) => target.join(" ")).slice(0, 5).join(", ")).join("\n"))`

// Accessible fails if axe-core finds that a page keeps people from using it. It skips where axe-core cannot be had.
func Accessible(t *testing.T, ctx context.Context) {
	t.Helper()
	script, err := axe()
	if errors.Is(err, fetch.ErrUnreachable) && os.Getenv(requireVariable) == "" {
		t.Skip("axe-core looked at no page: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	Eval[bool](t, ctx, script+"\n;true")
	if found := Eval[string](t, ctx, barriers); found != "" {
		t.Errorf("axe-core: %s", strings.ReplaceAll(found, "\n", "\n\t"))
	}
}
