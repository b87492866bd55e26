package postgres

import (
	"context"
	"embed"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/gouache-art/gouache/tracker"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrations returns the steps from an empty schema to this program's version, in order: the first makes version 1, and so
// on. The table version has that of a schema. A step that was released is never edited.
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

// The classes of the locks that processes take in turns; see lock.
const (
	lockMigrations = 0x676f7501 + iota
	lockFiles
)

// lock waits for one of the store's locks, which the end of the transaction releases. shared ones exclude the others only.
func lock(ctx context.Context, tx pgx.Tx, class int, shared bool) error {
	function := `pg_advisory_xact_lock`
	if shared {
		function += `_shared`
	}
	return do(ctx, tx, `SELECT `+function+`($1::integer, hashtext(current_schema()::text))`, class)
}

// migrate applies the steps that a store does not have yet, all in one transaction, while no other process does.
func (db *DB) migrate(ctx context.Context, schema string) error {
	steps := migrations()
	v, err := db.version(ctx, db.pool, len(steps))
	if err != nil || v == len(steps) {
		return err
	}
	if db.readOnly {
		if v == 0 {
			return tracker.Errorf(tracker.CodeNotFound, "there is no store in %s yet: gouache ui, or another command that writes, makes it if --blobs names a bucket", db.name)
		}
		return tracker.Errorf(tracker.CodeConflict, "the store %s has version %d and has to be brought to version %d: open it once for changes", db.name, v, len(steps))
	}
	return pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		// The schema may not exist yet, so that its lock is not known either.
		if err := do(ctx, tx, `SELECT pg_advisory_xact_lock($1::integer, hashtext($2::text))`, lockMigrations, schema); err != nil {
			return err
		}
		exists, err := one[bool](ctx, tx, `SELECT current_schema() IS NOT NULL`)
		if err != nil {
			return err
		}
		if !exists {
			if err := do(ctx, tx, `CREATE SCHEMA IF NOT EXISTS `+pgx.Identifier{schema}.Sanitize()); err != nil {
				return err
			}
		}
		if err := do(ctx, tx, `CREATE TABLE IF NOT EXISTS version (version integer NOT NULL)`); err != nil {
			return err
		}
		if v, err = db.version(ctx, tx, len(steps)); err != nil {
			return err
		}
		for i, step := range steps[v:] {
			if _, err := tx.Exec(ctx, step); err != nil {
				return fmt.Errorf("bringing the store to version %d: %w", v+i+1, err)
			}
		}
		if v == 0 {
			return do(ctx, tx, `INSERT INTO version VALUES ($1)`, len(steps))
		}
		return do(ctx, tx, `UPDATE version SET version = $1`, len(steps))
	})
}

// version returns the version of a store, which is one that the program knows; 0 if there is none.
func (db *DB) version(ctx context.Context, from querier, known int) (int, error) {
	exists, err := one[bool](ctx, from, `SELECT to_regclass('version') IS NOT NULL`)
	if err != nil || !exists {
		return 0, err
	}
	v, err := one[int](ctx, from, `SELECT coalesce(max(version), 0) FROM version`)
	if err == nil && v > known {
		err = tracker.Errorf(tracker.CodeConflict, "the store %s has version %d, made by a newer program: this one knows versions up to %d; update it", db.name, v, known)
	}
	return v, err
}
