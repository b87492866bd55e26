package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net/http"
	"strconv"
	"time"
)

// static serves the embedded files. They have no times, so their contents tell browsers whether they are new.
type static map[string]staticFile // by path

type staticFile struct {
	data []byte
	tag  string
}

func newStatic() (static, error) {
	files := static{}
	root, err := fs.Sub(staticFiles, "static")
	if err != nil {
		return nil, err
	}
	err = fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(root, path)
		sum := sha256.Sum256(data)
		files[path] = staticFile{data, strconv.Quote(hex.EncodeToString(sum[:8]))}
		return err
	})
	return files, err
}

func (files static) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	file, ok := files[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("ETag", file.tag)
	w.Header().Set("Cache-Control", "private, no-cache") // ask, since a newer program may be there; it costs 1 ms
	http.ServeContent(w, r, r.URL.Path, time.Time{}, bytes.NewReader(file.data))
}
