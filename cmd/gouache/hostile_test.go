package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/gouache-art/gouache/tracker/sqlite"
	"github.com/gouache-art/gouache/tracker/sqlite/hostiletest"
)

// TestHostileSources: a store may say that a picture was read from a pipe, a device or a large file of this machine.
func TestHostileSources(t *testing.T) {
	s := hostiletest.Sound(t)
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, source := range []string{pipe, "/dev/zero", "/dev/stdin", "/proc/self/mem", t.TempDir(), "\x00"} {
		s.Exec(t, `UPDATE pictures SET source = ? WHERE run = 1`, source)
		within(t, source, func(ctx context.Context) {
			if _, stderr, code := gouache(ctx, "runs", "show", s.Runs[0], "--store", s.Dir); code != exitDone {
				t.Errorf("%s: exit %d: %s", source, code, stderr)
			}
		})
	}
}

// TestHostileTexts runs every command on a store with hostile text in every column: none of it is raw on the terminal, in
// JSON, in CSV or in a gallery. The tests of the view and of notebooks look at theirs.
func TestHostileTexts(t *testing.T) {
	s := hostiletest.Texts(t)
	out := t.TempDir()
	show := func(format hostiletest.Format, args ...string) string {
		stdout, stderr, _ := gouache(t.Context(), append(args, "--store", s.Dir)...)
		for _, what := range hostiletest.Raw(format, stdout) {
			t.Errorf("%q: %s", args, what)
		}
		for _, what := range hostiletest.Raw(hostiletest.Terminal, stderr) {
			t.Errorf("%q, messages: %s", args, what)
		}
		return stdout + stderr
	}
	shown := 0
	for i, id := range s.Runs {
		next := s.Runs[(i+1)%len(s.Runs)]
		gallery := filepath.Join(out, id+".html")
		for _, text := range []string{
			show(hostiletest.Terminal, "runs", "show", id),
			show(hostiletest.JSON, "runs", "show", id, "--json"),
			show(hostiletest.Terminal, "runs", "compare", id, next),
			show(hostiletest.JSON, "runs", "export", id, "--format", "json"),
			show(hostiletest.CSV, "runs", "export", id, "--format", "csv"),
			show(hostiletest.CSV, "runs", "export", id, "--format", "curves"),
			show(hostiletest.Terminal, "runs", "export", id, next, "--out", gallery),
			show(hostiletest.Terminal, "runs", "export", id, "--format", "pictures", "--out", filepath.Join(out, "pictures")),
			show(hostiletest.Terminal, "runs", "tag", id, "new"),
			show(hostiletest.Terminal, "runs", "rate", id, "3"),
		} {
			if strings.Contains(text, "hostile") {
				shown++
			}
		}
		if page, err := os.ReadFile(gallery); err != nil {
			t.Errorf("%s: %v", id, err)
		} else {
			for _, what := range hostiletest.Raw(hostiletest.HTML, string(page)) {
				t.Errorf("the gallery of %s: %s", id, what)
			}
		}
	}
	if shown < 50 {
		t.Errorf("%d outputs had hostile text", shown)
	}
	for _, args := range [][]string{
		{"runs", "list", "--limit", "1000"}, {"runs", "list", "--columns", "preset,size"}, {"sweep", "list"}, {"sweep", "show", "weights"}, {"runs", "verify"},
		{"runs", "list", "--filter", "nothing>1"}, {"sweep", "show", "weight"}, {"runs", "show", "zzz"}, {"runs", "delete", "--filter", "trial>0", "--dry-run"},
		{"sweep", "show", s.Sweeps[1]}, {"sweep", "show", s.Sweeps[2]}, {"runs", "list", "--sweep", s.Sweeps[1]}, {"sweep", "resume", s.Sweeps[2]},
	} {
		show(hostiletest.Terminal, args...)
	}
	for _, args := range [][]string{{"runs", "list", "--json", "--limit", "1000"}, {"sweep", "list", "--json"}, {"sweep", "show", "weights", "--json"}, {"runs", "verify", "--json"}} {
		show(hostiletest.JSON, args...)
	}
	// A folder of pictures has their names, and no others.
	err := filepath.WalkDir(filepath.Join(out, "pictures"), func(path string, _ os.DirEntry, err error) error {
		for _, what := range hostiletest.Raw(hostiletest.Terminal, path) {
			t.Errorf("the file %q: %s", path, what)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	// What was brought in is no more hostile.
	into := filepath.Join(out, "into")
	stdout, stderr, _ := gouache(t.Context(), "runs", "import", s.Dir, "--store", into)
	for _, what := range hostiletest.Raw(hostiletest.Terminal, stdout+stderr) {
		t.Errorf("import: %s", what)
	}
	s.Dir = into
	show(hostiletest.Terminal, "runs", "list", "--limit", "1000")
	show(hostiletest.JSON, "runs", "list", "--json", "--limit", "1000")
	show(hostiletest.Terminal, "runs", "verify")
}

// TestHostileAPI: what other programs get of a store with hostile text in every column is JSON, and what it says is a file
// is nothing that a browser shows.
func TestHostileAPI(t *testing.T) {
	s := hostiletest.Texts(t)
	store, err := sqlite.Open(t.Context(), s.Dir, sqlite.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	everybody := func(*http.Request, bool) (string, int, error) { return "", 0, nil }
	h := newPrograms(store, everybody, slog.New(slog.NewTextHandler(t.Output(), nil)))
	defer h.Close()
	shown := 0
	ask := func(method, at, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, at, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		header := w.Header()
		if w.Code >= 500 || header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(header.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("%s %s: %d, %v", method, at, w.Code, header)
		}
		for name, values := range header {
			if strings.ContainsAny(strings.Join(values, " "), "<\x1b\n") {
				t.Errorf("%s %s: the header %s is %q", method, at, name, values)
			}
		}
		if header.Get("Content-Type") == "application/json" {
			for _, what := range hostiletest.Raw(hostiletest.JSON, w.Body.String()) {
				t.Errorf("%s %s: %s", method, at, what)
			}
		}
		if strings.Contains(w.Body.String(), "hostile") {
			shown++
		}
		return w
	}
	const v1, mlflow = "/api/v1", "/api/2.0/mlflow/"
	for _, at := range []string{"/runs?limit=1000", "/names", "/groups?by=experiment", "/groups?by=sweep", "/workers", "/sweeps", "/judgements", "/changes"} {
		ask("GET", v1+at, "")
	}
	for _, name := range s.Sweeps {
		ask("GET", v1+"/sweep?"+url.Values{"name": {name}}.Encode(), "")
	}
	ask("POST", mlflow+"experiments/search", `{"max_results": 1000}`)
	for _, name := range []string{hostiletest.Text("runs.experiment"), "Default"} {
		ask("GET", mlflow+"experiments/get-by-name?"+url.Values{"experiment_name": {name}}.Encode(), "")
	}
	ask("POST", mlflow+"runs/search", `{"experiment_ids": ["0"], "filter": "tags.`+"`"+`<script>hostile`+"`"+` = 'x'"}`)
	files := 0
	for _, id := range s.Runs {
		at := url.PathEscape(id)
		for _, more := range []string{"", "/curves", "/pictures", "/files"} {
			ask("GET", v1+"/runs/"+at+more, "")
		}
		query := url.Values{"run_id": {id}, "metric_key": {"total"}}.Encode()
		for _, route := range []string{"runs/get?", "metrics/get-history?", "artifacts/list?"} {
			ask("GET", mlflow+route+query, "")
		}
		for _, folder := range []string{"images", "logs"} {
			var list struct {
				Files []struct {
					Path string `json:"path"`
				} `json:"files"`
			}
			answer := ask("GET", mlflow+"artifacts/list?path="+folder+"&"+query, "")
			if err := json.Unmarshal(answer.Body.Bytes(), &list); err != nil {
				t.Errorf("%s: %v", id, err)
			}
			for _, f := range list.Files {
				files++
				w := ask("GET", "/api/2.0/mlflow-artifacts/artifacts/"+at+"/"+strings.ReplaceAll(url.PathEscape(f.Path), "%2F", "/"), "")
				kind := w.Header().Get("Content-Type")
				if w.Code == http.StatusOK && !slices.Contains([]string{"image/png", "image/jpeg", "image/tiff", "application/octet-stream"}, kind) {
					t.Errorf("%s, %q: it is sent as %q", id, f.Path, kind)
				}
			}
		}
	}
	for _, hash := range s.Pictures {
		w := ask("GET", v1+"/pictures/"+url.PathEscape(hash), "")
		if kind := w.Header().Get("Content-Type"); w.Code == http.StatusOK && !strings.HasPrefix(kind, "image/") && kind != "application/octet-stream" {
			t.Errorf("%q is sent as %q", hash, kind)
		}
	}
	if shown < 30 || files < 30 {
		t.Errorf("%d answers with hostile text, %d files", shown, files)
	}
}

// TestHostileExports: the files that other programs read have harmless names, whatever a store says.
func TestHostileExports(t *testing.T) {
	s := hostiletest.Texts(t)
	out := t.TempDir()
	for _, format := range []string{"tensorboard", "parquet"} {
		to := filepath.Join(out, format)
		stdout, stderr, code := gouache(t.Context(), append(append([]string{"runs", "export"}, s.Runs...), "--format", format, "--out", to, "--store", s.Dir)...)
		if code != exitDone {
			t.Errorf("%s: exit %d: %s", format, code, stderr)
		}
		for _, what := range hostiletest.Raw(hostiletest.Terminal, stdout+stderr) {
			t.Errorf("%s: %s", format, what)
		}
	}
	files := 0
	err := filepath.WalkDir(out, func(path string, e os.DirEntry, err error) error {
		for _, what := range hostiletest.Raw(hostiletest.Terminal, path) {
			t.Errorf("the file %q: %s", path, what)
		}
		files++
		return err
	})
	if err != nil || files < len(s.Runs) {
		t.Errorf("%d files, %v", files, err)
	}
}
