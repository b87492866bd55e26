package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

const form = "multipart/form-data; boundary=b"

// TestGate: without a token no route reads the store, and with one that may only read, none that changes it. The store is
// nil, so that a route that touches it panics.
func TestGate(t *testing.T) {
	s := serve(t, nil, nil)
	reader := s.token(t, "reader", false)
	for _, r := range routes {
		method, path, _ := r.parts()
		path = Prefix + strings.NewReplacer("{$}", "", "{id}", tracker.NewID(time.Now()), "{hash}", strings.Repeat("a", 64)).Replace(path)
		for _, token := range []string{"", "wrong", hashOf(reader)} {
			if status, body := s.ask(t, token, method, path, jsonKind, strings.NewReader("{}")); status != http.StatusUnauthorized {
				t.Errorf("%s %s without a token: %d %s", method, path, status, body)
			}
		}
		if !r.writes {
			continue
		}
		if status, body := s.ask(t, reader, method, path, jsonKind, strings.NewReader("{}")); status != http.StatusForbidden {
			t.Errorf("%s %s with a token that may only read: %d %s", method, path, status, body)
		}
	}
	if status, _ := s.ask(t, "", "GET", Prefix+"/nothing", "", nil); status != http.StatusUnauthorized {
		t.Errorf("a path that there is not, without a token: %d", status)
	}
	if status, _ := s.ask(t, reader, "POST", Prefix+"/names", "", nil); status != http.StatusNotFound {
		t.Errorf("a method that there is not: %d", status)
	}
}

