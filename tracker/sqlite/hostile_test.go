package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sqlite"
	"github.com/gouache-art/gouache/tracker/sqlite/hostiletest"
)

// mostMemory bounds the heap while a hostile store of less than a megabyte is read.
const mostMemory = 256 << 20

// readAll reads everything that a store has, as programs do, and checks that what comes can be relied on. Errors are
// answers too.
func readAll(t *testing.T, name, dir string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	store, err := sqlite.Open(ctx, dir, sqlite.Options{ReadOnly: true})
	if err != nil {
		return
	}
	defer store.Close()
	for _, by := range []tracker.GroupBy{tracker.ByExperiment, tracker.BySweep} {
		groups, _ := store.Groups(ctx, by)
		for _, g := range groups {
			checkRun(t, name, g.Latest)
			for status := range g.Statuses {
				if !slices.Contains(tracker.Statuses, status) {
					t.Errorf("%s: a group has runs of status %q", name, status)
				}
			}
		}
	}
	sweeps, _ := store.Sweeps(ctx)
	for _, s := range sweeps {
		if err := s.Check(); err != nil && s.Name != "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	judgements, _ := store.Judgements(ctx, tracker.JudgementQuery{})
	for _, j := range judgements {
		if err := j.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	workers, _ := store.Workers(ctx)
	for _, w := range workers {
		if _, err := w.Normal(time.Now()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, _ = store.Names(ctx)
	_, _ = store.Changes(ctx, "")
	page, err := store.Runs(ctx, tracker.RunQuery{})
	if err != nil {
		return
	}
	for _, r := range page.Runs {
		checkRun(t, name, &r)
		if one, err := store.Run(ctx, r.ID); err == nil && one.ID != r.ID {
			t.Errorf("%s: run %s is %s when asked for", name, r.ID, one.ID)
		}
		_, _ = store.Curves(ctx, r.ID, tracker.CurveQuery{Points: 100})
		pictures, _ := store.Pictures(ctx, r.ID, tracker.PictureQuery{})
		for _, p := range pictures {
			if err := p.Check(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if file, err := store.OpenPicture(ctx, p.Hash); err == nil {
				file.Close()
			}
		}
		files, _ := store.Files(ctx, r.ID)
		for _, f := range files {
			if err := f.Check(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if ctx.Err() != nil {
		t.Errorf("%s: it took too long", name)
	}
	var memory runtime.MemStats
	if runtime.ReadMemStats(&memory); memory.HeapAlloc > mostMemory {
		t.Fatalf("%s: the heap has %d MB", name, memory.HeapAlloc>>20)
	}
}

func checkRun(t *testing.T, name string, r *tracker.Run) {
	t.Helper()
	if err := tracker.CheckID(r.ID); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	if !slices.Contains(tracker.Statuses, r.Status) || r.Rating < 0 || r.Rating > 5 || r.Trial < 0 || r.Tries < 0 || r.Idle < 0 {
		t.Errorf("%s: %+v", name, r)
	}
	for _, at := range []time.Time{r.StartedAt, r.SeenAt, r.EndedAt, r.Process.StartedAt} {
		if _, err := at.MarshalJSON(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if again := *r; len(r.Damaged) == 0 {
		if again.Mend(); len(again.Damaged) > 0 {
			t.Errorf("%s: %v are damaged, and it is not said", name, again.Damaged)
		}
	}
}

// TestValues reads stores of which one column holds a value of another kind, or out of all bounds.
func TestValues(t *testing.T) {
	n := 0
	for name, s := range hostiletest.Values(t) {
		n++
		readAll(t, name, s.Dir)
	}
	if n < 400 {
		t.Errorf("%d values were tried", n)
	}
}

// TestDamagedRuns: a run of which a part is damaged is shown as damaged, the others are as they were, and Verify tells.
func TestDamagedRuns(t *testing.T) {
	for statement, want := range map[string]string{
		`UPDATE runs SET provenance = '{' WHERE key = 1`:                                                                           "provenance",
		`UPDATE runs SET status = '"><b>' WHERE key = 1`:                                                                           "status",
		`UPDATE runs SET started_at = 9e18 WHERE key = 1`:                                                                          "started",
		`UPDATE runs SET started_at = 'soon' WHERE key = 1`:                                                                        "started",
		`UPDATE runs SET rating = -7 WHERE key = 1`:                                                                                "rating",
		`UPDATE runs SET rating = 1 << 40 WHERE key = 1`:                                                                           "rating",
		`UPDATE runs SET id = '../../secret' WHERE key = 1`:                                                                        "id",
		`UPDATE runs SET id = 'x' WHERE key = 1`:                                                                                   "id",
		`UPDATE runs SET note = zeroblob(200000) WHERE key = 1`:                                                                    "note",
		`UPDATE runs SET note_by = zeroblob(300) WHERE key = 1`:                                                                    "note_by",
		`UPDATE runs SET note_at = 'soon' WHERE key = 1`:                                                                           "note_at",
		`UPDATE runs SET note = CAST(zeroblob(20000000) AS TEXT) WHERE key = 1`:                                                    "record",
		`UPDATE params SET value = 9e999 WHERE run = 1 AND name = 'style_weight'`:                                                  "params",
		`UPDATE params SET value = x'00ff' WHERE run = 1 AND name = 'style_weight'`:                                                "params",
		`UPDATE OR REPLACE metrics SET name = '<b>' WHERE run = 1`:                                                                 "metrics",
		`UPDATE runs SET ended_at = NULL WHERE key = 1`:                                                                            "ended",
		`UPDATE pictures SET hash = 'short' WHERE run = 1 AND role = 'result'; INSERT INTO blobs VALUES ('short', 1, 'png', 1, 1)`: "picture",
	} {
		s := hostiletest.Sound(t)
		s.Exec(t, statement)
		s.Exec(t, `UPDATE history SET revision = 'x'`) // which fails no page
		store, err := sqlite.Open(t.Context(), s.Dir, sqlite.Options{})
		if err != nil {
			t.Errorf("%s: %v", statement, err)
			continue
		}
		if _, err := store.Changes(t.Context(), ""); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
		page, err := store.Runs(t.Context(), tracker.RunQuery{Sort: tracker.Sort{{Name: "trial"}}})
		if err != nil || len(page.Runs) != 4 {
			t.Errorf("%s: %+v (%v)", statement, page, err)
			continue
		}
		damaged := 0
		for _, r := range page.Runs {
			checkRun(t, statement, &r)
			if len(r.Damaged) == 0 {
				continue
			}
			damaged++
			if !slices.Contains(r.Damaged, want) || len(r.Damaged) > 1 {
				t.Errorf("%s: %v are damaged, want %s", statement, r.Damaged, want)
			}
			found, err1 := store.Find(t.Context(), r.ID)
			one, err2 := store.Run(t.Context(), found)
			if err := errors.Join(err1, err2); err != nil || one.ID != r.ID {
				t.Errorf("%s: asked for alone it is %+v (%v)", statement, one, err)
			}
		}
		report, err := store.Verify(t.Context(), tracker.VerifyOptions{})
		if err != nil || damaged != 1 || !slices.ContainsFunc(report.Problems, func(p tracker.Problem) bool { return strings.Contains(p.What, "is damaged: "+want) }) {
			t.Errorf("%s: %d runs are damaged, and the report is %+v (%v)", statement, damaged, report, err)
		}
		// It can be removed.
		for _, r := range page.Runs {
			if len(r.Damaged) > 0 {
				if _, err := store.DeleteRuns(t.Context(), []string{r.ID}, tracker.DeleteOptions{}); err != nil {
					t.Errorf("%s: deleting it: %v", statement, err)
				}
			}
		}
		if err := store.Close(); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

// TestPointCounts: the number of points that a database claims is not believed.
func TestPointCounts(t *testing.T) {
	for _, points := range []int64{math.MinInt64, -1, 0, 599, 601, 1 << 33, 1 << 40, 1 << 47, math.MaxInt64} {
		s := hostiletest.Sound(t)
		s.Exec(t, `UPDATE metrics SET points = ? WHERE name = 'total'`, points)
		store, err := sqlite.Open(t.Context(), s.Dir, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		_, err = store.Curves(t.Context(), s.Runs[0], tracker.CurveQuery{})
		if tracker.ErrorCode(err) != tracker.CodeInternal || !strings.Contains(err.Error(), "the curve of total is damaged") {
			t.Errorf("%d points: %v", points, err)
		}
		more := []tracker.Series{{Name: "total", Points: []tracker.Point{{Step: 601}}}}
		if err := store.AppendPoints(t.Context(), tracker.Claim{Run: s.Runs[3], Attempt: 1}, more); err == nil && points%512 != 0 {
			t.Errorf("points were added to %d", points)
		}
		if _, err := store.DeleteRuns(t.Context(), s.Runs[:1], tracker.DeleteOptions{}); err != nil {
			t.Errorf("deleting a run of %d points: %v", points, err)
		}
	}
}

// TestVersions: a version that no program made is damage.
func TestVersions(t *testing.T) {
	for _, version := range []int{-1, -5, math.MinInt32} {
		s := hostiletest.Sound(t)
		s.Exec(t, fmt.Sprintf(`PRAGMA user_version = %d`, version))
		for _, readOnly := range []bool{false, true} {
			_, err := sqlite.Open(t.Context(), s.Dir, sqlite.Options{ReadOnly: readOnly})
			if tracker.ErrorCode(err) != tracker.CodeInternal || !strings.Contains(err.Error(), "damaged") {
				t.Errorf("version %d: %v", version, err)
			}
		}
	}
}

// TestEmptyStore: whoever made the store was killed before anything was recorded, or lost the WAL.
func TestEmptyStore(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "gouache.db"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	_, err := sqlite.Open(t.Context(), dir, sqlite.Options{ReadOnly: true})
	if tracker.ErrorCode(err) != tracker.CodeNotFound || !strings.Contains(err.Error(), "is empty") {
		t.Errorf("got %v", err)
	}
	store, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
}

// TestForeignSchema: what else a database may hold is not run.
func TestForeignSchema(t *testing.T) {
	for _, statement := range []string{
		`CREATE TRIGGER wipe AFTER INSERT ON tags BEGIN DELETE FROM pictures; END`,
		`CREATE VIEW more AS SELECT * FROM runs`,
		`ALTER TABLE tags RENAME TO old; CREATE VIEW tags AS WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT i AS run, 'x' AS tag FROM n`,
		`CREATE TABLE more (x)`,
		`CREATE INDEX more ON runs (name)`,
		`CREATE VIRTUAL TABLE more USING rtree(a, b, c)`,
		`DROP INDEX runs_by_revision`,
		`DROP TABLE judgements`,
		`ALTER TABLE runs ADD COLUMN more DEFAULT 1`,
		`UPDATE sqlite_schema SET sql = replace(sql, 'CHECK (status IN', 'CHECK (1 OR status IN')`,
		`PRAGMA user_version = 1`,
		`PRAGMA user_version = 0`,
	} {
		s := hostiletest.Sound(t)
		s.Exec(t, statement)
		for _, readOnly := range []bool{true, false} {
			store, err := sqlite.Open(t.Context(), s.Dir, sqlite.Options{ReadOnly: readOnly})
			if tracker.ErrorCode(err) != tracker.CodeInternal || !strings.Contains(err.Error(), "damaged or not a store's") {
				t.Errorf("%s: %v", statement, err)
			}
			if err == nil {
				store.Close()
			}
		}
	}
	// What people may do with a database of theirs.
	s := hostiletest.Sound(t)
	s.Exec(t, `ANALYZE; VACUUM`)
	store, err := sqlite.Open(t.Context(), s.Dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	store.Close()
}

// TestLinks: no link, pipe or device of a store is followed, opened or waited for, and no name leads out of it.
func TestLinks(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("what nobody may read"), 0o600); err != nil {
		t.Fatal(err)
	}
	for what, make := range map[string]func(path string) error{
		"a link":   func(path string) error { return os.Symlink(secret, path) },
		"a pipe":   func(path string) error { return syscall.Mkfifo(path, 0o666) },
		"a device": func(path string) error { return os.Symlink("/dev/zero", path) },
		"a folder": func(path string) error { return os.Mkdir(path, 0o777) },
	} {
		s := hostiletest.Sound(t)
		hash := s.Pictures[0]
		if err := replace(filepath.Join(s.Dir, "blobs", hash[:2], hash), make); err != nil {
			t.Fatal(err)
		}
		if err := replace(filepath.Join(s.Dir, "checkpoints", s.Runs[2]), make); err != nil {
			t.Fatal(err)
		}
		store, err := sqlite.Open(t.Context(), s.Dir, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		if file, err := store.OpenPicture(t.Context(), hash); err == nil {
			data, _ := io.ReadAll(io.LimitReader(file, 100))
			t.Errorf("%s: the picture is %q", what, data)
		}
		if file, err := store.OpenCheckpoint(t.Context(), s.Runs[2]); err == nil {
			data, _ := io.ReadAll(io.LimitReader(file, 100))
			t.Errorf("%s: the checkpoint is %q", what, data)
		}
		report, err := store.Verify(t.Context(), tracker.VerifyOptions{})
		if err != nil || len(report.Problems) == 0 {
			t.Errorf("%s: %+v (%v)", what, report, err)
		}
		into, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer into.Close()
		_, _ = tracker.Import(t.Context(), into, store, nil)
		if _, err := into.OpenPicture(t.Context(), hash); tracker.ErrorCode(err) != tracker.CodeNotFound {
			t.Errorf("%s: it was imported (%v)", what, err)
		}
	}
	if data, err := os.ReadFile(secret); err != nil || len(data) == 0 {
		t.Errorf("the file beside the store is %q (%v)", data, err)
	}
}

func replace(path string, make func(path string) error) error {
	if err := os.Remove(path); err != nil {
		return err
	}
	return make(path)
}

// TestFoldersElsewhere: a store whose folders lead to a person's own is not opened, since old files in tmp/ are removed.
func TestFoldersElsewhere(t *testing.T) {
	home := t.TempDir()
	old := filepath.Join(home, "tmp", "letter")
	at := time.Now().Add(-24 * time.Hour)
	if err := errors.Join(os.Mkdir(filepath.Dir(old), 0o777), os.WriteFile(old, nil, 0o666), os.Chtimes(old, at, at)); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"blobs", "checkpoints", "blobs/tmp", "checkpoints/tmp"} {
		to := home
		if strings.HasSuffix(folder, "tmp") {
			to = filepath.Dir(old)
		}
		for _, readOnly := range []bool{false, true} {
			s := hostiletest.Sound(t)
			path := filepath.Join(s.Dir, folder)
			if err := errors.Join(os.RemoveAll(path), os.Symlink(to, path)); err != nil {
				t.Fatal(err)
			}
			_, err := sqlite.Open(t.Context(), s.Dir, sqlite.Options{ReadOnly: readOnly})
			if tracker.ErrorCode(err) != tracker.CodeUnavailable || !strings.Contains(err.Error(), "is a link") {
				t.Errorf("%s leads elsewhere: %v", folder, err)
			}
		}
	}
	if _, err := os.Stat(old); err != nil {
		t.Error(err)
	}
}

// TestDatabaseFiles: SQLite is not asked to open a pipe, a device or another's database.
func TestDatabaseFiles(t *testing.T) {
	other := hostiletest.Sound(t)
	for what, make := range map[string]func(path string) error{
		"a link": func(path string) error { return os.Symlink(other.Database(), path) },
		"a pipe": func(path string) error { return syscall.Mkfifo(path, 0o666) },
	} {
		for _, end := range []string{"", "-wal", "-shm", "-journal"} {
			for _, readOnly := range []bool{false, true} {
				s := hostiletest.Sound(t)
				_ = os.Remove(s.Database() + end)
				if err := make(s.Database() + end); err != nil {
					t.Fatal(err)
				}
				_, err := sqlite.Open(t.Context(), s.Dir, sqlite.Options{ReadOnly: readOnly})
				if tracker.ErrorCode(err) != tracker.CodeInternal || !strings.Contains(err.Error(), "is "+what) {
					t.Errorf("%s in the place of the database%s: %v", what, end, err)
				}
			}
		}
	}
}

// TestSuperJournal: a rollback journal may name a file that SQLite deletes after the rollback.
func TestSuperJournal(t *testing.T) {
	s := hostiletest.Sound(t)
	letter := filepath.Join(t.TempDir(), "letter")
	err := errors.Join(
		os.WriteFile(letter, []byte("dear"), 0o666),
		os.WriteFile(s.Database()+"-journal", []byte(letter+"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"), 0o666),
	)
	if err != nil {
		t.Fatal(err)
	}
	_, err = sqlite.Open(t.Context(), s.Dir, sqlite.Options{})
	if tracker.ErrorCode(err) != tracker.CodeInternal || !strings.Contains(err.Error(), "leads SQLite to another file") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(letter); err != nil {
		t.Error(err)
	}
}

// TestNamesOutside: names in a database lead to no file outside the store, which deleting would remove.
func TestNamesOutside(t *testing.T) {
	s := hostiletest.Sound(t)
	letter := filepath.Join(filepath.Dir(s.Dir), "letter")
	if err := os.WriteFile(letter, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, hash := range []string{"../../letter", "..", "x", "", letter} {
		s.Exec(t, `INSERT OR IGNORE INTO blobs VALUES (?, 0, 'png', 1, 1)`, hash)
		s.Exec(t, `INSERT INTO pictures VALUES (1, 'result', ?, '', '', ?, 0)`, len(hash), hash)
	}
	s.Exec(t, `UPDATE runs SET id = '../../letter' WHERE key = 2`)
	store, err := sqlite.Open(t.Context(), s.Dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	page, err := store.Runs(t.Context(), tracker.RunQuery{Sort: tracker.Sort{{Name: "trial", Descending: true}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range page.Runs[:3] {
		if _, err := store.DeleteRuns(t.Context(), []string{r.ID}, tracker.DeleteOptions{}); err != nil {
			t.Errorf("deleting %s: %v", r.ID, err)
		}
	}
	if _, err := store.Verify(t.Context(), tracker.VerifyOptions{Repair: true}); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(letter); err != nil {
		t.Error(err)
	}
}

// TestAlteredPicture: a file that is another picture than its name says is not handed out.
func TestAlteredPicture(t *testing.T) {
	s := hostiletest.Sound(t)
	hash := s.Pictures[0]
	path := filepath.Join(s.Dir, "blobs", hash[:2], hash)
	for what, change := range map[string]func() error{
		"another": func() error { return os.WriteFile(path, hostiletest.Picture(99), 0o666) },
		"empty":   func() error { return os.Truncate(path, 0) },
		"large":   func() error { return os.Truncate(path, 1<<40) }, // and takes no room
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		store, err := sqlite.Open(t.Context(), s.Dir, sqlite.Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		_, err = store.OpenPicture(t.Context(), hash)
		if tracker.ErrorCode(err) != tracker.CodeNotFound || !strings.Contains(err.Error(), "was damaged or replaced") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestDamagedPictures: a run whose pictures or files cannot all be read says so, and an import refuses it by name instead of
// bringing it without them.
func TestDamagedPictures(t *testing.T) {
	for statement, what := range map[string]string{
		`UPDATE blobs SET width = -1`:                               "pictures",
		`UPDATE pictures SET role = role || '!'`:                    "pictures",
		`DELETE FROM blobs`:                                         "pictures",
		`UPDATE files SET name = '../../' || name`:                  "files",
		`UPDATE files SET type = 'text/html' || char(10) || 'X: y'`: "files",
		`UPDATE files SET hash = 'short'`:                           "files",
		`UPDATE blobs SET bytes = 1 << 40 WHERE format = ''`:        "files",
		`UPDATE files SET at = 'soon'`:                              "files",
	} {
		s := hostiletest.Sound(t)
		s.Exec(t, `PRAGMA foreign_keys = OFF; `+statement)
		store, err := sqlite.Open(t.Context(), s.Dir, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		page, err := store.Runs(t.Context(), tracker.RunQuery{})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Runs {
			one, err := store.Run(t.Context(), r.ID)
			if err != nil || !slices.Contains(one.Damaged, what) {
				t.Errorf("%s: run %s has %v damaged (%v)", statement, r.ID, one.Damaged, err)
			}
		}
		into, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer into.Close()
		report, err := tracker.Import(t.Context(), into, store, nil)
		if err != nil || len(report.Refused) != len(page.Runs) || len(report.Runs) > 0 {
			t.Errorf("%s: imported %+v (%v)", statement, report, err)
		}
	}
}
