package imagefile

import (
	"bytes"
	"compress/lzw"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/draw"
	"image/gif"
	"io"
	"slices"
)

// gifFile is what a GIF file says before its first frame's pixels.
type gifFile struct {
	palette []byte // with the three bytes before it
	control []byte // the extension that says which colour is transparent
	rest    []byte // from the first frame on
	canvas  image.Rectangle
	frame   image.Rectangle
}

// greys is the palette of a file without one.
func greys() []byte {
	b := []byte{0x80 | 7, 0, 0}
	for i := range 256 {
		b = append(b, byte(i), byte(i), byte(i))
	}
	return b
}

// openGIF reads a file up to its first frame. As in browsers, a frame that is larger than the canvas makes it larger.
func openGIF(data []byte) (*gifFile, error) {
	if len(data) < 13 {
		return nil, cutOff()
	}
	f := &gifFile{}
	f.canvas.Max = image.Pt(int(binary.LittleEndian.Uint16(data[6:])), int(binary.LittleEndian.Uint16(data[8:])))
	at := 13
	f.palette = greys()
	if flags := data[10]; flags&0x80 != 0 {
		at += 3 << (1 + flags&7)
		f.palette = append([]byte{flags, data[11], data[12]}, data[13:min(at, len(data))]...)
	}
	for at < len(data) && (data[at] == 0x21 || data[at] == 0) { // extensions, and rubbish that others skip too
		from := at
		if at++; data[from] == 0 {
			continue
		}
		for at++; at < len(data) && data[at] != 0; { // a number, and blocks that begin with their length
			at += 1 + int(data[at])
		}
		if at++; at <= len(data) && data[from+1] == 0xf9 {
			f.control = data[from:at]
		}
	}
	f.rest = data[min(at, len(data)):]
	if at+10 > len(data) {
		return nil, cutOff()
	}
	if data[at] != 0x2c {
		return nil, damaged(errors.New("it has no picture"))
	}
	part := func(i int) int { return int(binary.LittleEndian.Uint16(data[at+i:])) }
	f.frame = image.Rect(0, 0, part(5), part(7)).Add(image.Pt(part(1), part(3)))
	if f.frame.Empty() {
		return nil, damaged(errors.New("it has no pixels"))
	}
	f.canvas.Max = image.Pt(max(f.canvas.Max.X, f.frame.Max.X), max(f.canvas.Max.Y, f.frame.Max.Y))
	if max(f.canvas.Max.X, f.canvas.Max.Y) > 0xffff {
		return nil, damaged(errors.New("its first frame lies outside"))
	}
	return f, nil
}

// whole returns the first frame with as much compressed data as its pixels take, and its end; or false if they are not
// all there.
func (f *gifFile) whole() ([]byte, bool) {
	at := 10
	if flags := f.rest[9]; flags&0x80 != 0 {
		at += 3 << (1 + flags&7)
	}
	if at+1 > len(f.rest) || f.rest[at] < 2 || f.rest[at] > 8 {
		return nil, false
	}
	out := slices.Clone(f.rest[:at+1])
	var packed []byte
	for at++; at < len(f.rest) && f.rest[at] != 0; {
		next := min(at+1+int(f.rest[at]), len(f.rest))
		packed = append(packed, f.rest[at+1:next]...)
		at = next
	}
	left := bytes.NewReader(packed)
	pixels := int64(f.frame.Dx()) * int64(f.frame.Dy())
	if n, _ := io.CopyN(io.Discard, lzw.NewReader(left, lzw.LSB, int(out[len(out)-1])), pixels); n < pixels {
		return nil, false
	}
	for block := range slices.Chunk(packed[:len(packed)-left.Len()], 255) {
		out = append(append(out, byte(len(block))), block...)
	}
	return append(out, 0, 0x3b), true
}

func (f *gifFile) parsed() *parsed {
	area := func(r image.Rectangle) int64 { return int64(r.Dx()) * int64(r.Dy()) }
	memory := 2 * area(f.frame) // interlaced lines are put in order in a copy
	if f.frame != f.canvas {
		memory += 4 * area(f.canvas)
	}
	return &parsed{
		Header: Header{Format: "gif", Width: f.canvas.Dx(), Height: f.canvas.Dy(), Memory: memory},
		codes:  jpegCodes,
		decode: f.decode,
	}
}

func (f *gifFile) decode(ctx context.Context) (image.Image, error) {
	head := []byte("GIF89a")
	head = binary.LittleEndian.AppendUint16(head, uint16(f.canvas.Dx()))
	head = binary.LittleEndian.AppendUint16(head, uint16(f.canvas.Dy()))
	head = slices.Concat(head, f.palette, f.control)
	m, err := gif.Decode(slowly{ctx, io.MultiReader(bytes.NewReader(head), bytes.NewReader(f.rest))})
	if err != nil && ctx.Err() == nil {
		// All pixels may be there, with too little or too much behind them, which image/gif refuses.
		rest, ok := f.whole()
		if !ok {
			return nil, cutOff()
		}
		m, err = gif.Decode(slowly{ctx, io.MultiReader(bytes.NewReader(head), bytes.NewReader(rest))})
	}
	if err != nil || f.frame == f.canvas {
		return m, err
	}
	canvas := image.NewNRGBA(f.canvas)
	draw.Draw(canvas, m.Bounds(), m, m.Bounds().Min, draw.Src)
	return canvas, nil
}