// TestMistakes: what makes no sense is refused in words, and changes nothing.
func TestMistakes(t *testing.T) {
	db := openSQLite(t, t.TempDir())
	s := serve(t, db, nil)
	token := s.token(t, "anna", true)
	run := must(s.clientOf(t, token).CreateRun(t.Context(), tracker.NewRun{}))(t)
	before := must(db.Changes(t.Context(), ""))(t)
	at := "/runs/" + run.ID
	part := func(name, text string) string {
		return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"; filename=\"../../x\"\r\n\r\n" + text + "\r\n"
	}
	picture := string(trackertest.Picture(t, 1))
	for _, c := range []struct {
		method, path, kind, body string
		status                   int
		says                     string
	}{
		{"GET", "/runs?filtre=x", "", "", 400, `did you mean "filter"`},
		{"GET", "/runs?limit=many", "", "", 400, "no number"},
		{"GET", "/runs?limit=10000000000000000000000", "", "", 400, "no number"},
		{"GET", "/runs?filter=" + strings.Repeat("x", 50_000), "", "", 400, "bytes"},
		{"GET", "/pictures/..%2f..%2fetc%2fpasswd", "", "", 400, "no picture"},
		{"GET", "/runs/..%2f..%2fx/checkpoint", "", "", 404, "no run"},
		{"PUT", "/runs/..%2f..%2fx/checkpoint?attempt=1", "", "state", 404, "no run"},
		{"PUT", at + "/checkpoint", "", "state", 409, "attempt"},
		{"DELETE", "/judgements/x", "", "", 404, "no judgement"},
		{"PATCH", at, "text/plain", `{}`, 400, "application/json"},
		{"PATCH", at, jsonKind, ``, 400, "cannot be read"},
		{"PATCH", at, jsonKind, `{} {}`, 400, "more than one"},
		{"PATCH", at, jsonKind, `{"rating":"five"}`, 400, "cannot be read"},
		{"PATCH", at, jsonKind, `{"ratings":5}`, 400, "ratings"},
		{"PATCH", at, jsonKind, `{"note":"` + strings.Repeat("x", maxRequest) + `"}`, 413, "too large"},
		{"PATCH", at, jsonKind, strings.Repeat("[", 1_000_000), 400, "cannot be read"},
		{"POST", at + "/points", jsonKind, `{"attempt":1,"series":[{"name":"x","points":[[1,2,3]]}]}`, 400, "no number"},
		{"POST", at + "/points", jsonKind, `{"attempt":1,"series":[{"name":"x","points":[{}]}]}`, 400, "no point"},
		{"POST", at + "/points", jsonKind, `{"attempt":0,"series":[{"name":"x","points":[[1,2]]}]}`, 409, "attempt"},
		{"POST", at + "/points", jsonKind, `{"attempt":1,"series":[` + strings.Repeat("{},", maxValues) + `{}]}`, 400, "send less at once"},
		{"POST", at + "/points", jsonKind, `{"attempt":1,"series":[` + strings.Repeat("null,", maxValues) + `null]}`, 400, "send less at once"},
		{"POST", "/restore", form, part("json", `{"pictures":[`+strings.Repeat("{},", maxValues)) + "--b--", 400, "send less at once"},
		{"POST", "/claim", jsonKind, `{}`, 400, "process is missing"},
		{"POST", at + "/continue", jsonKind, `{"process":{}}`, 400, "process is missing"},
		{"POST", "/workers", jsonKind, `{"device":"cpu"}`, 400, "process is missing"},
		{"POST", "/runs", jsonKind, `{}`, 400, "process is missing"},
		{"POST", "/runs", jsonKind, `{"queued":true,"inputs":[{"role":"content"}]}`, 400, "1 inputs and 0 files"},
		{"POST", "/runs", form, "--b--", 400, "form"},
		{"POST", "/runs", form, part("json", `{"queued":true}`), 400, "cannot be read"},
		{"POST", "/runs", form, part("json", `{"queued":true}`) + part("file", picture) + "--b--", 400, "0 inputs and 1 files"},
		{"POST", "/runs", form, part("file", picture) + "--b--", 400, "first part is json"},
		{"POST", "/runs", form, part("json", `{"queued":true,"inputs":[{"role":"content"}]}`) + part("file", "text") + "--b--", 400, "picture"},
		{"POST", at + "/pictures", form, part("json", `{"attempt":1,"role":"../x"}`) + part("file", picture) + "--b--", 400, "role"},
		{"POST", at + "/pictures", form, part("json", `{"attempt":1,"role":"result"}`) + "--b--", 400, "one picture"},
		{"POST", at + "/files", form, part("json", `{"attempt":1,"name":"../x"}`) + part("file", "text") + "--b--", 400, "path below the run"},
		{"POST", at + "/files", form, part("json", `{"attempt":1,"name":"x"}`) + "--b--", 400, "send one"},
		{"POST", at + "/files", form, part("json", `{"attempt":0,"name":"x"}`) + part("file", "text") + "--b--", 409, "attempt"},
		{"POST", at + "/files", form, part("json", `{"attempt":1,"name":"x","type":"text"}`) + part("file", "text") + "--b--", 400, "media type"},
		{"POST", "/restore", form, part("json", `{"run":{"id":"x"}}`) + part("../../x", picture) + "--b--", 400, "hash"},
		{"POST", "/restore", form, part("json", `{"run":{"id":"x"}}`) + part("checkpoint", "state") + part("checkpoint", "state") + "--b--", 400, "twice"},
		{"POST", "/restore", form, part("json", `{"run":{"id":"../x"}}`) + "--b--", 400, "no run's id"},
	} {
		status, body := s.ask(t, token, c.method, Prefix+c.path, c.kind, strings.NewReader(c.body))
		var p problem
		if err := json.Unmarshal([]byte(body), &p); err != nil || status != c.status || !strings.Contains(p.Message, c.says) {
			t.Errorf("%s %.100s %.80s: %d %.300s, want %d %s", c.method, c.path, c.body, status, body, c.status, c.says)
		}
	}
	if after := must(db.Changes(t.Context(), ""))(t); after.Cursor != before.Cursor {
		t.Errorf("the store has changed: %+v", after)
	}
	trackertest.Verify(t, db)
}

