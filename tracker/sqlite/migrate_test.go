package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

func TestMigrations(t *testing.T) {
	ctx := t.Context()
	steps := migrations()
	for version := range len(steps) + 1 {
		dir := t.TempDir()
		db := &DB{dir: dir}
		pool := db.connect(map[string][]string{"_journal_mode": {"WAL"}, "_auto_vacuum": {"incremental"}}, 1)
		err := migrate(ctx, pool, steps[:version])
		if fixture := fmt.Sprintf("testdata/version%03d.sql", version); err == nil && version > 0 {
			err = execFile(pool, fixture)
		}
		if err := errors.Join(err, pool.Close()); err != nil {
			t.Fatalf("version %d: %v", version, err)
		}
		if content := filepath.Join(dir, "blobs/9f/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"); version >= 8 {
			if err := errors.Join(os.MkdirAll(filepath.Dir(content), 0o777), os.WriteFile(content, []byte("test"), 0o666)); err != nil {
				t.Fatal(err)
			}
		}
		store := openStore(t, dir, Options{})
		if version == 0 {
			continue
		}
		run, err := store.Run(ctx, "1k7q3f9abcde")
		if err != nil || run.Name != "old" || run.Params["pooling"] != "avg" || run.Final["total"] != 2.5 || run.Tags[0] != "good" {
			t.Errorf("version %d: %+v (%v)", version, run, err)
		}
		var by string
		var at time.Time
		if version >= 7 {
			by, at = "anna", time.UnixMicro(1790000070000000).UTC()
		}
		if run.Note != "a note" || run.NoteBy != by || !run.NoteAt.Equal(at) {
			t.Errorf("version %d: the note %q by %q at %v", version, run.Note, run.NoteBy, run.NoteAt)
		}
		files, err := store.Files(ctx, run.ID)
		if err != nil || len(files) != map[bool]int{true: 1}[version >= 8] || len(files) == 1 && (files[0].Name != "logs/out.txt" || files[0].Bytes != 4) {
			t.Errorf("version %d: files %+v (%v)", version, files, err)
		}
		if version >= 2 {
			checkVersion2(t, store)
		}
		if version >= 3 {
			checkVersion3(t, store)
		}
		if version >= 3 {
			needs, priority := "", 0
			if version >= 6 {
				needs, priority = "cuda", 7
			}
			if run, err := store.Run(ctx, "1k7q3k9abcde"); err != nil || run.Needs != needs || run.Priority != priority {
				t.Errorf("version %d: needs %q with priority %d (%v)", version, run.Needs, run.Priority, err)
			}
		}
		if version >= 2 {
			want := 1
			if version >= 5 {
				want = 3
			}
			if run, err := store.Run(ctx, "1k7q3h9abcde"); err != nil || run.Attempt != want {
				t.Errorf("version %d: attempt %d, want %d (%v)", version, run.Attempt, want, err)
			}
		}
	}
}

// checkVersion2 checks what version 2 of the database added.
func checkVersion2(t *testing.T, store *DB) {
	t.Helper()
	run, err := store.Run(t.Context(), "1k7q3h9abcde")
	if err != nil || run.Tries != 1 || run.Duration() != 30*time.Second {
		t.Errorf("got %+v (%v)", run, err)
	}
	sweep, err := store.Sweep(t.Context(), "weights")
	if err != nil || sweep.Trials != 2 || !sweep.Rated || sweep.Text != "trials: 2" || sweep.Dir != "/pictures" {
		t.Errorf("got %+v (%v)", sweep, err)
	}
	judgements, err := store.Judgements(t.Context(), tracker.JudgementQuery{Sweep: "weights"})
	if err != nil || len(judgements) != 1 || judgements[0].Right != "1k7q3f9abcde" || judgements[0].Verdict != tracker.RightBetter {
		t.Errorf("got %+v (%v)", judgements, err)
	}
}

