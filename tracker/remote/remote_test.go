package remote

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

func TestStore(t *testing.T) {
	spec := openAPI(t)
	trackertest.Run(t, func(t *testing.T) tracker.Store {
		return serve(t, openSQLite(t, t.TempDir()), spec.holds(t)).client(t, "me")
	})
}

// TestLost: an answer that is lost on its way costs nothing: what was done is found, and done once.
func TestLost(t *testing.T) {
	ctx := t.Context()
	var lose atomic.Value // the path whose next answer is lost
	lose.Store("")
	s := serve(t, openSQLite(t, t.TempDir()), func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			path := lose.Load().(string)
			if path == "" || !strings.HasSuffix(r.URL.Path, path) || r.Method == "GET" {
				h.ServeHTTP(w, r)
				return
			}
			lose.Store("")
			h.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		})
	})
	store := s.client(t, "anna")
	picture := tracker.NewPicture{Role: tracker.RoleContent, Data: trackertest.Picture(t, 1)}

	lose.Store("/runs")
	run := must(store.CreateRun(ctx, tracker.NewRun{Name: "one", Inputs: []tracker.NewPicture{picture}}))(t)
	if n := must(store.Runs(ctx, tracker.RunQuery{}))(t).Total; n != 1 || run.Name != "one" {
		t.Errorf("%d runs were made, and the client has %+v", n, run)
	}
	for path, write := range map[string]func() error{
		"/heartbeat":  func() error { _, err := store.Heartbeat(ctx, run.Claim()); return err },
		"/points":     func() error { return store.AppendPoints(ctx, run.Claim(), onePoint) },
		"/pictures":   func() error { _, err := store.AddPicture(ctx, run.Claim(), picture); return err },
		"/checkpoint": func() error { return store.SaveCheckpoint(ctx, run.Claim(), writes("state")) },
	} {
		lose.Store(path)
		if err := write(); err != nil || lose.Load() != "" {
			t.Errorf("%s: %v", path, err)
		}
	}
	lose.Store("/finish")
	if err := store.FinishRun(ctx, run.Claim(), tracker.Outcome{Status: tracker.StatusInterrupted, Reason: "enough"}); err != nil {
		t.Error(err)
	}
	wantCode(t, "an end after the end", store.FinishRun(ctx, run.Claim(), tracker.Outcome{Status: tracker.StatusFinished}), tracker.CodeConflict)
	lose.Store("/continue")
	again := must(store.ContinueRun(ctx, run.ID, tracker.Process{}))(t)
	if again.Attempt != 2 || again.Status != tracker.StatusRunning {
		t.Errorf("continued: %+v", again)
	}
	for _, name := range []string{"first", "second"} {
		must(store.CreateRun(ctx, tracker.NewRun{Name: name, Queued: true}))(t)
	}
	lose.Store("/claim")
	first, second := must(store.ClaimRun(ctx, tracker.Process{}, tracker.Wanted{}))(t), must(store.ClaimRun(ctx, tracker.Process{}, tracker.Wanted{}))(t)
	if first.Name != "first" || second.Name != "second" || first.Attempt != 2 {
		t.Errorf("claimed %+v and %+v", first, second)
	}

	lose.Store("/judgements")
	_, err := store.AddJudgement(ctx, tracker.Judgement{Left: first.ID, Right: second.ID, Verdict: tracker.Tie})
	wantCode(t, "a judgement", err, tracker.CodeUnavailable)
	if n := len(must(store.Judgements(ctx, tracker.JudgementQuery{}))(t)); n != 1 || !strings.Contains(err.Error(), "may have") {
		t.Errorf("%d judgements, and the error %v", n, err)
	}
}

