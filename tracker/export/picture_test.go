package export

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/image/tiff"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sqlite"
)

// shelf is a reader with one picture.
type shelf struct {
	tracker.Reader
	data []byte
}

type openFile struct{ *bytes.Reader }

func (openFile) Close() error { return nil }

func (s shelf) OpenPicture(context.Context, string) (io.ReadSeekCloser, error) {
	return openFile{bytes.NewReader(s.data)}, nil
}

// showData shows a file as a page would.
func showData(t *testing.T, data []byte, longer int) (string, []byte) {
	t.Helper()
	p, err := tracker.NewPicture{Role: tracker.RoleResult, Data: data}.Describe(time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := show(t.Context(), shelf{data: data}, &p, longer)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	got, err := io.ReadAll(s)
	if err != nil {
		t.Fatal(err)
	}
	return s.mime, got
}

// quarters is a picture whose quarters are red, green, blue and white, from the top left on.
func quarters(width, height int) image.Image {
	m := image.NewRGBA64(image.Rect(0, 0, width, height))
	colours := []color.Color{color.RGBA{255, 0, 0, 255}, color.RGBA{0, 255, 0, 255}, color.RGBA{0, 0, 255, 255}, color.White}
	for y := range height {
		for x := range width {
			m.Set(x, y, colours[2*x/width+2*(2*y/height)])
		}
	}
	return m
}

// corners names the colours of a picture's quarters.
func corners(m image.Image) string {
	var b strings.Builder
	size := m.Bounds().Size()
	for _, at := range [][2]int{{1, 1}, {3, 1}, {1, 3}, {3, 3}} {
		red, green, blue, _ := m.At(at[0]*size.X/4, at[1]*size.Y/4).RGBA()
		high := [3]bool{red > 0x8000, green > 0x8000, blue > 0x8000}
		b.WriteString(map[[3]bool]string{{true, false, false}: "R", {false, true, false}: "G", {false, false, true}: "B", {true, true, true}: "W"}[high])
	}
	return b.String()
}

// upended says where the stored corners appear for each orientation, as in Pillow's
// ImageOps.exif_transpose.
var upended = []string{1: "RGBW", 2: "GRWB", 3: "WBGR", 4: "BWRG", 5: "RBGW", 6: "BRWG", 7: "WGBR", 8: "GWRB"}

// TestOrientation shows photographs that were taken with a rotated camera: a browser rotates the
// original files.
func TestOrientation(t *testing.T) {
	var file bytes.Buffer
	if err := jpeg.Encode(&file, quarters(96, 64), nil); err != nil {
		t.Fatal(err)
	}
	for o := 1; o <= 8; o++ {
		exif := slices.Concat([]byte("Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00"), []byte{byte(o)}, make([]byte, 6))
		segment := binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(exif)+2))
		turned := slices.Concat(file.Bytes()[:2], segment, exif, file.Bytes()[2:])
		_, data := showData(t, turned, 48)
		m := decode(t, data)
		width, height := 48, 32
		if o >= 5 {
			width, height = height, width
		}
		if got := corners(m); got != upended[o] || m.Bounds().Dx() != width || m.Bounds().Dy() != height {
			t.Errorf("orientation %d: %s in %v, want %s in %d×%d", o, got, m.Bounds(), upended[o], width, height)
		}
		if mime, data := showData(t, turned, 0); mime != "image/jpeg" || !bytes.Equal(data, turned) {
			t.Errorf("orientation %d: the file is not shown as it is", o)
		}
	}
}

// TestTIFF checks that a TIFF, which browsers do not show, keeps each pixel's 16 bits as a PNG.
func TestTIFF(t *testing.T) {
	m := image.NewNRGBA64(image.Rect(0, 0, 30, 20))
	for i := range 30 * 20 {
		m.SetNRGBA64(i%30, i/30, color.NRGBA64{uint16(i * 109), uint16(i * 13), uint16(65535 - i), 65535})
	}
	var file bytes.Buffer
	if err := tiff.Encode(&file, m, nil); err != nil {
		t.Fatal(err)
	}
	mime, data := showData(t, file.Bytes(), 0)
	if mime != "image/png" {
		t.Errorf("it is shown as %s", mime)
	}
	shown := decode(t, data)
	for i := range 30 * 20 {
		r, g, b, a := m.At(i%30, i/30).RGBA()
		if r2, g2, b2, a2 := shown.At(i%30, i/30).RGBA(); r != r2 || g != g2 || b != b2 || a != a2 {
			t.Fatalf("pixel %d is %v, not %v", i, shown.At(i%30, i/30), m.At(i%30, i/30))
		}
	}
	if mime, data := showData(t, file.Bytes(), 15); mime != "image/jpeg" || decode(t, data).Bounds() != image.Rect(0, 0, 15, 10) {
		t.Errorf("reduced it is a %s", mime)
	}
}

