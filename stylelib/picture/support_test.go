package picture

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/image/tiff"
)

// random returns a picture of values in -60 to 320, as an optimiser may leave them.
func random(width, height int, seed uint64) *Picture {
	p := blank(width, height)
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range p.Pix {
		p.Pix[i] = -60 + 380*r.Float32()
	}
	return p
}

// quadrants returns an image of four colours: red, green, blue and white from the top left to the bottom right.
func quadrants(width, height int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			c := []color.NRGBA{{255, 0, 0, 255}, {0, 255, 0, 255}, {0, 0, 255, 255}, {255, 255, 255, 255}}[x*2/width+y*2/height*2]
			m.SetNRGBA(x, y, c)
		}
	}
	return m
}

// corners names the colours of a picture's corners as quadrants lays them out, such as "RGBW".
func corners(p *Picture) string {
	var names []byte
	for _, at := range [][2]int{{2, 2}, {p.Width - 3, 2}, {2, p.Height - 3}, {p.Width - 3, p.Height - 3}} {
		i := 3 * (at[1]*p.Width + at[0])
		key := [3]bool{p.Pix[i] > 128, p.Pix[i+1] > 128, p.Pix[i+2] > 128}
		name, ok := map[[3]bool]byte{{true, false, false}: 'R', {false, true, false}: 'G', {false, false, true}: 'B', {true, true, true}: 'W'}[key]
		if !ok {
			name = '?'
		}
		names = append(names, name)
	}
	return string(names)
}

// encoded returns m as a file of one of image.Decode's formats.
func encoded(t testing.TB, m image.Image, format string) []byte {
	t.Helper()
	var b bytes.Buffer
	var err error
	switch format {
	case "png":
		err = png.Encode(&b, m)
	case "jpeg":
		err = jpeg.Encode(&b, m, &jpeg.Options{Quality: 95})
	case "tiff":
		err = tiff.Encode(&b, m, nil)
	case "gif":
		err = gif.Encode(&b, m, nil)
	default:
		t.Fatalf("no encoder for %s", format)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// write puts a file into a fresh folder and returns its path.
func write(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// mustDecode decodes a file's content.
func mustDecode(t testing.TB, data []byte) *Picture {
	t.Helper()
	p, err := decode(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.check(); err != nil {
		t.Fatal(err)
	}
	return p
}

// pixel returns red, green, blue and alpha.
func pixel(p *Picture, x, y int) [4]float32 {
	i := y*p.Width + x
	alpha := float32(255)
	if p.Alpha != nil {
		alpha = p.Alpha[i]
	}
	return [4]float32{p.Pix[3*i], p.Pix[3*i+1], p.Pix[3*i+2], alpha}
}

// near fails unless each channel is within tolerance of what is wanted.
func near(t testing.TB, what string, got, want [4]float32, tolerance float32) {
	t.Helper()
	for c := range got {
		if d := got[c] - want[c]; d != d || d > tolerance || d < -tolerance {
			t.Errorf("%s is %v, not %v ± %v", what, got, want, tolerance)
			return
		}
	}
}

// pngChunk returns a chunk of a PNG file: length, name, data, checksum.
func pngChunk(name string, data []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b = append(append(b, name...), data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// pngHeader returns the beginning of a PNG file of 8-bit RGB: the signature and the first chunk.
func pngHeader(width, height uint32) []byte {
	data := binary.BigEndian.AppendUint32(nil, width)
	data = binary.BigEndian.AppendUint32(data, height)
	data = append(data, 8, 2, 0, 0, 0)
	return append([]byte("\x89PNG\r\n\x1a\n"), pngChunk("IHDR", data)...)
}

// exifBlock returns a TIFF head with one tag, the orientation: byte order, 42, where the directory is; the number of
// its entries; tag, type (short), count, value; and no further directory.
func exifBlock(order binary.AppendByteOrder, orientation uint16) []byte {
	b := []byte("MM")
	if order == binary.AppendByteOrder(binary.LittleEndian) {
		b = []byte("II")
	}
	b = order.AppendUint16(b, 42)
	b = order.AppendUint32(b, 8)
	b = order.AppendUint16(b, 1)
	b = order.AppendUint16(b, 0x0112)
	b = order.AppendUint16(b, 3)
	b = order.AppendUint32(b, 1)
	b = order.AppendUint16(b, orientation)
	b = order.AppendUint16(b, 0)
	return order.AppendUint32(b, 0)
}

// jpegWithEXIF puts an APP1 segment behind a JPEG file's first marker.
func jpegWithEXIF(file, block []byte) []byte {
	segment := append([]byte("Exif\x00\x00"), block...)
	head := binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(segment)+2))
	return slices.Concat(file[:2], head, segment, file[2:])
}

// pngWithEXIF puts an eXIf chunk behind a PNG file's first chunk.
func pngWithEXIF(file, block []byte) []byte {
	first := len(pngHeader(1, 1))
	return slices.Concat(file[:first], pngChunk("eXIf", block), file[first:])
}

// tiffWithOrientation appends a copy of a little-endian TIFF file's directory that has the orientation in it as well.
func tiffWithOrientation(file []byte, orientation uint16) []byte {
	le := binary.LittleEndian
	at := le.Uint32(file[4:])
	n := int(le.Uint16(file[at:]))
	entries := file[at+2:]
	out := append(slices.Clone(file), make([]byte, len(file)%2)...)
	le.PutUint32(out[4:], uint32(len(out)))
	out = le.AppendUint16(out, uint16(n+1))
	added := false
	for i := range n {
		entry := entries[12*i : 12*i+12]
		if !added && le.Uint16(entry) > 0x0112 {
			out = append(out, exifBlock(le, orientation)[10:22]...)
			added = true
		}
		out = append(out, entry...)
	}
	return le.AppendUint32(out, 0)
}
