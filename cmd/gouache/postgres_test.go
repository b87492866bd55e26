package main

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/internal/postgrestest"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/stores"
)

// TestPostgres moves runs from a folder into a database and back, and uses commands on it. Its password is shown nowhere.
func TestPostgres(t *testing.T) {
	const secret = "hunter2"
	t.Setenv("PGPASSWORD", "") // so that the test's own comes back
	folder, ids := someRuns(t)
	plain, err := url.Parse(postgrestest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	source := *plain
	query := source.Query()
	query.Set("password", secret)
	source.RawQuery = query.Encode()
	bucket := "file://" + filepath.ToSlash(t.TempDir())
	do := func(want int, says string, args ...string) string {
		t.Helper()
		stdout, stderr, code := gouache(t.Context(), args...)
		if code != want || !strings.Contains(stdout+stderr, says) {
			t.Errorf("%q: exit %d: %s%s", args, code, stdout, stderr)
		}
		if strings.Contains(stdout+stderr, secret) {
			t.Errorf("%q shows the password: %s%s", args, stdout, stderr)
		}
		return stdout
	}
	do(1, "there is no store", "runs", "list", "--store", source.String())
	do(2, "--blobs", "runs", "import", folder, "--store", source.String())
	do(2, "is no bucket", "runs", "import", folder, "--store", source.String(), "--blobs", "/srv")
	do(2, "leave out --blobs", "runs", "import", folder, "--store", t.TempDir(), "--blobs", bucket)
	do(2, "percent-encoded", "runs", "list", "--store", "postgres://me:"+secret+"/%zz@localhost/x")
	do(1, "cannot be reached", "runs", "list", "--store", "postgres://me:"+secret+"@127.0.0.1:1/x")
	for _, added := range []string{"added 3 runs", "added 0 runs"} {
		do(0, added, "runs", "import", folder, "--store", source.String(), "--blobs", bucket)
	}
	do(1, "keeps its pictures in "+bucket, "runs", "import", folder, "--store", source.String(), "--blobs", bucket+"/other")
	t.Setenv(stores.Variable, source.String())
	do(0, "2 pictures", "runs", "verify")
	do(0, "", "runs", "tag", ids[0], "kept")
	if list := decode[[]tracker.Run](t, do(0, "", "runs", "list", "--tag", "kept", "--json")); len(list) != 1 || list[0].ID != ids[0] {
		t.Errorf("got %+v", list)
	}
	do(0, "total", "runs", "show", ids[0])
	back := filepath.Join(t.TempDir(), "back")
	for _, added := range []string{"added 3 runs", "added 0 runs"} {
		do(0, added, "runs", "import", source.String(), "--store", back)
	}
	if list := runs(t, back, "list", "--tag", "kept"); !strings.Contains(list, ids[0][:4]) {
		t.Errorf("the tag is lost: %s", list)
	}
	do(0, "", "runs", "export", "--experiment", "night", "--format", "html", "--out", filepath.Join(back, "gallery.html"))
	if page, err := os.ReadFile(filepath.Join(back, "gallery.html")); err != nil || strings.Contains(string(page), secret) {
		t.Errorf("the page has %d bytes (%v), or shows the password", len(page), err)
	}
	do(0, "1 run", "runs", "delete", ids[2], "--yes")
}
