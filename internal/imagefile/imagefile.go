// Package imagefile reads picture files, for whoever paints them and for whoever shows them.
//
// It says what a file is, bounds what decoding costs before it begins, ends decoding with its context, mends what a
// decoder wrongly refuses, and finds the orientation.
//
// Errors are the end of a sentence that begins with the file's name.
package imagefile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/draw"
	_ "image/gif" // for image.Decode
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/tiff"
	_ "golang.org/x/image/webp" // for image.Decode

	"github.com/gouache-art/gouache/internal/colour"
)

// Limits bounds the pictures that are decoded. A bound of 0 is none.
type Limits struct {
	MinSide, MaxSide, MaxPixels int   // pixels
	MaxMemory                   int64 // bytes that decoding takes
}

// Check returns what is wrong with a picture's size.
func (l Limits) Check(width, height int) error {
	switch {
	case width < l.MinSide || height < l.MinSide:
		return fmt.Errorf("is %d×%d pixels, and each side needs at least %d: take a larger picture", width, height, l.MinSide)
	case l.MaxSide > 0 && max(width, height) > l.MaxSide:
		return fmt.Errorf("is %d×%d pixels, and a side may have at most %d: shrink or crop it first", width, height, l.MaxSide)
	case l.MaxPixels > 0 && width*height > l.MaxPixels:
		return fmt.Errorf("is %d×%d pixels, and at most %d million are possible: shrink it first", width, height, l.MaxPixels/1_000_000)
	}
	return nil
}

// Header is what a file says before it is decoded.
type Header struct {
	Format        string // one of image.Decode's
	Width, Height int    // pixels, as stored
	Memory        int64  // bytes that decoding takes, at most
}

// File is a decoded picture file.
type File struct {
	Header
	Image       image.Image // as stored
	Orientation Orientation
	Space       *colour.Space // that the colours of Image are in
	// Warning says what the file says of its colours and could not be used, as the end of a sentence
	// that begins with the file's name. It is nil if there is nothing to say.
	Warning error
	codes   codes
}

// Rows reads the decoded pixels in sRGB, in their places as stored.
func (f *File) Rows() Rows {
	rows := rowsOf(f.Image, f.codes)
	if f.Space == nil {
		return rows
	}
	read := rows.Read
	if m, ok := f.Image.(*image.CMYK); ok {
		read = inkReader(m)
	}
	rows.Read = func(y int, row [][4]float32) {
		read(y, row)
		f.Space.ToSRGB(row)
	}
	return rows
}

// SRGB returns the image in sRGB, in its place as stored, after scaling it. Scaling comes first where that is
// possible, since there is less to convert then.
func (f *File) SRGB(scale func(image.Image) image.Image) image.Image {
	if _, inks := f.Image.(*image.CMYK); inks && f.Space != nil || f.codes != jpegCodes {
		return scale(f.Rows().image()) // package image would take the numbers for something else
	}
	small := *f
	small.Image = scale(f.Image)
	if f.Space == nil {
		return small.Image
	}
	return small.Rows().image()
}

// PanicError is the value of a panic of a decoder.
type PanicError struct{ Value any }

func (e PanicError) Error() string { return fmt.Sprint(e.Value) }

// Inspect reads a file's header.
func Inspect(data []byte) (h Header, err error) {
	defer recovered(&err)
	if len(data) == 0 {
		return h, errors.New("is empty: " + getAnother)
	}
	config, format, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return h, undecoded(format, data, err)
	}
	h = Header{Format: format, Width: config.Width, Height: config.Height}
	h.Memory = 8 * int64(h.Width) * int64(h.Height)
	return h, nil
}

// Decode decodes a file within limits. It ends soon after its context does, with the context's error.
func Decode(ctx context.Context, data []byte, limits Limits) (f *File, err error) {
	defer recovered(&err)
	h, err := Inspect(data)
	if err != nil {
		return nil, err
	}
	if err := limits.Check(h.Width, h.Height); err != nil {
		return nil, err
	}
	if limits.MaxMemory > 0 && h.Memory > limits.MaxMemory {
		return nil, fmt.Errorf("is %d×%d pixels, which take %d MB to decode, and at most %d are possible: shrink it first", h.Width, h.Height, h.Memory>>20, limits.MaxMemory>>20)
	}
	m, _, err := image.Decode(&reader{ctx, bytes.NewReader(data)})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, undecoded(h.Format, data, err)
	}
	f = &File{Header: h, Image: m, codes: jpegCodes}
	switch h.Format {
	case "gif":
		f.Image = onCanvas(m, h.Width, h.Height)
	case "webp":
		f.codes = videoCodes
	}
	f.Orientation = readOrientation(bytes.NewReader(data), h.Format)
	f.Space, f.Warning = colour.Of(data, h.Format, f.Image)
	return f, nil
}

// recovered turns a panic, which is a bug of a decoder, into an error.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("is damaged (%w): %s", PanicError{r}, getAnother)
	}
}

// reader is a file that cannot be read any further when its context has ended.
type reader struct {
	ctx  context.Context
	data *bytes.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.data.Read(p)
}

func (r *reader) ReadAt(p []byte, at int64) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.data.ReadAt(p, at)
}

const (
	getAnother = "copy or download it again"
	convertIt  = "convert it to PNG or JPEG first"
)

// undecoded returns the error for a file that a decoder refused.
func undecoded(format string, data []byte, err error) error {
	switch {
	case errors.Is(err, image.ErrFormat):
		return errors.New("is in none of the formats that can be read, PNG, JPEG, WebP, TIFF and GIF: " + convertIt)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("is cut off before its end (%w): %s", err, getAnother)
	case errors.As(err, new(png.UnsupportedError)), errors.As(err, new(jpeg.UnsupportedError)),
		errors.As(err, new(tiff.UnsupportedError)):
		return fmt.Errorf("is of a kind that cannot be read (%w): %s", err, convertIt)
	}
	// golang.org/x/image/webp calls an animation invalid. The file's head announces it.
	if flags, ok := webpChunk(bytes.NewReader(data), "VP8X"); format == "webp" && ok && len(flags) > 0 && flags[0]&(1<<1) != 0 {
		return fmt.Errorf("is an animated WebP, which cannot be read (%w): save one frame as PNG first", err)
	}
	return fmt.Errorf("is damaged (%w): %s", err, getAnother)
}

// onCanvas returns a GIF's frame in its place on a transparent canvas: a frame may be a part of the picture.
func onCanvas(frame image.Image, width, height int) image.Image {
	canvas := image.Rect(0, 0, width, height)
	if frame.Bounds() == canvas {
		return frame
	}
	m := image.NewNRGBA(canvas)
	draw.Draw(m, frame.Bounds(), frame, frame.Bounds().Min, draw.Src)
	return m
}
