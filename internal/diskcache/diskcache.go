// Package diskcache keeps data in files from one process to the next.
package diskcache

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

// Key is the SHA-256 of what the data were made of.
type Key [sha256.Size]byte

// Cache keeps data by keys in a folder of one user. Several processes may use one folder at the same time. Nothing depends
// on it: what cannot be read or written is made again.
type Cache struct {
	folder, extension string
	limit             int64
}

// New returns the cache in a folder, which is made if it is missing, and used only if nobody else may write to it: the
// data may be code. Its files have the extension, which has a dot. Beyond limit bytes, those that were not used for longest
// are removed.
func New(folder, extension string, limit int64) (*Cache, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	if err := own(folder); err != nil {
		return nil, err
	}
	return &Cache{folder: folder, extension: extension, limit: limit}, nil
}

func (c *Cache) path(key Key) string {
	return filepath.Join(c.folder, hex.EncodeToString(key[:])+c.extension)
}

// sum returns the checksum with which a file begins. The key is part of it, so that a file under another's name is damaged.
func sum(key Key, data []byte) []byte {
	h := sha256.New()
	h.Write(key[:])
	h.Write(data)
	return h.Sum(nil)
}

// Folder returns the folder.
func (c *Cache) Folder() string { return c.folder }

// Get returns the data of a key, nil if there is none. A damaged file is removed.
func (c *Cache) Get(key Key) []byte {
	file, err := os.ReadFile(c.path(key))
	if err != nil {
		return nil
	}
	if len(file) < sha256.Size || !bytes.Equal(file[:sha256.Size], sum(key, file[sha256.Size:])) {
		c.Remove(key)
		return nil
	}
	now := time.Now()
	_ = os.Chtimes(c.path(key), now, now) // else it only looks older than it is
	return file[sha256.Size:]
}

// Put keeps data.
func (c *Cache) Put(key Key, data []byte) {
	if int64(len(data)) > c.limit/4 {
		return // it would leave little room for others
	}
	if err := atomicfile.WriteFile(c.path(key), slices.Concat(sum(key, data), data)); err != nil {
		return
	}
	c.shrink()
}

// Remove removes the file of a key.
func (c *Cache) Remove(key Key) { _ = os.Remove(c.path(key)) }

// Size returns the number of files, and their bytes.
func (c *Cache) Size() (files int, bytes int64) {
	for _, info := range c.list() {
		bytes += info.Size()
		files++
	}
	return files, bytes
}

func (c *Cache) list() []fs.FileInfo {
	entries, _ := os.ReadDir(c.folder)
	var infos []fs.FileInfo
	for _, e := range entries {
		if info, err := e.Info(); err == nil && filepath.Ext(e.Name()) == c.extension {
			infos = append(infos, info)
		}
	}
	return infos
}

// shrink removes files, oldest first, until the rest is within the limit.
func (c *Cache) shrink() {
	infos := c.list()
	slices.SortFunc(infos, func(a, b fs.FileInfo) int {
		return cmp.Or(b.ModTime().Compare(a.ModTime()), cmp.Compare(a.Name(), b.Name()))
	})
	var total int64
	for _, info := range infos {
		if total += info.Size(); total > c.limit {
			_ = os.Remove(filepath.Join(c.folder, info.Name()))
		}
	}
}
