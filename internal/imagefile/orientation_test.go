package imagefile

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"image"
	"image/color"
	"slices"
	"testing"
)

// TestPlacementIsPermutation checks that each orientation fills each pixel once, also in pictures of one row or column.
func TestPlacementIsPermutation(t *testing.T) {
	for o := Orientation(0); o <= 9; o++ {
		for _, size := range [][2]int{{1, 1}, {5, 1}, {1, 5}, {4, 3}} {
			w, h := size[0], size[1]
			place := o.Placement(w, h)
			seen := make([]bool, w*h)
			for y := range h {
				for x := range w {
					seen[place.Origin+x*place.Right+y*place.Down] = true
				}
			}
			if slices.Contains(seen, false) || place.Width*place.Height != w*h {
				t.Errorf("orientation %d of %v leaves holes: %v", o, size, seen)
			}
		}
	}
}

// TestTurn: a picture with 16 bits a channel keeps them when it is turned.
func TestTurn(t *testing.T) {
	m := image.NewNRGBA64(image.Rect(10, 20, 13, 22))
	m.Set(10, 20, color.NRGBA64{1, 2, 3, 65535})
	got := Orientation(6).Turn(m)
	if r, g, b, _ := got.At(1, 0).RGBA(); got.Bounds() != image.Rect(0, 0, 2, 3) || r != 1 || g != 2 || b != 3 {
		t.Errorf("%v in %v", got.At(1, 0), got.Bounds())
	}
	if Upright.Turn(m) != image.Image(m) || Orientation(9).Turn(m) != image.Image(m) {
		t.Error("a picture without a known orientation was turned")
	}
}

// TestReadWebP reads a file of 32×16 pixels that Pillow 13.0.0 wrote with orientation 6: as it is, with a chunk of odd
// length before the EXIF block, and with JPEG's marker in the block.
func TestReadWebP(t *testing.T) {
	file, err := base64.StdEncoding.DecodeString("UklGRnwAAABXRUJQVlA4WAoAAAAIAAAAHwAADwAAVlA4IDwAAACQAgCdASogABAAAUAmJaACnTY3+AfiAAorDkzAAAD+9Bnz+f5p/gaBH/94cfrjB///UNESV/vf6I/8OgBFWElGGgAAAE1NACoAAAAIAAEBEgADAAAAAQAGAAAAAAAA")
	if err != nil {
		t.Fatal(err)
	}
	at := len(file) - 26 // the EXIF block is the last chunk
	odd := slices.Concat(file[:at-8], []byte("ODD \x03\x00\x00\x00abc\x00"), file[at-8:])
	binary.LittleEndian.PutUint32(odd[4:], uint32(len(odd)-8))
	marked := slices.Concat(file[:at-4], []byte{32, 0, 0, 0}, []byte("Exif\x00\x00"), file[at:])
	binary.LittleEndian.PutUint32(marked[4:], uint32(len(marked)-8))
	for i, data := range [][]byte{file, odd, marked} {
		if got := readOrientation(bytes.NewReader(data), "webp"); got != 6 {
			t.Errorf("file %d has orientation %d, not 6", i, got)
		}
	}
	for name, data := range map[string][]byte{"cut": file[:60], "empty": nil} {
		if got := readOrientation(bytes.NewReader(data), "webp"); got != Upright {
			t.Errorf("%s: orientation %d", name, got)
		}
	}
	if got := readOrientation(bytes.NewReader(file), "bmp"); got != Upright {
		t.Errorf("an unknown format has orientation %d", got)
	}
}
