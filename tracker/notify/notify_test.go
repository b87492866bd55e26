package notify_test

import (
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/notify"
)

// receive returns a server that keeps what is posted to it.
func receive(t *testing.T) (server *httptest.Server, bodies chan string) {
	t.Helper()
	bodies = make(chan string, 100)
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s, %v: %s", r.Method, r.Header, err)
		}
		bodies <- string(body)
	}))
	t.Cleanup(server.Close)
	return server, bodies
}

func unwarned(t *testing.T) func(error) { return func(err error) { t.Error(err) } }

// TestEvents: which ends have a message, and its event.
func TestEvents(t *testing.T) {
	server, bodies := receive(t)
	n, err := notify.New(server.URL+"/secret", unwarned(t))
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now().Add(-time.Minute)
	run := func(status tracker.Status, trial int, total float64) *tracker.Run {
		return &tracker.Run{
			ID: "1nekt73r1xyr", Name: "night", Sweep: "s", Trial: trial, Status: status, Reason: "why", StartedAt: began, EndedAt: began.Add(time.Minute),
			Final: tracker.Metrics{"total": total},
		}
	}
	want := []notify.Event{}
	for _, c := range []struct {
		run   *tracker.Run
		event notify.Event // none if empty
	}{
		{run(tracker.StatusFinished, 0, 1), notify.RunFinished},
		{run(tracker.StatusFinished, 3, 1), ""},
		{run(tracker.StatusInterrupted, 0, 1), notify.RunInterrupted},
		{run(tracker.StatusQueued, 0, 1), ""},
		{run(tracker.StatusFailed, 0, 1), notify.RunFailed},
		{run(tracker.StatusFailed, 3, 1), notify.RunFailed},
		{run(tracker.StatusFailed, 3, math.NaN()), notify.RunDiverged},
		{run(tracker.StatusFinished, 0, math.Inf(1)), notify.RunDiverged},
	} {
		n.Ended(c.run)
		if c.event != "" {
			want = append(want, c.event)
		}
	}
	n.SweepWaiting("s", "rate three pairs")
	n.SweepEnded(&tracker.Sweep{Name: "s"})
	want = append(want, notify.SweepWaiting, notify.SweepEnded)
	n.Close()
	close(bodies)
	var got []notify.Event
	for body := range bodies {
		var m notify.Message
		if err := json.Unmarshal([]byte(body), &m); err != nil || m.Text == "" || m.At.IsZero() {
			t.Errorf("%s: %v", body, err)
		}
		got = append(got, m.Event)
	}
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("message %d is %s, want %s", i, got[i], want[i])
		}
	}
}

// TestForms: Slack and Discord get what they take, and no name in it mentions anybody.
func TestForms(t *testing.T) {
	for form, want := range map[string]string{
		"slack+":   `{"text":"all trials of sweep \u0026lt;!channel\u0026gt; @everyone have ended"}`,
		"discord+": `{"allowed_mentions":{"parse":[]},"content":"all trials of sweep \u003c!channel\u003e @everyone have ended"}`,
	} {
		server, bodies := receive(t)
		n, err := notify.New(form+server.URL, unwarned(t))
		if err != nil {
			t.Fatal(err)
		}
		n.SweepEnded(&tracker.Sweep{Name: "<!channel> @everyone"})
		n.Close()
		if got := <-bodies; got != want {
			t.Errorf("%s: %s, want %s", form, got, want)
		}
	}
}

// TestSecret: no error shows more of the address than its host, and a redirect is not followed.
func TestSecret(t *testing.T) {
	other, elsewhere := receive(t)
	moved := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer moved.Close()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for _, address := range []string{moved.URL, closed.URL} {
		var warning string
		n, err := notify.New(address+"/T0/s3cret?token=s3cret", func(err error) { warning = err.Error() })
		if err != nil {
			t.Fatal(err)
		}
		n.SweepEnded(&tracker.Sweep{Name: "s"})
		n.Close()
		if warning == "" || strings.Contains(warning, "s3cret") {
			t.Errorf("%s: warning %q", address, warning)
		}
	}
	if len(elsewhere) > 0 {
		t.Error("a redirect was followed")
	}
	for _, bad := range []string{"", "s3cret", "ftp://s3cret.org", "https:///s3cret", "mailto+https://s3cret"} {
		if err := notify.Check(bad); tracker.ErrorCode(err) != tracker.CodeInvalid || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// TestSlow: a server that does not answer delays nothing but Close, and that by seconds.
func TestSlow(t *testing.T) {
	hang := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer server.Close()
	defer close(hang)
	warnings := 0
	n, err := notify.New(server.URL, func(error) { warnings++ })
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for range 200 {
		n.SweepEnded(&tracker.Sweep{Name: "s"})
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("the messages took %v", took)
	}
	n.Close()
	if took := time.Since(began); took > 9*time.Second || warnings == 0 {
		t.Errorf("closing took %v, with %d warnings", took, warnings)
	}
}
