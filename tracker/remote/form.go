package remote

import (
	"encoding/json"
	"io"
	"mime/multipart"
	"net/textproto"

	"github.com/gouache-art/gouache/tracker"
)

// part writes a part of a form with a file; called is the file's name there.
type part func(name, called string, data io.Reader) error

// formOf is the body of a form: its part json, and the files that write writes, which is called each time that the form is
// sent. The request fails with an error of write as it is.
func formOf(v any, write func(part) error) (b *body, err error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, tracker.Errorf(tracker.CodeInvalid, "%w", err)
	}
	boundary := multipart.NewWriter(io.Discard).Boundary()
	open := func() io.ReadCloser {
		r, w := io.Pipe()
		go func() { w.CloseWithError(writeForm(w, boundary, text, write)) }()
		return r
	}
	return &body{"multipart/form-data; boundary=" + boundary, -1, open}, nil
}

func writeForm(w io.Writer, boundary string, text []byte, write func(part) error) error {
	form := multipart.NewWriter(w)
	if err := form.SetBoundary(boundary); err != nil {
		return err
	}
	head, err := form.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="json"`}, "Content-Type": {jsonKind}})
	if err != nil {
		return err
	}
	if _, err := head.Write(text); err != nil {
		return err
	}
	err = write(func(name, called string, data io.Reader) error {
		file, err := form.CreateFormFile(name, called)
		if err != nil {
			return err
		}
		_, err = io.Copy(file, data)
		return err
	})
	if err != nil {
		return err
	}
	return form.Close()
}
