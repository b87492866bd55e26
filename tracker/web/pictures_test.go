package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/image/tiff"

	"github.com/gouache-art/gouache/tracker"
)

// keepPicture adds a picture to a store and returns its hash.
func keepPicture(t testing.TB, store tracker.Store, data []byte) string {
	t.Helper()
	run, err := store.CreateRun(t.Context(), tracker.NewRun{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := store.AddPicture(t.Context(), run.Claim(), tracker.NewPicture{Role: tracker.RoleResult, Data: data})
	if err != nil {
		t.Fatal(err)
	}
	return p.Hash
}

// quarters is a picture whose quarters are red, green, blue and, at the bottom right, white.
func quarters(width, height int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			colours := [2][2]color.NRGBA{{{255, 0, 0, 255}, {0, 255, 0, 255}}, {{0, 0, 255, 255}, {255, 255, 255, 255}}}
			m.SetNRGBA(x, y, colours[2*y/height][2*x/width])
		}
	}
	return m
}

func pngOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// corner names the colour near a corner of a picture; 0 is left or top, 1 right or bottom.
func corner(m image.Image, right, bottom int) string {
	b := m.Bounds()
	r, g, blue, _ := m.At(b.Min.X+b.Dx()/8+right*b.Dx()*3/4, b.Min.Y+b.Dy()/8+bottom*b.Dy()*3/4).RGBA()
	name := ""
	for _, c := range []struct {
		letter string
		value  uint32
	}{{"r", r}, {"g", g}, {"b", blue}} {
		if c.value > 0x8000 {
			name += c.letter
		}
	}
	return name
}

func TestPicture(t *testing.T) {
	store := emptyStore(t)
	h := handle(t, store, Options{})
	data := pngOf(t, quarters(400, 200))
	hash := keepPicture(t, store, data)
	w := get(t, h, "/pictures/"+hash, http.StatusOK)
	if !bytes.Equal(w.Body.Bytes(), data) || w.Header().Get("Content-Type") != "image/png" || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
		t.Errorf("the picture comes with %v", w.Header())
	}
	again := ask(h, http.MethodGet, "/pictures/"+hash, nil, func(r *http.Request) { r.Header.Set("If-None-Match", w.Header().Get("ETag")) })
	if again.Code != http.StatusNotModified || again.Body.Len() > 0 {
		t.Errorf("the same picture once more: %d", again.Code)
	}
	for path, status := range map[string]int{
		"/pictures/" + strings.Repeat("0", 64):  http.StatusNotFound,
		"/pictures/" + strings.ToUpper(hash):    http.StatusBadRequest,
		"/pictures/" + hash[:63]:                http.StatusBadRequest,
		"/pictures/gouache.db":                  http.StatusBadRequest,
		"/pictures/..%2f..%2fgouache.db":        http.StatusBadRequest,
		"/pictures/" + hash + "?width=161":      http.StatusBadRequest,
		"/pictures/" + hash + "?width=-1":       http.StatusBadRequest,
		"/pictures/" + hash + "?width=99999999": http.StatusBadRequest,
	} {
		get(t, h, path, status)
	}
}

func TestSmallPicture(t *testing.T) {
	store := emptyStore(t)
	h := handle(t, store, Options{})
	see := quarters(400, 200)
	see.SetNRGBA(0, 0, color.NRGBA{})
	for _, c := range []struct {
		name          string
		data          []byte
		kind          string
		width, height int
	}{
		{"opaque", pngOf(t, quarters(400, 200)), "image/jpeg", 160, 80},
		{"one can see through", pngOf(t, see), "image/png", 160, 80},
		{"small already", pngOf(t, quarters(100, 50)), "image/png", 100, 50},
		{"wide", pngOf(t, quarters(4000, 2)), "image/jpeg", 160, 1},
	} {
		w := get(t, h, "/pictures/"+keepPicture(t, store, c.data)+"?width=160", http.StatusOK)
		m, _, err := image.Decode(w.Body)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if kind := w.Header().Get("Content-Type"); kind != c.kind || m.Bounds().Dx() != c.width || m.Bounds().Dy() != c.height {
			t.Errorf("%s: a %s of %v", c.name, kind, m.Bounds())
		}
	}
}

