package picture

import (
	"errors"
	"image"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// levels returns a picture of whole grey levels, with alpha.
func levels(width, height int) *Picture {
	p := random(width, height, 4)
	p.Alpha = slices.Clone(p.Pix[:width*height])
	p.Clamp()
	for i, v := range p.Pix {
		p.Pix[i] = float32(math.Round(float64(v)))
	}
	for i, v := range p.Alpha {
		p.Alpha[i] = float32(math.Round(float64(v)))
	}
	return p
}

// TestSaveLossless checks that what is saved is what is loaded, with and without alpha.
func TestSaveLossless(t *testing.T) {
	transparent := levels(33, 21)
	opaque := levels(33, 21)
	opaque.Alpha = nil
	for _, name := range []string{"p.png", "p.PNG", "p.tif", "p.tiff", ".png"} {
		for _, p := range []*Picture{transparent, opaque} {
			path := filepath.Join(t.TempDir(), name)
			if err := p.Save(path); err != nil {
				t.Fatal(err)
			}
			q, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			if q.Width != 33 || q.Height != 21 || !slices.Equal(q.Pix, p.Pix) || !slices.Equal(q.Alpha, p.Alpha) || (q.Alpha == nil) != (p.Alpha == nil) {
				t.Errorf("%s: the picture came back different", name)
			}
		}
	}
}

// TestSaveJPEG checks the format, the white ground and that the loss is small: at quality 95 a smooth picture is off
// by a level or two.
func TestSaveJPEG(t *testing.T) {
	p := blank(64, 48)
	p.Alpha = make([]float32, 64*48)
	for i := range p.Alpha {
		p.Pix[3*i], p.Pix[3*i+1], p.Pix[3*i+2] = 200, 60, 100
		p.Alpha[i] = []float32{255, 102, 0}[i/64/16]
	}
	for _, name := range []string{"p.jpg", "p.jpeg", "p.JPG"} {
		path := filepath.Join(t.TempDir(), name)
		if err := p.Save(path); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		_, format, err := image.DecodeConfig(f)
		f.Close()
		if err != nil || format != "jpeg" {
			t.Fatalf("%s is a %s, %v", name, format, err)
		}
		q, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "opaque", pixel(q, 8, 8), [4]float32{200, 60, 100, 255}, 2)
		near(t, "40 %", pixel(q, 8, 24), [4]float32{233, 177, 193, 255}, 2)
		near(t, "transparent", pixel(q, 8, 40), [4]float32{255, 255, 255, 255}, 2)
	}
}

// TestSaveReplaces checks that a file is replaced with its permissions, through a link, and that nothing is left beside it.
func TestSaveReplaces(t *testing.T) {
	folder := t.TempDir()
	path, link := filepath.Join(folder, "p.png"), filepath.Join(folder, "link.png")
	if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("p.png", link); err != nil {
		t.Fatal(err)
	}
	p := levels(20, 20)
	if err := p.Save(link); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o600 {
		t.Errorf("the file's mode is %v, not what it was", info.Mode())
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is none any more: %v, %v", info, err)
	}
	if q, err := Load(path); err != nil || !slices.Equal(q.Pix, p.Pix) {
		t.Errorf("the picture behind the link came back different: %v", err)
	}
	if names := list(t, folder); !slices.Equal(names, []string{"link.png", "p.png"}) {
		t.Errorf("the folder holds %v", names)
	}
}

// TestSaveFails checks that an error leaves everything as it was: a picture that no JPEG can hold, and one that is none.
func TestSaveFails(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "p.jpg")
	if err := os.WriteFile(path, []byte("before"), 0o644); err != nil {
		t.Fatal(err)
	}
	for want, p := range map[string]*Picture{
		path + " is not written: jpeg: image is too large to encode":             blank(70_000, 1),
		path + " is not written: a picture of 2×2 pixels needs 12 values, not 0": {Width: 2, Height: 2},
	} {
		if err := p.Save(path); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "before" {
		t.Errorf("the file that was there holds %q, %v", data, err)
	}
	if names := list(t, folder); !slices.Equal(names, []string{"p.jpg"}) {
		t.Errorf("the folder holds %v", names)
	}
}

// list returns the names in a folder.
func list(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}

func TestCheckOutputAccepts(t *testing.T) {
	folder := t.TempDir()
	existing := filepath.Join(folder, "there.png")
	if err := os.WriteFile(existing, []byte("before"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"p.png", "p.JPG", "p.jpeg", "p.tif", "p.TIFF", "two.dots.png", "there.png", strings.Repeat("n", 200) + ".png"} {
		if err := CheckOutput(filepath.Join(folder, name)); err != nil {
			t.Error(err)
		}
	}
	t.Chdir(folder)
	if err := CheckOutput("p.png"); err != nil {
		t.Error(err)
	}
	if names := list(t, folder); !slices.Equal(names, []string{"there.png"}) {
		t.Errorf("the folder holds %v", names)
	}
	if data, err := os.ReadFile(existing); err != nil || string(data) != "before" {
		t.Errorf("the file that was there holds %q, %v", data, err)
	}
}

// TestCheckOutputRefuses checks the whole sentence, and that Save says the same.
func TestCheckOutputRefuses(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("file", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir("folder.png", 0o755); err != nil {
		t.Fatal(err)
	}
	before := list(t, ".")
	long := strings.Repeat("n", 252) + ".png"
	const which = " has an extension of no format that can be written, "
	for path, want := range map[string]string{
		"":           "no output file is named: give one that ends in .png, .jpg or .tiff",
		"p.pgn":      "p.pgn" + which + ".pgn: did you mean p.png?",
		"a.b.JGP":    "a.b.JGP" + which + ".jgp: did you mean a.b.jpg?",
		"p.jepg":     "p.jepg" + which + ".jepg: did you mean p.jpeg?",
		"p.tifff":    "p.tifff" + which + ".tifff: did you mean p.tiff?",
		"p.docx":     "p.docx" + which + ".docx: end it in .png, .jpg, .jpeg, .tif, .tiff",
		"p.gif":      "p.gif cannot be written, since .gif files are only read: try p.png",
		"p.WebP":     "p.WebP cannot be written, since .webp files are only read: try p.png",
		"p":          "p has no extension to tell the format: try p.png",
		"p.":         "p. has no extension to tell the format: try p.png",
		"none/p.png": "none/p.png cannot be written, since there is no folder none (no such file or directory): create it first",
		"file/p.png": "file/p.png cannot be written (not a directory): choose another place",
		"folder.png": "folder.png is a folder: name a file in it, such as folder.png/picture.png",
		"none.png/":  "none.png/ is a folder: name a file in it, such as none.png/picture.png",
		"/dev/fd/99": "/dev/fd/99 cannot be written, since descriptor 99 is not open for writing: choose another place",
		long:         long + " cannot be written (file name too long): choose another place",
	} {
		if err := CheckOutput(path); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
		if err := levels(20, 20).Save(path); err == nil || err.Error() != want {
			t.Errorf("Save: got %v\nwant %s", err, want)
		}
	}
	if err := CheckOutput("none/p.png"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v does not match fs.ErrNotExist", err)
	}
	if after := list(t, "."); !slices.Equal(after, before) {
		t.Errorf("the folder holds %v, not %v", after, before)
	}
}
