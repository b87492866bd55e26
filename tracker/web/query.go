package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gouache-art/gouache/tracker"
)

// Bounds on what a request may bring.
const (
	maxQuery = 16 << 10  // bytes of an address after the ?
	maxBody  = 256 << 10 // bytes of a form; the longest note has 64 kB, and takes three times as much when written in %XX
	maxIDs   = 500       // runs named in one request
)

// number reads a whole number from a query; it is otherwise if there is none.
func number(query url.Values, name string, otherwise, least, most int) (int, error) {
	text := query.Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, tracker.Errorf(tracker.CodeInvalid, "%s=%.40q: choose a number from %d to %d", name, text, least, most)
	}
	return n, nil
}

// splitList returns the names in texts that have commas between them, in order, each once.
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

// runIDs returns the whole ids of the runs that a form or a query names as run, each once and at least one.
func (s *server) runIDs(r *http.Request, values url.Values) ([]string, error) {
	refs := splitList(values["run"])
	if len(refs) == 0 {
		return nil, tracker.Errorf(tracker.CodeInvalid, "no run is chosen: tick the boxes before some")
	}
	if len(refs) > maxIDs {
		return nil, tracker.Errorf(tracker.CodeInvalid, "%d runs are chosen: choose at most %d at a time", len(refs), maxIDs)
	}
	var ids []string
	for _, ref := range refs {
		id, err := s.store.Find(r.Context(), ref)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// readForm reads the form that a request brings.
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		return nil, tracker.Errorf(tracker.CodeInvalid, "the form cannot be read: %w", err)
	}
	return r.PostForm, nil
}
