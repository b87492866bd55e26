// Package web is the browser's view of a tracker.Store: runs in a table, one run large, two to twelve compared, the
// trials of a sweep with what people and numbers say of them, and what belongs together. Pages are made on the server
// with html/template; scripts make them live and are embedded, so that nothing is loaded from elsewhere.
//
//	handler, err := web.New(store, web.Options{})
//	...
//	server := &http.Server{Handler: handler}
//	server.RegisterOnShutdown(handler.Close)
//
// A server that others can reach needs Options.Token; see [Options].
package web

import (
	"embed"
	"html/template"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
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
	// ReadSweep reads the file that a sweep keeps, which takes the settings that the program has. Without it, or where it
	// returns nil, what is searched is told from what the trials differ in.
	ReadSweep func(*tracker.Sweep) (*sweep.File, error)
	// Log gets errors that people are not shown. The default is slog's.
	Log *slog.Logger
}

// Handler shows a store.
type Handler struct {
	server *server
	http.Handler
}

// Close ends the requests in which pages wait for changes, so that a server's Shutdown need not wait for them.
func (h *Handler) Close() { h.server.news.close() }

// server answers requests. Each page's handlers, and what its template is given, are in the file named for it.
type server struct {
	store   tracker.Store
	options Options
	pages   map[string]*template.Template // by file name
	small   *thumbnails
	news    *news
}

// New returns a handler that shows a store.
func New(store tracker.Store, o Options) (*Handler, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	o.Hosts = slices.Clone(o.Hosts)
	for i, name := range o.Hosts {
		o.Hosts[i] = plainHost(name)
	}
	s := &server{store: store, options: o, small: newThumbnails(), news: newNews(store)}
	var err error
	if s.pages, err = parsePages(); err != nil {
		return nil, err
	}
	static, err := newStatic()
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /static/", http.StripPrefix("/static/", static))
	s.routes(mux)
	return &Handler{s, s.guard(mux)}, nil
}

// routes is the whole of what can be asked for.
func (s *server) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/runs", http.StatusSeeOther) })
	mux.HandleFunc("GET /", s.page(s.nowhere))
	mux.HandleFunc("GET /runs", s.page(s.runs))
	mux.HandleFunc("GET /runs/rows", s.page(s.rows))
	mux.HandleFunc("GET /runs/delete", s.page(s.askDelete))
	mux.HandleFunc("POST /runs/delete", s.change(s.delete))
	mux.HandleFunc("GET /runs/{id}", s.page(s.run))
	mux.HandleFunc("POST /runs/{id}", s.change(s.updateRun))
	mux.HandleFunc("GET /runs/{id}/curves", s.page(s.curves))
	mux.HandleFunc("GET /runs/{id}/pictures", s.page(s.picturesOf))
	mux.HandleFunc("GET /pictures/{hash}", s.page(s.picture))
	mux.HandleFunc("GET /compare", s.page(s.compare))
	mux.HandleFunc("GET /experiments", s.page(s.experiments))
	mux.HandleFunc("GET /sweeps", s.page(s.sweeps))
	mux.HandleFunc("GET /sweeps/{name}", s.page(s.grid))
	mux.HandleFunc("GET /sweeps/{name}/frames", s.page(s.framesOf))
	mux.HandleFunc("GET /sweeps/{name}/explore", s.page(s.explore))
	mux.HandleFunc("GET /sweeps/{name}/trials", s.page(s.trials))
	mux.HandleFunc("GET /sweeps/{name}/curves", s.page(s.curvesOf))
	mux.HandleFunc("GET /sweeps/{name}/rate", s.page(s.rate))
	mux.HandleFunc("GET /sweeps/{name}/pair", s.page(s.pair))
	mux.HandleFunc("POST /sweeps/{name}/judgements", s.change(s.judge))
	mux.HandleFunc("POST /sweeps/{name}/judgements/undo", s.change(s.takeBack))
	mux.HandleFunc("GET /sweeps/{name}/scores", s.page(s.scores))
	mux.HandleFunc("GET /events", s.page(s.events))
}

func (s *server) nowhere(_ http.ResponseWriter, r *http.Request) error {
	return tracker.Errorf(tracker.CodeNotFound, "there is nothing at %.200s", strings.ToValidUTF8(r.URL.Path, "?"))
}
