package thumbnail

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"slices"
	"testing"

	_ "golang.org/x/image/webp"
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
