package imagefile

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// readable are the formats that this package reads.
const readable = "PNG, JPEG, WebP, TIFF, GIF, HEIC and AVIF"

// Kind names the format of a file that this package reads, by its first 64 bytes, or returns "".
func Kind(data []byte) string {
	has := func(at int, text string) bool {
		return len(data) >= at && bytes.HasPrefix(data[min(at, len(data)):], []byte(text))
	}
	switch {
	case has(0, pngSignature):
		return "png"
	case has(0, "\xff\xd8"):
		return "jpeg"
	case has(0, "RIFF") && has(8, "WEBP"):
		return "webp"
	case has(0, "GIF87a"), has(0, "GIF89a"):
		return "gif"
	case has(0, "II*\x00"), has(0, "MM\x00*"), has(0, "II+\x00"), has(0, "MM\x00+"):
		return "tiff"
	case has(4, "ftyp"):
		return heifKind(data)
	}
	return ""
}

// others are formats that cannot be read, by what their files begin with; a question mark is any byte.
var others = []struct{ begins, name string }{
	{"\xff\x0a", "a JPEG XL picture"},
	{"\x00\x00\x00\x0cJXL \r\n\x87\n", "a JPEG XL picture"},
	{"\x00\x00\x00\x0cjP  \r\n\x87\n", "a JPEG 2000 picture"},
	{"\xff\x4f\xff\x51", "a JPEG 2000 picture"},
	{"II\xbc", "a JPEG XR picture"},
	{"8BPS", "a Photoshop document"},
	{"gimp xcf", "a GIMP document"},
	{"BM????\x00\x00\x00\x00", "a BMP picture"},
	{"\x00\x00\x01\x00", "an icon"},
	{"\x00\x00\x02\x00", "a cursor or a TGA picture"},
	{"icns", "an icon"},
	{"qoif", "a QOI picture"},
	{"\x76\x2f\x31\x01", "an OpenEXR picture"},
	{"#?RADIANCE", "a Radiance picture"},
	{"#?RGBE", "a Radiance picture"},
	{"SIMPLE  =", "a FITS picture"},
	{"DDS ", "a DirectX texture"},
	{"\xabKTX ", "a texture"},
	{"\x8aMNG", "an MNG animation"},
	{"FLIF", "a FLIF picture"},
	{"BPG\xfb", "a BPG picture"},
	{"%PDF", "a PDF document"},
	{"%!PS", "a PostScript document"},
	{"\xc5\xd0\xd3\xc6", "a PostScript document"},
	{"FUJIFILMCCD-RAW", "a camera's raw photograph"},
	{"FOVb", "a camera's raw photograph"},
	{"\x00MRM", "a camera's raw photograph"},
	{"IIRO", "a camera's raw photograph"},
	{"IIRS", "a camera's raw photograph"},
	{"MMOR", "a camera's raw photograph"},
	{"IIU\x00", "a camera's raw photograph"},
	{"PK\x03\x04", "a ZIP archive or an office document"},
	{"\x1f\x8b", "a gzip archive"},
	{"Rar!", "a RAR archive"},
	{"7z\xbc\xaf", "a 7-Zip archive"},
	{"\x1aE\xdf\xa3", "a WebM or Matroska video"},
	{"RIFF????AVI ", "an AVI video"},
	{"RIFF????WAVE", "a sound"},
	{"ID3", "a sound"},
	{"OggS", "a sound or video"},
	{"\x7fELF", "a program"},
	{"MZ", "a program"},
	{"\x89HDF\r\n", "a file of HDF5"},
}

// otherKind returns the fault of a file of a kind that is known, and not read.
func otherKind(data []byte) error {
	for _, o := range others {
		if begins(data, o.begins) {
			return unread("%s", o.name)
		}
	}
	if len(data) >= 12 && string(data[4:8]) == "ftyp" {
		return unread("%s", boxKind(data))
	}
	if len(data) > 2 && data[0] == 'P' && data[1] >= '1' && data[1] <= '7' && bytes.ContainsRune([]byte(" \t\r\n"), rune(data[2])) {
		return unread("a Netpbm picture")
	}
	head := data[:min(len(data), 1024)]
	text := strings.ToLower(strings.TrimSpace(strings.TrimPrefix(string(head), "\ufeff")))
	switch {
	case strings.HasPrefix(text, "version https://git-lfs.github.com/spec/"):
		return &fault{"is only a pointer of Git LFS to the picture", nil, "run git lfs pull first"}
	case strings.HasPrefix(text, "<svg"), strings.HasPrefix(text, "<?xml") && strings.Contains(text, "<svg"):
		return unread("an SVG drawing")
	case strings.HasPrefix(text, "<!doctype html"), strings.HasPrefix(text, "<html"), strings.HasPrefix(text, "<!--"), strings.HasPrefix(text, "<head"):
		return &fault{"is a web page, not a picture", nil, "open the page, and save the picture itself"}
	case strings.HasPrefix(text, "<?xml"):
		return &fault{"is an XML document, not a picture", nil, "name the picture's own file"}
	case strings.Trim(string(data[:min(len(data), 1<<16)]), "\x00") == "":
		return &fault{"has nothing but zeros in it", nil, getAnother}
	case isText(head):
		return &fault{"is a text, not a picture", nil, "name the picture's own file"}
	}
	return nil
}

// begins reports whether data begin with a pattern.
func begins(data []byte, pattern string) bool {
	if len(data) < len(pattern) {
		return false
	}
	for i := range len(pattern) {
		if pattern[i] != '?' && pattern[i] != data[i] {
			return false
		}
	}
	return true
}

// isText reports whether the beginning of a file looks like a text.
func isText(head []byte) bool {
	for len(head) > 0 && !utf8.RuneStart(head[len(head)-1]) {
		head = head[:len(head)-1] // a letter that is cut
	}
	controls := bytes.ContainsFunc(head, func(r rune) bool { return r < ' ' && !strings.ContainsRune("\t\n\f\r", r) || r == 0x7f })
	return len(head) >= 32 && utf8.Valid(head) && !controls
}

// boxKind names a file that begins with the box of the family of MP4 and HEIF.
func boxKind(data []byte) string {
	switch string(data[8:12]) {
	case "hevc", "hevx", "msf1":
		return "a HEIC video"
	case "crx ":
		return "a camera's raw photograph"
	case "jxl ":
		return "a JPEG XL picture"
	case "jp2 ", "jpx ":
		return "a JPEG 2000 picture"
	}
	return "a video"
}
