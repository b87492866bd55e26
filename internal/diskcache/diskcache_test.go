package diskcache

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

func newCache(t *testing.T, limit int64) *Cache {
	t.Helper()
	f, err := New(filepath.Join(t.TempDir(), "cache"), ".data", limit)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestCache(t *testing.T) {
	f := newCache(t, 1<<20)
	key, other := Key{1}, Key{2}
	if f.Get(key) != nil {
		t.Error("an empty folder has data")
	}
	f.Put(key, []byte("code"))
	f.Put(other, []byte("other code"))
	if got := f.Get(key); string(got) != "code" {
		t.Errorf("read %q", got)
	}
	if n, size := f.Size(); n != 2 || size != 2*32+4+10 {
		t.Errorf("%d files, %d bytes", n, size)
	}
	f.Remove(key)
	if f.Get(key) != nil {
		t.Error("it was not removed")
	}
}

// TestDamaged: what is not to the byte what was kept under that key is not code that is run.
func TestDamaged(t *testing.T) {
	for name, damage := range map[string]func(file []byte) []byte{
		"empty":     func([]byte) []byte { return nil },
		"short":     func(file []byte) []byte { return file[:20] },
		"cut":       func(file []byte) []byte { return file[:len(file)-1] },
		"longer":    func(file []byte) []byte { return append(file, 0) },
		"one bit":   func(file []byte) []byte { file[len(file)/2] ^= 4; return file },
		"the sum's": func(file []byte) []byte { file[0] ^= 4; return file },
	} {
		f, key := newCache(t, 1<<20), Key{1}
		f.Put(key, bytes.Repeat([]byte("code"), 100))
		file, err := os.ReadFile(f.path(key))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f.path(key), damage(file), 0o600); err != nil {
			t.Fatal(err)
		}
		if f.Get(key) != nil {
			t.Errorf("%s: it is read", name)
		}
		if n, _ := f.Size(); n != 0 {
			t.Errorf("%s: it is kept", name)
		}
	}
	f := newCache(t, 1<<20)
	f.Put(Key{1}, []byte("code"))
	if err := os.Rename(f.path(Key{1}), f.path(Key{2})); err != nil {
		t.Fatal(err)
	}
	if f.Get(Key{2}) != nil {
		t.Error("a file under another's name is read")
	}
}

// TestCacheLimit: the files that were not used for longest make room.
func TestCacheLimit(t *testing.T) {
	f := newCache(t, 1000)
	data := make([]byte, 150) // 182 with its checksum, so that five fit
	hour := func(n int) time.Time { return time.Now().Add(time.Duration(n-10) * time.Hour) }
	for i := range 5 {
		f.Put(Key{byte(i)}, data)
		if err := os.Chtimes(f.path(Key{byte(i)}), hour(i), hour(i)); err != nil {
			t.Fatal(err)
		}
	}
	f.Get(Key{0}) // which is thus the latest
	f.Put(Key{5}, data)
	f.Put(Key{6}, data)
	for i, want := range []bool{true, false, false, true, true, true, true} {
		if got := f.Get(Key{byte(i)}) != nil; got != want {
			t.Errorf("file %d is there: %t, want %t", i, got, want)
		}
	}
	f.Put(Key{7}, make([]byte, 251))
	if f.Get(Key{7}) != nil {
		t.Error("one of more than a quarter of the limit is kept")
	}
}

// TestCacheAtTheSameTime: several that keep the same and other data never read what is not whole.
func TestCacheAtTheSameTime(t *testing.T) {
	f := newCache(t, 20_000)
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for i := range 25 {
				key := Key{byte((i + worker) % 8)}
				data := bytes.Repeat(key[:1], 3000)
				if got := f.Get(key); got != nil && !bytes.Equal(got, data) {
					t.Errorf("key %d: read something else", key[0])
				}
				f.Put(key, data)
			}
		})
	}
	all.Wait()
	if _, size := f.Size(); size > 20_000 {
		t.Errorf("%d bytes are kept", size)
	}
}

// TestOthersFolder: code is read only from a folder to which nobody else can write.
func TestOthersFolder(t *testing.T) {
	folder := t.TempDir()
	for mode, want := range map[os.FileMode]bool{0o700: true, 0o755: true, 0o775: false, 0o777: false, 0o777 | os.ModeSticky: false} {
		if err := os.Chmod(folder, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := New(folder, ".data", 1); (err == nil) != want {
			t.Errorf("%v: %v", mode, err)
		}
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(folder, 12345, 0); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if _, err := New(folder, ".data", 1); err == nil {
			t.Error("another user's folder is used")
		}
	}
}