// checkVersion3 checks what version 3 of the database added.
func checkVersion3(t *testing.T, store *DB) {
	t.Helper()
	for id, want := range map[string]tracker.Status{"1k7q3k9abcde": tracker.StatusQueued, "1k7q3m9abcde": tracker.StatusQueued, "1k7q3h9abcde": tracker.StatusFailed} {
		run, err := store.Run(t.Context(), id)
		if err != nil || run.Status != want || run.Stopped != (want == tracker.StatusFailed) {
			t.Errorf("got %+v (%v)", run, err)
		}
	}
	sweep, err := store.Sweep(t.Context(), "weights")
	if err != nil || !sweep.Active {
		t.Errorf("got %+v (%v)", sweep, err)
	}
	workers, err := one[int](t.Context(), store.reader, `SELECT count(*) FROM workers WHERE device = 'cpu' AND run = '1k7q3m9abcde'`)
	if err != nil || workers != 1 {
		t.Errorf("%d workers (%v)", workers, err)
	}
}

func execFile(pool *sql.DB, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	_, err = pool.Exec(string(text))
	return err
}

// TestFailedMigration checks that a step that fails leaves the database as it was.
func TestFailedMigration(t *testing.T) {
	store := openStore(t, t.TempDir(), Options{})
	steps := append(migrations(), `CREATE TABLE more (x); INSERT INTO nowhere VALUES (1);`)
	if err := migrate(t.Context(), store.writer, steps); err == nil {
		t.Error("a step that must fail did not")
	}
	if v, err := version(t.Context(), store.writer, len(steps)); err != nil || v != len(steps)-1 {
		t.Errorf("the version is %d (%v)", v, err)
	}
	if execute(store, "SELECT * FROM more") == nil {
		t.Error("half a step was kept")
	}
}

func TestNewerDatabase(t *testing.T) {
	dir := t.TempDir()
	newer, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(execute(newer, "PRAGMA user_version = 99"), newer.Close()); err != nil {
		t.Fatal(err)
	}
	for _, readOnly := range []bool{false, true} {
		_, err := Open(t.Context(), dir, Options{ReadOnly: readOnly})
		wantError(t, err, tracker.CodeConflict, "version 99, made by a newer program")
	}
}

// TestSettings checks that every connection of both pools has the settings that durability depends
// on.
func TestSettings(t *testing.T) {
	store := openStore(t, t.TempDir(), Options{})
	for name, pool := range map[string]*sql.DB{"writer": store.writer, "reader": store.reader} {
		var connections []*sql.Conn
		for range pool.Stats().MaxOpenConnections {
			c, err := pool.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			connections = append(connections, c)
			for pragma, want := range map[string]string{
				"foreign_keys": "1", "busy_timeout": "30000", "journal_mode": "wal", "trusted_schema": "0", "cell_size_check": "1",
			} {
				var got string
				if err := c.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
					t.Errorf("%s: %s is %s, want %s (%v)", name, pragma, got, want, err)
				}
			}
			// In defensive mode the schema cannot be edited, even so.
			if _, err := c.ExecContext(t.Context(), "PRAGMA query_only = 0; PRAGMA writable_schema = 1; UPDATE sqlite_schema SET sql = sql"); err == nil {
				t.Errorf("%s: the defensive mode is off", name)
			}
			if _, err := c.ExecContext(t.Context(), "ATTACH ':memory:' AS other"); err == nil {
				t.Errorf("%s: another database can be attached", name)
			}
			var long int
			err = c.QueryRowContext(t.Context(), "SELECT length(zeroblob(?))", longest+1).Scan(&long)
			if err == nil {
				t.Errorf("%s: a value of %d bytes was made", name, long)
			}
		}
		for _, c := range connections {
			c.Close()
		}
	}
	var synchronous int
	if err := store.writer.QueryRow("PRAGMA synchronous").Scan(&synchronous); err != nil || synchronous != 2 {
		t.Errorf("synchronous is %d, want 2, which is FULL (%v)", synchronous, err)
	}
}
