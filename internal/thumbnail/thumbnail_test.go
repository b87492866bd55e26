package thumbnail

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/image/tiff"

	"github.com/gouache-art/gouache/internal/imagefile"
)

func file(t *testing.T, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// makeNow returns what Make makes.
func makeNow(t *testing.T, file io.ReadSeeker, factor func(image.Point) float64) (m image.Image, err error) {
	t.Helper()
	err = Make(t.Context(), file, factor, func(_ context.Context, made image.Image) error {
		m = made
		return nil
	})
	return m, err
}

func TestMake(t *testing.T) {
	m := image.NewNRGBA64(image.Rect(0, 0, 40, 20))
	m.Set(39, 19, color.NRGBA64{1, 2, 3, 65535})
	data := file(t, m)
	for factor, want := range map[float64]image.Point{0.5: {20, 10}, 0.26: {10, 5}, 0.001: {1, 1}, 1: {40, 20}, 7: {40, 20}} {
		got, err := makeNow(t, bytes.NewReader(data), func(size image.Point) float64 {
			if size != image.Pt(40, 20) {
				t.Errorf("asked about a size of %v", size)
			}
			return factor
		})
		if err != nil || got.Bounds() != (image.Rectangle{Max: want}) {
			t.Fatalf("by %v: %v, %v", factor, got.Bounds(), err)
		}
		if factor >= 1 && got.At(39, 19) != m.At(39, 19) {
			t.Errorf("by %v: the last pixel is %v", factor, got.At(39, 19))
		}
	}
}

// TestTurned: a WebP file is turned as its metadata says, also after a chunk of odd length.
func TestTurned(t *testing.T) {
	file, err := base64.StdEncoding.DecodeString("UklGRnwAAABXRUJQVlA4WAoAAAAIAAAAHwAADwAAVlA4IDwAAACQAgCdASogABAAAUAmJaACnTY3+AfiAAorDkzAAAD+9Bnz+f5p/gaBH/94cfrjB///UNESV/vf6I/8OgBFWElGGgAAAE1NACoAAAAIAAEBEgADAAAAAQAGAAAAAAAA")
	if err != nil {
		t.Fatal(err)
	}
	at := len(file) - 34 // the chunk with the metadata is the last
	odd := slices.Concat(file[:at], []byte("ODD \x03\x00\x00\x00abc\x00"), file[at:])
	binary.LittleEndian.PutUint32(odd[4:], uint32(len(odd)-8))
	for _, data := range [][]byte{file, odd} {
		got, err := makeNow(t, bytes.NewReader(data), func(image.Point) float64 { return 0.5 })
		if err != nil || got.Bounds() != image.Rect(0, 0, 8, 16) {
			t.Errorf("%v, %v", got.Bounds(), err)
		}
	}
}

// TestTooLarge: a small file that claims to be large is not decoded.
func TestTooLarge(t *testing.T) {
	data := file(t, image.NewGray(image.Rect(0, 0, 8, 8)))
	header := data[12:29] // the chunk's type, and in it the width
	binary.BigEndian.PutUint32(header[4:], 1<<25)
	binary.BigEndian.PutUint32(data[29:], crc32.ChecksumIEEE(header))
	for name, data := range map[string][]byte{"large": data, "none": nil, "cut": file(t, image.NewGray(image.Rect(0, 0, 8, 8)))[:40]} {
		if m, err := makeNow(t, bytes.NewReader(data), func(image.Point) float64 { return 0.1 }); err == nil {
			t.Errorf("%s: %v, %v", name, m, err)
		}
	}
}

// TestColours: a small picture has the colours that the large one has for package colour, in sRGB.
func TestColours(t *testing.T) {
	data, err := os.ReadFile("../colour/testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Files struct {
			JPEG, Inks, TIFF, Dark []byte
			Flat, InksInSRGB       []uint16
			Pixels                 [][]uint16
		}
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		file   []byte
		factor float64
		want   []uint16 // of the first pixel
	}{
		{"Display P3", r.Files.JPEG, 0.5, r.Files.Flat}, {"Display P3 in its own size", r.Files.TIFF, 1, r.Files.Pixels[0]},
		{"inks", r.Files.Inks, 0.5, r.Files.InksInSRGB}, {"lossy WebP", r.Files.Dark, 0.5, []uint16{0, 0, 0}},
	} {
		m, err := makeNow(t, bytes.NewReader(c.file), func(image.Point) float64 { return c.factor })
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		red, green, blue, _ := m.At(0, 0).RGBA()
		for i, got := range []uint32{red, green, blue} {
			if off := float64(got)/257 - float64(c.want[i])/257; off < -2 || off > 2 {
				t.Errorf("%s: %v is not %d of 65535", c.name, m.At(0, 0), c.want)
				break
			}
		}
	}
}

