package fetch

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// entry is a member of an archive in a test.
type entry struct {
	name, content string
	link          bool
}

func sumsOf(content []byte) Checksums {
	sum := sha256.Sum256(content)
	return Checksums{Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:])}
}

func makeTar(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Size: int64(len(e.content)), Mode: 0o644, Typeflag: tar.TypeReg}
		if e.link {
			h.Typeflag, h.Size, h.Linkname = tar.TypeSymlink, 0, e.content
		}
		err := w.WriteHeader(h)
		if err == nil && !e.link {
			_, err = w.Write([]byte(e.content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func makeZip(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		if e.link {
			h.SetMode(fs.ModeSymlink | 0o777)
		}
		w, err := z.CreateHeader(h)
		if err == nil {
			_, err = w.Write([]byte(e.content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestArchive unpacks the one member that is asked for, whatever else is in the archive.
func TestArchive(t *testing.T) {
	hostile := []entry{
		{"../outside", "hostile", false}, {"/tmp/outside", "hostile", false}, {"link", "/etc", true}, {"link/passwd", "hostile", false},
		{"lib/other.so", "other", false},
	}
	plugin := entry{"lib/plugin.so", "plugin", false}
	for _, c := range []struct {
		name    string
		entries []entry
		says    string // by an error
	}{
		{"alone", []entry{plugin}, ""},
		{"last of many", append(hostile, plugin), ""},
		{"missing", hostile, "file does not exist"},
		{"a link", []entry{{"lib/plugin.so", "/etc/passwd", true}}, "not a regular file"},
		{"too long", []entry{{"lib/plugin.so", "plugin that is longer", false}}, "longer than expected"},
		{"another", []entry{{"lib/plugin.so", "hostil", false}}, "its SHA-256 is"},
	} {
		for kind, content := range map[string][]byte{"x.tar.gz": makeTar(t, c.entries...), "x.whl": makeZip(t, c.entries...)} {
			t.Run(c.name+" "+kind, func(t *testing.T) {
				address := (&fileServer{content: content}).start(t)
				dst := destination(t)
				src := Archive{Address: strings.Replace(address, "weights.h5", kind, 1), Sums: sumsOf(content), Member: "lib/plugin.so"}
				err := File(t.Context(), dst, src, sumsOf([]byte("plugin")), nil)
				if c.says == "" {
					if err != nil {
						t.Fatal(err)
					}
					checkFetched(t, dst, []byte("plugin"))
					return
				}
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("error %v, want one that mentions %q", err, c.says)
				}
				left, _ := filepath.Glob(dst + "*")
				if len(left) != 1 { // the lock's file
					t.Errorf("%s were left behind", left)
				}
			})
		}
	}
	// An archive that is another one is not opened at all.
	address := (&fileServer{content: makeZip(t, plugin)}).start(t)
	src := Archive{Address: address, Sums: Checksums{SHA256: sumsOf(nil).SHA256}, Member: plugin.name}
	if err := File(t.Context(), destination(t), src, sumsOf([]byte("plugin")), nil); !errors.As(err, new(*ChecksumError)) {
		t.Errorf("error %v, want a ChecksumError", err)
	}
}

// FuzzUnpack: whatever the archive, nothing but the file asked for is written, and no more than allowed.
func FuzzUnpack(f *testing.F) {
	entries := []entry{{"../outside", "hostile", false}, {"link", "/etc", true}, {"lib/plugin.so", "plugin", false}}
	f.Add(makeTar(f, entries...))
	f.Add(makeZip(f, entries...))
	f.Add(makeTar(f, entry{"lib/plugin.so", strings.Repeat("0", 10_000), false}))
	f.Fuzz(func(t *testing.T, content []byte) {
		dir := t.TempDir()
		archive, part := filepath.Join(dir, "archive"), filepath.Join(dir, "part")
		if err := os.WriteFile(archive, content, 0o666); err != nil {
			t.Fatal(err)
		}
		for _, unpack := range []func(string) error{
			func(member string) error {
				return unpackTar(t.Context(), archive, member, part, Checksums{Size: 1000}, func(Progress) {})
			},
			func(member string) error {
				return unpackZip(t.Context(), archive, member, part, Checksums{Size: 1000}, func(Progress) {})
			},
		} {
			_ = os.Remove(part)
			err := unpack("lib/plugin.so")
			info, statErr := os.Lstat(part)
			switch {
			case err == nil && statErr != nil:
				t.Errorf("nothing was written: %v", statErr)
			case statErr == nil && (!info.Mode().IsRegular() || info.Size() > 1000):
				t.Errorf("it wrote %d bytes, %v", info.Size(), info.Mode())
			}
		}
		if there, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(there) > 2 {
			t.Errorf("%v were written, %v", there, err)
		}
	})
}
