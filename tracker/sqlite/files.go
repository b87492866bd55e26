package sqlite

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// folder is a directory of files that are there whole or not at all, with tmp/ for those being written.
type folder struct{ dir string }

func (f folder) temporary() string { return filepath.Join(f.dir, "tmp") }

func (f folder) make() error { return os.MkdirAll(f.temporary(), 0o777) }

// sweep removes temporary files that were last written before a time: what processes that were killed left. Those that
// cannot be removed, as they are somebody else's say, are in nobody's way, and Verify tells of them.
func (f folder) sweep(before time.Time) {
	entries, _ := os.ReadDir(f.temporary())
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && info.ModTime().Before(before) {
			_ = os.Remove(filepath.Join(f.temporary(), e.Name()))
		}
	}
}

// probe returns why files cannot be written, if they cannot.
func (f folder) probe() error {
	file, err := os.CreateTemp(f.temporary(), "probe-*")
	if err != nil {
		return err
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}

// write writes a temporary file, whose name begins as it is told, and returns its path when all of it is on the disk.
func (f folder) write(begin string, write func(io.Writer) error) (path string, err error) {
	file, err := os.CreateTemp(f.temporary(), begin+"-*")
	if err != nil {
		return "", err
	}
	err = write(file)
	if err == nil {
		err = errors.Join(file.Chmod(0o644), file.Sync())
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return "", errors.Join(err, os.Remove(file.Name()))
	}
	return file.Name(), nil
}

// each calls walk with the path of every file.
func (f folder) each(walk func(path string) error) error {
	return filepath.WalkDir(f.dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed meanwhile
		}
		if err != nil || d.IsDir() {
			return err
		}
		return walk(path)
	})
}

// syncDir brings a directory's entries to the disk: a rename alone may be forgotten in a power failure.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// removeFile deletes a file; one that is not there is no error.
func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
