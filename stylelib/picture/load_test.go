package picture

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/internal/imagefile"
)

// TestLoadFormats checks that the content tells the format, whatever the name says.
func TestLoadFormats(t *testing.T) {
	m := quadrants(48, 32)
	for _, format := range []string{"png", "jpeg", "tiff", "gif"} {
		for _, name := range []string{"picture." + format, "picture.txt", "picture", "picture.webp"} {
			p, err := Load(write(t, name, encoded(t, m, format)))
			if err != nil {
				t.Errorf("%s as %s: %v", format, name, err)
				continue
			}
			if p.Width != 48 || p.Height != 32 || p.Alpha != nil || corners(p) != "RGBW" {
				t.Errorf("%s as %s: %d×%d pixels, corners %s, alpha %v", format, name, p.Width, p.Height, corners(p), p.Alpha)
			}
		}
	}
}

func TestLoadSample(t *testing.T) {
	p, err := Load("sample:chelsea")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.check(); err != nil || min(p.Width, p.Height) < 200 {
		t.Errorf("the cat has %d×%d pixels, %v", p.Width, p.Height, err)
	}
	if _, err := Load("sample:chelse"); err == nil || !strings.Contains(err.Error(), `did you mean "chelsea"?`) {
		t.Errorf("a mistyped sample gives %v", err)
	}
}

// TestLoadDepths checks 16 bits, grey, a palette with alpha and inks.
func TestLoadDepths(t *testing.T) {
	r := image.Rect(0, 0, 20, 16)
	deep, grey, palette := image.NewNRGBA64(r), image.NewGray16(r), image.NewPaletted(r, color.Palette{color.NRGBA{9, 8, 7, 0}, color.NRGBA{201, 7, 99, 2}})
	for i := range 20 * 16 {
		deep.Set(i%20, i/20, color.NRGBA64{1000, 40000, 65535, 30000})
		grey.Set(i%20, i/20, color.Gray16{1000})
		palette.SetColorIndex(i%20, i/20, 1)
	}
	inks, err := base64.StdEncoding.DecodeString(jpegInks)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		file      []byte
		want      [4]float32
		tolerance float32
	}{
		"PNG, 16 bits":  {encoded(t, deep, "png"), [4]float32{3.89105, 155.64202, 255, 116.73152}, 1e-4},
		"TIFF, 16 bits": {encoded(t, deep, "tiff"), [4]float32{3.89105, 155.64202, 255, 116.73152}, 1e-4},
		"PNG, grey":     {encoded(t, grey, "png"), [4]float32{3.89105, 3.89105, 3.89105, 255}, 1e-4},
		"TIFF, grey":    {encoded(t, grey, "tiff"), [4]float32{3.89105, 3.89105, 3.89105, 255}, 1e-4},
		"PNG, palette":  {encoded(t, palette, "png"), [4]float32{201, 7, 99, 2}, 0},
		"JPEG, CMYK":    {inks, [4]float32{255, 0, 255, 255}, 1}, // a level, as JPEG loses
	} {
		near(t, name, pixel(mustDecode(t, c.file), 3, 3), c.want, c.tolerance)
	}
}

// jpegInks is a JPEG in CMYK, inverted as Adobe has it, that Pillow 13.0.0 wrote: 16×16 pixels, magenta above grey.
const jpegInks = "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwADAgIDAgIDAwMDBAMDBAUIBQUEBAUKBwcGCAwKDAwLCgsLDQ4SEA0OEQ4LCxAWEBETFBUVFQwPFxgWFBgSFBUU/8AAFAgAEAAQBEMRAE0RAFkRAEsRAP/EABYAAQEBAAAAAAAAAAAAAAAAAAAJCv/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAOBEMATQBZAEsAAD8AqmlUqmqmADVQJUgD/9k="

