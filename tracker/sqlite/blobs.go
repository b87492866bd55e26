package sqlite

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// blobs are the pictures' files: ab/abcd… for the hash abcd…, and tmp/ for those being written.
type blobs struct{ dir string }

func (b blobs) temporary() string { return filepath.Join(b.dir, "tmp") }

func (b blobs) path(hash string) string { return filepath.Join(b.dir, hash[:2], hash) }

func (b blobs) make() error { return os.MkdirAll(b.temporary(), 0o777) }

// sweep removes temporary files that were last written before a time: what processes that were killed left. Those that
// cannot be removed, as they are somebody else's say, are in nobody's way, and Verify tells of them.
func (b blobs) sweep(before time.Time) {
	entries, _ := os.ReadDir(b.temporary())
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && info.ModTime().Before(before) {
			_ = os.Remove(filepath.Join(b.temporary(), e.Name()))
		}
	}
}

// probe returns why files cannot be written, if they cannot.
func (b blobs) probe() error {
	file, err := os.CreateTemp(b.temporary(), "probe-*")
	if err != nil {
		return err
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}

// has tells whether a file is there with as many bytes as it should have.
func (b blobs) has(hash string, size int64) bool {
	info, err := os.Stat(b.path(hash))
	return err == nil && info.Mode().IsRegular() && info.Size() == size
}

// put writes a file, so that after a crash or a power failure it is there whole or not at all, and returns when it
// is on the disk.
func (b blobs) put(hash string, data []byte) error {
	if b.has(hash, int64(len(data))) {
		return nil
	}
	file, err := os.CreateTemp(b.temporary(), hash[:8]+"-*")
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	err = errors.Join(err, file.Chmod(0o644), file.Sync(), file.Close())
	if err == nil {
		err = os.MkdirAll(filepath.Dir(b.path(hash)), 0o777)
	}
	if err == nil {
		err = os.Rename(file.Name(), b.path(hash))
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return errors.Join(syncDir(filepath.Dir(b.path(hash))), syncDir(b.dir))
}

// syncDir brings a directory's entries to the disk: a rename alone may be forgotten in a power failure.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// remove deletes a file; one that is not there is no error.
func (b blobs) remove(hash string) error {
	if err := os.Remove(b.path(hash)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// check returns whether a file holds what its name says, and how long it is.
func (b blobs) check(hash string) (right bool, size int64, err error) {
	file, err := os.Open(b.path(hash))
	if err != nil {
		return false, 0, err
	}
	defer file.Close()
	sum := sha256.New()
	size, err = io.Copy(sum, file)
	return hex.EncodeToString(sum.Sum(nil)) == hash, size, err
}

// each calls f with every file's path, relative to the directory, and whether it has the place and the form of a
// picture's name.
func (b blobs) each(f func(path, hash string) error) error {
	return filepath.WalkDir(b.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // removed meanwhile
			}
			return err
		}
		relative, err := filepath.Rel(b.dir, path)
		if err != nil {
			return err
		}
		prefix, hash := filepath.Split(relative)
		if len(hash) != 2*sha256.Size || strings.TrimRight(filepath.ToSlash(prefix), "/") != hash[:2] {
			hash = ""
		}
		return f(path, hash)
	})
}
