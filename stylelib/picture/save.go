package picture

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/image/tiff"

	"github.com/gouache-art/gouache/internal/atomicfile"
	"github.com/gouache-art/gouache/internal/colour"
	"github.com/gouache-art/gouache/internal/suggest"
)

// jpegQuality is nearly transparent to the eye; package jpeg halves the resolution of colour at any quality.
const jpegQuality = 95

var extensions = []string{".png", ".jpg", ".jpeg", ".tif", ".tiff"}

// Encoding is how [Picture.SaveAs] writes colours. The zero value is sRGB with 8 bits a channel.
type Encoding struct {
	// Depth is 8 or 16 bits a channel; 0 means 8. A JPEG has 8.
	Depth int
	// Profile is an ICC profile of RGB, such as Profile of the picture that was painted. The colours are converted into
	// it, and the file carries it; nil is sRGB.
	Profile []byte
}

// Check says what would keep SaveAs from writing a file with the path's extension in this encoding.
func (e Encoding) Check(path string) error {
	extension, err := extensionOf(path)
	if err != nil {
		return err
	}
	if _, err := e.space(extension); err != nil {
		return fmt.Errorf("%s cannot be written: %w", path, err)
	}
	return nil
}

// space returns the colour space to write, or an error for an encoding that a file with the extension cannot have.
func (e Encoding) space(extension string) (*colour.Space, error) {
	isJPEG := extension == ".jpg" || extension == ".jpeg"
	switch {
	case e.Depth != 0 && e.Depth != 8 && e.Depth != 16:
		return nil, fmt.Errorf("%d bits a channel are not possible: choose 8 or 16", e.Depth)
	case e.Depth == 16 && isJPEG:
		return nil, errors.New("a JPEG has 8 bits a channel and not 16: write a .png or .tiff")
	case e.Profile == nil:
		return nil, nil
	}
	space, err := colour.Parse(e.Profile)
	if err == nil {
		err = space.CheckFromSRGB()
	}
	if err != nil {
		return nil, fmt.Errorf("the profile cannot be kept, since the picture it comes from %w", err)
	}
	return space, nil
}

// encode writes an image, whose colours are in the space, in the format of one of the extensions.
func encode(w io.Writer, m image.Image, space *colour.Space, extension string) error {
	switch extension {
	case ".jpg", ".jpeg": // on white paper, since a JPEG has no alpha
		page := image.NewRGBA(m.Bounds())
		draw.Draw(page, page.Rect, image.White, image.Point{}, draw.Src)
		draw.Draw(page, page.Rect, m, m.Bounds().Min, draw.Over)
		return jpeg.Encode(space.Tag(w, "jpeg"), page, &jpeg.Options{Quality: jpegQuality})
	case ".tif", ".tiff":
		var file bytes.Buffer
		if err := tiff.Encode(&file, m, &tiff.Options{Compression: tiff.Deflate, Predictor: true}); err != nil {
			return err
		}
		_, err := w.Write(space.TagTIFF(file.Bytes()))
		return err
	}
	return png.Encode(space.Tag(w, "png"), m)
}

// Save writes the picture to a file in sRGB, with 8 bits a channel, as PNG, JPEG (quality 95, transparent parts on
// white) or TIFF, by the extension: .png, .jpg, .jpeg, .tif or .tiff. The file says that it is in sRGB. A TIFF always
// has a channel of alpha. Standard output, "-", and devices and FIFOs without an extension receive a PNG.
//
// The file gets its name when all of it is on the disk. After an error an existing file is as it was; only a process
// that is killed may leave a hidden temporary file beside it. A file that is replaced keeps its permissions, and a link
// stays a link.
func (p *Picture) Save(path string) error { return p.SaveAs(path, Encoding{}) }

// SaveAs is Save with another encoding.
func (p *Picture) SaveAs(path string, e Encoding) error {
	extension, err := extensionOf(path)
	if err != nil {
		return err
	}
	space, err := e.space(extension)
	if err == nil {
		err = p.check()
	}
	if err != nil {
		return fmt.Errorf("%s is not written: %w", path, err)
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		var m image.Image = p.image(space)
		if e.Depth == 16 {
			m = p.deepImage(space)
		}
		if err := encode(w, m, space, extension); err != nil {
			return fmt.Errorf("%s is not written: %w", path, err)
		}
		return nil
	})
}

// CheckOutput says what would keep Save from writing to path, before hours of work are spent on what to write: an
// unknown extension, a folder that is missing or closed, a full disk, or something at path that cannot be replaced. It
// does what Save would, up to giving the file its name.
func CheckOutput(path string) error {
	if _, err := extensionOf(path); err != nil {
		return err
	}
	return atomicfile.Check(path)
}

// extensionOf returns the extension, in small letters, that says the format. A stream without one is a PNG.
func extensionOf(path string) (string, error) {
	if path == "" {
		return "", errors.New("no output file is named: give one that ends in .png, .jpg or .tiff")
	}
	if info, err := os.Stat(path); os.IsPathSeparator(path[len(path)-1]) || err == nil && info.IsDir() {
		return "", fmt.Errorf("%s is a folder: name a file in it, such as %s", path, filepath.Join(path, "picture.png"))
	}
	ext := filepath.Ext(path)
	stem := strings.TrimSuffix(path, ext)
	ext = strings.ToLower(ext)
	switch {
	case slices.Contains(extensions, ext):
		return ext, nil
	case ext == "" && atomicfile.IsStream(path):
		return ".png", nil
	case ext == "" || ext == ".":
		return "", fmt.Errorf("%s has no extension to tell the format: try %s.png", path, stem)
	case ext == ".gif" || ext == ".webp":
		return "", fmt.Errorf("%s cannot be written, since %s files are only read: try %s.png", path, ext, stem)
	}
	advice := "end it in " + strings.Join(extensions, ", ")
	if near := suggest.Nearest(ext, extensions); near != "" {
		advice = fmt.Sprintf("did you mean %s%s?", stem, near)
	}
	return "", fmt.Errorf("%s has an extension of no format that can be written, %s: %s", path, ext, advice)
}
