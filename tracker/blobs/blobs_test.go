package blobs

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gouache-art/gouache/internal/s3test"
	"github.com/gouache-art/gouache/tracker"
)

func TestNormal(t *testing.T) {
	for given, want := range map[string]string{
		"s3://b":                                "s3://b",
		"s3://b?use_path_style=true&endpoint=x": "s3://b?endpoint=x&use_path_style=true",
		"s3://b?prefix=a/":                      "s3://b?prefix=a%2F",
		"file:///srv/x/../gouache/":             "file:///srv/gouache",
		"file:///srv/a b":                       "file:///srv/a%20b",
	} {
		if got, err := Normal(given); err != nil || got != want {
			t.Errorf("%s: got %s (%v), want %s", given, got, err, want)
		}
		if again, err := Normal(want); err != nil || again != want {
			t.Errorf("%s: got %s (%v) again", want, again, err)
		}
	}
	const secret = "hunter2"
	for given, says := range map[string]string{
		"":                                   "is no bucket",
		"/srv/gouache":                       "is no bucket",
		"mem://":                             "is no bucket",
		"s3://":                              "name is missing",
		"file://srv/gouache":                 "the whole path",
		"file:///../" + "\x7f":               "is no bucket",
		"s3://id:" + secret + "@b":           "credentials have no place",
		"s3://b?secret_access_key=" + secret: "has no place",
		"s3://b?session_token=" + secret:     "has no place",
	} {
		_, err := Normal(given)
		if tracker.ErrorCode(err) != tracker.CodeInvalid || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error is %v, want %q", given, err, says)
		}
	}
}

func open(t *testing.T, url string, o Options) *Bucket {
	t.Helper()
	b, err := Open(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func TestFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "a b")
	b := open(t, "file://"+filepath.ToSlash(dir), Options{})
	testBucket(t, b)
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("in the folder there are %v (%v), want one folder", left, err)
	}
	reader := open(t, b.Name(), Options{ReadOnly: true})
	if file, err := reader.Open(t.Context(), "a/small", 5, sum([]byte("small"))); err != nil {
		t.Error(err)
	} else {
		file.Close()
	}
	if _, err := Open(t.Context(), "file:///none/there", Options{ReadOnly: true}); tracker.ErrorCode(err) != tracker.CodeUnavailable {
		t.Errorf("a folder that is not there: %v", err)
	}
}

func TestS3(t *testing.T) {
	server := s3test.New(t)
	url := server.Bucket(t, "paintings")
	b := open(t, url, Options{Patience: 30 * time.Second})
	testBucket(t, b)
	// Two stores in one bucket.
	other := open(t, url+"&prefix=other%2F", Options{})
	if has, err := other.Has(t.Context(), "a/small", 5); err != nil || has {
		t.Errorf("another prefix has it: %v (%v)", has, err)
	}
	missing := open(t, strings.Replace(url, "paintings", "none", 1), Options{})
	if err := missing.Probe(t.Context()); tracker.ErrorCode(err) != tracker.CodeUnavailable || !strings.Contains(err.Error(), "make the bucket first") || strings.Contains(err.Error(), "\n") {
		t.Errorf("a bucket that is not there: %v", err)
	}
	// The server goes away for a while.
	server.Stop()
	back := make(chan struct{})
	time.AfterFunc(2*time.Second, func() {
		defer close(back)
		server.Start(t)
	})
	if err := b.Put(t.Context(), "later", []byte("later")); err != nil {
		t.Error(err)
	}
	<-back
	server.Stop()
	if err := missing.Put(t.Context(), "later", []byte("later")); tracker.ErrorCode(err) != tracker.CodeUnavailable {
		t.Errorf("a server that is away: %v", err)
	}
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

// testBucket writes, reads, lists and removes files.
func testBucket(t *testing.T, b *Bucket) {
	t.Helper()
	ctx := t.Context()
	if err := b.Probe(ctx); err != nil {
		t.Fatal(err)
	}
	large := bytes.Repeat([]byte("0123456789abcdef"), InMemory/16+1)
	if err := errors.Join(b.Put(ctx, "a/small", []byte("large")), b.Put(ctx, "a/small", []byte("small"))); err != nil {
		t.Fatal(err)
	}
	size, hash, err := b.Write(ctx, "a/b/large", func(w io.Writer) error { _, err := w.Write(large); return err })
	if err != nil || size != int64(len(large)) || hash != sum(large) {
		t.Fatalf("%d bytes with hash %s (%v)", size, hash, err)
	}
	broken := errors.New("the device is gone")
	if _, _, err := b.Write(ctx, "a/broken", func(w io.Writer) error { _, _ = w.Write(large); return broken }); !errors.Is(err, broken) {
		t.Errorf("the error is %v, want %v", err, broken)
	}
	for key, want := range map[string][]byte{"a/small": []byte("small"), "a/b/large": large} {
		file, err := b.Open(ctx, key, int64(len(want)), sum(want))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			got, err := io.ReadAll(file)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %d bytes (%v)", key, len(got), err)
			}
			if _, err := file.Seek(0, io.SeekStart); err != nil {
				t.Error(err)
			}
		}
		if err := file.Close(); err != nil {
			t.Error(err)
		}
		if has, err := b.Has(ctx, key, int64(len(want))); err != nil || !has {
			t.Errorf("%s is not there (%v)", key, err)
		}
		for _, other := range []struct {
			size int64
			hash string
		}{{int64(len(want)) - 1, sum(want)}, {int64(len(want)) + 1, sum(want)}, {int64(len(want)), sum(nil)}} {
			if _, err := b.Open(ctx, key, other.size, other.hash); !errors.Is(err, ErrAltered) {
				t.Errorf("%s with %d bytes: the error is %v", key, other.size, err)
			}
		}
		if has, err := b.Has(ctx, key, 1); err != nil || has {
			t.Errorf("%s has another size, and is there (%v)", key, err)
		}
	}
	if _, err := b.Open(ctx, "a/none", 1, sum(nil)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the error is %v", err)
	}
	if has, err := b.Has(ctx, "a/none", 0); err != nil || has {
		t.Errorf("it is there: %v (%v)", has, err)
	}
	list := func(prefix string) (keys []string) {
		t.Helper()
		if err := b.Each(ctx, prefix, func(f File) error {
			if age := time.Since(f.ModifiedAt); age.Abs() > time.Hour || f.Size == 0 {
				t.Errorf("%+v", f)
			}
			keys = append(keys, f.Key)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return keys
	}
	if keys := list("a/"); !slices.Equal(keys, []string{"a/b/large", "a/small"}) {
		t.Errorf("files: %v", keys)
	}
	if keys := list("b/"); len(keys) > 0 {
		t.Errorf("files: %v", keys)
	}
	for range 2 {
		if err := b.Delete(ctx, "a/b/large"); err != nil {
			t.Error(err)
		}
	}
	if keys := list(""); !slices.Equal(keys, []string{"a/small"}) {
		t.Errorf("files after one was removed: %v", keys)
	}
}
