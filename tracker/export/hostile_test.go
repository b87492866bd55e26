package export

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sqlite"
	"github.com/gouache-art/gouache/tracker/sqlite/hostiletest"
)

// hostileStores returns a store with hostile text everywhere, as it is and as it was imported into another.
func hostileStores(t *testing.T) map[string]*sqlite.DB {
	t.Helper()
	from, err := sqlite.Open(t.Context(), hostiletest.Texts(t).Dir, sqlite.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { from.Close() })
	into, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { into.Close() })
	done, err := tracker.Import(t.Context(), into, from, nil)
	if err != nil || len(done.Runs) < 10 {
		t.Fatalf("imported %+v (%v)", done, err)
	}
	return map[string]*sqlite.DB{"opened": from, "imported": into}
}

// idsOf returns the ids of a store's runs.
func idsOf(t *testing.T, reader tracker.Reader) (ids []string) {
	t.Helper()
	runs, err := tracker.AllRuns(t.Context(), reader, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range runs {
		ids = append(ids, r.ID)
	}
	return ids
}

// TestHostileStore exports a store that was made to do harm, in every format.
func TestHostileStore(t *testing.T) {
	for name, db := range hostileStores(t) {
		ids := idsOf(t, db)
		ctx := t.Context()
		for _, c := range []struct {
			what   string
			format hostiletest.Format
			write  func(io.Writer) error
		}{
			{"gallery", hostiletest.HTML, func(w io.Writer) error { return Gallery(ctx, w, db, ids, GalleryOptions{}) }},
			{"small gallery", hostiletest.HTML, func(w io.Writer) error { return Gallery(ctx, w, db, ids, GalleryOptions{LongerSide: 4}) }},
			{"JSON", hostiletest.JSON, func(w io.Writer) error { return JSON(ctx, w, db, ids, 0) }},
			{"table", hostiletest.CSV, func(w io.Writer) error { return CSV(ctx, w, db, ids) }},
			{"curves", hostiletest.CSV, func(w io.Writer) error { return Curves(ctx, w, db, ids, 0) }},
		} {
			var b bytes.Buffer
			if err := c.write(&b); err != nil {
				t.Errorf("%s, %s: %v", name, c.what, err)
			}
			for _, what := range hostiletest.Raw(c.format, b.String()) {
				t.Errorf("%s, %s: %s", name, c.what, what)
			}
		}
		dir := t.TempDir()
		if err := Pictures(ctx, dir, db, ids); err != nil {
			t.Errorf("%s, pictures: %v", name, err)
		}
		err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
			if base := filepath.Base(path); !terminal.IsLine(base) || strings.ContainsAny(base, `<>"'`) {
				t.Errorf("%s: a file is called %q", name, base)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// TestHostileImport: what is not printable is not imported.
func TestHostileImport(t *testing.T) {
	db := hostileStores(t)["imported"]
	report, err := db.Verify(t.Context(), tracker.VerifyOptions{})
	if err != nil || len(report.Problems) > 0 {
		t.Errorf("got %+v (%v)", report, err)
	}
	sweeps, err := db.Sweeps(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range sweeps {
		sweeps[i].Text = "" // of several lines, and only shown as such
	}
	judgements, err := db.Judgements(t.Context(), tracker.JudgementQuery{})
	if err != nil {
		t.Fatal(err)
	}
	all := []any{sweeps, judgements}
	for _, id := range idsOf(t, db) {
		archive, err := tracker.Pack(context.Background(), db, id)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, archive)
	}
	data, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(data, &tree); err != nil {
		t.Fatal(err)
	}
	eachText(tree, func(text string) {
		if terminal.Text(text) != text {
			t.Errorf("%q was imported", text)
		}
	})
}

// eachText calls do with every string in what JSON was decoded into.
func eachText(v any, do func(string)) {
	switch v := v.(type) {
	case string:
		do(v)
	case []any:
		for _, inner := range v {
			eachText(inner, do)
		}
	case map[string]any:
		for name, inner := range v {
			do(name)
			eachText(inner, do)
		}
	}
}

// TestHostileValues imports stores with values of every wrong kind and size. What comes along is sound.
func TestHostileValues(t *testing.T) {
	const every = 40 // of several hundred
	n := rand.IntN(every)
	for name, store := range hostiletest.Values(t) {
		if n++; n%every != 0 {
			continue
		}
		from, err := sqlite.Open(t.Context(), store.Dir, sqlite.Options{ReadOnly: true})
		if err != nil {
			continue
		}
		into, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		done, err := tracker.Import(t.Context(), into, from, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if len(done.Runs)+len(done.Refused) < 3 {
			t.Errorf("%s: %+v", name, done)
		}
		report, err := into.Verify(t.Context(), tracker.VerifyOptions{})
		if err != nil || len(report.Problems) > 0 {
			t.Errorf("%s: got %+v (%v)", name, report, err)
		}
		var b bytes.Buffer
		if ids := idsOf(t, into); len(ids) > 0 {
			if err := JSON(t.Context(), &b, into, ids, 0); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := into.DeleteRuns(t.Context(), ids, tracker.DeleteOptions{Force: true}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		into.Close()
		from.Close()
	}
}

// TestBrowserHostileStore opens galleries of such stores: the browser stays where it is and asks for nothing.
func TestBrowserHostileStore(t *testing.T) {
	for name, db := range hostileStores(t) {
		t.Run(name, func(t *testing.T) {
			ctx := openInBrowser(t, page(t, db, idsOf(t, db), GalleryOptions{}))
			expect(t, ctx, `new Promise(done => setTimeout(() => done(location.protocol), 300))`, "file:")
			expect(t, ctx, `document.querySelectorAll('meta[http-equiv=refresh i], iframe, object, embed, base, [onerror], img[src=x]').length`, 0)
			expect(t, ctx, `document.querySelectorAll('script').length`, 2)
			expect(t, ctx, `[...document.querySelectorAll('[href]')].filter(e => !/^(#|data:)/.test(e.getAttribute('href'))).length`, 0)
		})
	}
}
