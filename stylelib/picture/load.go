package picture

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/draw"
	_ "image/gif" // for image.Decode
	"image/jpeg"
	"image/png"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"golang.org/x/image/tiff"
	_ "golang.org/x/image/webp" // for image.Decode

	"github.com/gouache-art/gouache/internal/exif"
	"github.com/gouache-art/gouache/internal/filename"
	"github.com/gouache-art/gouache/internal/suggest"
	"github.com/gouache-art/gouache/stylelib/samples"
)

// MaxFileSize is the size of the largest file that [Load] reads, in bytes: MaxPixels of 16-bit RGBA fit into it.
const MaxFileSize = 1 << 30

// Load reads a picture from a file, or one of package samples by the name sample:NAME; a file whose name begins so is
// reached as ./sample:NAME.
//
// The content says the format. A picture is turned upright as its EXIF orientation says. An animated GIF gives its first
// frame, in its place on the canvas. A TIFF with several pages gives the first.
//
// An error is one sentence. It matches fs.ErrNotExist or fs.ErrPermission if the file is missing or may not be read. The
// bounds are MinSide, MaxSide, MaxPixels and MaxFileSize; all are checked before decoding. Animated WebP, TIFF with
// separate inks (CMYK) or floating-point samples, HEIC and AVIF cannot be read.
func Load(name string) (*Picture, error) {
	data, err := ReadFile(name)
	if err != nil {
		return nil, err
	}
	return Decode(name, data)
}

// ReadFile reads the file that Load decodes, for callers that also keep the file.
func ReadFile(name string) ([]byte, error) {
	if sample, ok := strings.CutPrefix(name, filename.SamplePrefix); ok {
		return samples.Open(sample)
	}
	if name == "" {
		return nil, errors.New("no picture is named: give a file or sample:NAME")
	}
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, unopened(name, err)
	case info.IsDir():
		return nil, fmt.Errorf("%s is a folder: name a picture in it", name)
	case !info.Mode().IsRegular(): // a pipe, for example, may never end
		return nil, fmt.Errorf("%s is not a regular file: save the picture to a file first", name)
	case info.Size() > MaxFileSize:
		return nil, fmt.Errorf("%s is larger than %s: shrink the picture first", name, humanize.IBytes(MaxFileSize))
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, unopened(name, err)
	}
	return data, nil
}

// Decode decodes a file's content as Load does; name is for its errors.
func Decode(name string, data []byte) (*Picture, error) {
	p, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s %w", name, err)
	}
	return p, nil
}

// unopened returns the error for a file that cannot be read, which says which file may be meant.
func unopened(name string, err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err // the sentence names the path
	}
	advice := "check the path"
	switch {
	case errors.Is(err, fs.ErrPermission):
		advice = "make it readable, or copy it to where you may read it"
	case !errors.Is(err, fs.ErrNotExist):
	case slices.Contains(samples.Names(), name):
		advice = "did you mean " + filename.SamplePrefix + name + "?"
	default:
		folder, base := filepath.Split(name)
		entries, _ := os.ReadDir(filepath.Clean(folder)) // if that fails there is no suggestion
		names := make([]string, len(entries))
		for i, e := range entries {
			names[i] = e.Name()
		}
		if near := suggest.Nearest(base, names); near != "" {
			advice = "did you mean " + folder + near + "?"
		}
	}
	return fmt.Errorf("%s cannot be read (%w): %s", name, err, advice)
}

// panicError is the value of a panic.
type panicError struct{ value any }

func (e panicError) Error() string { return fmt.Sprint(e.value) }

// decode turns a file's content into a picture. Its errors are the end of a sentence that begins with the file's name.
func decode(data []byte) (p *Picture, err error) {
	defer func() {
		if r := recover(); r != nil { // a bug of a decoder
			p, err = nil, fmt.Errorf("is damaged (%w): %s", panicError{r}, getAnother)
		}
	}()
	if len(data) == 0 {
		return nil, errors.New("is empty: " + getAnother)
	}
	config, format, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, undecoded(format, data, err)
	}
	if err := checkSize(config.Width, config.Height, MinSide); err != nil {
		return nil, err
	}
	m, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, undecoded(format, data, err)
	}
	codes := jpegCodes
	switch format {
	case "gif":
		m = onCanvas(m, config.Width, config.Height)
	case "webp":
		codes = videoCodes
	}
	return convert(sourceOf(m, codes), exif.Read(bytes.NewReader(data), format)), nil
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
	if flags, ok := exif.WebPChunk(bytes.NewReader(data), "VP8X"); format == "webp" && ok && len(flags) > 0 && flags[0]&(1<<1) != 0 {
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
