package main

import (
	"context"
	"fmt"
	"html"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker/painting"
	"github.com/gouache-art/gouache/tracker/sqlite"
	"github.com/gouache-art/gouache/tracker/sqlite/hostiletest"
	"github.com/gouache-art/gouache/tracker/web"
)

// storeCommands are all commands that read or change a store but do not paint, with a run and another of the store in
// the places of RUN and OTHER. Those that change it come last.
func storeCommands(s *hostiletest.Store, out, into string) [][]string {
	fill := strings.NewReplacer("RUN", s.Runs[0], "OTHER", s.Runs[1], "OUT", out, "INTO", into, "FROM", s.Dir)
	var all [][]string
	for _, line := range []string{
		"runs list", "runs list --json --sort -total,name --filter note~green||rating>1", "runs show RUN", "runs show RUN --json", "runs compare RUN OTHER",
		"runs compare RUN OTHER --json", "runs export RUN OTHER --format csv", "runs export RUN --format curves", "runs export RUN OTHER --format json",
		"runs export RUN --out OUT/gallery.html", "runs export RUN --format pictures --out OUT/pictures",
		"sweep list", "sweep show weights", "sweep show weights --json", "runs verify",
		"runs tag RUN new", "runs note RUN words", "runs rate OTHER 3", "sweep delete weights", "runs delete RUN --yes", "runs verify --repair",
	} {
		all = append(all, append(strings.Fields(fill.Replace(line)), "--store", s.Dir))
	}
	return append(all, strings.Fields(fill.Replace("runs import FROM --store INTO")))
}

// view asks for pages of a store's view.
func view(ctx context.Context, handler http.Handler, address string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	r.Host = "localhost"
	handler.ServeHTTP(w, r)
	return w
}

// openView opens the view of a store as gouache ui does, or returns nil if the store cannot be opened.
func openView(ctx context.Context, s *hostiletest.Store) (handler *web.Handler, end func()) {
	store, err := sqlite.Open(ctx, s.Dir, sqlite.Options{})
	if err != nil {
		return nil, nil
	}
	handler = web.New(store, web.Options{Log: slog.New(slog.NewTextHandler(io.Discard, nil)), ReadSweep: painting.ReadSweep})
	return handler, func() {
		handler.Close()
		store.Close()
	}
}

var links = regexp.MustCompile(`(?:href|src|action|data-[a-z-]+)="(/[^"]*)"`)

// addresses returns those of all pages, pictures and answers for scripts that the view of a store links to, by their
// kinds: those of a kind differ in runs, pictures and queries only. Each copy sees one of each kind, which halves the time.
func addresses(t *testing.T, s *hostiletest.Store) [][]string {
	t.Helper()
	handler, end := openView(t.Context(), s)
	if handler == nil {
		t.Fatal("the store cannot be opened")
	}
	defer end()
	list := []string{"/runs", "/experiments", "/workers", "/sweeps", "/runs/rows?" + url.Values{"run": s.Runs}.Encode(), "/runs/delete?" + url.Values{"run": s.Runs}.Encode()}
	for _, path := range []string{"/curves?metric=total", "/trials", "/explore", "/rate", "/pair", "/scores", "/frames?" + url.Values{"run": s.Runs}.Encode()} {
		list = append(list, "/sweeps/weights"+path)
	}
	for _, id := range s.Runs {
		list = append(list, "/runs/"+id+"/curves?points=100", "/runs/"+id+"/pictures", "/runs?view=gallery&filter=id+~+"+id, "/compare?run="+id+"&run="+s.Runs[0])
	}
	named := regexp.MustCompile(strings.Join(slices.Concat(s.Runs, s.Pictures), "|"))
	seen, kinds := map[string]bool{}, map[string][]string{}
	for i := 0; i < len(list); i++ {
		u, err := url.Parse(list[i])
		if err != nil {
			t.Fatal(err)
		}
		kind := named.ReplaceAllString(u.Path, "*")
		kinds[kind] = append(kinds[kind], list[i])
		w := view(t.Context(), handler, list[i])
		if w.Code >= 500 {
			t.Errorf("%s: %d", list[i], w.Code)
		}
		for _, found := range links.FindAllStringSubmatch(w.Body.String(), -1) {
			u, err := url.Parse(html.UnescapeString(found[1]))
			if err != nil || strings.HasPrefix(u.Path, "/static/") || u.Path == "/events" {
				continue
			}
			if alike := u.Path + "?" + strings.Join(slices.Sorted(maps.Keys(u.Query())), "&"); !seen[alike] {
				seen[alike] = true
				list = append(list, u.RequestURI())
			}
		}
	}
	return slices.Collect(maps.Values(kinds))
}

// Bounds on each command and each page of a damaged store of 300 kB.
const (
	longestAnswer = 10 * time.Second
	mostAllocated = 512 << 20 // bytes, by both processors together
)

// TestDamage changes bytes in hundreds of copies of a store, and runs every command and every page on each: none ends
// the program, hangs, or takes much memory. Whether they go well is not asked.
func TestDamage(t *testing.T) {
	copies := 400 // in two minutes; 1,000, in five, found nothing more
	if testing.Short() {
		copies = 50
	}
	first := hostiletest.Sound(t)
	pages := addresses(t, first)
	database := first.Bytes(t)
	numbers := make(chan int)
	go func() {
		defer close(numbers)
		for k := range copies {
			numbers <- k
		}
	}()
	var workers sync.WaitGroup
	var counts [2]struct{ commands, failed, pages, blamed int }
	for w := range counts {
		s := hostiletest.Sound(t)
		out := t.TempDir()
		workers.Go(func() {
			n := &counts[w]
			for k := range numbers {
				random := rand.New(rand.NewPCG(uint64(k), 1))
				data := slices.Clone(database)
				for range 1 + random.IntN(3) {
					hostiletest.Flip(data, random)
				}
				s.Write(t, data)
				if handler, end := openView(t.Context(), s); handler != nil {
					for _, kind := range pages {
						address := kind[k%len(kind)]
						within(t, fmt.Sprint("copy ", k, ": ", address), func(ctx context.Context) {
							n.pages++
							if view(ctx, handler, address).Code >= 500 {
								n.blamed++
							}
						})
					}
					end()
				}
				for _, args := range storeCommands(s, out, filepath.Join(out, "into")) {
					within(t, fmt.Sprint("copy ", k, ": ", args), func(ctx context.Context) {
						n.commands++
						if _, _, code := gouache(ctx, args...); code != exitDone {
							n.failed++
						}
					})
				}
			}
		})
	}
	workers.Wait()
	a, b := counts[0], counts[1]
	t.Logf("%d copies: %d commands, of which %d failed; %d pages, of which %d blamed the server", copies,
		a.commands+b.commands, a.failed+b.failed, a.pages+b.pages, a.blamed+b.blamed)
}

// within calls f and fails the test if that takes too long or allocates too much.
func within(t *testing.T, what string, f func(ctx context.Context)) {
	before := allocated()
	ctx, cancel := context.WithTimeout(t.Context(), longestAnswer)
	defer cancel()
	stuck := time.AfterFunc(3*longestAnswer, func() { panic(what + ": it does not end") })
	began := time.Now()
	f(ctx)
	stuck.Stop()
	if took := time.Since(began); took > longestAnswer {
		t.Errorf("%s: it took %v", what, took)
	}
	if n := allocated() - before; n > mostAllocated {
		t.Errorf("%s: %d MB were allocated", what, n>>20)
	}
}

// allocated is how many bytes this process has ever allocated.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
