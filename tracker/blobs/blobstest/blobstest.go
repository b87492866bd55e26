// Package blobstest tests buckets of any provider.
package blobstest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"slices"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker/blobs"
)

// Open opens a bucket for a test.
func Open(t *testing.T, url string, o blobs.Options) *blobs.Bucket {
	t.Helper()
	b, err := blobs.Open(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// Sum returns the hash of a file's content, as buckets compare it.
func Sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

// Test writes, reads, lists and removes files.
func Test(t *testing.T, b *blobs.Bucket) {
	t.Helper()
	ctx := t.Context()
	if err := b.Probe(ctx); err != nil {
		t.Fatal(err)
	}
	large := bytes.Repeat([]byte("0123456789abcdef"), blobs.InMemory/16+1)
	if err := errors.Join(b.Put(ctx, "a/small", []byte("large")), b.Put(ctx, "a/small", []byte("small"))); err != nil {
		t.Fatal(err)
	}
	size, hash, err := b.Write(ctx, "a/b/large", func(w io.Writer) error { _, err := w.Write(large); return err })
	if err != nil || size != int64(len(large)) || hash != Sum(large) {
		t.Fatalf("%d bytes with hash %s (%v)", size, hash, err)
	}
	broken := errors.New("the device is gone")
	if _, _, err := b.Write(ctx, "a/broken", func(w io.Writer) error { _, _ = w.Write(large); return broken }); !errors.Is(err, broken) {
		t.Errorf("the error is %v, want %v", err, broken)
	}
	for key, want := range map[string][]byte{"a/small": []byte("small"), "a/b/large": large} {
		file, err := b.Open(ctx, key, int64(len(want)), Sum(want))
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
		}{{int64(len(want)) - 1, Sum(want)}, {int64(len(want)) + 1, Sum(want)}, {int64(len(want)), Sum(nil)}} {
			if _, err := b.Open(ctx, key, other.size, other.hash); !errors.Is(err, blobs.ErrAltered) {
				t.Errorf("%s with %d bytes: the error is %v", key, other.size, err)
			}
		}
		if has, err := b.Has(ctx, key, 1); err != nil || has {
			t.Errorf("%s has another size, and is there (%v)", key, err)
		}
	}
	if _, err := b.Open(ctx, "a/none", 1, Sum(nil)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the error is %v", err)
	}
	if has, err := b.Has(ctx, "a/none", 0); err != nil || has {
		t.Errorf("it is there: %v (%v)", has, err)
	}
	list := func(prefix string) (keys []string) {
		t.Helper()
		if err := b.Each(ctx, prefix, func(f blobs.File) error {
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