// TestAveraged: pixels are averaged with their alpha, also those that are left at the end of a line.
func TestAveraged(t *testing.T) {
	m := image.NewNRGBA(image.Rect(3, 5, 10, 9)) // 7×4
	for y := 5; y < 9; y++ {
		for x := 3; x < 10; x++ {
			m.SetNRGBA(x, y, color.NRGBA{200, 100, 0, 255})
		}
	}
	m.SetNRGBA(3, 5, color.NRGBA{9, 9, 9, 0}) // below alpha 0 there is no colour
	got := averaged(t.Context(), m, 3).(*image.RGBA64)
	if got.Bounds() != image.Rect(0, 0, 3, 2) {
		t.Fatalf("%v", got.Bounds())
	}
	for y := range 2 {
		for x := range 3 {
			want := color.NRGBA64{200 * 257, 100 * 257, 0, 65535}
			if x+y == 0 {
				want.A = 65535 * 8 / 9
			}
			c := color.NRGBA64Model.Convert(got.At(x, y)).(color.NRGBA64)
			for k, d := range []int{int(c.R) - int(want.R), int(c.G) - int(want.G), int(c.B) - int(want.B), int(c.A) - int(want.A)} {
				if d < -2 || d > 2 {
					t.Errorf("channel %d at %d, %d: %v, not %v", k, x, y, c, want)
				}
			}
		}
	}
}

// TestScaleEnds: scaling ends with its context.
func TestScaleEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	began := time.Now()
	m := image.NewNRGBA64(image.Rect(0, 0, 6000, 6000))
	if scale(ctx, m, m.Rect.Size(), 0.01); time.Since(began) > time.Second {
		t.Errorf("it took %v", time.Since(began))
	}
}

// FuzzMake makes a small picture of any file: within its time, without a panic.
func FuzzMake(f *testing.F) {
	var pngFile, tif bytes.Buffer
	m := image.NewNRGBA(image.Rect(0, 0, 40, 20))
	if err := errors.Join(png.Encode(&pngFile, m), tiff.Encode(&tif, m, nil)); err != nil {
		f.Fatal(err)
	}
	webp, err := base64.StdEncoding.DecodeString("UklGRnwAAABXRUJQVlA4WAoAAAAIAAAAHwAADwAAVlA4IDwAAACQAgCdASogABAAAUAmJaACnTY3+AfiAAorDkzAAAD+9Bnz+f5p/gaBH/94cfrjB///UNESV/vf6I/8OgBFWElGGgAAAE1NACoAAAAIAAEBEgADAAAAAQAGAAAAAAAA")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range [][]byte{pngFile.Bytes(), tif.Bytes(), webp} {
		for _, width := range []uint8{0, 1, 16} {
			f.Add(file, width)
		}
	}
	f.Fuzz(func(t *testing.T, file []byte, width uint8) {
		if h, err := imagefile.Inspect(file); err == nil && h.Memory > 1<<24 {
			return // allowed, and slow
		}
		factor := func(size image.Point) float64 {
			if width == 0 {
				return 1
			}
			return float64(width) / float64(size.X)
		}
		began := time.Now()
		err := Make(t.Context(), bytes.NewReader(file), factor, func(_ context.Context, m image.Image) error {
			if m.Bounds().Empty() {
				t.Error("nothing was made")
			}
			return nil
		})
		if _, panicked := errors.AsType[imagefile.PanicError](err); panicked || time.Since(began) > 10*time.Second {
			t.Fatalf("after %v: %v", time.Since(began), err)
		}
	})
}
