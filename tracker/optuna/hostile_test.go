package optuna_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/optuna"
)

// change runs SQL on a database that was exported.
func change(t *testing.T, path, text string) {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(text); err != nil {
		t.Fatal(err)
	}
}

// TestRelative: a path need not be absolute, and may have any characters.
func TestRelative(t *testing.T) {
	store := openStore(t)
	content, err := os.ReadFile(export(t, store, search(t, store)))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	for _, path := range []string{"study.db", "a ?#%41&=;\xff.db"} {
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
		source, err := optuna.Open(t.Context(), path, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		page, err := source.Runs(t.Context(), tracker.RunQuery{})
		if err != nil || page.Total != 3 {
			t.Errorf("%q: %d runs, %v", path, page.Total, err)
		}
	}
}

// TestHostile: databases that would be read for ever, or into more memory than there is, are refused.
func TestHostile(t *testing.T) {
	store := openStore(t)
	path := export(t, store, search(t, store))
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"endless view": `DROP TABLE trial_values; CREATE VIEW trial_values AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)
			SELECT 1 AS trial_id, n AS objective, 0 AS value, 'FINITE' AS value_type FROM c`,
		"computed column": `DROP TABLE trial_user_attributes; CREATE TABLE trial_user_attributes (trial_id INTEGER, "key" TEXT,
			value_json TEXT AS (hex(zeroblob(4000000)))); INSERT INTO trial_user_attributes (trial_id, "key")
			WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 100) SELECT 1, n FROM c`,
	} {
		hostile := filepath.Join(dir, name+".db")
		if err := os.WriteFile(hostile, content, 0o666); err != nil {
			t.Fatal(err)
		}
		change(t, hostile, text)
		if _, err := optuna.Open(t.Context(), hostile, "", nil); tracker.ErrorCode(err) != tracker.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	pipe := filepath.Join(dir, "pipe.db")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "wal.db"), content, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "wal.db-wal"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, filepath.Join(dir, "wal.db"), dir, os.DevNull} {
		if _, err := optuna.Open(t.Context(), path, "", nil); tracker.ErrorCode(err) != tracker.CodeInvalid {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestHostileArtifacts: neither a pipe among the pictures nor a folder that leads elsewhere is read.
func TestHostileArtifacts(t *testing.T) {
	store := openStore(t)
	path := export(t, store, search(t, store))
	folder := optuna.ArtifactFolder(path)
	files, err := os.ReadDir(folder)
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	warnings := func() (all []string) {
		t.Helper()
		source, err := optuna.Open(t.Context(), path, "", func(err error) { all = append(all, err.Error()) })
		if err != nil {
			t.Fatal(err)
		}
		done, err := tracker.Import(t.Context(), openStore(t), source, nil)
		if err != nil || len(done.Runs) != 3 {
			t.Fatal(done, err)
		}
		return all
	}
	first := filepath.Join(folder, files[0].Name())
	if err := os.Remove(first); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(first, 0o600); err != nil {
		t.Fatal(err)
	}
	if all := warnings(); len(all) != 1 || !strings.Contains(all[0], "is no file") {
		t.Errorf("a pipe: %q", all)
	}
	elsewhere := filepath.Join(t.TempDir(), "private")
	if err := os.Rename(folder, elsewhere); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, folder); err != nil {
		t.Fatal(err)
	}
	if all := warnings(); len(all) != len(files) {
		t.Errorf("a link to a folder elsewhere: %q, want a warning for each of %d pictures", all, len(files))
	}
}

// FuzzOpen: whatever the database, reading it ends with an error or with runs.
func FuzzOpen(f *testing.F) {
	store := openStore(f)
	content, err := os.ReadFile(export(f, store, search(f, store)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(content)
	f.Add(content[:len(content)/2])
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "x.db")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		source, err := optuna.Open(t.Context(), path, "", func(error) {})
		if err != nil {
			return
		}
		page, err := source.Runs(t.Context(), tracker.RunQuery{})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Runs {
			_, _ = source.Curves(t.Context(), r.ID, tracker.CurveQuery{}) // an error is as good as curves
		}
	})
}
