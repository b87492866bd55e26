package sqlite

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// folder is a directory of files that exist whole or not at all. Files are written in tmp/ and then renamed.
type folder struct{ dir string }

func (f folder) temporary() string { return filepath.Join(f.dir, "tmp") }

// sweep removes temporary files that were last written before a time: those of processes that were killed. Files that
// cannot be removed, for example another user's, do no harm; Verify reports them.
func (f folder) sweep(before time.Time) {
	entries, _ := os.ReadDir(f.temporary())
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && info.ModTime().Before(before) {
			_ = os.Remove(filepath.Join(f.temporary(), e.Name()))
		}
	}
}

// probe returns the reason if files cannot be written.
func (f folder) probe() error {
	file, err := os.CreateTemp(f.temporary(), "probe-*")
	if err != nil {
		return err
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}

// write writes a temporary file whose name starts with begin, syncs it, and returns its path.
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
			return nil // removed in the meantime
		}
		if err != nil || d.IsDir() {
			return err
		}
		return walk(path)
	})
}

// syncDir syncs a directory: without it a power failure may undo a rename.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// removeFile deletes a file. A file that does not exist is no error.
func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// blobs are the files of pictures: ab/abcd… for the hash abcd….
type blobs struct{ folder }

func (b blobs) path(hash string) string { return filepath.Join(b.dir, hash[:2], hash) }

// hash returns the hash of the picture at a path, or "" if the path is not that of a picture.
func (b blobs) hash(path string) string {
	if hash := filepath.Base(path); len(hash) == 2*sha256.Size && b.path(hash) == path {
		return hash
	}
	return ""
}

// has reports whether a picture's file exists with the right size.
func (b blobs) has(hash string, size int64) bool {
	info, err := os.Stat(b.path(hash))
	return err == nil && info.Mode().IsRegular() && info.Size() == size
}

// put writes a file and syncs it. After a crash or a power failure it exists whole or not at all.
func (b blobs) put(hash string, data []byte) error {
	if b.has(hash, int64(len(data))) {
		return nil
	}
	temporary, err := b.write(hash[:8], func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	if err != nil {
		return err
	}
	err = os.MkdirAll(filepath.Dir(b.path(hash)), 0o777)
	if err == nil {
		err = os.Rename(temporary, b.path(hash))
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return errors.Join(syncDir(filepath.Dir(b.path(hash))), syncDir(b.dir))
}

// check reports whether a file matches its hash, and returns its size.
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
