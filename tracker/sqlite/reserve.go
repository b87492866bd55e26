package sqlite

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"slices"
)

// A reserve is a file that takes room for the day on which the disk is full. SQLite writes before it frees: on such a
// disk it cannot even open the database for changes, and nothing could be deleted. Opening takes 32 KiB, and deleting a
// few pages for each run, as the points' pages are not written.
const (
	reserveName  = "reserve"
	reserveBytes = 1 << 20
)

// keepReserve makes the reserve if there is room for it.
func (db *DB) keepReserve() {
	info, err := db.root.Lstat(reserveName)
	if err == nil && (!info.Mode().IsRegular() || info.Size() == reserveBytes) || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return
	}
	data := make([]byte, reserveBytes)
	rand.Read(data) // what no file system compresses
	if db.root.WriteFile(reserveName, data, 0o644) != nil {
		_ = db.root.Remove(reserveName)
	}
}

// useReserve removes the reserve, and reports whether there was one.
func (db *DB) useReserve() bool { return db.root.Remove(reserveName) == nil }

// isFull reports whether an error means a full disk.
func isFull(err error) bool {
	if err == nil {
		return false
	}
	_, why := explain(err)
	return why == whyFull
}

// makeRoom removes the pictures of a plan before its rows: only where nothing else makes room.
func (db *DB) makeRoom(plan *deletion) error {
	var errs []error
	for _, hash := range slices.DeleteFunc(slices.Clone(plan.hashes), isNoHash) {
		errs = append(errs, db.blobs.remove(db.blobs.name(hash)))
	}
	return errors.Join(errs...)
}
