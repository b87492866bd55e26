package imagefile

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/png"
	"slices"
	"strings"
	"testing"
	"time"
)

// wantError fails unless an error begins with a text.
func wantError(t *testing.T, what string, err error, want string) {
	t.Helper()
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%s\ngot  %v\nwant %s…", what, err, want)
	}
}

// manyScans returns a progressive JPEG that says it has a size, with its last scan repeated n times.
func manyScans(t *testing.T, width, height uint16, more int) []byte {
	data := slices.Clone(readFiles(t)["jpeg progressive without an end"].File)
	frame := bytes.Index(data, []byte{0xff, markSOF2})
	binary.BigEndian.PutUint16(data[frame+5:], height)
	binary.BigEndian.PutUint16(data[frame+7:], width)
	last := bytes.LastIndex(data, []byte{0xff, markSOS})
	table := bytes.LastIndex(data[:last], []byte{0xff, markDHT})
	return slices.Concat(data, bytes.Repeat(data[table:], more), []byte{0xff, markEOI})
}

// TestJPEGScans: scans that would take long are counted before decoding.
func TestJPEGScans(t *testing.T) {
	if _, err := Inspect(manyScans(t, 22, 17, 20)); err != nil {
		t.Error(err)
	}
	_, err := Inspect(manyScans(t, 22, 17, 20_000))
	wantError(t, "many scans", err, "is a JPEG of 20,010 scans, too many for its size: convert it")
	_, err = Inspect(manyScans(t, 30_000, 4000, 40))
	wantError(t, "many pixels", err, "is a JPEG of 50 scans, too many for its size: convert it")
	if _, err := Inspect(manyScans(t, 12_000, 9000, 0)); err != nil { // the largest cameras'
		t.Error(err)
	}
}

// TestMemory: what decoding takes is known before, so that a small file that is a large picture is not decoded.
func TestMemory(t *testing.T) {
	header := []byte{0, 0, 0x2a, 0x94, 0, 0, 0x2a, 0x94, 16, 6, 0, 0, 0} // 10900×10900, 16 bits, RGBA
	data := append([]byte(pngSignature), pngChunk("IHDR", header)...)
	h, err := Inspect(data)
	if err != nil || h.Memory != 8*10900*10900 {
		t.Fatalf("%+v, %v", h, err)
	}
	_, err = Decode(t.Context(), data, Limits{MaxMemory: 256 << 20})
	wantError(t, "16 bits", err, "is 10900×10900 pixels, which take 906 MB to decode, and at most 256 are possible: shrink it first")
	for _, name := range []string{"heic", "avif", "tiff big planar 16", "jpeg rgb", "webp exif 3", "gif animated"} {
		h, err := Inspect(readFiles(t)[name].File)
		if least := int64(h.Width * h.Height); err != nil || h.Memory < least || h.Memory > 100*least+wasmMemory {
			t.Errorf("%s: %+v, %v", name, h, err)
		}
	}
}

func pngChunk(name string, data []byte) []byte {
	var b bytes.Buffer
	_, _ = b.ReadFrom(chunkReader(name, data))
	return b.Bytes()
}

