package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sqlite"
)

// secret is in a file beside the store.
const secret = "what nobody may read"

// FuzzHandlers sends any request whatsoever. RUN and PICTURE in it stand for a run and a picture of the store. No
// answer blames the server, every answer has the policy, and none has a file that is not the store's or the
// program's own. A server with a token lets nothing in.
func FuzzHandlers(f *testing.F) {
	for _, seed := range []struct{ method, target, host, site, body string }{
		{"GET", "/runs", "localhost", "", ""},
		{"GET", "/runs?filter=size+%3E+3+%26%26+tag+~+%22a%22&sort=-total,size&columns=size,loss.tv&page=2&length=25&view=gallery", "127.0.0.1:7447", "", ""},
		{"GET", "/runs?filter=%28%28%21&sort=,,&columns=%00&deleted=-5&freed=-9223372036854775808", "[::1]:7447", "", ""},
		{"GET", "/runs/RUN?frame=1&filter=size+%3E+3", "localhost", "", ""},
		{"GET", "/runs/RUN/curves?points=10&from=9223372036854775807&metrics=total,style", "localhost", "", ""},
		{"GET", "/runs/RUN/pictures", "localhost", "", ""},
		{"GET", "/runs/rows?run=RUN&run=%22&columns=size", "localhost", "", ""},
		{"GET", "/runs/delete?run=RUN&run=0", "localhost", "", ""},
		{"GET", "/runs/delete?all=1&filter=a+%22b+c%22+size+%3E+3", "localhost", "", ""},
		{"GET", "/runs/export?run=RUN&format=csv", "localhost", "", ""},
		{"GET", "/runs/export?all=1&filter=%21%28&format=pictures", "localhost", "", ""},
		{"GET", "/runs/RUN/pictures/PICTURE", "localhost", "", ""},
		{"GET", "/runs/RUN/files/PICTURE/a%2f..%2f..%2fb%00", "localhost", "", ""},
		{"GET", "/runs/RUN/progress.gif", "localhost", "", ""},
		{"GET", "/explore?filter=a&last=stars&axes=size&axes=%00&more=1", "localhost", "", ""},
		{"GET", "/explore/trials?last=total&x=total", "localhost", "", ""},
		{"POST", "/runs/change?sort=%0d%0a", "localhost", "same-origin", "all=1&filter=a&do=tag&tag=b,c&rating=9"},
		{"GET", "/pictures/PICTURE?width=160", "localhost", "", ""},
		{"GET", "/pictures/PICTURE", "localhost", "", ""},
		{"GET", "/pictures/..%2f..%2fsecret.txt", "localhost", "", ""},
		{"GET", "/static/..%2f..%2f..%2f..%2fetc%2fpasswd", "localhost", "", ""},
		{"GET", "/static/style.css", "localhost", "", ""},
		{"GET", "/compare?run=RUN,0&step=3", "localhost", "", ""},
		{"GET", "/experiments", "localhost", "", ""},
		{"GET", "/workers", "localhost", "", ""},
		{"POST", "/workers", "localhost", "", "process=%7B%22pid%22%3A1%7D&do=drain"},
		{"GET", "/sweeps", "localhost", "", ""},
		{"GET", "/sweeps/s?rows=pooling&columns=style_weight&at.pooling=2&at.%00=9&show=all&step=3", "localhost", "", ""},
		{"GET", "/sweeps/s?rows=-&columns=-&at.style_weight=99999999999999999999", "localhost", "", ""},
		{"GET", "/sweeps/s/frames?run=RUN,0", "localhost", "", ""},
		{"GET", "/sweeps/s/explore?x=total&y=nothing&linear=x", "localhost", "", ""},
		{"GET", "/sweeps/s/trials?x=total&y=total&linear=y", "localhost", "", ""},
		{"GET", "/sweeps/s/curves?metric=total&points=4", "localhost", "", ""},
		{"GET", "/sweeps/s/rate?rater=%ff&undo=3", "localhost", "", ""},
		{"GET", "/sweeps/s/pair?rater=a", "localhost", "", ""},
		{"GET", "/sweeps/s/scores", "localhost", "", ""},
		{"GET", "/sweeps/%2e%2e%2fs/explore", "localhost", "", ""},
		{"POST", "/sweeps/s/judgements", "localhost", "same-origin", "left=PICTURE&right=PICTURE.1&verdict=left&rater=a"},
		{"POST", "/sweeps/s/judgements", "localhost", "cross-site", "left=PICTURE&right=PICTURE.1&verdict=left"},
		{"POST", "/sweeps/s/judgements/undo", "localhost", "same-origin", "judgement=1"},
		{"GET", "/events?since=1-0", "localhost", "", ""},
		{"GET", "/events?since=99999999999999999999-x", "localhost", "", ""},
		{"POST", "/runs/RUN", "localhost", "same-origin", "name=a&note=b&rating=3&tag=c,d&untag=e"},
		{"POST", "/runs/RUN", "evil.com", "cross-site", "name=a"},
		{"POST", "/runs/RUN", "localhost", "same-origin", "name=%zz;;&rating=99999999999999999999"},
		{"POST", "/runs/delete", "localhost", "same-origin", "run=RUN"},
		{"DELETE", "//evil.com/%2e%2e/runs", "localhost", "", ""},
		{"GET", "/runs?token=0123456789abcdef&token=", "localhost", "none", ""},
		{"POST", "/token", "localhost", "same-origin", "token=http%3A%2F%2Flocalhost%2F%3Ftoken%3Dx&to=%2F%2Fevil.com"},
		{"POST", "/static/../token", "localhost", "same-origin", "token=x&to=%zz"},
		{"GET", "/token", "localhost", "cross-site", ""},
	} {
		f.Add(seed.method, seed.target, seed.host, seed.site, seed.body)
	}
	dir := f.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "secret.txt"), []byte(secret), 0o600); err != nil {
		f.Fatal(err)
	}
	db := openStore(f, filepath.Join(dir, "store"))
	makeSweep(f, db, "s", tpeFile)
	h := handle(f, db, Options{ReadSweep: readSweep})
	guarded := handle(f, db, Options{ReadSweep: readSweep, Token: goodToken})
	f.Fuzz(func(t *testing.T, method, target, host, site, body string) {
		run, picture := fuzzed(t, db)
		fill := strings.NewReplacer("RUN", run, "PICTURE", picture)
		u, err := url.ParseRequestURI(fill.Replace(target))
		if err != nil {
			t.Skip() // a server does not hand it on
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for _, h := range []*Handler{guarded, h} {
			asked := *u
			r := (&http.Request{
				Method: method, URL: &asked, Host: host, Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Sec-Fetch-Site": {site}},
				Body: http.NoBody, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			}).WithContext(ctx)
			if body != "" {
				r.Body = readCloser{strings.NewReader(fill.Replace(body))}
			}
			w := &flushing{httptest.NewRecorder(), cancel}
			h.ServeHTTP(w, r)
			checkAnswer(t, u.Path, u.RawQuery, w.ResponseRecorder)
			if h == guarded && w.Code < 400 && !strings.HasPrefix(u.Path, "/static/") {
				t.Errorf("without the token: %d", w.Code)
			}
		}
	})
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

// flushing goes away once it has heard something, since a stream of events has no end.
type flushing struct {
	*httptest.ResponseRecorder
	leave func()
}

func (w *flushing) Flush() { w.leave() }

func checkAnswer(t *testing.T, path, query string, w *httptest.ResponseRecorder) {
	t.Helper()
	if w.Code >= 500 {
		t.Errorf("the server is to blame: %d: %.400s", w.Code, w.Body)
	}
	if w.Header().Get("Content-Security-Policy") != policy {
		t.Errorf("the policy is %q", w.Header().Get("Content-Security-Policy"))
	}
	if strings.Contains(w.Body.String(), secret) || strings.Contains(w.Body.String(), "SQLite format 3") {
		t.Error("the answer is a file beside the pictures")
	}
	if w.Code != http.StatusOK {
		return
	}
	if hash, ok := strings.CutPrefix(path, "/pictures/"); ok && !strings.Contains(query, "width") {
		if sum := sha256.Sum256(w.Body.Bytes()); hex.EncodeToString(sum[:]) != hash {
			t.Errorf("%s is not that picture", path)
		}
	}
	if name, ok := strings.CutPrefix(path, "/static/"); ok {
		if data, err := staticFiles.ReadFile("static/" + name); err != nil || !bytes.Equal(data, w.Body.Bytes()) {
			t.Errorf("%s is not one of the program's files", path)
		}
	}
}

// fuzzed returns a run and its picture, which another run has, too; both are trials of a sweep. The store is given
// others when the last were deleted.
func fuzzed(t *testing.T, db *sqlite.DB) (run, picture string) {
	t.Helper()
	page, err := db.Runs(t.Context(), tracker.RunQuery{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	if page.Total > 0 {
		return page.Runs[0].ID, page.Runs[0].Picture
	}
	for trial := 1; trial <= 2; trial++ {
		run, picture = fuzzedRun(t, db, trial)
	}
	return run, picture
}

func fuzzedRun(t *testing.T, db *sqlite.DB, trial int) (run, picture string) {
	t.Helper()
	made, err := db.CreateRun(t.Context(), tracker.NewRun{
		Experiment: "e", Sweep: "s", Trial: trial, Params: tracker.Params{"size": 7, "iterations": 3, "style_weight": float64(trial), "pooling": "max"}, Tags: []string{"a"},
	})
	if err != nil {
		t.Fatal(err)
	}
	series := []tracker.Series{{Name: "total", Points: []tracker.Point{{Step: 1, Value: 2}, {Step: 2, Value: 1}}}}
	if err := db.AppendPoints(t.Context(), made.Claim(), series); err != nil {
		t.Fatal(err)
	}
	for i, role := range []string{tracker.RoleSnapshot, tracker.RoleResult} {
		p, err := db.AddPicture(t.Context(), made.Claim(), tracker.NewPicture{Role: role, Step: int64(i), Data: pngOf(t, quarters(200+i, 100))})
		if err != nil {
			t.Fatal(err)
		}
		picture = p.Hash
	}
	if err := db.FinishRun(t.Context(), made.Claim(), tracker.Outcome{Status: tracker.StatusFinished}); err != nil {
		t.Fatal(err)
	}
	return made.ID, picture
}

// What the fuzzer found once is in testdata/fuzz; this one only makes sure that seeds reach what they are meant for.
func TestSeedsReach(t *testing.T) {
	db := openStore(t, filepath.Join(t.TempDir(), "store"))
	run, picture := fuzzed(t, db)
	h := handle(t, db, Options{})
	for _, target := range []string{"/runs/" + run, "/runs/" + run + "/curves?points=10", "/pictures/" + picture + "?width=160", "/runs/rows?run=" + run, "/runs/delete?run=" + run, "/sweeps/s", "/sweeps/s/pair", "/sweeps/s/frames?run=" + run} {
		get(t, h, target, http.StatusOK)
	}
	if text := get(t, h, "/runs/"+run+"/curves", http.StatusOK).Body.String(); !strings.Contains(text, fmt.Sprintf("%q", "total")) {
		t.Errorf("the curves are %s", text)
	}
}
