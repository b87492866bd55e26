package imagefile

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"io"

	"golang.org/x/image/webp"
)

// webpFile is what the chunks of a WebP file say. Of an animation it is the first frame.
type webpFile struct {
	canvas        image.Point // zero if the file does not say
	frame         image.Rectangle
	alpha         []byte // chunk ALPH
	pixels        []byte // chunk VP8 or VP8L
	lossless, cut bool
	exif, xmp     []byte
}

func openWebP(data []byte) (*webpFile, error) {
	f := &webpFile{}
	var at image.Point
	var read func(data []byte, whole bool) // the whole file or a frame, in which there are no others
	read = func(data []byte, whole bool) {
		for len(data) >= 8 {
			name, n := string(data[:4]), int(binary.LittleEndian.Uint32(data[4:]))
			data = data[8:]
			cut := n > len(data)
			chunk := data[:min(n, len(data))]
			data = data[min(n+n&1, len(data)):]
			switch {
			case name == "VP8X" && len(chunk) >= 10:
				f.canvas = image.Pt(1+uint24(chunk[4:]), 1+uint24(chunk[7:]))
			case name == "ANMF" && len(chunk) >= 16 && f.pixels == nil && whole:
				at = image.Pt(2*uint24(chunk), 2*uint24(chunk[3:]))
				read(chunk[16:], false)
				f.cut = f.cut || cut
			case name == "ALPH" && f.pixels == nil:
				f.alpha = chunk
			case name == "VP8 " && f.pixels == nil, name == "VP8L" && f.pixels == nil:
				f.pixels, f.lossless, f.cut = chunk, name == "VP8L", cut
			case name == "EXIF":
				f.exif = bytes.TrimPrefix(chunk, []byte("Exif\x00\x00"))
			case name == "XMP ":
				f.xmp = chunk
			}
		}
	}
	read(data[12:], true)
	w, h, ok := f.size()
	if !ok {
		return nil, cutOff()
	}
	f.frame = image.Rect(0, 0, w, h).Add(at)
	if f.canvas == (image.Point{}) {
		f.canvas = f.frame.Max
	}
	if !f.frame.In(image.Rectangle{Max: f.canvas}) {
		return nil, damaged(errors.New("its pixels do not fit into its size"))
	}
	return f, nil
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// size returns the width and height that the pixels have (RFC 9649, section 3.4; RFC 6386, section 9.1).
func (f *webpFile) size() (w, h int, ok bool) {
	p := f.pixels
	switch {
	case f.lossless && len(p) >= 5 && p[0] == 0x2f:
		bits := binary.LittleEndian.Uint32(p[1:])
		return 1 + int(bits&0x3fff), 1 + int(bits>>14&0x3fff), true
	case !f.lossless && len(p) >= 10:
		return int(binary.LittleEndian.Uint16(p[6:]) & 0x3fff), int(binary.LittleEndian.Uint16(p[8:]) & 0x3fff), true
	}
	return 0, 0, false
}

func (f *webpFile) parsed() *parsed {
	codes, bytes := videoCodes, int64(2)
	if f.lossless {
		codes, bytes = jpegCodes, 8
	} else if f.alpha != nil {
		bytes += 9
	}
	pixels := int64(f.frame.Dx()) * int64(f.frame.Dy())
	memory := bytes * pixels
	if f.partial() {
		memory += 4 * int64(f.canvas.X) * int64(f.canvas.Y)
		codes = jpegCodes
	}
	return &parsed{
		Header: Header{Format: "webp", Width: f.canvas.X, Height: f.canvas.Y, Memory: memory},
		exif:   f.exif,
		xmp:    f.xmp,
		codes:  codes,
		decode: f.decode,
	}
}

// partial reports whether the first frame of an animation is a part of the picture.
func (f *webpFile) partial() bool { return f.frame != image.Rectangle{Max: f.canvas} }

func (f *webpFile) decode(ctx context.Context) (image.Image, error) {
	if f.cut {
		return nil, cutOff()
	}
	// A file of nothing but the frame: golang.org/x/image/webp reads no animations, and asks for more order than libwebp.
	name := "VP8 "
	var chunks []byte
	if f.lossless {
		name = "VP8L"
	} else if f.alpha != nil {
		head := []byte{1 << 4, 0, 0, 0} // it has alpha
		for _, side := range []int{f.frame.Dx() - 1, f.frame.Dy() - 1} {
			head = append(head, byte(side), byte(side>>8), byte(side>>16))
		}
		chunks = append(riffChunk("VP8X", head), riffChunk("ALPH", f.alpha)...)
	}
	chunks = append(chunks, riffChunk(name, nil)...)
	binary.LittleEndian.PutUint32(chunks[len(chunks)-4:], uint32(len(f.pixels)))
	pad := make([]byte, len(f.pixels)&1)
	size := binary.LittleEndian.AppendUint32(nil, uint32(4+len(chunks)+len(f.pixels)+len(pad)))
	m, err := webp.Decode(slowly{ctx, io.MultiReader(
		bytes.NewReader([]byte("RIFF")), bytes.NewReader(size), bytes.NewReader([]byte("WEBP")),
		bytes.NewReader(chunks), bytes.NewReader(f.pixels), bytes.NewReader(pad))})
	if err != nil || !f.partial() {
		return m, err
	}
	codes := videoCodes
	if f.lossless {
		codes = jpegCodes
	}
	canvas := image.NewNRGBA(image.Rectangle{Max: f.canvas})
	rows := rowsOf(m, codes)
	row := make([][4]float32, f.frame.Dx())
	for y := range f.frame.Dy() {
		rows.Read(y, row)
		line := canvas.Pix[canvas.PixOffset(f.frame.Min.X, f.frame.Min.Y+y):]
		for x, c := range row {
			for k := range 4 {
				line[4*x+k] = byte(level(c[k]))
			}
		}
	}
	return canvas, nil
}

// riffChunk returns a chunk: name, length, data, and a byte more if the length is odd.
func riffChunk(name string, data []byte) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(name), uint32(len(data)))
	return append(append(b, data...), make([]byte, len(data)&1)...)
}