// TestTIFFBounds: tiles that would take long are refused before decoding.
func TestTIFFBounds(t *testing.T) {
	for name, c := range map[string]struct {
		change map[uint16]uint32
		want   string
	}{
		"tiny tiles":  {map[uint16]uint32{tagTileWidth: 1, tagTileHeight: 1}, "is a TIFF with tiles of 1×1 pixels, which cannot be read"},
		"huge tiles":  {map[uint16]uint32{tagTileWidth: 1 << 20, tagTileHeight: 1 << 20}, "is a TIFF with tiles of 1048576×1048576 pixels, which cannot be read"},
		"huge sides":  {map[uint16]uint32{tagWidth: 1<<31 - 1, tagHeight: 1<<31 - 1}, "is damaged (it has 4 parts of "},
		"no lengths":  {map[uint16]uint32{tagWidth: 1<<31 - 1, tagHeight: 1<<31 - 1, tagTileByteCounts: 0, tagCompression: packNone, tagPredictor: 1}, "is damaged (it has 4 parts of "},
		"channels":    {map[uint16]uint32{tagSamples: 1 << 20, tagPlanar: 2}, "is a TIFF of 1048576 channels, which cannot be read"},
		"no pixels":   {map[uint16]uint32{tagWidth: 0}, "is damaged (it has no pixels)"},
		"raw":         {map[uint16]uint32{tagDNGVersion: 1}, "is a camera's raw photograph, which cannot be read"},
		"preview":     {map[uint16]uint32{tagSubfileType: 1}, "is a TIFF that begins with a small preview, as cameras' raw photographs do, which"},
		"fax colours": {map[uint16]uint32{tagCompression: packG4}, "is damaged (it has fax compression, and colours)"},
	} {
		d, err := openTIFF(readFiles(t)["tiff zlib tiles"].File)
		if err != nil {
			t.Fatal(err)
		}
		for tag, value := range c.change {
			d.entries[tag] = tiffEntry{4, binary.LittleEndian.AppendUint32(nil, value)}
		}
		_, err = d.file()
		wantError(t, name, err, c.want)
	}
	d, err := openTIFF(readFiles(t)["tiff zlib tiles"].File)
	if err != nil {
		t.Fatal(err)
	}
	f, err := d.file()
	if err != nil {
		t.Fatal(err)
	}
	f.counts = slices.Repeat([]uint64{1 << 40}, 10)
	if got := f.packed(); got != 10*uint64(len(f.data)) { // what lies outside of the file does not count
		t.Errorf("%d bytes", got)
	}
}

// TestNesting: files of parts in parts, and of many parts, take time and memory as their length, not more.
func TestNesting(t *testing.T) {
	const levels = 200_000
	nested := func(head []byte, length func(left int) []byte) []byte {
		var b []byte
		for i := range levels {
			b = append(append(b, head...), length((levels-i)*(len(head)+len(length(0))))...)
		}
		return b
	}
	little := func(n int) []byte {
		return append(binary.LittleEndian.AppendUint32(nil, uint32(n-8)), make([]byte, 16)...)
	}
	webp := slices.Concat([]byte("RIFF\x00\x00\x00\x00WEBP"), nested([]byte("ANMF"), little))
	heif := []byte("\x00\x00\x00\x10ftypheic\x00\x00\x00\x00\xff\xff\xff\xffmeta\x00\x00\x00\x00")
	deep := slices.Concat(heif, bytes.Repeat([]byte("\x7f\xff\xff\xffiprp"), levels))
	reference := []byte("\x00\x00\x00\x0cauxl\x00\x01\xff\xff")
	wide := slices.Concat(heif, []byte("\x7f\xff\xff\xffiref\x00\x00\x00\x00"), bytes.Repeat(reference, levels))
	var text bytes.Buffer
	z := zlib.NewWriter(&text)
	_, _ = z.Write(make([]byte, 1<<20))
	_ = z.Close()
	profile := pngChunk("zTXt", slices.Concat([]byte("Raw profile type exif\x00\x00"), text.Bytes()))
	header := pngChunk("IHDR", []byte{0, 0, 0, 8, 0, 0, 0, 8, 8, 0, 0, 0, 0})
	texts := slices.Concat([]byte(pngSignature), header, bytes.Repeat(profile, 2000))
	empty := slices.Concat([]byte(pngSignature), header, bytes.Repeat(pngChunk("IDAT", nil), levels))
	for name, data := range map[string][]byte{"webp": webp, "heif": deep, "references": wide, "texts": texts, "empty": empty} {
		began := time.Now()
		_, err := Decode(t.Context(), data, Limits{})
		if took := time.Since(began); err == nil || took > 5*time.Second {
			t.Errorf("%s: %v after %v", name, err, took)
		}
	}
}

// TestDecodeEnds: decoding ends with its context, in the middle of a file too.
func TestDecodeEnds(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range readFiles(t) {
		if _, err := Decode(ended, c.File, Limits{}); c.Error == "" && !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewNRGBA(image.Rect(0, 0, 8000, 4000))); err != nil {
		t.Fatal(err)
	}
	cause := errors.New("enough")
	soon, cancel := context.WithTimeoutCause(t.Context(), 5*time.Millisecond, cause)
	defer cancel()
	began := time.Now()
	if _, err := Decode(soon, b.Bytes(), Limits{}); err != cause {
		t.Errorf("got %v after %v", err, time.Since(began))
	}
}