// TestNobodyShowsFiles: a page that was logged is data to a browser, and a picture is a picture.
func TestNobodyShowsFiles(t *testing.T) {
	s := serve(t, openSQLite(t, t.TempDir()), nil)
	token := s.token(t, "anna", true)
	client := s.clientOf(t, token)
	run := must(client.CreateRun(t.Context(), tracker.NewRun{}))(t)
	file := must(client.AddFile(t.Context(), run.Claim(), tracker.NewFile{Name: "page.html", Type: "text/html", Data: []byte("<html><script>alert(1)</script>")}))(t)
	picture := must(client.AddPicture(t.Context(), run.Claim(), tracker.NewPicture{Role: tracker.RoleResult, Data: trackertest.Picture(t, 1)}))(t)
	for hash, want := range map[string]string{file.Hash: "application/octet-stream", picture.Hash: "image/png"} {
		request := must(http.NewRequestWithContext(t.Context(), "GET", s.URL+Prefix+"/pictures/"+hash, nil))(t)
		request.Header.Set("Authorization", "Bearer "+token)
		answer := must(http.DefaultClient.Do(request))(t)
		answer.Body.Close()
		if got := answer.Header.Get("Content-Type"); answer.StatusCode != 200 || got != want || answer.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%d, of the type %q, want %s", answer.StatusCode, got, want)
		}
	}
}

// TestWhoWrites: a note has the name of whose token it is, whatever the request says.
func TestWhoWrites(t *testing.T) {
	s := serve(t, openSQLite(t, t.TempDir()), nil)
	client := s.client(t, "anna")
	note := "dark"
	run := must(client.CreateRun(t.Context(), tracker.NewRun{Note: "soft", NoteBy: "bob"}))(t)
	after := must(client.UpdateRun(t.Context(), run.ID, tracker.Update{Note: &note, NoteBy: "bob"}))(t)
	if run.NoteBy != "anna" || after.NoteBy != "anna" || after.Note != note {
		t.Errorf("got %+v and %+v", run, after)
	}
}

// TestInternal: what is wrong inside the server is logged there, and told to nobody.
func TestInternal(t *testing.T) {
	db := openSQLite(t, t.TempDir())
	s := serve(t, broken{db}, nil)
	status, body := s.ask(t, s.token(t, "anna", false), "GET", Prefix+"/names", "", nil)
	if status != http.StatusInternalServerError || strings.Contains(body, "secret") {
		t.Errorf("%d %s", status, body)
	}
}

type broken struct{ tracker.Store }

func (broken) Names(context.Context) (*tracker.Names, error) {
	return nil, fmt.Errorf("open /secret/place")
}

// TestRevoked: a token that is revoked while files arrive has no effect.
func TestRevoked(t *testing.T) {
	db := openSQLite(t, t.TempDir())
	s := serve(t, db, nil)
	token := s.token(t, "anna", true)
	store := s.clientOf(t, token)
	run := must(store.CreateRun(t.Context(), tracker.NewRun{}))(t)
	for what, upload := range map[string]func(middle func()) (int, string){
		"a picture": func(middle func()) (int, string) {
			r, w := io.Pipe()
			go func() {
				f := multipart.NewWriter(w)
				_ = f.SetBoundary("b")
				_ = f.WriteField("json", `{"attempt":1,"role":"result"}`)
				file, _ := f.CreateFormFile("file", "x")
				middle()
				_, _ = file.Write(trackertest.Picture(t, 1))
				w.CloseWithError(f.Close())
			}()
			return s.ask(t, token, "POST", Prefix+"/runs/"+run.ID+"/pictures", form, r)
		},
		"a checkpoint": func(middle func()) (int, string) {
			r, w := io.Pipe()
			go func() {
				_, _ = w.Write([]byte("half of"))
				middle()
				_, _ = w.Write([]byte(" the state"))
				w.Close()
			}()
			return s.ask(t, token, "PUT", Prefix+"/runs/"+run.ID+"/checkpoint?attempt=1", "", r)
		},
	} {
		status, body := upload(func() {
			if err := s.tokens.Revoke("anna"); err != nil {
				t.Error(err)
			}
		})
		if status != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", what, status, body)
		}
		token = s.token(t, "anna", true)
	}
	if pictures := must(db.Pictures(t.Context(), run.ID, tracker.PictureQuery{}))(t); len(pictures) != 0 {
		t.Errorf("pictures: %+v", pictures)
	}
	_, err := db.OpenCheckpoint(t.Context(), run.ID)
	wantCode(t, "the checkpoint", err, tracker.CodeNotFound)
	_, err = store.Names(t.Context()) // has the first token
	wantCode(t, "a call after that", err, tracker.CodeUnavailable)
	if !strings.Contains(fmt.Sprint(err), "revoked") {
		t.Errorf("it says %v", err)
	}
	trackertest.Verify(t, db)
}