// TestAway: a server that is away for a while is waited for, and one that stays away is not.
func TestAway(t *testing.T) {
	s := serve(t, openSQLite(t, t.TempDir()), nil)
	store := s.client(t, "anna")
	address := s.Listener.Addr().String()
	s.Close()
	back := make(chan *httptest.Server, 1)
	time.AfterFunc(300*time.Millisecond, func() {
		again := httptest.NewUnstartedServer(s.Config.Handler)
		again.Listener.Close()
		again.Listener = listen(address)
		again.Start()
		back <- again
	})
	if _, err := store.CreateRun(t.Context(), tracker.NewRun{}); err != nil {
		t.Error(err)
	}
	(<-back).Close()
	store.patience = 200 * time.Millisecond
	_, err := store.Names(t.Context())
	wantCode(t, "away for good", err, tracker.CodeUnavailable)
	if !strings.Contains(err.Error(), address) {
		t.Errorf("it does not say which server: %v", err)
	}
	store.patience = time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := store.Names(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a caller who leaves gets %v", err)
	}
}

func TestOpen(t *testing.T) {
	s := serve(t, openSQLite(t, t.TempDir()), nil)
	token := s.token(t, "anna", true)
	other := httptest.NewServer(http.RedirectHandler(s.URL, http.StatusMovedPermanently))
	defer other.Close()
	for _, c := range []struct {
		address, token, want string
		code                 tracker.Code
	}{
		{"ftp://x", token, "https://NAME", tracker.CodeInvalid},
		{"https://", token, "https://NAME", tracker.CodeInvalid},
		{"https://" + token + "@x", token, "does not belong", tracker.CodeInvalid},
		{"https://x?token=" + token, token, "does not belong", tracker.CodeInvalid},
		{"http://example.org", token, "use https", tracker.CodeInvalid},
		{s.URL, "", "asks for a token", tracker.CodeUnavailable},
		{s.URL, "wrong", "unknown to this server", tracker.CodeUnavailable},
		{other.URL, token, "answered 301", tracker.CodeUnavailable},
		{strings.Replace(s.URL, "http:", "https:", 1), token, "does not speak https", tracker.CodeUnavailable},
		{"http://127.0.0.1:1", token, "refused", tracker.CodeUnavailable},
	} {
		_, err := Open(t.Context(), c.address, c.token)
		if tracker.ErrorCode(err) != c.code || err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), token) {
			t.Errorf("%s: %v", c.address, err)
		}
	}
	below := serve(t, nil, func(h http.Handler) http.Handler { return http.StripPrefix("/below", s.Config.Handler) })
	store := must(Open(t.Context(), below.URL+"/below/", token))(t)
	must(store.Names(t.Context()))(t)
}

