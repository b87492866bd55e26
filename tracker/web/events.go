package web

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

// heartbeat is how often a stream says something even if nothing happens, so that a connection that is gone is found
// out, and what lies between does not end it.
const heartbeat = 15 * time.Second

// events tells a page what changes in the store, as server-sent events named changes: each has tracker.Changes as its
// data and their cursor as its id. The query's since, or the Last-Event-ID of a browser that comes back, is the cursor
// from which on the page wants to know; a page has one in data-cursor. Between changes nothing is read but two short
// queries for all pages together.
func (s *server) events(w http.ResponseWriter, r *http.Request) error {
	since := tracker.Cursor(r.Header.Get("Last-Event-ID"))
	if since == "" {
		since = tracker.Cursor(r.URL.Query().Get("since"))
	}
	l, err := s.news.listen(r.Context()) // before looking for what is missed, so that nothing falls between
	if err != nil {
		return err
	}
	defer s.news.leave(l)
	missed, err := s.store.Changes(r.Context(), since)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // for nginx
	l.stream(w, r, since, missed)
	return nil
}

// stream writes to a page until it is gone or the listener dismissed.
func (l *listener) stream(w http.ResponseWriter, r *http.Request, since tracker.Cursor, missed *tracker.Changes) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{}) // what a server sets for other requests; one without deadlines has none to lift
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	text := fmt.Sprintf("id: %s\nretry: 3000\n: listening\n\n", missed.Cursor)
	if since != "" && since != missed.Cursor {
		text = event(missed)
	}
	for {
		_ = control.SetWriteDeadline(time.Now().Add(2 * heartbeat))
		if _, err := io.WriteString(w, text); err != nil || control.Flush() != nil {
			return
		}
		select {
		case <-l.ready:
			text = event(l.take())
		case <-beat.C:
			text = ": still here\n\n"
		case <-l.gone:
			return
		case <-r.Context().Done():
			return
		}
	}
}

// event writes changes as an event. There are none if the last event had them already.
func event(changes *tracker.Changes) string {
	if changes == nil {
		return ""
	}
	data, err := json.Marshal(changes)
	if err != nil {
		panic(err) // texts always can be written
	}
	return fmt.Sprintf("id: %s\nevent: changes\ndata: %s\n\n", changes.Cursor, data)
}
