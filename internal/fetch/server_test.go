package fetch

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// randomBytes makes a file's content and its sums.
func randomBytes(n int) ([]byte, Checksums) {
	content := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(content) // never fails
	m, s := md5.Sum(content), sha256.Sum256(content)
	return content, Checksums{Size: int64(n), MD5: hex.EncodeToString(m[:]), SHA256: hex.EncodeToString(s[:])}
}

// fileServer serves content as real servers do, and counts.
type fileServer struct {
	content  []byte
	requests atomic.Int32
	served   atomic.Int64
	cut      int  // bytes after which the first answers break off; 0 for never
	cuts     int  // how many answers break off
	noRange  bool // ignores Range, and does not say how long the file is
	slow     time.Duration
}

func (s *fileServer) start(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return server.URL + "/weights.h5"
}

func (s *fileServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := int(s.requests.Add(1))
	time.Sleep(s.slow)
	if s.noRange {
		r.Header.Del("Range")
	}
	out := &cutWriter{ResponseWriter: w, served: &s.served, left: len(s.content)}
	if n <= s.cuts {
		out.left = s.cut
	}
	if s.noRange {
		w.(http.Flusher).Flush() // chunked: no Content-Length
		_, _ = out.Write(s.content)
	} else {
		http.ServeContent(out, r, "weights.h5", time.Time{}, bytes.NewReader(s.content))
	}
	if out.broke {
		panic(http.ErrAbortHandler) // closes the connection in the middle
	}
}

type cutWriter struct {
	http.ResponseWriter
	served *atomic.Int64
	left   int
	broke  bool
}

func (c *cutWriter) Write(b []byte) (int, error) {
	if len(b) > c.left {
		b, c.broke = b[:c.left], true
	}
	n, err := c.ResponseWriter.Write(b)
	c.left -= n
	c.served.Add(int64(n))
	if c.broke {
		c.ResponseWriter.(http.Flusher).Flush()
		return n, errors.New("cut")
	}
	return n, err
}

func destination(t *testing.T) string { return filepath.Join(t.TempDir(), "new", "weights.h5") }

// checkFetched checks that dst holds the content and that nothing but the lock is beside it.
func checkFetched(t *testing.T, dst string, content []byte) {
	t.Helper()
	got, err := os.ReadFile(dst)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, content) {
		t.Errorf("%s holds %d bytes that are not the %d served", dst, len(got), len(content))
	}
	entries, err := os.ReadDir(filepath.Dir(dst))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := e.Name(); name != filepath.Base(dst) && name != filepath.Base(dst)+".lock" {
			t.Errorf("%s was left behind", name)
		}
	}
}
