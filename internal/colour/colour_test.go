package colour

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// reference is testdata/reference.json, which testdata/reference.py wrote.
type reference struct {
	Profiles []struct {
		Name          string
		Channels      int
		ICC           []byte
		Colours, SRGB [][]uint16
	}
	PNGs []struct {
		Name          string
		Chunks        map[string][]byte
		Colours, SRGB [][]uint16
	}
	Files map[string]json.RawMessage
}

func references(t testing.TB) (r reference) {
	t.Helper()
	data, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// pixel returns a colour of 16 bits as ToSRGB takes it.
func pixel(colour []uint16) [4]float32 {
	p := [4]float32{3: 255}
	for c := range 4 {
		switch {
		case c < len(colour):
			p[c] = float32(colour[c]) / 257
		case len(colour) == 1 && c < 3:
			p[c] = p[0]
		}
	}
	return p
}

// TestLittleCMS compares all kinds of profiles with LittleCMS. Both compute with more than 16 bits;
// LittleCMS rounds between the steps of tables, and dark colours become up to 12 times as large.
func TestLittleCMS(t *testing.T) {
	for _, p := range references(t).Profiles {
		s, err := Parse(p.ICC)
		if err != nil {
			t.Errorf("%s %v", p.Name, err)
			continue
		}
		tolerance := 0.05
		if s.lut != nil {
			tolerance = 0.3
		}
		compare(t, p.Name, s, p.Colours, p.SRGB, tolerance)
	}
}

// compare converts colours to sRGB.
func compare(t *testing.T, name string, s *Space, colours, sRGB [][]uint16, tolerance float64) {
	t.Helper()
	row := make([][4]float32, len(colours))
	for i, c := range colours {
		row[i] = pixel(c)
	}
	s.ToSRGB(row)
	for i, want := range sRGB {
		for c, v := range want {
			if off := math.Abs(float64(row[i][c]) - float64(v)/257); !(off < tolerance) {
				t.Errorf("%s: %d becomes %.3f, not %.3f", name, colours[i], row[i], pixel(want))
				break
			}
		}
	}
}

// TestPNGChunks compares what chunks of a PNG say with profiles that say the same.
func TestPNGChunks(t *testing.T) {
	for _, p := range references(t).PNGs {
		var chunks []any
		for name, data := range p.Chunks {
			chunks = append(chunks, name, data)
		}
		s, err := Of(chunked(chunks...), "png", nil)
		if err != nil {
			t.Errorf("%s: %v", p.Name, err)
			continue
		}
		compare(t, p.Name, s, p.Colours, p.SRGB, 0.05)
		back, err := Parse(s.ICC())
		if err != nil {
			t.Errorf("%s: its profile %v", p.Name, err)
			continue
		}
		compare(t, p.Name+", as a profile", back, p.Colours, p.SRGB, 0.15) // its numbers have 16 bits after the point
	}
}

// TestPNGPrecedence: of several chunks cICP comes first, then iCCP, sRGB, and gAMA with cHRM. One
// that is damaged, or comes after the pixels, does not count.
func TestPNGPrecedence(t *testing.T) {
	packed := func(s *Space) []byte { c := s.pngChunk(); return c[8 : len(c)-4] }
	standard := &Space{icc: standardProfile()}
	film, _ := spaceOf("film", namedPrimaries[8].primaries, power(2))
	cicp, iccp := []byte{12, 13, 0, 1}, packed(film)
	gama, chrm := []byte{0, 1, 0x86, 0xa0}, []byte("\x00\x00\x7a\x26\x00\x00\x80\x84\x00\x00\xfa\x00\x00\x00\x80\xe8\x00\x00\x52\x08\x00\x01\x15\x58\x00\x00\x3a\x98\x00\x00\x17\x70")
	standardGamma, standardCHRM := []byte{0, 0, 0xb1, 0x8f}, []byte("\x00\x00\x7a\x26\x00\x00\x80\x84\x00\x00\xfa\x00\x00\x00\x80\xe8\x00\x00\x75\x30\x00\x00\xea\x60\x00\x00\x3a\x98\x00\x00\x17\x70")
	broken := chunked("iCCP", iccp)
	broken[len(broken)-1]++
	none := []byte{0}
	for _, c := range []struct {
		file []byte
		want string // the space's name, or the beginning of the warning
	}{
		{chunked(), "sRGB"},
		{chunked("gAMA", gama, "cHRM", chrm, "sRGB", none, "iCCP", iccp, "cICP", cicp), "Display P3 sRGB"},
		{chunked("gAMA", gama, "cHRM", chrm, "sRGB", none, "iCCP", iccp), "film"},
		{chunked("gAMA", gama, "cHRM", chrm, "sRGB", none), "sRGB"},
		{chunked("gAMA", gama, "cHRM", chrm), "of its gAMA and cHRM chunks"},
		{chunked("gAMA", standardGamma, "cHRM", standardCHRM), "of its gAMA and cHRM chunks"},
		{chunked("gAMA", standardGamma), "sRGB"},
		{chunked("cHRM", standardCHRM), "sRGB"},
		{chunked("iCCP", packed(standard), "gAMA", gama), "sRGB"},
		{chunked("iCCP", iccp, "iCCP", packed(standard)), "film"},
		{chunked("cICP", []byte{1, 13, 0, 1}, "gAMA", gama), "sRGB"},
		{chunked("cICP", []byte{200, 13, 0, 1}, "iCCP", iccp), "film"},
		{chunked("cICP", []byte{200, 13, 0, 1}, "sRGB", none), "sRGB"},
		{chunked("cICP", []byte{200, 13, 0, 1}), "has the colours of code points 200, 13, 0 and 1, which are unknown here"},
		{chunked("cICP", []byte{12, 13, 1, 1}), "has the colours of code points 12, 13, 1 and 1, which are unknown here"},
		{chunked("cICP", none), "has a cICP chunk of an unknown form"},
		{chunked("IDAT", none, "iCCP", iccp), "sRGB"},
		{broken, "sRGB"},
		{append(broken, chunked("gAMA", gama)[8:]...), "of its gAMA and cHRM chunks"},
		{chunked("iCCP", []byte("x")), "has a colour profile that cannot be read (it is packed in an unknown way)"},
		{chunked("iCCP", []byte("x\x00\x00damaged")), "has a colour profile that cannot be read (zlib: invalid header)"},
		{chunked("gAMA", make([]byte, 4)), "has a gAMA chunk of 0, which no picture has"},
		{chunked("cHRM", make([]byte, 32)), "has a cHRM chunk with colours that do not exist"},
	} {
		s, err := Of(c.file, "png", nil)
		got := s.Name()
		if err != nil {
			got = strings.TrimSuffix(err.Error(), ", so that its colours are taken as sRGB and may look wrong: convert it to sRGB first")
		}
		if got != c.want {
			t.Errorf("%q is in %q, not %q", c.file, got, c.want)
		}
	}
}

// TestHighDynamicRange: the white of a page is white, which is 203 cd/m² in PQ and 75% in HLG
// (BT.2408, table 1), and brighter light is cut off with a warning.
func TestHighDynamicRange(t *testing.T) {
	for code, white := range map[byte]float32{16: 0.5807, 18: 0.75} {
		s, err := Of(chunked("cICP", []byte{9, code, 0, 1}), "png", nil)
		if s == nil || err == nil || !strings.Contains(err.Error(), "highlights") || s.CheckFromSRGB() == nil {
			t.Fatalf("%v, %v", s, err)
		}
		row := [][4]float32{{white * 255, white * 255, white * 255}, {255, 255, 255}, {}, {100, 100, 100}}
		s.ToSRGB(row)
		if row[0][1] < 254.5 || row[1] != [4]float32{255, 255, 255} || row[2] != [4]float32{} || row[3][0] < 40 || row[3][0] > 200 {
			t.Errorf("%s: %v", s.Name(), row)
		}
	}
}

// TestVideoRange: 16 is black and 235 is white.
func TestVideoRange(t *testing.T) {
	s, err := Of(chunked("cICP", []byte{1, 13, 0, 0}), "png", nil)
	if err != nil {
		t.Fatal(err)
	}
	row := [][4]float32{{16, 235, 125.5, 255}}
	s.ToSRGB(row)
	if math.Abs(float64(row[0][2]-127.5)) > 0.01 || row[0][0] > 0.01 || row[0][1] != 255 {
		t.Errorf("%v", row)
	}
}

// jpegOf returns the beginning of a JPEG with segments, each of a marker and its data.
func jpegOf(segments ...any) []byte {
	file := []byte{0xff, 0xd8}
	for i := 0; i < len(segments); i += 2 {
		data := segments[i+1].(string)
		file = append(file, 0xff, byte(segments[i].(int)), byte((len(data)+2)>>8), byte(len(data)+2))
		file = append(file, data...)
	}
	return append(file, 0xff, 0xda, 0, 2)
}

// TestJPEGSegments: a profile may be in several segments, in any order, between others.
func TestJPEGSegments(t *testing.T) {
	icc := string(references(t).Profiles[0].ICC)
	part := func(number, of byte, text string) string { return jpegMarker + string([]byte{number, of}) + text }
	const app2, app1 = 0xe2, 0xe1
	for _, c := range []struct {
		file []byte
		want string // the space's name, or the warning's reason
	}{
		{jpegOf(app2, part(1, 1, icc)), "Display P3"},
		{jpegOf(app1, "Exif\x00\x00", app2, part(1, 2, icc[:100]), app2, "MPF\x00", app2, part(2, 2, icc[100:])), "Display P3"},
		{jpegOf(app2, part(3, 3, icc[200:]), app2, part(1, 3, icc[:50]), app2, part(2, 3, icc[50:200])), "Display P3"},
		{append([]byte{0xff, 0xd8, 0xff, 0xff}, jpegOf(app2, part(1, 1, icc))[2:]...), "Display P3"},
		{jpegOf(app1, part(1, 1, icc)), "sRGB"},
		{jpegOf(), "sRGB"},
		{append(jpegOf(), jpegOf(app2, part(1, 1, icc))...), "sRGB"}, // in a second picture
		{jpegOf(app2, part(2, 2, icc)), "1 of its 2 parts are missing"},
		{jpegOf(app2, part(1, 1, icc), app2, part(1, 1, icc)), "its parts do not fit together"},
		{jpegOf(app2, part(0, 1, icc)), "its parts do not fit together"},
		{jpegOf(app2, part(1, 1, icc[:100])), "it is cut off"},
		{jpegOf(app2, part(1, 1, icc))[:300], "sRGB"},
	} {
		s, err := Of(c.file, "jpeg", nil)
		if got := s.Name(); got != c.want && (err == nil || !strings.Contains(err.Error(), "cannot be read ("+c.want+")")) {
			t.Errorf("%.60q is in %q, not %q: %v", c.file, got, c.want, err)
		}
	}
	// What is written in segments is read again, also if it needs several.
	large := icc + strings.Repeat("\x00", 200_000)
	var file bytes.Buffer
	if _, err := (&Space{icc: []byte(large)}).Tag(&file, "jpeg").Write(jpegOf()); err != nil {
		t.Fatal(err)
	}
	if got, err := jpegProfile(file.Bytes()); err != nil || string(got) != large {
		t.Errorf("a profile of %d bytes has %d when it is read, %v", len(large), len(got), err)
	}
}

// TestTag: what is written byte by byte is the same.
func TestTag(t *testing.T) {
	for format, file := range map[string][]byte{"png": chunked("IHDR", make([]byte, 13), "IDAT", []byte{}), "jpeg": jpegOf()} {
		var whole, bytewise bytes.Buffer
		if n, err := SRGB.Tag(&whole, format).Write(file); n != len(file) || err != nil {
			t.Errorf("%s: %d of %d bytes, %v", format, n, len(file), err)
		}
		w := SRGB.Tag(&bytewise, format)
		for i := range file {
			if n, err := w.Write(file[i : i+1]); n != 1 || err != nil {
				t.Fatal(n, err)
			}
		}
		if !bytes.Equal(whole.Bytes(), bytewise.Bytes()) || whole.Len() <= len(file) {
			t.Errorf("%s: %q and %q", format, whole.Bytes(), bytewise.Bytes())
		}
		if s, err := Of(whole.Bytes(), format, nil); s != nil || err != nil {
			t.Errorf("%s: %v, %v", format, s, err)
		}
	}
}

// TestDamaged: no profile costs more than its size, and its warning says what is wrong.
func TestDamaged(t *testing.T) {
	profiles := map[string][]byte{}
	for _, p := range references(t).Profiles {
		profiles[p.Name] = p.ICC
	}
	p3, inks, modular := profiles["Display P3, v4"], profiles["inks, mft2"], profiles["table before curves"]
	with := func(icc []byte, at int, text string) []byte {
		icc = bytes.Clone(icc)
		copy(icc[at:], text)
		return icc
	}
	tag := func(icc []byte, name string) int { // where a tag's data are
		i := bytes.Index(icc[128:], []byte(name)) + 128
		return int(binary.BigEndian.Uint32(icc[i+4:]))
	}
	for _, c := range []struct {
		icc  []byte
		want string
	}{
		{p3[:131], "it is cut off"},
		{with(p3, 36, "none"), "it is no ICC profile"},
		{with(p3, 128, "\xff\xff\xff\xff"), "its table of 4294967295 tags is cut off"},
		{make([]byte, maxProfile+1), "it is larger than 16 MB"},
		{with(p3, 12, "link"), `its class is "link"`},
		{with(p3, 16, "HSV "), `its colours are "HSV "`},
		{with(p3, 20, "Luv "), `its curves lead to "Luv "`},
		{p3[:len(p3)-20], "rTRC: a curve is cut off"},
		{with(p3, tag(p3, "gXYZ"), "none"), "its gXYZ is missing"},
		{with(p3, tag(p3, "rTRC"), "none"), `rTRC: a curve has the unknown type "none"`},
		{with(p3, tag(p3, "rTRC"), "curv\x00\x00\x00\x00\xff\xff\xff\xff"), "rTRC: a curve of 4294967295 points is cut off"},
		{with(p3, tag(p3, "rTRC")+8, "\x00\x09"), "rTRC: a parametric curve of type 9 is unknown or cut off"},
		{with(inks, tag(inks, "A2B0"), "none"), `A2B0: a table has the unknown type "none"`},
		{with(inks, tag(inks, "A2B0")+8, "\x05"), "A2B0: a table does not fit the colours"},
		{with(inks, tag(inks, "A2B0")+10, "\xff"), "A2B0: a table is cut off"},
		{with(inks, tag(inks, "A2B0")+10, "\x01"), "A2B0: a table has too few points"},
		{with(inks, tag(inks, "A2B0")+48, "\xff\xff"), "A2B0: a table has curves of a wrong length"},
		{with(modular, tag(modular, "A2B1")+12, "\x7f"), "A2B1: a table is cut off"},
		{with(modular, tag(modular, "A2B1")+24, "\x7f"), "A2B1: a table is cut off"},
		{with(profiles["inks, mAB"], 128, "\x00\x00\x00\x02"), "it has no tables"},
	} {
		s, err := Parse(c.icc)
		if s != nil || err == nil || !strings.HasSuffix(err.Error(), "("+c.want+")") {
			t.Errorf("the warning is %q, not %q", err, c.want)
		}
	}
	var bomb bytes.Buffer
	bomb.WriteString("x\x00\x00")
	z := zlib.NewWriter(&bomb)
	if _, err := z.Write(make([]byte, 4*maxProfile)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := pngSpace(chunked("iCCP", bomb.Bytes()))
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "larger than 16 MB") {
		t.Error(err)
	}
	allocated := after.TotalAlloc - before.TotalAlloc
	if allocated > 6*maxProfile { // io.ReadAll's growing buffers, together
		t.Errorf("a profile that unpacks to %d MB takes %d MB", 4*maxProfile>>20, allocated>>20)
	}
}

// TestModel: a profile applies to pictures with its channels only. A grey one applies to a picture
// without colours, however it is stored.
func TestModel(t *testing.T) {
	profiles := map[string][]byte{}
	for _, p := range references(t).Profiles {
		profiles[p.Name] = p.ICC
	}
	size := image.Rect(0, 0, 2, 2)
	coloured, planar := image.NewNRGBA(size), image.NewYCbCr(size, image.YCbCrSubsampleRatio420)
	coloured.Set(1, 1, color.NRGBA{1, 2, 3, 255})
	greyPlanar := image.NewYCbCr(size, image.YCbCrSubsampleRatio420)
	greyPlanar.Cb[0], greyPlanar.Cr[0] = 128, 127
	for _, c := range []struct {
		profile string
		image   image.Image
		fits    bool
	}{
		{"Display P3, v4", coloured, true}, {"Display P3, v4", image.NewGray(size), true}, {"Display P3, v4", image.NewCMYK(size), false},
		{"inks, mft2", image.NewCMYK(size), true}, {"inks, mft2", coloured, false}, {"inks, mft2", image.NewGray(size), false},
		{"grey gamma", image.NewGray(size), true}, {"grey gamma", image.NewGray16(size), true}, {"grey gamma", image.NewNRGBA(size), true},
		{"grey gamma", coloured, false}, {"grey gamma", greyPlanar, true}, {"grey gamma", planar, false}, {"grey gamma", image.NewCMYK(size), false},
	} {
		s, err := Of(jpegOf(0xe2, jpegMarker+"\x01\x01"+string(profiles[c.profile])), "jpeg", c.image)
		if (s != nil) != c.fits || (err == nil) != c.fits || err != nil && !strings.HasSuffix(err.Error(), "and not for this picture, so that it is not applied") {
			t.Errorf("%s and %T: %v, %v", c.profile, c.image, s.Name(), err)
		}
	}
}

// TestNames: a name is of one line, printable and short, whatever the profile says.
func TestNames(t *testing.T) {
	p3 := references(t).Profiles[0].ICC
	at := bytes.Index(p3, []byte("mluc"))
	for text, want := range map[string]string{
		"desc\x00\x00\x00\x00\x00\x00\x00\x0fA\x1b[31m\nB\xff\x00":                                 "A[31mB",
		"mluc\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x0cenUS\xff\xff\xff\xff\xff\xff\xff\xff": "unnamed",
		"none": "unnamed",
	} {
		icc := bytes.Clone(p3)
		copy(icc[at:], make([]byte, 40))
		copy(icc[at:], text)
		s, err := Parse(icc)
		if err != nil || s.Name() != want {
			t.Errorf("%q gives %q, not %q: %v", text, s.Name(), want, err)
		}
	}
}

// TestCheckFromSRGB: colours can be converted back into spaces of three curves that rise.
func TestCheckFromSRGB(t *testing.T) {
	want := map[string]string{
		"grey gamma":             `has the colour profile "Gray Gamma 2.2", which is for grey: a painting needs one for RGB`,
		"inks, mft2":             `has the colour profile "Coated inks", which is for CMYK: a painting needs one for RGB`,
		"scanner's table, mft2":  `has the colour profile "scanner table", whose tables give the way to sRGB only`,
		"Display P3, v4":         "",
		"Adobe RGB, v2 gamma":    "",
		"three curves":           "",
		"white that is not D50":  "",
		"Display P3, v2 sampled": "",
	}
	for _, p := range references(t).Profiles {
		expected, ok := want[p.Name]
		if !ok {
			continue
		}
		s, err := Parse(p.ICC)
		if err != nil {
			t.Fatal(err)
		}
		err = s.CheckFromSRGB()
		if got := fmt.Sprint(err); got != expected && (expected != "" || err != nil) {
			t.Errorf("%s: %s", p.Name, got)
		}
		if err != nil {
			continue
		}
		row := [][4]float32{{120, 130, 140, 9}, {90, 80, 85, 255}, {200, 201.5, 190, 3}}
		same := slices.Clone(row)
		s.FromSRGB(row)
		s.ToSRGB(row)
		for i := range row {
			for c := range row[i] {
				if math.Abs(float64(row[i][c]-same[i][c])) > 0.01 {
					t.Errorf("%s: %v comes back as %v", p.Name, same[i], row[i])
				}
			}
		}
	}
}

// BenchmarkToSRGB measures a row of 4000 pixels.
func BenchmarkToSRGB(b *testing.B) {
	for _, p := range references(b).Profiles {
		if p.Name != "Display P3, v4" && p.Name != "inks, mft2" {
			continue
		}
		s, err := Parse(p.ICC)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(s.Name(), func(b *testing.B) {
			row := make([][4]float32, 4000)
			for b.Loop() {
				for i := range row {
					row[i] = [4]float32{float32(i % 256), float32(i * 7 % 256), float32(i * 3 % 256), 255}
				}
				s.ToSRGB(row)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(row)), "ns/pixel")
		})
	}
}