// TestGIFOnCanvas checks that a frame smaller than the picture is put in its place, with nothing around it, and that
// its transparent colour stays so.
func TestGIFOnCanvas(t *testing.T) {
	frame := image.NewPaletted(image.Rect(6, 4, 16, 12), color.Palette{color.NRGBA{255, 0, 0, 255}, color.NRGBA{}})
	frame.SetColorIndex(7, 5, 1)
	second := image.NewPaletted(image.Rect(0, 0, 30, 20), color.Palette{color.White})
	var file bytes.Buffer
	err := gif.EncodeAll(&file, &gif.GIF{
		Image: []*image.Paletted{frame, second}, Delay: []int{10, 10}, Disposal: []byte{gif.DisposalNone, gif.DisposalNone},
		Config: image.Config{Width: 30, Height: 20},
	})
	if err != nil {
		t.Fatal(err)
	}
	p := mustDecode(t, file.Bytes())
	if p.Width != 30 || p.Height != 20 {
		t.Fatalf("the canvas has %d×%d pixels, not 30×20", p.Width, p.Height)
	}
	for at, want := range map[[2]int][4]float32{
		{0, 0}: {}, {5, 4}: {}, {6, 3}: {}, {16, 4}: {}, {15, 12}: {}, {7, 5}: {},
		{6, 4}: {255, 0, 0, 255}, {15, 11}: {255, 0, 0, 255}, {8, 5}: {255, 0, 0, 255},
	} {
		near(t, fmt.Sprint(at), pixel(p, at[0], at[1]), want, 0)
	}
}

// TestLoadRefuses checks the whole sentence: the file, what is wrong with it, and what to do.
func TestLoadRefuses(t *testing.T) {
	good := encoded(t, quadrants(48, 32), "jpeg")
	damaged := encoded(t, quadrants(48, 32), "png")
	damaged[60] ^= 0xff
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"empty.png":   {nil, "is empty: copy or download it again"},
		"notes.png":   {[]byte("a text, and a long one at that, which is no picture at all"), "is a text, not a picture: name the picture's own file"},
		"short.jpg":   {good[:len(good)/2], "is cut off before its end (unexpected EOF): copy or download it again"},
		"damaged.png": {damaged, "is damaged (flate: corrupt input before offset 23): copy or download it again"},
		"wide.png":    {pngHeader(60_000, 400), "is 60000×400 pixels, and a side may have at most 30000: shrink or crop it first"},
		"tall.png":    {pngHeader(400, 60_000), "is 400×60000 pixels, and a side may have at most 30000: shrink or crop it first"},
		"large.png":   {pngHeader(20_000, 20_000), "is 20000×20000 pixels, and at most 120 million are possible: shrink it first"},
		"nothing.png": {pngHeader(0, 0), "is damaged (it has no pixels): copy or download it again"},
		"tiny.png":    {encoded(t, quadrants(3, 3), "png"), "is 3×3 pixels, and each side needs at least 16: take a larger picture"},
		"line.gif":    {encoded(t, quadrants(300, 4), "gif"), "is 300×4 pixels, and each side needs at least 16: take a larger picture"},
		"lab.tiff":    {tiffOfLab(t), "is a TIFF with Lab colours, which cannot be read: convert it to PNG or JPEG first"},
	} {
		path := write(t, name, c.file)
		p, err := Load(path)
		if want := path + " " + c.want; err == nil || err.Error() != want {
			t.Errorf("%s\ngot  %v, %v\nwant %s", name, p != nil, err, want)
		}
	}
	if _, err := Load(write(t, "short.jpg", good[:len(good)/2])); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v does not match io.ErrUnexpectedEOF", err)
	}
}

// tiffOfLab returns a TIFF that says its colours are CIE L*a*b*.
func tiffOfLab(t *testing.T) []byte {
	file := encoded(t, quadrants(20, 20), "tiff")
	at := int(file[4]) | int(file[5])<<8
	for i := at + 2; ; i += 12 {
		if file[i] == 0x06 && file[i+1] == 0x01 { // PhotometricInterpretation
			file[i+8] = 8
			return file
		}
	}
}

