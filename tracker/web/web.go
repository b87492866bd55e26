// Package web is the browser's view of a tracker.Store: a table of runs, the page of one run,
// comparisons of two to twelve, and sweeps with their trials, scores and ratings. Pages are made on
// the server with html/template. Scripts make them live; they are embedded, so that nothing is
// loaded from elsewhere.
//
//	handler := web.New(store, web.Options{})
//	server := &http.Server{Handler: handler}
//	server.RegisterOnShutdown(handler.Close)
//
// A server that others can reach needs Options.Token.
package web

import (
	"cmp"
	"log/slog"
	"net/http"

	"golang.org/x/sync/semaphore"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// Options are choices for New.
type Options struct {
	// Title is the store's name on the pages, for example its folder.
	Title string
	// Version of the program, for the foot of the pages.
	Version string
	// Hosts are the server's names, without ports, besides localhost and the loopback addresses. A
	// request under another name is refused, which keeps other sites' pages from reading this one
	// through a name that they point here (DNS rebinding).
	Hosts []string
	// Token, if not empty, must be given once by every browser, as ?token= or in a form; a cookie
	// remembers that it was. It should pass CheckToken. A server that others can reach must have one,
	// and so must one on the loopback of a machine with several users.
	Token string
	// ReadOnly removes everything that changes the store.
	ReadOnly bool
	// ReadSweep reads the file that a sweep's record holds, with the program's settings. If it is
	// nil or returns nil, the settings in which the trials differ are taken for those that are
	// searched.
	ReadSweep func(*tracker.Sweep) (*sweep.File, error)
	// Again returns the command line that makes a run again, for a shell, or "". It may be nil.
	Again func(*tracker.Run) string
	// Desk queues what people want to have painted. If it is nil, the pages do not offer it.
	Desk Desk
	// WorkerCommand starts a worker for the store, for people to type.
	WorkerCommand string
	// API answers the requests of programs, which are those below /api/. It is made with what says whether a request may be
	// answered. If it is nil, there are none.
	API func(admit Admit) http.Handler
	// Log receives errors that users are not shown. The default is slog's.
	Log *slog.Logger
}

// Admit returns nil for a request of a program that may be answered, else an error that says why not, and its HTTP
// status. writes says whether the request changes the store.
type Admit func(r *http.Request, writes bool) (status int, err error)

// Handler shows a store.
type Handler struct {
	frame *frame
	http.Handler
}

// Close ends the requests in which pages wait for changes, which a server's Shutdown would wait for. It forgets what was
// uploaded and not painted.
func (h *Handler) Close() {
	h.frame.news.close()
	if h.frame.shelf != nil {
		h.frame.shelf.close()
	}
}

// New returns a handler that shows a store.
func New(store tracker.Store, o Options) *Handler {
	o.Log = cmp.Or(o.Log, slog.Default())
	f := &frame{
		store: store, options: o, pages: parsePages(), door: newDoor(o.Token, o.Log), small: newThumbnails(), news: newNews(store),
		animating: semaphore.NewWeighted(1), bodyTime: bodyTime,
	}
	if o.canPaint() {
		f.shelf = newShelf(store, o.Desk)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /static/", static)
	f.routes(mux)
	if o.API != nil {
		f.api = o.API(f.admitProgram)
	}
	return &Handler{f, f.guard(mux)}
}

// routes lists everything that can be requested.
func (f *frame) routes(mux *http.ServeMux) {
	get := func(path string, a handler) { mux.HandleFunc("GET "+path, f.page(a)) }
	change := func(path string, a handler) { mux.HandleFunc("POST "+path, f.change(a)) }

	mux.Handle("GET /{$}", http.RedirectHandler("/runs", http.StatusSeeOther))
	get("/", f.nowhere)
	get("/events", f.events)
	get("/pictures/{hash}", f.picture)

	paint := paintPages{f}
	get("/paint", paint.form)
	change("/paint", paint.submit)
	get("/paint/sweep", paint.newSweep)
	change("/paint/sweep", paint.submitSweep)
	get("/runs/{id}/work", paint.work)
	change("/runs/{id}/stop", paint.stop)
	change("/runs/{id}/resume", paint.resume)
	change("/runs/{id}/again", paint.again)

	runs := runPages{f}
	get("/runs", runs.list)
	get("/runs/rows", runs.rows)
	get("/runs/delete", runs.askDelete)
	change("/runs/delete", runs.delete)
	change("/runs/change", runs.change)
	get("/runs/export", runs.export)
	get("/runs/{id}", runs.run)
	change("/runs/{id}", runs.update)
	get("/runs/{id}/curves", runs.curves)
	get("/runs/{id}/pictures", runs.pictures)
	get("/runs/{id}/pictures/{hash}", runs.download)
	get("/runs/{id}/files/{hash}/{name...}", runs.file)
	get("/runs/{id}/progress.gif", runs.progressGIF)
	get("/experiments", runs.experiments)

	workers := workerPages{f}
	get("/workers", workers.list)
	change("/workers", workers.drain)

	get("/compare", comparePage{f}.compare)

	explore := explorePages{f}
	for path, at := range map[string]string{"/explore": "/explore", "/sweeps/{name}/explore": "/sweeps/{name}"} {
		get(path, explore.explore)
		get(at+"/trials", explore.trials)
		get(at+"/curves", explore.curves)
	}

	sweeps := sweepPages{f}
	get("/sweeps", sweeps.list)
	get("/sweeps/{name}", sweeps.grid)
	change("/sweeps/{name}", sweeps.activate)
	get("/sweeps/{name}/frames", sweeps.frames)
	get("/sweeps/{name}/rate", sweeps.rate)
	get("/sweeps/{name}/pair", sweeps.pair)
	change("/sweeps/{name}/judgements", sweeps.judge)
	change("/sweeps/{name}/judgements/undo", sweeps.takeBack)
	get("/sweeps/{name}/scores", sweeps.scores)
}
