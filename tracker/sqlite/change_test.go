package sqlite

import (
	"errors"
	"fmt"
	"testing"

	"github.com/gouache-art/gouache/tracker"
)

// TestForgottenDeletions deletes more runs than are remembered, and asks for changes since cursors
// around the oldest remembered deletion.
func TestForgottenDeletions(t *testing.T) {
	store := openStore(t, t.TempDir(), Options{})
	start, err := store.Changes(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	var old cursor
	if _, err := fmt.Sscanf(string(start.Cursor), "%d-%x", &old.revision, &old.gone); err != nil {
		t.Fatal(err)
	}
	const earlier = keptDeletions + 500
	run, err := store.CreateRun(t.Context(), tracker.NewRun{}) // its revision is 1
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(
		execute(store, fmt.Sprintf(`WITH RECURSIVE n(i) AS (VALUES (2) UNION ALL SELECT i + 1 FROM n WHERE i <= %d)
			INSERT INTO deletions (revision, id) SELECT i, printf('%%012d', i) FROM n`, earlier)), // the last one's revision is earlier + 1
		execute(store, fmt.Sprint(`UPDATE history SET revision = `, earlier+1)),
		store.FinishRun(t.Context(), run.Claim(), tracker.Outcome{Status: tracker.StatusFinished}), // earlier + 2
	)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.DeleteRuns(t.Context(), []string{run.ID}, tracker.DeleteOptions{}); err != nil { // earlier + 3
		t.Fatal(err)
	}
	var kept, oldest int
	if err := store.reader.QueryRow(`SELECT count(*), min(revision) FROM deletions`).Scan(&kept, &oldest); err != nil {
		t.Fatal(err)
	}
	if kept != keptDeletions || oldest != earlier+3-keptDeletions {
		t.Errorf("%d deletions are remembered, since revision %d", kept, oldest)
	}
	for _, test := range []struct {
		since int
		want  int // deletions, or 0 for too many to tell
	}{{0, 0}, {oldest - 2, 0}, {oldest - 1, 0}, {oldest, mostChanges}, {earlier, 2}, {earlier + 2, 1}} {
		since := tracker.Cursor(cursor{int64(test.since), old.gone}.String())
		c, err := store.Changes(t.Context(), since)
		if err != nil || c.More != (test.want == 0) || len(c.Deleted) != test.want {
			t.Errorf("since revision %d: %d deletions, more: %v (%v)", test.since, len(c.Deleted), c.More, err)
		}
	}
}