func TestReduce(t *testing.T) {
	if got := reduced(t, image.NewGray(image.Rect(0, 0, 1000, 1)), 10).Bounds(); got != image.Rect(0, 0, 10, 1) {
		t.Errorf("a line becomes %v", got)
	}
	if got := corners(reduced(t, image.NewNRGBA(image.Rect(0, 0, 20, 20)), 8)); got != "WWWW" {
		t.Errorf("what is transparent becomes %s, not white", got)
	}
	if got := reduced(t, quarters(64, 32), 16); corners(got) != "RGBW" || got.Bounds() != image.Rect(0, 0, 16, 8) {
		t.Errorf("reduced to %v, %s", got.Bounds(), corners(got))
	}
}

func reduced(t *testing.T, m image.Image, longer int) image.Image {
	t.Helper()
	_, data := showData(t, encodePNG(t, m), longer)
	return decode(t, data)
}

// TestHostileFormat shows pictures of which a store says that they have other formats.
func TestHostileFormat(t *testing.T) {
	good := encodePNG(t, quarters(8, 8))
	for _, format := range []string{`png"><meta http-equiv=refresh content="0;url=http://127.0.0.1/">`, "svg+xml", "", "../png"} {
		p := tracker.Picture{Role: tracker.RoleResult, Hash: strings.Repeat("0", 64), Format: format, Width: -7, Height: 1 << 40, Bytes: 1}
		for _, longer := range []int{0, 4, 100} {
			s, err := show(t.Context(), shelf{data: good}, &p, longer)
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(s)
			if err != nil {
				t.Fatal(err)
			}
			decode(t, data)
			if s.mime != "image/png" && s.mime != "image/jpeg" {
				t.Errorf("%q, %d pixels: it is shown as %q", format, longer, s.mime)
			}
		}
		if name := PictureName(p); name != "result-000000" {
			t.Errorf("%q: the file is called %q", format, name)
		}
	}
}

func TestShowRefuses(t *testing.T) {
	good := encodePNG(t, quarters(8, 8))
	cut := good[:len(good)-30]
	_, err := show(t.Context(), shelf{data: cut}, &tracker.Picture{Format: "png", Width: 8, Height: 8, Bytes: int64(len(cut))}, 4)
	if tracker.ErrorCode(err) != tracker.CodeInvalid || !strings.Contains(err.Error(), "its file is cut off") {
		t.Errorf("got %v", err)
	}
}

// TestFileNames: all files of a run are written, whatever their names, and each under a name of its own.
func TestFileNames(t *testing.T) {
	store, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	run, err := store.CreateRun(t.Context(), tracker.NewRun{})
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("写", 120)
	names := []string{"log", "log/a.txt", "log/a.txt/b", "log-" + hashOf("log")[:8], long + "1", long + "2", long + "1/x", strings.Repeat("y", 255), ".x/.y", "a b;c"}
	for _, name := range names {
		if _, err := store.AddFile(t.Context(), run.Claim(), tracker.NewFile{Name: name, Data: []byte(name)}); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	for range 2 { // the second replaces the files of the first
		if err := Pictures(t.Context(), dir, store, []string{run.ID}); err != nil {
			t.Fatal(err)
		}
		found := map[string]string{}
		root := filepath.Join(dir, Folder(run), "files")
		err := filepath.WalkDir(root, func(name string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			content, err := os.ReadFile(name)
			found[string(content)] = strings.TrimPrefix(name, root+"/")
			return err
		})
		if err != nil || len(found) != len(names) {
			t.Errorf("%d files, %v: %q", len(found), err, found)
		}
		for _, own := range []string{"log/a.txt/b", strings.Repeat("y", 255), ".x/.y", "a b;c"} {
			if found[own] != own {
				t.Errorf("%s is in %q", own, found[own])
			}
		}
	}
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