// TestHostileServer: nothing that a server sends is believed.
func TestHostileServer(t *testing.T) {
	id := tracker.NewID(time.Now())
	answers := map[string]string{} // by path
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(answers[strings.TrimPrefix(r.URL.Path, Prefix)]))
	}))
	defer server.Close()
	answers["/"] = `{"version":"v1"}`
	ctx := t.Context()
	store := must(Open(ctx, server.URL, "x"))(t)
	hash := strings.Repeat("a", 64)
	calls := map[string]func() error{
		"/find":                   func() error { _, err := store.Find(ctx, "x"); return err },
		"/runs/" + id:             func() error { _, err := store.Run(ctx, id); return err },
		"/runs":                   func() error { _, err := store.Runs(ctx, tracker.RunQuery{Limit: 1}); return err },
		"/claim":                  func() error { _, err := store.ClaimRun(ctx, tracker.Process{}, tracker.Wanted{}); return err },
		"/runs/" + id + "/curves": func() error { _, err := store.Curves(ctx, id, tracker.CurveQuery{}); return err },
		"/groups":                 func() error { _, err := store.Groups(ctx, tracker.BySweep); return err },
		"/changes":                func() error { _, err := store.Changes(ctx, ""); return err },
		"/pictures/" + hash:       func() error { _, err := store.OpenPicture(ctx, hash); return err },
		"/runs/" + id + "/pictures": func() error {
			_, err := store.AddPicture(ctx, tracker.Claim{Run: id}, tracker.NewPicture{Role: "result", Data: trackertest.Picture(t, 1)})
			return err
		},
	}
	for path, texts := range map[string][]string{
		"/find":                     {``, `{"id":"../x"}`, `[]`, `{"id":7}`},
		"/runs/" + id:               {``, `{`, `{"id":"../../x"}`, `{"id":"` + tracker.NewID(time.Now()) + `"}`, `{"id":"` + id + `","started_at":"today"}`, `{"id":"` + id + `","params":[]}`},
		"/runs":                     {`{"runs":[{"id":"` + id + `"},{"id":"` + id + `"}],"total":2}`, `{"runs":[{"id":"x"}],"total":1}`, `{"runs":[],"total":-1}`},
		"/claim":                    {`{"id":""}`, strings.Repeat("[", 100_000)},
		"/runs/" + id + "/curves":   {`[{"name":"a b"}]`, `[{"name":"a","points":[[-1,2]]}]`, `[{"name":"a","points":[[1]]}]`, `[{"name":"a","points":[[1,"x"]]}]`, `[{"name":"a","total":-1}]`},
		"/groups":                   {`[{"name":"a"}]`, `[{"latest":{"id":"x"}}]`},
		"/changes":                  {`{"runs":["../x"]}`},
		"/pictures/" + hash:         {"another"},
		"/runs/" + id + "/pictures": {`{"hash":"../../x","role":"result"}`},
	} {
		for _, text := range texts {
			answers[path] = text
			if err := calls[path](); !slices.Contains([]tracker.Code{tracker.CodeInternal, tracker.CodeNotFound}, tracker.ErrorCode(err)) {
				t.Errorf("%s answered with %.80s: %v", path, text, err)
			}
		}
	}
	answers["/runs/"+id] = `{"id":"` + id + `","status":"burning","rating":99,"trial":-3,"params":{"a b":1,"x":[1],"y":"z"},"picture":"../x","started_at":"0001-02-03T04:05:06Z","news":1}`
	run := must(store.Run(ctx, id))(t)
	if run.Status != tracker.StatusInterrupted || run.Rating != 5 || run.Trial != 0 || run.Picture != "" || len(run.Params) != 1 || run.StartedAt.Year() != 1970 || len(run.Damaged) == 0 {
		t.Errorf("it is not mended: %+v", run)
	}
	answers["/sweep"] = `{"name":"` + strings.Repeat("x", 1000) + `","trials":-1}`
	if s := must(store.Sweep(ctx, "x"))(t); len(s.Name) > 200 || s.Trials != 0 {
		t.Errorf("it is not mended: %+v", s)
	}
	answers["/judgements"] = `[{"left":"x","right":"y","verdict":"tie"},{"left":"` + id + `","right":"` + id + `","verdict":"both"}]`
	if list := must(store.Judgements(ctx, tracker.JudgementQuery{}))(t); len(list) != 0 {
		t.Errorf("judgements that are none: %+v", list)
	}
}

// TestSilentServer: a server that accepts a request and says nothing, or stops in the middle, is given up.
func TestSilentServer(t *testing.T) {
	end := make(chan struct{})
	s := serve(t, openSQLite(t, t.TempDir()), func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case strings.HasSuffix(r.URL.Path, "/names"):
				<-end
			case strings.HasSuffix(r.URL.Path, "/changes"):
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write([]byte(`{"cursor":`))
				_ = http.NewResponseController(w).Flush()
				<-end
			default:
				h.ServeHTTP(w, r)
			}
		})
	})
	defer close(end)
	store := s.client(t, "anna")
	store.stall, store.patience = 100*time.Millisecond, 150*time.Millisecond
	for what, call := range map[string]func() error{
		"it says nothing":         func() error { _, err := store.Names(t.Context()); return err },
		"it stops in the middle":  func() error { _, err := store.Changes(t.Context(), ""); return err },
		"the others still answer": func() error { _, err := store.Workers(t.Context()); return err },
	} {
		want := tracker.CodeUnavailable
		if strings.HasPrefix(what, "the others") {
			want = ""
		}
		began := time.Now()
		wantCode(t, what, call(), want)
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s: it took %v", what, took)
		}
	}
}

