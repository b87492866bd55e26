package picture

import (
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/image/tiff"

	"github.com/gouache-art/gouache/internal/atomicfile"
	"github.com/gouache-art/gouache/internal/suggest"
)

// jpegQuality is nearly transparent to the eye; package jpeg halves the resolution of colour at any quality.
const jpegQuality = 95

type encoder func(w io.Writer, m *image.NRGBA) error

var (
	extensions = []string{".png", ".jpg", ".jpeg", ".tif", ".tiff"}
	encoders   = map[string]encoder{
		".png":  func(w io.Writer, m *image.NRGBA) error { return png.Encode(w, m) },
		".jpg":  encodeJPEG,
		".jpeg": encodeJPEG,
		".tif":  encodeTIFF,
		".tiff": encodeTIFF,
	}
)

// encodeJPEG lays the picture on white paper first, since a JPEG has no alpha.
func encodeJPEG(w io.Writer, m *image.NRGBA) error {
	page := image.NewRGBA(m.Rect)
	draw.Draw(page, page.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(page, page.Rect, m, m.Rect.Min, draw.Over)
	return jpeg.Encode(w, page, &jpeg.Options{Quality: jpegQuality})
}

func encodeTIFF(w io.Writer, m *image.NRGBA) error {
	return tiff.Encode(w, m, &tiff.Options{Compression: tiff.Deflate, Predictor: true})
}

// Save writes the picture to a file, with 8 bits a channel, as PNG, JPEG (quality 95, transparent parts on white) or
// TIFF, by the extension: .png, .jpg, .jpeg, .tif or .tiff. A TIFF always has a channel of alpha. Standard output, "-",
// and devices and FIFOs without an extension receive a PNG.
//
// The file gets its name when all of it is on the disk. After an error an existing file is as it was; only a process
// that is killed may leave a hidden temporary file beside it. A file that is replaced keeps its permissions, and a link
// stays a link.
func (p *Picture) Save(path string) error {
	encode, err := encoderFor(path)
	if err != nil {
		return err
	}
	if err := p.check(); err != nil {
		return fmt.Errorf("%s is not written: %w", path, err)
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		if err := encode(w, p.Image()); err != nil {
			return fmt.Errorf("%s is not written: %w", path, err)
		}
		return nil
	})
}

// CheckOutput says what would keep Save from writing to path, before hours of work are spent on what to write: an
// unknown extension, a folder that is missing or closed, a full disk, or something at path that cannot be replaced. It
// does what Save would, up to giving the file its name.
func CheckOutput(path string) error {
	if _, err := encoderFor(path); err != nil {
		return err
	}
	return atomicfile.Check(path)
}

// encoderFor chooses the format by the extension.
func encoderFor(path string) (encoder, error) {
	if path == "" {
		return nil, errors.New("no output file is named: give one that ends in .png, .jpg or .tiff")
	}
	if info, err := os.Stat(path); os.IsPathSeparator(path[len(path)-1]) || err == nil && info.IsDir() {
		return nil, fmt.Errorf("%s is a folder: name a file in it, such as %s", path, filepath.Join(path, "picture.png"))
	}
	ext := filepath.Ext(path)
	stem := strings.TrimSuffix(path, ext)
	ext = strings.ToLower(ext)
	switch encode, ok := encoders[ext]; {
	case ok:
		return encode, nil
	case ext == "" && atomicfile.IsStream(path):
		return encoders[".png"], nil
	case ext == "" || ext == ".":
		return nil, fmt.Errorf("%s has no extension to tell the format: try %s.png", path, stem)
	case ext == ".gif" || ext == ".webp":
		return nil, fmt.Errorf("%s cannot be written, since %s files are only read: try %s.png", path, ext, stem)
	}
	advice := "end it in " + strings.Join(extensions, ", ")
	if near := suggest.Nearest(ext, extensions); near != "" {
		advice = fmt.Sprintf("did you mean %s%s?", stem, near)
	}
	return nil, fmt.Errorf("%s has an extension of no format that can be written, %s: %s", path, ext, advice)
}
