// Package imagefile reads picture files, for paintings and for thumbnails.
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

	"github.com/gouache-art/gouache/internal/colour"
)

// Limits bounds the pictures that are decoded. A bound of 0 is none.
type Limits struct {
	MinSide, MaxSide, MaxPixels int   // pixels
	MaxMemory                   int64 // bytes that decoding takes, without the file's own
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
	Format        string // png, jpeg, webp, tiff, gif, heic or avif, or one that is registered with package image
	Width, Height int    // pixels, as stored
	Memory        int64  // bytes that decoding takes at most, without the file's own
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
// possible, since there is less to convert then. It ends soon after its context does, with the context's error.
func (f *File) SRGB(ctx context.Context, scale func(image.Image) image.Image) (image.Image, error) {
	if _, inks := f.Image.(*image.CMYK); inks && f.Space != nil || f.codes != jpegCodes {
		m, err := f.Rows().image(ctx) // package image would take the numbers for something else
		if err != nil {
			return nil, err
		}
		return scale(m), nil
	}
	small := *f
	small.Image = scale(f.Image)
	if f.Space == nil {
		return small.Image, nil
	}
	return small.Rows().image(ctx)
}

// parsed is a file before it is decoded.
type parsed struct {
	Header
	exif, xmp   []byte
	icc, cicp   []byte      // what the colours are, of formats whose files package colour does not read
	orientation Orientation // that the format itself says, else 0
	codes       codes
	decode      func(ctx context.Context) (image.Image, error)
}

// PanicError is the value of a panic of a decoder.
type PanicError struct{ Value any }

func (e PanicError) Error() string { return fmt.Sprint(e.Value) }

// Inspect reads a file's header.
func Inspect(data []byte) (h Header, err error) {
	defer recovered(&err)
	p, err := open(data)
	if err != nil {
		return h, faultOf(err)
	}
	return p.Header, nil
}

// Decode decodes a file within limits. It ends soon after its context does, with the context's error.
func Decode(ctx context.Context, data []byte, limits Limits) (f *File, err error) {
	defer recovered(&err)
	p, err := open(data)
	if err != nil {
		return nil, faultOf(err)
	}
	if err := limits.Check(p.Width, p.Height); err != nil {
		return nil, err
	}
	if limits.MaxMemory > 0 && p.Memory > limits.MaxMemory {
		return nil, fmt.Errorf("is %d×%d pixels, which take %d MB to decode, and at most %d are possible: shrink it first",
			p.Width, p.Height, p.Memory>>20, limits.MaxMemory>>20)
	}
	m, err := p.decode(ctx)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, faultOf(err)
	}
	if b := m.Bounds(); b.Dx() != p.Width || b.Dy() != p.Height {
		return nil, damaged(fmt.Errorf("it says it has %d×%d pixels, and has %d×%d", p.Width, p.Height, b.Dx(), b.Dy()))
	}
	f = &File{Header: p.Header, Image: m, Orientation: p.orientation, codes: p.codes}
	if f.Orientation == 0 {
		f.Orientation = orientationOf(p.exif, p.xmp)
	}
	if p.icc != nil || p.cicp != nil {
		f.Space, f.Warning = colour.OfParts(p.icc, p.cicp, m)
	} else {
		f.Space, f.Warning = colour.Of(data, p.Format, m)
	}
	return f, nil
}

// open reads what a file says before its pixels, of which it has some.
func open(data []byte) (*parsed, error) {
	p, err := parse(data)
	if err == nil && min(p.Width, p.Height) < 1 {
		return nil, damaged(errors.New("it has no pixels"))
	}
	return p, err
}

// parse reads what a file of any format says.
func parse(data []byte) (*parsed, error) {
	if len(data) == 0 {
		return nil, &fault{"is empty", nil, getAnother}
	}
	switch Kind(data) {
	case "png":
		f, err := openPNG(data)
		if err != nil {
			return nil, err
		}
		return f.parsed(), nil
	case "jpeg":
		f, err := openJPEG(data)
		if err != nil {
			return nil, err
		}
		return f.parsed()
	case "webp":
		f, err := openWebP(data)
		if err != nil {
			return nil, err
		}
		return f.parsed(), nil
	case "gif":
		f, err := openGIF(data)
		if err != nil {
			return nil, err
		}
		return f.parsed(), nil
	case "tiff":
		f, err := openTIFF(data)
		if err != nil {
			return nil, err
		}
		return f.parsed()
	case "heic", "avif":
		f, err := openHEIF(data)
		if err != nil {
			return nil, err
		}
		return f.parsed(), nil
	}
	p, err := registered(data)
	if other := otherKind(data); errors.Is(err, image.ErrFormat) && other != nil {
		return nil, other
	}
	return p, err
}

// registered is a file of a format that the program has registered with package image.
func registered(data []byte) (*parsed, error) {
	config, format, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return &parsed{
		Header: Header{Format: format, Width: config.Width, Height: config.Height, Memory: 8 * int64(config.Width) * int64(config.Height)},
		codes:  jpegCodes,
		decode: func(ctx context.Context) (image.Image, error) {
			m, _, err := image.Decode(slowly{ctx, bytes.NewReader(data)})
			return m, err
		},
	}, nil
}

// recovered turns a panic, which is a bug of a decoder, into an error.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = damaged(PanicError{r})
	}
}