func TestLoadMissing(t *testing.T) {
	path := write(t, "photograph.jpg", nil)
	folder := filepath.Dir(path)
	for name, want := range map[string]string{
		filepath.Join(folder, "fotograph.jpg"):     "did you mean " + path + "?",
		filepath.Join(folder, "other.png"):         "check the path",
		filepath.Join(folder, "none", "photo.jpg"): "check the path",
		"chelsea": "did you mean sample:chelsea?",
	} {
		_, err := Load(name)
		if want := name + " cannot be read (no such file or directory): " + want; err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%v does not match fs.ErrNotExist", err)
		}
	}
	dangling := filepath.Join(folder, "dangling.png")
	if err := os.Symlink("nothing", dangling); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dangling); err == nil || err.Error() != dangling+" cannot be read (no such file or directory): it is a link to nothing, which is not there" {
		t.Errorf("got  %v", err)
	}
	for name, want := range map[string]string{
		"":                           "no picture is named: give a file or sample:NAME",
		folder:                       folder + " is a folder: name a picture in it",
		filepath.Join(path, "x.jpg"): filepath.Join(path, "x.jpg") + " cannot be read (not a directory): check the path",
		"nul\x00.png":                "nul\x00.png cannot be read (invalid argument): check the path",
		strings.Repeat("long", 200):  strings.Repeat("long", 200) + " cannot be read (file name too long): check the path",
	} {
		if _, err := Load(name); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestLoadHugeFile(t *testing.T) {
	path := write(t, "huge.tiff", nil)
	if err := os.Truncate(path, MaxFileSize+1); err != nil { // it takes no room on the disk
		t.Fatal(err)
	}
	_, err := Load(path)
	if want := path + " is larger than 1.0 GiB: shrink the picture first"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestDecodeTruncated cuts files off in many places. Only what nobody needs may be missing at the end.
func TestDecodeTruncated(t *testing.T) {
	m := quadrants(48, 32)
	files := map[string][]byte{}
	for _, format := range []string{"png", "jpeg", "gif", "tiff"} {
		files[format] = encoded(t, m, format)
	}
	for name, text := range map[string]string{"webp": webpLossy, "lossless webp": webpLossless, "webp with alpha": webpAlpha} {
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = data
	}
	for name, file := range files {
		for n := 0; n < len(file)*3/4; n += max(1, len(file)/200) {
			if p, err := decode(t.Context(), file[:n]); err == nil {
				t.Errorf("%d of the %d bytes of a %s give a picture of %d×%d pixels", n, len(file), name, p.Width, p.Height)
			}
		}
	}
}

// brokenFormat is registered with package image: a decoder that panics.
func init() {
	image.RegisterFormat("broken", "BROKEN", func(io.Reader) (image.Image, error) { panic("index out of range") },
		func(io.Reader) (image.Config, error) { return image.Config{Width: 20, Height: 20}, nil })
}

func TestDecoderPanic(t *testing.T) {
	path := write(t, "broken.pic", []byte("BROKEN"))
	_, err := Load(path)
	if want := path + " is damaged (index out of range): copy or download it again"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func FuzzDecode(f *testing.F) {
	for _, format := range []string{"png", "jpeg", "gif", "tiff"} {
		f.Add(encoded(f, quadrants(20, 16), format))
	}
	for _, text := range []string{webpLossy, webpLossless, webpAlpha, webpTurned, webpMoving, jpegInks} {
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if c, _, err := image.DecodeConfig(bytes.NewReader(data)); err == nil && c.Width*c.Height > 1<<20 {
			return // allowed, and slow
		}
		p, err := decode(t.Context(), data)
		if _, panicked := errors.AsType[imagefile.PanicError](err); panicked && !bytes.HasPrefix(data, []byte("BROKEN")) {
			t.Fatal(err)
		}
		if err != nil {
			return
		}
		if err := p.check(); err != nil {
			t.Error(err)
		}
		for _, v := range slices.Concat(p.Pix, p.Alpha) {
			if !(v >= 0 && v <= 255) {
				t.Fatalf("a file holds the value %v", v)
			}
		}
	})
}
