package web

import (
	"context"
	"io"
	"mime"
	"net/http"
	"path"
	"slices"
	"time"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/export"
)

// exported is a form in which runs can be taken away.
type exported struct {
	Format, Label string
	file, kind    string // the name of the file and its media type
	most          int    // runs
	write         func(ctx context.Context, w io.Writer, f *frame, ids []string) error
}

// gallerySide bounds the longer side of the pictures in a gallery, in pixels.
const gallerySide = 1024

// exports are the forms to choose from. A gallery of 500 pictures of that size has about 150 MB, which browsers open.
var exports = []exported{
	{"html", "Gallery, one HTML file", "gouache-gallery.html", "text/html; charset=utf-8", 500,
		func(ctx context.Context, w io.Writer, f *frame, ids []string) error {
			return export.Gallery(ctx, w, f.store, ids, export.GalleryOptions{LongerSide: gallerySide, Version: f.options.Version, Again: f.options.Again})
		}},
	{"pictures", "Pictures, ZIP", "gouache-pictures.zip", "application/zip", maxChosen,
		func(ctx context.Context, w io.Writer, f *frame, ids []string) error {
			return export.Zip(ctx, w, f.store, ids)
		}},
	{"csv", "Table, CSV", "gouache-runs.csv", "text/csv; charset=utf-8", maxChosen,
		func(ctx context.Context, w io.Writer, f *frame, ids []string) error {
			return export.CSV(ctx, w, f.store, ids)
		}},
	{"curves", "Curves, CSV", "gouache-curves.csv", "text/csv; charset=utf-8", maxChosen,
		func(ctx context.Context, w io.Writer, f *frame, ids []string) error {
			return export.Curves(ctx, w, f.store, ids, 0)
		}},
	{"json", "Everything but pictures, JSON", "gouache-runs.json", "application/json", maxChosen,
		func(ctx context.Context, w io.Writer, f *frame, ids []string) error {
			return export.JSON(ctx, w, f.store, ids, 0)
		}},
}

// export answers with the chosen runs in the form that the query names as format.
func (s runPages) export(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	i := slices.IndexFunc(exports, func(e exported) bool { return e.Format == query.Get("format") })
	if i < 0 {
		return tracker.Errorf(tracker.CodeInvalid, "format=%.40q: choose html, pictures, csv, curves or json", query.Get("format"))
	}
	form := exports[i]
	runs, err := s.chosen(r.Context(), query)
	if err != nil {
		return err
	}
	if len(runs) > form.most {
		return tracker.Errorf(tracker.CodeInvalid, "%d runs are chosen: a gallery holds %d at most", len(runs), form.most)
	}
	return s.send(w, r, form.file, form.kind, func(w io.Writer) error {
		return form.write(r.Context(), w, s.frame, idsOf(runs))
	})
}

// download answers with a picture of a run, to be saved under a name that says what it is.
func (s runPages) download(w http.ResponseWriter, r *http.Request) error {
	run, pictures, err := s.runWithPictures(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	hash := r.PathValue("hash")
	i := slices.IndexFunc(pictures, func(p tracker.Picture) bool { return p.Hash == hash })
	if i < 0 {
		return tracker.Errorf(tracker.CodeNotFound, "run %s has no picture %.80s", run.ID, hash)
	}
	file, err := s.store.OpenPicture(r.Context(), hash)
	if err != nil {
		return err
	}
	defer file.Close()
	attach(w.Header(), export.FileName(run, pictures, &pictures[i]))
	sendPicture(w, r, hash, "application/octet-stream", file)
	return nil
}

// file answers with a file of a run, to be saved. No browser shows it: a page among them would speak for the view.
func (s runPages) file(w http.ResponseWriter, r *http.Request) error {
	id, err := s.store.Find(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	files, err := s.store.Files(r.Context(), id)
	if err != nil {
		return err
	}
	hash, name := r.PathValue("hash"), r.PathValue("name")
	if !slices.ContainsFunc(files, func(f tracker.File) bool { return f.Hash == hash && f.Name == name }) {
		return tracker.Errorf(tracker.CodeNotFound, "run %s has no file %.200q like that: its page has a list of those that it has now", id, name)
	}
	content, err := s.store.OpenPicture(r.Context(), hash)
	if err != nil {
		return err
	}
	defer content.Close()
	attach(w.Header(), path.Base(name))
	sendPicture(w, r, hash, "application/octet-stream", content)
	return nil
}

// progressGIF answers with an animation of how the run's picture formed. One is made at a time.
func (s runPages) progressGIF(w http.ResponseWriter, r *http.Request) error {
	run, pictures, err := s.runWithPictures(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := s.animating.Acquire(r.Context(), 1); err != nil {
		return err
	}
	defer s.animating.Release(1)
	name := export.FileName(run, pictures, &tracker.Picture{Role: tracker.RoleResult}) + "-progress.gif"
	return s.send(w, r, name, "image/gif", func(w io.Writer) error { return export.GIF(r.Context(), w, s.store, run.ID) })
}

// runWithPictures returns the run that ref means, with all its pictures.
func (f *frame) runWithPictures(ctx context.Context, ref string) (*tracker.Run, []tracker.Picture, error) {
	id, err := f.store.Find(ctx, ref)
	if err != nil {
		return nil, nil, err
	}
	run, err := f.store.Run(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	pictures, err := f.store.Pictures(ctx, id, tracker.PictureQuery{})
	return run, pictures, err
}

// send answers with a file that the browser saves under a name. An error before the first byte becomes a page; a later
// one breaks the connection, so that the browser does not take a part for the whole.
func (f *frame) send(w http.ResponseWriter, r *http.Request, name, kind string, write func(io.Writer) error) error {
	out := &download{ResponseWriter: w, name: name, kind: kind}
	err := write(out)
	if err == nil || !out.begun {
		return err
	}
	if r.Context().Err() == nil {
		f.options.Log.Error("sending a file", "file", name, "error", err)
	}
	panic(http.ErrAbortHandler)
}

// attach has the browser save an answer under a name.
func attach(h http.Header, name string) {
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
}

// download is an answer that is saved. Its time counts from the last part that was taken.
type download struct {
	http.ResponseWriter
	name, kind string
	begun      bool
}

func (d *download) Write(p []byte) (int, error) {
	if !d.begun {
		d.begun = true
		attach(d.Header(), d.name)
		d.Header().Set("Content-Type", d.kind)
		d.Header().Set("Cache-Control", "no-store")
	}
	_ = http.NewResponseController(d.ResponseWriter).SetWriteDeadline(time.Now().Add(answerTime))
	return d.ResponseWriter.Write(p)
}
