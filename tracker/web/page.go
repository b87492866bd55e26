package web

import (
	"bytes"
	"html/template"
	"io/fs"
	"net/http"
	"path"

	"github.com/gouache-art/gouache/tracker"
)

// page is what every template is given. Data is the page's own.
type page struct {
	Title string // of the page
	Nav   string // which entry of the navigation it belongs to: runs, compare, experiments or sweeps
	Site  Options
	Data  any
}

// parsePages reads the templates: each with layout.html around it. A page defines main, and may define head.
func parsePages() (map[string]*template.Template, error) {
	layout, err := template.New("layout.html").Funcs(functions).ParseFS(templateFiles, "templates/layout.html")
	if err != nil {
		return nil, err
	}
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, err
	}
	pages := map[string]*template.Template{}
	for _, file := range files {
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
	var b bytes.Buffer
	if err := s.pages[name].ExecuteTemplate(&b, "layout.html", p); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, err := b.WriteTo(w)
	return err
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
			text = "Something went wrong here; the program's log says what."
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

// status returns the HTTP status for an error, and logs errors that people are not shown.
func (s *server) status(r *http.Request, err error) int {
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