// TestPeople: judgements have the name of the person whose token it is, whatever the request says.
func TestPeople(t *testing.T) {
	ctx := t.Context()
	s := serve(t, openSQLite(t, t.TempDir()), nil)
	anna, ben := s.client(t, "anna"), s.client(t, "ben")
	left, right := must(anna.CreateRun(ctx, tracker.NewRun{}))(t).ID, must(ben.CreateRun(ctx, tracker.NewRun{}))(t).ID
	for store, name := range map[*Store]string{anna: "anna", ben: "ben"} {
		j := must(store.AddJudgement(ctx, tracker.Judgement{Left: left, Right: right, Verdict: tracker.Tie, Rater: "the king"}))(t)
		if j.Rater != name {
			t.Errorf("%s's judgement is %s's", name, j.Rater)
		}
	}
}

// TestLongFilter: a filter that a program builds may be longer than one that is typed.
func TestLongFilter(t *testing.T) {
	store := serve(t, openSQLite(t, t.TempDir()), nil).client(t, "me")
	run := must(store.CreateRun(t.Context(), tracker.NewRun{}))(t)
	var any []*tracker.Filter
	for range 400 {
		any = append(any, tracker.Where("id", tracker.Equal, run.ID))
	}
	if page := must(store.Runs(t.Context(), tracker.RunQuery{Filter: tracker.Any(any...)}))(t); page.Total != 1 {
		t.Errorf("it finds %d runs", page.Total)
	}
}

func TestTokens(t *testing.T) {
	tokens := Tokens{filepath.Join(t.TempDir(), "new", "tokens.json")}
	if list := must(tokens.List())(t); len(list) != 0 {
		t.Errorf("there are %v", list)
	}
	anna := must(tokens.Add("anna", true))(t)
	ben := must(tokens.Add("ben k.", false))(t)
	if anna == ben || len(anna) < 26 {
		t.Errorf("%q and %q", anna, ben)
	}
	for name, want := range map[string]tracker.Code{
		"anna": tracker.CodeConflict, "ANNA": tracker.CodeConflict, "": tracker.CodeInvalid, "a\nb": tracker.CodeInvalid, " a": tracker.CodeInvalid,
		"a ": tracker.CodeInvalid, strings.Repeat("x", 65): tracker.CodeInvalid, "a\x1b[31m": tracker.CodeInvalid,
	} {
		_, err := tokens.Add(name, true)
		wantCode(t, name, err, want)
	}
	for text, name := range map[string]string{anna: "anna", ben: "ben k.", strings.ToLower(anna): "", "": "", anna + " ": "", hashOf(anna): ""} {
		if token := must(tokens.whose(text))(t); (token != nil) != (name != "") || token != nil && token.Name != name {
			t.Errorf("%q is %+v, want %q", text, token, name)
		}
	}
	kept := string(must(os.ReadFile(tokens.Path))(t))
	if strings.Contains(kept, anna) || strings.Contains(kept, ben) {
		t.Errorf("the file has a token: %s", kept)
	}
	if mode := must(os.Stat(tokens.Path))(t).Mode().Perm(); mode != 0o600 {
		t.Errorf("the file has the permissions %o", mode)
	}
	wantCode(t, "revoking a stranger", tokens.Revoke("bob"), tracker.CodeNotFound)
	if err := tokens.Revoke("anna"); err != nil || must(tokens.whose(anna))(t) != nil {
		t.Errorf("revoked: %v", err)
	}
	if err := os.Chmod(tokens.Path, 0o622); err != nil {
		t.Fatal(err)
	}
	_, err := tokens.whose(ben)
	wantCode(t, "others may write the file", err, tracker.CodeUnavailable)
	for _, text := range []string{"", "{", "[]"} {
		if err := os.WriteFile(tokens.Path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := tokens.whose(ben)
		wantCode(t, "a damaged file", err, tracker.CodeUnavailable)
	}
}

// TestTokenFile: in the variable, a ~ is the user's home, as in every other one.
func TestTokenFile(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv(TokenVariable, "")
	t.Setenv(TokenFileVariable, "~/token")
	if err := os.WriteFile(filepath.Join(home, "token"), []byte("secret\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if token, err := tokenOfEnvironment(); err != nil || token != "secret" {
		t.Errorf("%q, %v", token, err)
	}
}
