package imagefile

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/image/tiff"
)

// file is a file of testdata/files.json.gz: with the pixels that Pillow reads in it, or with the beginning of the error.
type file struct {
	File                []byte
	Width, Height, Most int
	Want                []byte // RGBA, upright
	Error               string
}

func readFiles(t testing.TB) (files map[string]file) {
	t.Helper()
	f, err := os.Open("testdata/files.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(r).Decode(&files); err != nil {
		t.Fatal(err)
	}
	return files
}

// upright returns the pixels of a file as they are to be seen, with width and height.
func upright(f *File) (pixels [][4]float32, width, height int) {
	rows := f.Rows()
	b := rows.Bounds
	place := f.Orientation.Placement(b.Dx(), b.Dy())
	pixels = make([][4]float32, b.Dx()*b.Dy())
	row := make([][4]float32, b.Dx())
	for y := range b.Dy() {
		rows.Read(b.Min.Y+y, row)
		for x, c := range row {
			pixels[place.Origin+x*place.Right+y*place.Down] = c
		}
	}
	return pixels, place.Width, place.Height
}

// TestFiles compares with Pillow, which uses libtiff, libjpeg-turbo, libwebp, libheif and libavif, and with what the
// formats' standards say where Pillow does not read a file. Files that lose nothing agree to a level, as 16 bits are
// rounded.
func TestFiles(t *testing.T) {
	for name, c := range readFiles(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := Decode(t.Context(), c.File, Limits{MaxMemory: 1 << 30})
			if c.Error != "" {
				if err == nil || !strings.HasPrefix(err.Error(), c.Error) {
					t.Errorf("got  %v\nwant %s…", err, c.Error)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if b := f.Image.Bounds(); b.Dx() != f.Width || b.Dy() != f.Height {
				t.Errorf("the header says %d×%d pixels, and there are %v", f.Width, f.Height, b.Size())
			}
			pixels, width, height := upright(f)
			if width != c.Width || height != c.Height {
				t.Fatalf("%d×%d pixels, not %d×%d", width, height, c.Width, c.Height)
			}
			for i, got := range pixels {
				want := [4]float32{}
				for k := range want {
					want[k] = float32(c.Want[4*i+k])
				}
				if want[3] == 0 && got[3] == 0 {
					continue // no colour
				}
				near(t, fmt.Sprintf("the pixel at %d, %d", i%width, i/width), got, want, max(float32(c.Most), 0.51))
				if t.Failed() {
					return
				}
			}
		})
	}
}

// TestTIFFSame: files that golang.org/x/image/tiff reads have the same pixels here. It inverts fax with BlackIsZero.
func TestTIFFSame(t *testing.T) {
	compared := 0
	for name, c := range readFiles(t) {
		want, err := tiff.Decode(bytes.NewReader(c.File))
		if err != nil || strings.HasPrefix(name, "fax") {
			continue
		}
		f, err := Decode(t.Context(), c.File, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if got := read(f.Image); !reflect.DeepEqual(got, read(want)) {
			t.Errorf("%s differs", name)
		}
		compared++
	}
	if compared < 10 {
		t.Errorf("%d files were compared", compared)
	}
}