// TestSlowClient: whoever sends too slowly is refused.
func TestSlowClient(t *testing.T) {
	s := serve(t, nil, nil)
	token := s.token(t, "anna", true)
	h := &handler{admit: s.tokens.Admit(slog.Default()), options: Options{Log: slog.New(slog.DiscardHandler)}, grace: 100 * time.Millisecond}
	slow := &team{Server: httptest.NewServer(h.mux())}
	defer slow.Close()
	r, w := io.Pipe()
	defer w.Close()
	go func() { _, _ = w.Write([]byte(`{"no`)) }()
	time.AfterFunc(2*time.Second, func() { w.Close() }) // the client sends to the end
	status, body := slow.ask(t, token, "PATCH", Prefix+"/runs/"+tracker.NewID(time.Now()), jsonKind, r)
	if status != http.StatusRequestTimeout {
		t.Errorf("%d %s", status, body)
	}
}

// FuzzServer sends anything to each route: each answers with JSON, or with what it was asked for, and the store stays sound.
func FuzzServer(f *testing.F) {
	db := openSQLite(f, f.TempDir())
	tokens := Tokens{f.TempDir() + "/tokens.json"}
	token := must(tokens.Add("me", true))(f)
	handler := NewHandler(db, tokens.Admit(slog.Default()), Options{Version: "v1"})
	run := must(db.CreateRun(f.Context(), tracker.NewRun{Name: "a", Sweep: "s", Trial: 1}))(f)
	must(db.CreateSweep(f.Context(), tracker.Sweep{Name: "t"}))(f)
	for i := range routes {
		f.Add(i, run.ID, "", jsonKind, []byte(`{}`))
	}
	process := must(json.Marshal(tracker.ThisProcess()))(f)
	indexOf := func(pattern string) int {
		return slices.IndexFunc(routes, func(r route) bool { return r.pattern == pattern })
	}
	for pattern, body := range map[string]string{
		"POST /claim": `{"process":` + string(process) + `}`, "POST /runs": `{"queued":true,"params":{"x":1,"y":1.5,"z":"a","b":true}}`,
		"POST /runs/{id}/points": `{"attempt":1,"series":[{"name":"x","points":[[1,2],[2,"NaN"]]}]}`, "POST /delete": `{"runs":["x"],"dry":true}`,
		"POST /sweeps": `{"name":"n","dir_bytes":"/w=="}`, "POST /judgements": `{"left":"a","right":"b","verdict":"tie"}`,
	} {
		f.Add(indexOf(pattern), run.ID, "", jsonKind, []byte(body))
	}
	f.Add(indexOf("POST /restore"), "", "", form, []byte("--b\r\nContent-Disposition: form-data; name=\"json\"\r\n\r\n{\"run\":{\"id\":\"x\"}}\r\n--b--"))
	f.Add(indexOf("GET /runs?filter&sort&offset&limit"), "", "filter=x+%3E+1&sort=-name&limit=3", "", []byte(nil))
	f.Fuzz(func(t *testing.T, n int, name, query, kind string, body []byte) {
		method, path, _ := routes[(n%len(routes)+len(routes))%len(routes)].parts()
		if path == "/delete" || path == "/verify" {
			body = bytes.ReplaceAll(body, []byte("force"), nil)
		}
		r := httptest.NewRequestWithContext(t.Context(), method, Prefix+"/", bytes.NewReader(body))
		r.URL.Path = Prefix + strings.NewReplacer("{$}", "", "{id}", name, "{hash}", name).Replace(path)
		r.URL.RawQuery = query
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code >= 500 && w.Code != http.StatusServiceUnavailable {
			t.Errorf("%s %q: %d %s", method, r.URL.Path, w.Code, w.Body)
		}
		if w.Header().Get("Content-Type") == jsonKind && !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %q: no JSON: %s", method, r.URL.Path, w.Body)
		}
	})
}
