// Package remote is a tracker.Store on another machine: a server offers any store over HTTP, and a client is a store that
// asks the server. What goes between them is the program's JSON API, which docs/openapi.yaml describes.
//
//	handler := remote.NewHandler(store, remote.Tokens{Path: path}.Admit(log), remote.Options{})  // the server
//	server.RegisterOnShutdown(handler.Close)
//	...
//	store, err := remote.Open(ctx, "https://paintings.example.org", remote.token)  // a client
//
// There is one route for each method of the store. Requests and answers are JSON of the types of package tracker. Files
// are sent as they are, or as the parts of a form. An error keeps its tracker.Code.
package remote

import (
	"io"
	"os"
	"unicode/utf8"

	"github.com/gouache-art/gouache/tracker"
)

// Prefix begins the paths of all routes.
const Prefix = "/api/v1"

// Bounds on what one side takes from the other, in bytes.
const (
	maxRequest = 16 << 20  // of JSON; a sweep's file has 1 MiB, and a run's parameters 4 MiB
	maxPoints  = 256 << 20 // of JSON with points: ten million of them
	maxAnswer  = 1 << 30   // of JSON
	maxError   = 64 << 10  // of an answer that is an error
	maxMessage = 4 << 10   // of its message
)

// The names of the parts of a form, beside json, which is the first.
const (
	filePart  = "file"       // a picture, or another file of a run; of an archive, its file's name is its hash
	statePart = "checkpoint" // of an archive
)

// problem is the JSON of an error.
type problem struct {
	Code    tracker.Code `json:"code"`
	Message string       `json:"message"`
}

// The JSON of requests and answers that are no type of package tracker.
type (
	// about is who the server takes the caller for.
	about struct {
		Person  string `json:"person"` // "" where the server knows no names
		Writes  bool   `json:"writes"`
		Version string `json:"version"` // of the program that serves
	}
	found struct {
		ID string `json:"id"`
	}
	taker struct {
		Process tracker.Process `json:"process"`
	}
	claimer struct {
		taker
		tracker.Wanted
	}
	drain struct {
		taker
		Drain bool `json:"drain"`
	}
	sight struct {
		Draining bool `json:"draining"`
	}
	attempt struct {
		Attempt int `json:"attempt"`
	}
	pulse struct {
		Stopped bool `json:"stopped"`
	}
	outcome struct {
		Attempt int `json:"attempt"`
		tracker.Outcome
	}
	points struct {
		Attempt int              `json:"attempt"`
		Series  []tracker.Series `json:"series"`
	}
	newPicture struct {
		Attempt int `json:"attempt"`
		tracker.NewPicture
	}
	newFile struct {
		Attempt int `json:"attempt"`
		tracker.NewFile
	}
	deletion struct {
		Runs []string `json:"runs"`
		tracker.DeleteOptions
	}
	activation struct {
		Name   string `json:"name"`
		Active bool   `json:"active"`
	}
	added struct {
		Added int `json:"added"`
	}
)

// curve is a tracker.Curve with its summary. JSON has no place for the values that are not finite; Metrics have.
type curve struct {
	tracker.Series
	Total   int64           `json:"total"`
	Summary tracker.Metrics `json:"summary"` // last, min and max
}

func newCurve(c tracker.Curve) curve {
	return curve{c.Series, c.Total, tracker.Metrics{"last": c.Last, "min": c.Min, "max": c.Max}}
}

func (c curve) curve() tracker.Curve {
	s := c.Summary
	return tracker.Curve{Series: c.Series, Total: c.Total, Last: s["last"], Min: s["min"], Max: s["max"]}
}

// sweepRecord is a tracker.Sweep. Any bytes may be in a folder's name, and a string of JSON has UTF-8 only.
type sweepRecord struct {
	tracker.Sweep
	DirBytes []byte `json:"dir_bytes,omitempty"` // in place of dir, if that is not UTF-8
}

func newSweep(s tracker.Sweep) sweepRecord {
	if utf8.ValidString(s.Dir) {
		return sweepRecord{Sweep: s}
	}
	bytes := []byte(s.Dir)
	s.Dir = ""
	return sweepRecord{s, bytes}
}

func (s sweepRecord) sweep() tracker.Sweep {
	if s.DirBytes != nil {
		s.Dir = string(s.DirBytes)
	}
	return s.Sweep
}

// temporary is a file without a name, which is gone when it is closed or the process ends.
func temporary() (*os.File, error) {
	file, err := os.CreateTemp("", "gouache-*")
	if err != nil {
		return nil, tracker.Errorf(tracker.CodeUnavailable, "a temporary file: %w", err)
	}
	if err := os.Remove(file.Name()); err != nil {
		file.Close()
		return nil, tracker.Errorf(tracker.CodeUnavailable, "a temporary file: %w", err)
	}
	return file, nil
}

// keep copies what reader has to a temporary file, most bytes at the most, and returns the file at its beginning. Its
// error for more bytes is tooLarge.
func keep(reader io.Reader, most int64, tooLarge error) (*os.File, error) {
	file, err := temporary()
	if err != nil {
		return nil, err
	}
	n, err := io.Copy(file, io.LimitReader(reader, most+1))
	if err == nil && n > most {
		err = tooLarge
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func sizeOf(file *os.File) (int64, error) {
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
