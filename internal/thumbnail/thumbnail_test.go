package thumbnail

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"testing"
)

func file(t *testing.T, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestScaled(t *testing.T) {
	m := image.NewNRGBA64(image.Rect(0, 0, 40, 20))
	m.Set(39, 19, color.NRGBA64{1, 2, 3, 65535})
	data := file(t, m)
	for factor, want := range map[float64]image.Point{0.5: {20, 10}, 0.26: {10, 5}, 0.001: {1, 1}, 1: {40, 20}, 7: {40, 20}} {
		got, err := Scaled(bytes.NewReader(data), "png", func(size image.Point) float64 {
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

// TestTurned: a picture with 16 bits a sample keeps them when it is turned.
func TestTurned(t *testing.T) {
	m := image.NewNRGBA64(image.Rect(0, 0, 3, 2))
	m.Set(0, 0, color.NRGBA64{1, 2, 3, 65535})
	got := orientation(6).turn(m)
	if r, g, b, _ := got.At(1, 0).RGBA(); got.Bounds() != image.Rect(0, 0, 2, 3) || r != 1 || g != 2 || b != 3 {
		t.Errorf("%v in %v", got.At(1, 0), got.Bounds())
	}
}

// TestTooLarge: a small file that claims to be large is not decoded.
func TestTooLarge(t *testing.T) {
	data := file(t, image.NewGray(image.Rect(0, 0, 8, 8)))
	header := data[12:29] // the chunk's type, and in it the width
	binary.BigEndian.PutUint32(header[4:], 1<<25)
	binary.BigEndian.PutUint32(data[29:], crc32.ChecksumIEEE(header))
	for name, data := range map[string][]byte{"large": data, "none": nil, "cut": file(t, image.NewGray(image.Rect(0, 0, 8, 8)))[:40]} {
		if m, err := Scaled(bytes.NewReader(data), "png", func(image.Point) float64 { return 0.1 }); err == nil {
			t.Errorf("%s: %v, %v", name, m, err)
		}
	}
}
