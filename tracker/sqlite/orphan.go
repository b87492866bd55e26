package sqlite

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gouache-art/gouache/tracker"
)

// orphans looks for files that no run needs, and removes those that are the store's own if asked to.
func (v *verifier) orphans(ctx context.Context, repair bool) error {
	db := v.db
	hashes, halves, err := v.unneeded(ctx, db.blobs.folder, db.blobs.hash, isNamed)
	if err != nil {
		return err
	}
	ids, halfCheckpoints, err := v.unneeded(ctx, db.checkpoints.folder, db.checkpoints.id, v.needsCheckpoint)
	if err != nil || !repair {
		return err
	}
	if err := errors.Join(db.removePictures(ctx, hashes), db.removeCheckpoints(ctx, ids...)); err != nil {
		return err
	}
	halves = append(halves, halfCheckpoints...)
	for _, path := range halves {
		if err := removeFile(path); err != nil {
			return err
		}
	}
	v.report.Removed = len(hashes) + len(ids) + len(halves)
	return nil
}

// needsCheckpoint counts the checkpoints that are needed.
func (v *verifier) needsCheckpoint(ctx context.Context, from querier, id string) (bool, error) {
	needed, err := needsCheckpoint(ctx, from, id)
	if needed {
		v.report.Checkpoints++
	}
	return needed, err
}

// unneeded returns the names of a folder's files that nobody needs, and the paths of those that were left half written.
// Files that are not the store's own, and so have no name, are told of and left alone.
func (v *verifier) unneeded(ctx context.Context, f folder, nameOf func(path string) string,
	needed func(context.Context, querier, string) (bool, error)) (names, temporary []string, err error) {
	err = f.each(func(path string) error {
		name := nameOf(path)
		if name != "" {
			if keep, err := needed(ctx, v.db.reader, name); err != nil || keep {
				return err
			}
		}
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && v.db.now().Sub(info.ModTime()) < inFlight {
			return nil // somebody may be about to name it
		}
		if err != nil {
			return err
		}
		if name != "" {
			names = append(names, name)
		} else if filepath.Dir(path) == f.temporary() {
			temporary = append(temporary, path)
		}
		v.orphan(path)
		return nil
	})
	return names, temporary, err
}

// orphan tells of a file.
func (v *verifier) orphan(path string) {
	v.problem(tracker.ProblemOrphaned, v.db.blobs.hash(path), "no run needs the file %s", path)
}