// TestKinds: what cannot be read is called by its name.
func TestKinds(t *testing.T) {
	long := strings.Repeat(" and so on", 9)
	for begins, want := range map[string]string{
		"":                         "is empty: copy or download it again",
		"\x00\x00\x00\x00\x00\x00": "has nothing but zeros in it: copy or download it again",
		"\n <!DOCTYPE html><html>": "is a web page, not a picture: open the page, and save the picture itself",
		"\ufeff<html lang=en>":     "is a web page, not a picture: open the page, and save the picture itself",
		"version https://git-lfs.github.com/spec/v1\noid sha256:12": "is only a pointer of Git LFS to the picture: run git lfs pull first",
		"<?xml version='1.0'?>\n<svg>":                              "is an SVG drawing, which cannot be read: convert it to PNG or JPEG first",
		"<?xml version='1.0'?>\n<Error>":                            "is an XML document, not a picture: name the picture's own file",
		"{\"error\": \"no such picture\"" + long:                    "is a text, not a picture: name the picture's own file",
		"BM\x36\x00\x00\x00\x00\x00\x00\x00":                        "is a BMP picture, which cannot be read: convert it to PNG or JPEG first",
		"8BPS\x00\x01":                                              "is a Photoshop document, which cannot be read: convert it to PNG or JPEG first",
		"P6\n22 17\n255\n\x00\x01":                                  "is a Netpbm picture, which cannot be read: convert it to PNG or JPEG first",
		"%PDF-1.7":                                                  "is a PDF document, which cannot be read: convert it to PNG or JPEG first",
		"\xff\x0a\xfa\x1f":                                          "is a JPEG XL picture, which cannot be read: convert it to PNG or JPEG first",
		"\x00\x00\x00\x18ftypcrx \x00\x00\x00\x01":                  "is a camera's raw photograph, which cannot be read: convert it to PNG or JPEG first",
		"\x00\x00\x00\x18ftypisom\x00\x00\x00\x01":                  "is a video, which cannot be read: convert it to PNG or JPEG first",
		"II*\x00\x10\x00\x00\x00CR\x02\x00\x00\x00\x00\x00\x01\x00\x00\x01\x03\x00\x01\x00\x00\x00\x01\x00\x00\x00": "is a camera's raw photograph, which cannot be read: convert it to PNG or JPEG first",
		"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00heic":                                                              "is cut off before its end (unexpected EOF): copy or download it again",
		"\x01\x02\x03\x04 nobody knows":                                                                             "is in none of the formats that can be read, PNG, JPEG, WebP, TIFF, GIF, HEIC and AVIF: convert it to PNG or JPEG first",
	} {
		_, err := Inspect([]byte(begins))
		if err == nil || err.Error() != want {
			t.Errorf("%.40q\ngot  %v\nwant %s", begins, err, want)
		}
	}
}

// small is what fuzzing decodes: larger pictures are allowed, and slow.
var small = Limits{MaxPixels: 1 << 18, MaxMemory: 1 << 28}

// FuzzDecode reads files of all kinds. HEIC and AVIF are not among them, since fuzzing C in WebAssembly takes a second
// for what takes a millisecond here: FuzzHEIF does.
func FuzzDecode(f *testing.F) {
	for name, c := range readFiles(f) {
		if kind := Kind(c.File); kind != "heic" && kind != "avif" && len(name) > 0 {
			f.Add(c.File)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if kind := Kind(data); kind == "heic" || kind == "avif" {
			return
		}
		fuzz(t, data)
	})
}

func FuzzHEIF(f *testing.F) {
	for _, name := range []string{"heic", "heic grey", "avif", "avif with alpha"} {
		f.Add(readFiles(f)[name].File)
	}
	f.Add(gridFile(f, 150, 102, true, 1, 1))
	f.Fuzz(fuzz)
}

func fuzz(t *testing.T, data []byte) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	file, err := Decode(ctx, data, small)
	if _, panicked := errors.AsType[PanicError](err); panicked || errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	if err != nil {
		return
	}
	if b := file.Image.Bounds(); b.Dx() != file.Width || b.Dy() != file.Height {
		t.Fatalf("the header says %d×%d pixels, and there are %v", file.Width, file.Height, b.Size())
	}
	pixels, _, _ := upright(file)
	for _, c := range pixels {
		for _, v := range c {
			if !(v >= 0 && v <= 255) {
				t.Fatalf("a file holds the value %v", v)
			}
		}
	}
}
