package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"

	"github.com/gouache-art/gouache/tracker"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrations returns the steps from an empty database to this program's version, in order: the first makes version 1,
// and so on. PRAGMA user_version is the version of a database. A step that was released is never edited.
func migrations() []string {
	entries, err := migrationFiles.ReadDir("migrations")
	if err != nil {
		panic(err) // the files are embedded
	}
	var steps []string
	for i, e := range entries {
		if want := fmt.Sprintf("%03d.sql", i+1); e.Name() != want {
			panic("migration " + e.Name() + " should be " + want)
		}
		text, err := migrationFiles.ReadFile("migrations/" + e.Name())
		if err != nil {
			panic(err)
		}
		steps = append(steps, string(text))
	}
	return steps
}

// migrate applies the steps that a database does not have yet, all in one transaction. It refuses
// a database that is not what the steps make.
func migrate(ctx context.Context, pool *sql.DB, steps []string) error {
	v, err := version(ctx, pool, len(steps))
	if err != nil {
		return err
	}
	if v == len(steps) {
		return checkSchema(ctx, pool, v)
	}
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	// Another process may have migrated it.
	if v, err = version(ctx, tx, len(steps)); err != nil {
		return err
	}
	if err := checkSchema(ctx, tx, v); err != nil {
		return err
	}
	for i, step := range steps[v:] {
		if _, err := tx.ExecContext(ctx, step); err != nil {
			return fmt.Errorf("bringing the database to version %d: %w", v+i+1, err)
		}
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", len(steps))); err != nil {
		return err
	}
	return tx.Commit()
}

// checkVersion refuses a database of another version than this program's, where it cannot be migrated.
func checkVersion(ctx context.Context, pool *sql.DB, steps []string) error {
	v, err := version(ctx, pool, len(steps))
	if err != nil {
		return err
	}
	if err := checkSchema(ctx, pool, v); err != nil {
		return err
	}
	switch v {
	case len(steps):
		return nil
	case 0:
		return tracker.Errorf(tracker.CodeNotFound, "the store is empty: nothing was recorded in it yet, or its last changes were in a file beside it, "+
			databaseName+"-wal, that is gone")
	}
	return tracker.Errorf(tracker.CodeConflict, "the store's database has version %d and has to be brought to version %d: "+
		"open it once where it can be written to", v, len(steps))
}

// version returns the version of a database, which is one that the program knows.
func version(ctx context.Context, from querier, known int) (int, error) {
	v, err := one[int](ctx, from, "PRAGMA user_version")
	switch {
	case err != nil:
		return 0, err
	case v < 0:
		return 0, tracker.Errorf(tracker.CodeInternal, "the database is damaged: its version is %d; put a copy in its place or begin another store", v)
	case v > known:
		return 0, tracker.Errorf(tracker.CodeConflict, "the store's database has version %d, made by a newer program: "+
			"this one knows versions up to %d; update it", v, known)
	}
	return v, nil
}