func TestTIFF(t *testing.T) {
	store := emptyStore(t)
	h := handle(t, store, Options{})
	var file bytes.Buffer
	want := quarters(200, 100)
	if err := tiff.Encode(&file, want, nil); err != nil {
		t.Fatal(err)
	}
	hash := keepPicture(t, store, file.Bytes())
	for _, query := range []string{"", "?width=640", "?width=160"} {
		w := get(t, h, "/pictures/"+hash+query, http.StatusOK)
		m, format, err := image.Decode(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		if "image/"+format != w.Header().Get("Content-Type") || format == "tiff" || corner(m, 0, 0) != "r" || corner(m, 1, 1) != "rgb" {
			t.Errorf("%q: a %s as %q", query, format, w.Header().Get("Content-Type"))
		}
		if query != "?width=160" && m.Bounds() != want.Bounds() {
			t.Errorf("%q: it is %v large", query, m.Bounds())
		}
	}
}

// A camera's note of how it was held is for the small picture too: each of the eight shows red at the top left.
func TestTurnedPicture(t *testing.T) {
	store := emptyStore(t)
	h := handle(t, store, Options{})
	want := [4]string{"r", "g", "b", "rgb"} // from left to right, from top to bottom
	for turn := 1; turn <= 8; turn++ {
		var file bytes.Buffer
		if err := jpeg.Encode(&file, stored(quarters(400, 200), turn), &jpeg.Options{Quality: 95}); err != nil {
			t.Fatal(err)
		}
		hash := keepPicture(t, store, withOrientation(file.Bytes(), turn))
		m, _, err := image.Decode(get(t, h, "/pictures/"+hash+"?width=160", http.StatusOK).Body)
		if err != nil {
			t.Fatal(err)
		}
		if got := [4]string{corner(m, 0, 0), corner(m, 1, 0), corner(m, 0, 1), corner(m, 1, 1)}; got != want {
			t.Errorf("orientation %d: %v, want %v", turn, got, want)
		}
		if m.Bounds().Dx() < m.Bounds().Dy() {
			t.Errorf("orientation %d: it is %v large", turn, m.Bounds())
		}
	}
}

// stored is a picture as a camera stores it that was held so that EXIF has an orientation: row 0 and column 0 of what
// is stored are the sides of the picture that EXIF 2.3, section 4.6.4, names.
func stored(m *image.NRGBA, turn int) *image.NRGBA {
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	sw, sh := w, h
	if turn >= 5 {
		sw, sh = h, w
	}
	out := image.NewNRGBA(image.Rect(0, 0, sw, sh))
	for y := range sh {
		for x := range sw {
			var px, py int
			switch turn {
			case 1: // top, left
				px, py = x, y
			case 2: // top, right
				px, py = w-1-x, y
			case 3: // bottom, right
				px, py = w-1-x, h-1-y
			case 4: // bottom, left
				px, py = x, h-1-y
			case 5: // left, top
				px, py = y, x
			case 6: // right, top
				px, py = w-1-y, x
			case 7: // right, bottom
				px, py = w-1-y, h-1-x
			case 8: // left, bottom
				px, py = y, h-1-x
			}
			out.SetNRGBA(x, y, m.NRGBAAt(px, py))
		}
	}
	return out
}

// withOrientation puts an EXIF block with nothing but an orientation after a JPEG's first marker.
func withOrientation(file []byte, turn int) []byte {
	block := []byte("Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00")
	block[6+8+2+8+1] = byte(turn)
	length := len(block) + 2
	return bytes.Join([][]byte{file[:2], {0xff, 0xe1, byte(length >> 8), byte(length)}, block, file[2:]}, nil)
}

// A file whose head alone is there is in the store, since its size could be read, but cannot be made smaller.
func TestBrokenPicture(t *testing.T) {
	store := emptyStore(t)
	h := handle(t, store, Options{})
	data := pngOf(t, quarters(400, 200))
	hash := keepPicture(t, store, data[:len(data)/2])
	get(t, h, "/pictures/"+hash+"?width=160", http.StatusBadRequest)
	get(t, h, "/pictures/"+hash, http.StatusOK)
}

func TestHugePicture(t *testing.T) {
	store := emptyStore(t)
	h := handle(t, store, Options{})
	data := pngOf(t, quarters(400, 200))
	copy(data[16:24], []byte{0, 0, 0x50, 0, 0, 0, 0x50, 0}) // it says that it is 20480×20480
	hash := keepPicture(t, store, fixCRC(data))
	wantText(t, get(t, h, "/pictures/"+hash+"?width=160", http.StatusBadRequest), "20480×20480 pixels")
}

// fixCRC writes the sum of a PNG's first chunk anew.
func fixCRC(data []byte) []byte {
	sum := crc32.ChecksumIEEE(data[12:29])
	copy(data[29:33], []byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
	return data
}

func TestThumbnailsAreBounded(t *testing.T) {
	kept := newThumbnails()
	const size = maxThumbnails / 8
	for i := range 20 {
		kept.keep(fmt.Sprint(i), &thumbnail{data: make([]byte, size)})
		if bytes := int(kept.bytes.Load()); bytes > maxThumbnails || bytes != kept.kept.Len()*size {
			t.Fatalf("after %d: %d bytes in %d", i, bytes, kept.kept.Len())
		}
	}
	if _, ok := kept.kept.Get("19"); !ok {
		t.Error("the latest is not kept")
	}
	if _, ok := kept.kept.Get("0"); ok {
		t.Error("the first is still kept")
	}
	kept.keep("large", &thumbnail{data: make([]byte, maxThumbnails/2)})
	if _, ok := kept.kept.Get("large"); ok {
		t.Error("one that fills half of what is kept is kept")
	}
}

// counted is a file that is counted when it is first read, and waits before.
type counted struct {
	*bytes.Reader
	once  *sync.Once
	files *atomic.Int32
	wait  <-chan struct{}
}

func (c counted) Read(p []byte) (int, error) {
	<-c.wait
	c.once.Do(func() { c.files.Add(1) })
	return c.Reader.Read(p)
}

// WriteTo hides the Reader's.
func (c counted) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, struct{ io.Reader }{c}) }

