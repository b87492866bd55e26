package web

import (
	"bytes"
	"errors"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"slices"

	"github.com/gouache-art/gouache/tracker"
)

// page is what every template is given. Data is the page's own.
type page struct {
	Title string // of the page
	Nav   string // which entry of the navigation it belongs to: runs, compare, experiments or sweeps
	Site  Options
	Data  any
}

// shared are the templates that pages use parts of.
var shared = []string{"templates/layout.html", "templates/parts.html"}

// parsePages reads the templates: each with the shared ones around it. A page defines main, and may define head.
func parsePages() (map[string]*template.Template, error) {
	layout, err := template.New("layout.html").Funcs(functions).ParseFS(templateFiles, shared...)
	if err != nil {
		return nil, err
	}
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, err
	}
	pages := map[string]*template.Template{}
	for _, file := range files {
		if slices.Contains(shared, file) {
			continue
		}
		t, err := layout.Clone()
		if err != nil {
			return nil, err
		}
		if pages[path.Base(file)], err = t.ParseFS(templateFiles, file); err != nil {
			return nil, err
		}
	}
	return pages, nil
}

// render writes a page. It is made whole before anything is sent, so that an error is a page too.
func (s *server) render(w http.ResponseWriter, status int, name string, p page) error {
	p.Site = s.options
	return s.write(w, status, name, "layout.html", p)
}

// write writes a part of a page.
func (s *server) write(w http.ResponseWriter, status int, name, part string, data any) error {
	var b bytes.Buffer
	if err := s.pages[name].ExecuteTemplate(&b, part, data); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w) // it fails for those who are gone
	return nil
}

// page makes a handler of a function that may fail: the error becomes a page.
func (s *server) page(f func(w http.ResponseWriter, r *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := f(w, r)
		if err == nil || r.Context().Err() != nil {
			return
		}
		status := s.status(r, err)
		text := err.Error()
		if status == http.StatusInternalServerError {
			text = "something went wrong here; the program's log says what"
		}
		data := struct {
			Status int
			Text   string
		}{status, text}
		if err := s.render(w, status, "error.html", page{Title: http.StatusText(status), Data: data}); err != nil {
			s.options.Log.Error("writing the page of an error", "error", err)
		}
	}
}

// change makes a handler of a function that changes the store, which a view that is read only refuses.
func (s *server) change(f func(w http.ResponseWriter, r *http.Request) error) http.HandlerFunc {
	if !s.options.ReadOnly {
		return s.page(f)
	}
	return s.page(func(http.ResponseWriter, *http.Request) error { return errReadOnly })
}

// errReadOnly refuses changes.
var errReadOnly = errors.New("this view is read only: start gouache ui without --read-only to change things")

// status returns the HTTP status for an error, and logs errors that people are not shown.
func (s *server) status(r *http.Request, err error) int {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.Is(err, errReadOnly):
		return http.StatusForbidden
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge
	}
	switch tracker.ErrorCode(err) {
	case tracker.CodeNotFound:
		return http.StatusNotFound
	case tracker.CodeInvalid:
		return http.StatusBadRequest
	case tracker.CodeConflict:
		return http.StatusConflict
	case tracker.CodeUnavailable:
		return http.StatusServiceUnavailable
	}
	s.options.Log.Error("answering a request", "method", r.Method, "path", r.URL.Path, "error", err)
	return http.StatusInternalServerError
}
