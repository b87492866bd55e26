package picture

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"image/png"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
	"golang.org/x/image/tiff"

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
// TIFF, by the extension: .png, .jpg, .jpeg, .tif or .tiff. A TIFF always has a channel of alpha.
//
// The file gets its name when all of it is on the disk. On an error whatever had the name is as it was; only a process
// that is killed may leave a hidden temporary file beside it. A file that is replaced passes on its permissions, a
// link stays a link.
func (p *Picture) Save(path string) error {
	encode, err := encoderFor(path)
	if err != nil {
		return err
	}
	if err := p.check(); err != nil {
		return fmt.Errorf("%s is not written: %w", path, err)
	}
	f, err := create(path)
	if err != nil {
		return err
	}
	defer f.Cleanup()
	w := bufio.NewWriter(f)
	if err := cmp.Or(encode(w, p.Image()), w.Flush()); err != nil {
		return unwritten(path, err)
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return unwritten(path, err)
	}
	syncFolder(filepath.Dir(f.Name()))
	return nil
}

// syncFolder makes a file's new name survive a loss of power. Some file systems cannot; the file is there all the same.
func syncFolder(folder string) {
	if f, err := os.Open(folder); err == nil {
		_ = f.Sync()
		_ = f.Close()
	}
}

// CheckOutput says what would keep Save from writing to path, before hours of work are spent on what to write: an
// extension that is not known, a folder that is missing or closed, a full disk, or something at path that cannot be
// replaced. It does what Save would, up to giving the file its name.
func CheckOutput(path string) error {
	if _, err := encoderFor(path); err != nil {
		return err
	}
	f, err := create(path)
	if err != nil {
		return err
	}
	defer f.Cleanup()
	if _, err := f.Write(make([]byte, 4096)); err != nil {
		return unwritten(path, err)
	}
	return nil
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

// create opens a temporary file that is to replace the one at path, in the same folder.
func create(path string) (*renameio.PendingFile, error) {
	target, err := replaceable(path)
	if err != nil {
		return nil, err
	}
	f, err := renameio.NewPendingFile(target, renameio.WithTempDir(filepath.Dir(target)),
		renameio.WithPermissions(0o644), renameio.WithExistingPermissions())
	if err != nil {
		return nil, unwritten(path, err)
	}
	return f, nil
}

// replaceable returns the path of the file that is to be written, with links resolved, or says why there can be none.
func replaceable(path string) (target string, err error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, checkFolder(path)
	}
	if err != nil {
		return "", unwritten(path, err)
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is there and is not a regular file: choose another name", path)
	}
	// Renaming would replace a file that its owner has protected against writing; that is not what was asked for.
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return "", fmt.Errorf("%s is there and cannot be replaced (%w): choose another name", path, cause(err))
	}
	if err := f.Close(); err != nil {
		return "", unwritten(path, err)
	}
	if target, err = filepath.EvalSymlinks(path); err != nil {
		return "", unwritten(path, err)
	}
	return target, nil
}

// checkFolder says what is wrong with the place where a file is to be created.
func checkFolder(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s is a link to a file that is missing: remove it or choose another name", path)
	}
	folder := filepath.Dir(path)
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s cannot be written, since there is no folder %s (%w): create it first", path, folder, cause(err))
	}
	return nil
}

// unwritten says why the file system refused.
func unwritten(path string, err error) error {
	return fmt.Errorf("%s cannot be written (%w): choose another place", path, cause(err))
}
