// Package web is the browser's view of a tracker.Store: runs in a table, one run large, two to twelve compared, and
// what belongs together. Pages are made on the server with html/template; scripts make them live and are embedded,
// so that nothing is loaded from elsewhere.
//
//	handler, err := web.New(store, web.Options{})
//	...
//	http.Serve(listener, handler)
//
// A server that others can reach needs Options.Token; see [Options].
package web

import (
	"embed"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"

	"github.com/gouache-art/gouache/tracker"
)

//go:embed templates
var templateFiles embed.FS

//go:embed static
var staticFiles embed.FS

// Options say how a store is shown.
type Options struct {
	// Title is what the store is called on the pages, its folder say.
	Title string
	// Version of the program, for the foot of the pages.
	Version string
	// Hosts are the names, without ports, by which the server may be called beside localhost and the loopback
	// addresses. A request under another name is refused, which keeps other sites' pages from reading this one
	// through a name of their own that leads here (DNS rebinding).
	Hosts []string
	// Token, if not empty, must be given once as ?token= by every browser; a cookie remembers it. A server on an
	// address that others reach must have one.
	Token string
	// ReadOnly leaves out what changes the store.
	ReadOnly bool
	// Log gets errors that people are not shown. The default is slog's.
	Log *slog.Logger
}

// server answers requests. Each page's handlers, and what its template is given, are in the file named for it.
type server struct {
	store   tracker.Store
	options Options
	pages   map[string]*template.Template // by file name
	stop    <-chan struct{}
}

// New returns a handler that shows a store.
func New(store tracker.Store, o Options) (http.Handler, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	s := &server{store: store, options: o}
	var err error
	if s.pages, err = parsePages(); err != nil {
		return nil, err
	}
	static, err := fs.Sub(staticFiles, "static")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/runs", http.StatusSeeOther) })
	mux.Handle("GET /static/", http.StripPrefix("/static/", http.FileServerFS(static)))
	s.routes(mux)
	return s.guard(mux), nil
}

// routes is the whole of what can be asked for.
func (s *server) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /compare", s.page(s.compare))
}