// Requests for one small picture at the same time make it once, and one that is given up leaves it to the others.
func TestThumbnailOnce(t *testing.T) {
	kept := newThumbnails()
	data := pngOf(t, quarters(400, 300))
	sum := sha256.Sum256(data)
	var files atomic.Int32
	wait := make(chan struct{})
	ask := func(ctx context.Context) error {
		_, err := kept.get(ctx, source{hex.EncodeToString(sum[:]), 160, counted{bytes.NewReader(data), new(sync.Once), &files, wait}})
		return err
	}
	givenUp, giveUp := context.WithCancel(t.Context())
	answers := make(chan error)
	go func() { answers <- ask(givenUp) }()
	for range 8 {
		go func() { answers <- ask(t.Context()) }()
	}
	time.Sleep(10 * time.Millisecond)
	giveUp()
	time.Sleep(10 * time.Millisecond)
	close(wait)
	failed := 0
	for range 9 {
		if <-answers != nil {
			failed++
		}
	}
	if n := files.Load(); failed > 1 || n < 1 || n > 2 { // that of the request that is given up, and that of another
		t.Errorf("%d of 8 requests failed, and %d of their files were read", failed, n)
	}
}

// What cannot be made smaller is tried once.
func TestFailureIsKept(t *testing.T) {
	kept := newThumbnails()
	data := pngOf(t, quarters(400, 300))
	data = data[:len(data)/2]
	sum := sha256.Sum256(data)
	var files atomic.Int32
	wait := make(chan struct{})
	close(wait)
	var said string
	for i := range 3 {
		_, err := kept.get(t.Context(), source{hex.EncodeToString(sum[:]), 160, counted{bytes.NewReader(data), new(sync.Once), &files, wait}})
		if tracker.ErrorCode(err) != tracker.CodeInvalid || i > 0 && err.Error() != said {
			t.Fatalf("time %d: %v", i+1, err)
		}
		said = err.Error()
	}
	if files.Load() != 1 {
		t.Errorf("it was read %d times", files.Load())
	}
	// One that nobody waits for has not failed.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := kept.get(ctx, source{hex.EncodeToString(sum[:]), 320, counted{bytes.NewReader(data), new(sync.Once), &files, wait}}); err == nil || kept.failed.Len() != 1 {
		t.Errorf("given up: %v, %d failures are kept", err, kept.failed.Len())
	}
}

// Browsers keep pictures for a year, so that none is sent whose file is another than the address says; when the file is
// repaired, it is shown again.
func TestReplacedPicture(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	store := openStore(t, dir)
	h := handle(t, store, Options{})
	good, other := pngOf(t, quarters(400, 200)), pngOf(t, quarters(200, 400))
	flipped := bytes.Clone(good)
	flipped[len(flipped)-20] ^= 1
	hash := keepPicture(t, store, good)
	path := filepath.Join(dir, "blobs", hash[:2], hash)
	for _, data := range [][]byte{other, flipped, good[:100], append(bytes.Clone(good), 0), good} {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		for _, query := range []string{"", "?width=640", "?width=160"} {
			want := http.StatusNotFound
			if bytes.Equal(data, good) {
				want = http.StatusOK
			}
			w := get(t, h, "/pictures/"+hash+query, want)
			if kept := strings.Contains(w.Header().Get("Cache-Control"), "immutable"); kept != (want == http.StatusOK) {
				t.Errorf("%d bytes%s: kept for a year: %t", len(data), query, kept)
			}
			if want == http.StatusNotFound {
				wantText(t, w, "gouache runs verify")
			}
		}
	}
}
