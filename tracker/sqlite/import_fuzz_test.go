package sqlite_test

import (
	"database/sql"
	"encoding/binary"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sqlite"
	"github.com/gouache-art/gouache/tracker/sqlite/hostiletest"
)

// columns are those of the database that a store elsewhere may have put anything in.
var columns = []string{
	"runs.id", "runs.name", "runs.experiment", "runs.sweep", "runs.trial", "runs.status", "runs.reason", "runs.started_at", "runs.ended_at",
	"runs.seen_at", "runs.idle", "runs.tries", "runs.note", "runs.rating", "runs.provenance", "runs.host", "runs.pid", "runs.boot",
	"runs.process_started", "params.name", "params.value", "params.truth", "tags.tag", "metrics.name", "metrics.points", "metrics.last_step",
	"metrics.last", "metrics.least", "metrics.greatest", "chunks.number", "chunks.points", "blobs.hash", "blobs.bytes", "blobs.format",
	"blobs.width", "blobs.height", "pictures.role", "pictures.step", "pictures.name", "pictures.source", "pictures.hash", "pictures.at",
	"runs.queue", "runs.stopped", "sweeps.active", "sweeps.name", "sweeps.experiment", "sweeps.text", "sweeps.dir", "sweeps.trials", "sweeps.rated", "sweeps.started_at",
	"judgements.left_run", "judgements.right_run", "judgements.verdict", "judgements.rater", "judgements.at",
	"runs.note_by", "runs.note_at", "files.name", "files.type", "files.hash", "files.at",
}

// FuzzImport imports stores in which one column has another value and some bytes of the database are others. It ends, in
// time, and what comes along can be listed, verified and deleted.
func FuzzImport(f *testing.F) {
	from := hostiletest.Sound(f)
	whole := from.Bytes(f)
	into, err := sqlite.Open(f.Context(), f.TempDir(), sqlite.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { into.Close() })
	patch := func(at uint32, b byte) []byte { return append(binary.LittleEndian.AppendUint32(nil, at), b) }
	f.Add(uint8(0), uint8(0), int64(0), "", []byte{})
	f.Add(uint8(5), uint8(3), int64(0), `"><img src=x>`, []byte{})
	f.Add(uint8(7), uint8(1), int64(253402300800000000), "", []byte{})
	f.Add(uint8(9), uint8(1), int64(1)<<62, "", []byte{})
	f.Add(uint8(14), uint8(3), int64(0), `{"seed":1e99}`, []byte{})
	f.Add(uint8(24), uint8(1), int64(1)<<33, "", []byte{})
	f.Add(uint8(33), uint8(3), int64(0), `png"><meta http-equiv=refresh>`, []byte{})
	f.Add(uint8(40), uint8(4), int64(0), "\xff\x00../../etc/passwd", []byte{})
	f.Add(uint8(0), uint8(5), int64(0), "", patch(60, 0xff))
	f.Add(uint8(0), uint8(5), int64(0), "", patch(4200, 7))
	f.Fuzz(func(t *testing.T, column, kind uint8, number int64, text string, patches []byte) {
		from.Write(t, whole)
		change(t, from.Database(), columns[int(column)%len(columns)], []any{nil, number, float64(number) * 1.5, text, []byte(text)}, kind)
		flip(t, from.Database(), patches)
		began := time.Now()
		importHostile(t, into, from.Dir)
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// change puts one of the values into a column, if the database takes it.
func change(t *testing.T, database, column string, values []any, kind uint8) {
	if int(kind) >= len(values) {
		return
	}
	db, err := sql.Open("sqlite3", "file:"+database+"?_foreign_keys=0&_ignore_check_constraints=1&_synchronous=0")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	table, name, _ := strings.Cut(column, ".")
	_, _ = db.Exec(`UPDATE OR REPLACE `+table+` SET `+name+` = ?`, values[kind])
}

// flip changes bytes of the database: patches are five bytes each, the place and the new byte.
func flip(t *testing.T, database string, patches []byte) {
	if len(patches) < 5 {
		return
	}
	data, err := os.ReadFile(database)
	if err != nil {
		t.Fatal(err)
	}
	for ; len(patches) >= 5; patches = patches[5:] {
		data[binary.LittleEndian.Uint32(patches)%uint32(len(data))] = patches[4]
	}
	if err := os.WriteFile(database, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

// importHostile imports the store in a folder, checks what came along and deletes it again.
func importHostile(t *testing.T, into *sqlite.DB, dir string) {
	from, err := sqlite.Open(t.Context(), dir, sqlite.Options{ReadOnly: true})
	if err != nil {
		return
	}
	defer from.Close()
	done, firstErr := tracker.Import(t.Context(), into, from, nil) // the other store may be damaged beyond reading
	again, err := tracker.Import(t.Context(), into, from, nil)
	if (err == nil) != (firstErr == nil) || len(again.Runs)+len(again.Updated)+again.Judgements > 0 {
		t.Errorf("first %+v (%v), then %+v (%v)", done, firstErr, again, err)
	}
	report, err := into.Verify(t.Context(), tracker.VerifyOptions{})
	if err != nil || len(report.Problems) > 0 {
		t.Errorf("what was imported: %+v (%v)", report, err)
	}
	runs, err := tracker.AllRuns(t.Context(), into, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, r := range runs {
		ids = append(ids, r.ID)
		if _, err := r.StartedAt.MarshalJSON(); err != nil {
			t.Error(err)
		}
	}
	if len(done.Runs) > len(ids) {
		t.Errorf("%d runs were imported, and %d are here", len(done.Runs), len(ids))
	}
	if len(ids) == 0 {
		return
	}
	if _, err := into.DeleteRuns(t.Context(), ids, tracker.DeleteOptions{Force: true}); err != nil {
		t.Error(err)
	}
	sweeps, err := into.Sweeps(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sweeps {
		if err := into.DeleteSweep(t.Context(), s.Name); err != nil {
			t.Error(err)
		}
	}
}
