package executables

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gouache-art/gouache/internal/atomicfile"
)

// Key is the SHA-256 of what an executable was made of.
type Key [sha256.Size]byte

// Files keeps data by keys in a folder of one user. Several processes may use one folder at the same time. Nothing depends
// on it: what cannot be read or written is compiled.
type Files struct {
	folder string
	limit  int64
}

// NewFiles returns the files of a folder, which is made if it is missing, and used only if nobody else may write to it:
// an executable is code. Beyond limit bytes, the files that were not used for longest are removed.
func NewFiles(folder string, limit int64) (*Files, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	if err := own(folder); err != nil {
		return nil, err
	}
	return &Files{folder: folder, limit: limit}, nil
}

const extension = ".xla"

func (f *Files) path(key Key) string {
	return filepath.Join(f.folder, hex.EncodeToString(key[:])+extension)
}

// sum returns the checksum with which a file begins. The key is part of it, so that a file under another's name is damaged.
func sum(key Key, data []byte) []byte {
	h := sha256.New()
	h.Write(key[:])
	h.Write(data)
	return h.Sum(nil)
}

// Folder returns the folder.
func (f *Files) Folder() string { return f.folder }

// Get returns the data of a key, nil if there is none. A damaged file is removed.
func (f *Files) Get(key Key) []byte {
	file, err := os.ReadFile(f.path(key))
	if err != nil {
		return nil
	}
	if len(file) < sha256.Size || !bytes.Equal(file[:sha256.Size], sum(key, file[sha256.Size:])) {
		f.Remove(key)
		return nil
	}
	now := time.Now()
	_ = os.Chtimes(f.path(key), now, now) // else it only looks older than it is
	return file[sha256.Size:]
}

// Put keeps data.
func (f *Files) Put(key Key, data []byte) {
	if int64(len(data)) > f.limit/4 {
		return // it would leave little room for others
	}
	if err := atomicfile.WriteFile(f.path(key), slices.Concat(sum(key, data), data)); err != nil {
		return
	}
	f.shrink()
}

// Remove removes the file of a key.
func (f *Files) Remove(key Key) { _ = os.Remove(f.path(key)) }

// Size returns the number of files, and their bytes.
func (f *Files) Size() (files int, bytes int64) {
	for _, info := range f.list() {
		bytes += info.Size()
		files++
	}
	return files, bytes
}

func (f *Files) list() []fs.FileInfo {
	entries, _ := os.ReadDir(f.folder)
	var infos []fs.FileInfo
	for _, e := range entries {
		if info, err := e.Info(); err == nil && filepath.Ext(e.Name()) == extension {
			infos = append(infos, info)
		}
	}
	return infos
}

// shrink removes files, oldest first, until the rest is within the limit.
func (f *Files) shrink() {
	infos := f.list()
	slices.SortFunc(infos, func(a, b fs.FileInfo) int {
		return cmp.Or(b.ModTime().Compare(a.ModTime()), cmp.Compare(a.Name(), b.Name()))
	})
	var total int64
	for _, info := range infos {
		if total += info.Size(); total > f.limit {
			_ = os.Remove(filepath.Join(f.folder, info.Name()))
		}
	}
}
