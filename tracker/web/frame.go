package web

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/tracker"
)

//go:embed templates
var templateFiles embed.FS

//go:embed static
var staticFiles embed.FS

// frame is what all pages share: the store, the templates, access control, error pages, news of
// changes, and pictures.
type frame struct {
	store   tracker.Store
	options Options
	pages   map[string]*template.Template // by file name
	door    *door                         // nil if everybody is admitted
	small   *thumbnails
	news    *news
	shelf   *shelf       // nil if nothing can be painted here
	api     http.Handler // answers programs; nil if there is none

	animating *semaphore.Weighted // held while an animation is made

	bodyTime time.Duration // the constant, less in tests
}

// page is the data of every template. Data is specific to the page.
type page struct {
	Title string // of the page
	Nav   string // which entry of the navigation it belongs to: paint, runs, compare, experiments, sweeps or workers, at the foot
	Site  site
	Data  any
}

// site is what pages show of the Options.
type site struct {
	Title, Version string
	ReadOnly       bool
	Paints         bool
}

// parsePages reads the templates: each with the shared ones around it. A page defines main, and may
// define head.
func parsePages() map[string]*template.Template {
	layout := template.Must(template.New("layout.html").Funcs(functions).ParseFS(templateFiles, "templates/shared/*.html"))
	files, _ := fs.Glob(templateFiles, "templates/*.html") // the pattern is correct
	pages := map[string]*template.Template{}
	for _, file := range files {
		pages[path.Base(file)] = template.Must(template.Must(layout.Clone()).ParseFS(templateFiles, file))
	}
	return pages
}

// render writes a page. The page is complete before anything is sent, so that an error becomes a
// page too.
func (f *frame) render(w http.ResponseWriter, status int, name string, p page) error {
	p.Site = site{f.options.Title, f.options.Version, f.options.ReadOnly, f.options.canPaint()}
	return f.write(w, status, name, "layout.html", p)
}

func (f *frame) write(w http.ResponseWriter, status int, name, part string, data any) error {
	var b bytes.Buffer
	if err := f.pages[name].ExecuteTemplate(&b, part, data); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w) // it fails if the browser has gone
	return nil
}

// handler answers a request. Its error becomes a page.
type handler = func(w http.ResponseWriter, r *http.Request) error

// page makes an http.HandlerFunc of a handler.
func (f *frame) page(a handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := a(w, r)
		if err == nil || r.Context().Err() != nil {
			return
		}
		status := f.status(r, err)
		text := err.Error()
		if status == http.StatusInternalServerError {
			text = "something went wrong here; the program's log says what"
		}
		if err := f.render(w, status, "error.html", page{Title: http.StatusText(status), Data: text}); err != nil {
			f.options.Log.Error("writing the page of an error", "error", err)
		}
	}
}

// change is page for a handler that changes the store. A read-only view refuses it.
func (f *frame) change(a handler) http.HandlerFunc {
	if !f.options.ReadOnly {
		return f.page(a)
	}
	return f.page(func(http.ResponseWriter, *http.Request) error { return errReadOnly })
}

var errReadOnly = errors.New("this view is read only: gouache ui was started with --read-only, or cannot write to the store")

// statuses are the HTTP statuses of errors that users are shown.
var statuses = map[tracker.Code]int{
	tracker.CodeNotFound: http.StatusNotFound, tracker.CodeInvalid: http.StatusBadRequest,
	tracker.CodeConflict: http.StatusConflict, tracker.CodeUnavailable: http.StatusServiceUnavailable,
}

// status returns the HTTP status for an error, and logs errors that users are not shown.
func (f *frame) status(r *http.Request, err error) int {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.Is(err, errReadOnly):
		return http.StatusForbidden
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return http.StatusRequestTimeout
	}
	if status, known := statuses[tracker.ErrorCode(err)]; known {
		return status
	}
	f.options.Log.Error("answering a request", "method", r.Method, "path", r.URL.Path, "error", err)
	return http.StatusInternalServerError
}

// now is where the store is before a page is read. If that is damaged, it is "", and the page is shown
// without what changes later.
func (f *frame) now(ctx context.Context) (tracker.Cursor, error) {
	changes, err := f.store.Changes(ctx, "")
	if err != nil {
		return "", f.unlessDamaged(ctx, err)
	}
	return changes.Cursor, nil
}

// unlessDamaged returns nil for the error of a part of a store that is damaged, and logs it: the rest
// of a page is shown.
func (f *frame) unlessDamaged(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil || tracker.ErrorCode(err) != tracker.CodeInternal {
		return err
	}
	f.options.Log.Error("reading a part of a page", "error", err)
	return nil
}

func (f *frame) nowhere(_ http.ResponseWriter, r *http.Request) error {
	return tracker.Errorf(tracker.CodeNotFound, "there is nothing at %.200s", strings.ToValidUTF8(r.URL.Path, "?"))
}

func writeJSON(w http.ResponseWriter, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return sendJSON(w, b)
}

func sendJSON(w http.ResponseWriter, b []byte) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, err := w.Write(terminal.JSON(b))
	return err
}

// Bounds on requests.
const (
	maxQuery = 16 << 10  // bytes of an address after the ?
	maxBody  = 256 << 10 // bytes of a form; the longest note has 64 kB, and takes three times as much when written in %XX
	maxIDs   = 500       // runs named in one request
)

// number reads an integer from a query. Without one it returns fallback.
func number(query url.Values, name string, fallback, least, most int) (int, error) {
	text := query.Get(name)
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, tracker.Errorf(tracker.CodeInvalid, "%s=%.40q: choose a number from %d to %d", name, text, least, most)
	}
	return n, nil
}

// splitList returns the names in comma-separated strings, in order, each once.
func splitList(texts []string) []string {
	var list []string
	for _, text := range texts {
		for name := range strings.SplitSeq(text, ",") {
			if name = strings.TrimSpace(name); name != "" && !slices.Contains(list, name) {
				list = append(list, name)
			}
		}
	}
	return list
}

// someRuns returns the full ids of runs, each once. With an error it returns those that it found.
func (f *frame) someRuns(ctx context.Context, refs []string) ([]string, error) {
	if len(refs) > maxIDs {
		return nil, tracker.Errorf(tracker.CodeInvalid, "%d runs are chosen: choose at most %d at a time", len(refs), maxIDs)
	}
	var ids []string
	var failed error
	for _, ref := range refs {
		id, err := f.store.Find(ctx, ref)
		failed = cmp.Or(failed, err)
		if err == nil && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, failed
}

func readForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		return nil, tracker.Errorf(tracker.CodeInvalid, "the form cannot be read: %w", err)
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // see guard; it would end the request while it is worked on
	return r.PostForm, nil
}

// static serves the embedded files. They have no times, so browsers compare hashes of their
// contents.
func static(w http.ResponseWriter, r *http.Request) {
	data, err := staticFiles.ReadFile(strings.TrimPrefix(r.URL.Path, "/"))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	sum := sha256.Sum256(data)
	w.Header().Set("ETag", strconv.Quote(hex.EncodeToString(sum[:8])))
	w.Header().Set("Cache-Control", "private, no-cache") // browsers ask each time, since the program may be newer; it costs 1 ms
	http.ServeContent(w, r, r.URL.Path, time.Time{}, bytes.NewReader(data))
}
