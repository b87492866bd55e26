package picture

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
)

// upended says where the stored corners (red, green, blue, white from the top left on) are to be seen, for each
// orientation; Pillow's ImageOps.exif_transpose gives the same.
var upended = []string{1: "RGBW", 2: "GRWB", 3: "WBGR", 4: "BWRG", 5: "RBGW", 6: "BRWG", 7: "WGBR", 8: "GWRB"}

func TestOrientation(t *testing.T) {
	const width, height = 48, 32
	m := quadrants(width, height)
	jpg, png, tif := encoded(t, m, "jpeg"), encoded(t, m, "png"), encoded(t, m, "tiff")
	for o := uint16(1); o <= 8; o++ {
		for name, file := range map[string][]byte{
			"JPEG, big endian":    jpegWithEXIF(jpg, exifBlock(binary.BigEndian, o)),
			"JPEG, little endian": jpegWithEXIF(jpg, exifBlock(binary.LittleEndian, o)),
			"PNG":                 pngWithEXIF(png, exifBlock(binary.BigEndian, o)),
			"TIFF":                tiffWithOrientation(tif, o),
		} {
			p := mustDecode(t, file)
			if got := corners(p); got != upended[o] {
				t.Errorf("%s, orientation %d: the corners are %s, not %s", name, o, got, upended[o])
			}
			w, h := width, height
			if o >= 5 {
				w, h = h, w
			}
			if p.Width != w || p.Height != h {
				t.Errorf("%s, orientation %d: the picture has %d×%d pixels, not %d×%d", name, o, p.Width, p.Height, w, h)
			}
		}
	}
}

// TestOrientationIgnored checks that no metadata, senseless ones and broken ones leave a picture as it is.
func TestOrientationIgnored(t *testing.T) {
	m := quadrants(48, 32)
	jpg, png, tif := encoded(t, m, "jpeg"), encoded(t, m, "png"), encoded(t, m, "tiff")
	block := exifBlock(binary.BigEndian, 6)
	for name, file := range map[string][]byte{
		"JPEG without": jpg,
		"PNG without":  png,
		"TIFF without": tif,
		"GIF":          encoded(t, m, "gif"),
		"0":            jpegWithEXIF(jpg, exifBlock(binary.BigEndian, 0)),
		"9":            pngWithEXIF(png, exifBlock(binary.BigEndian, 9)),
		"65535":        tiffWithOrientation(tif, 65535),
		"cut off":      jpegWithEXIF(jpg, block[:15]),
		"empty":        pngWithEXIF(png, nil),
		"far away":     jpegWithEXIF(jpg, slices.Concat(block[:4], []byte{0xff, 0xff, 0xff, 0xff}, block[8:])),
		"garbage":      jpegWithEXIF(jpg, slices.Repeat([]byte{0xa5}, 500)),
	} {
		if got := corners(mustDecode(t, file)); got != "RGBW" {
			t.Errorf("%s: the corners are %s, not RGBW", name, got)
		}
	}
}

// TestOrientationWebP turns a file that Pillow wrote with orientation 6, before and after an odd chunk is put in.
func TestOrientationWebP(t *testing.T) {
	file, err := base64.StdEncoding.DecodeString(webpTurned)
	if err != nil {
		t.Fatal(err)
	}
	at := len(file) - 26 // the EXIF block is the last chunk
	odd := slices.Concat(file[:at-8], []byte("ODD \x03\x00\x00\x00abc\x00"), file[at-8:])
	binary.LittleEndian.PutUint32(odd[4:], uint32(len(odd)-8))
	marked := slices.Concat(file[:at-4], []byte{32, 0, 0, 0}, []byte("Exif\x00\x00"), file[at:])
	binary.LittleEndian.PutUint32(marked[4:], uint32(len(marked)-8))
	for i, data := range [][]byte{file, odd, marked} {
		p := mustDecode(t, data)
		if p.Width != 16 || p.Height != 32 {
			t.Errorf("file %d has %d×%d pixels, not 16×32", i, p.Width, p.Height)
			continue
		}
		for j, at := range [][2]int{{12, 5}, {3, 5}, {12, 26}, {3, 26}} {
			near(t, fmt.Sprintf("file %d, pixel %d", i, j), pixel(p, at[0], at[1]), webpPixels[[]int{0, 2, 1, 3}[j]], 1)
		}
	}
}
