package sqlite

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// blobs are the pictures' files: ab/abcd… for the hash abcd….
type blobs struct{ folder }

func (b blobs) path(hash string) string { return filepath.Join(b.dir, hash[:2], hash) }

// hash returns the hash of the picture at a path, or "" for one that has not the place and the form of a picture's name.
func (b blobs) hash(path string) string {
	if hash := filepath.Base(path); len(hash) == 2*sha256.Size && b.path(hash) == path {
		return hash
	}
	return ""
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
