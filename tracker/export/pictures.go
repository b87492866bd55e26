package export

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/gouache-art/gouache/internal/atomicfile"
	"github.com/gouache-art/gouache/internal/thumbnail"
	"github.com/gouache-art/gouache/tracker"
)

// Pictures writes all pictures of runs, byte for byte, into a folder, which it creates if
// necessary: a folder for each run, named NAME-ID, and in it files named ROLE-STEP-NAME with the
// extension of their format. Existing files of those names are replaced, others stay.
func Pictures(ctx context.Context, dir string, reader tracker.Reader, ids []string) error {
	if err := checkIDs(ids); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return unwritten(err)
	}
	root, err := os.OpenRoot(dir) // no name in a store made elsewhere may lead out of the folder
	if err != nil {
		return unwritten(err)
	}
	defer root.Close()
	return each(ctx, reader, ids, func(run *tracker.Run, pictures []tracker.Picture) error {
		folder := fileName(run.Name) + "-" + fileName(run.ID)
		if run.Name == run.ID {
			folder = fileName(run.ID)
		}
		if err := root.MkdirAll(folder, 0o755); err != nil {
			return unwritten(err)
		}
		for _, p := range pictures {
			if err := copyPicture(ctx, root, path.Join(folder, pictureName(p)), reader, p.Hash); err != nil {
				return err
			}
		}
		return nil
	})
}

func unwritten(err error) error {
	return tracker.Errorf(tracker.CodeUnavailable, "the pictures cannot be written: %w", err)
}

// pictureName is a picture's file name. Steps have enough digits to keep snapshots in order.
func pictureName(p tracker.Picture) string {
	name := fmt.Sprintf("%s-%06d", fileName(p.Role), p.Step)
	if given := strings.TrimSuffix(p.Name, path.Ext(p.Name)); given != "" {
		name += "-" + fileName(given)
	}
	if known(p.Format) {
		name += "." + p.Format
	}
	return name
}

// mimeTypes are the types of the formats that every browser shows, by the names that stores give them.
var mimeTypes = map[string]string{"png": "image/png", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}

// known reports whether a format is one that this program keeps, and not any text of a store made elsewhere.
func known(format string) bool {
	return mimeTypes[format] != "" || slices.Contains([]string{"tiff", "heic", "avif"}, format)
}

// fileName turns any text into a part of a file name.
func fileName(text string) string {
	const most = 80 // bytes
	safe := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, text)
	return strings.ToValidUTF8(safe[:min(len(safe), most)], "")
}

// copyPicture writes a file that exists whole or not at all.
func copyPicture(ctx context.Context, root *os.Root, name string, reader tracker.Reader, hash string) error {
	from, err := reader.OpenPicture(ctx, hash)
	if err != nil {
		return err
	}
	defer from.Close()
	err = atomicfile.WriteIn(root, name, func(w io.Writer) error {
		_, err := io.Copy(w, from)
		return err
	})
	var known *tracker.Error // of the store
	if err == nil || errors.As(err, &known) {
		return err
	}
	return tracker.Errorf(tracker.CodeUnavailable, "%w", err)
}

// jpegQuality is the quality of reduced pictures. At 90, five results of 256 to 512 pixels take 21
// to 24% of their PNGs' bytes.
const jpegQuality = 90

// shown is a picture in a format that every browser shows.
type shown struct {
	mime string
	io.ReadCloser
}

// show opens a picture for a browser, at most longer pixels on its longer side, or in its own size
// if that is 0. It uses the file itself if possible, else a decoded copy. The picture's description may come from a
// store made elsewhere, so that only its hash and its format count, if they are ones.
func show(ctx context.Context, reader tracker.Reader, p *tracker.Picture, longer int) (*shown, error) {
	file, err := reader.OpenPicture(ctx, p.Hash)
	if err != nil {
		return nil, err
	}
	own := mimeTypes[p.Format]
	if longer == 0 && own != "" {
		return &shown{own, file}, nil
	}
	data, mime, err := convert(ctx, file, longer)
	if err == nil && own != "" && max(p.Width, p.Height) <= longer && p.Bytes <= int64(len(data)) {
		if _, err := file.Seek(0, io.SeekStart); err == nil {
			return &shown{own, file}, nil
		}
	}
	if err := cmp.Or(err, file.Close()); err != nil {
		return nil, err
	}
	return &shown{mime, io.NopCloser(bytes.NewReader(data))}, nil
}

// convert returns a JPEG of at most longer pixels on its longer side, or a PNG with the same pixels
// if longer is 0.
func convert(ctx context.Context, file io.ReadSeeker, longer int) (data []byte, mime string, err error) {
	factor := func(size image.Point) float64 {
		if longer == 0 {
			return 1
		}
		return float64(longer) / float64(max(size.X, size.Y))
	}
	var b bytes.Buffer
	err = thumbnail.Make(ctx, file, factor, func(_ context.Context, m image.Image) error {
		if longer == 0 {
			mime = "image/png"
			return png.Encode(&b, m)
		}
		mime = "image/jpeg"
		return jpeg.Encode(&b, onWhite(m), &jpeg.Options{Quality: jpegQuality})
	})
	if err != nil {
		return nil, "", tracker.Errorf(tracker.CodeInvalid, "%w", err)
	}
	return b.Bytes(), mime, nil
}

// onWhite draws a picture on white. In a JPEG, transparent pixels would be black.
func onWhite(m image.Image) image.Image {
	opaque := image.NewRGBA(m.Bounds())
	draw.Draw(opaque, opaque.Bounds(), image.White, image.Point{}, draw.Src)
	draw.Draw(opaque, opaque.Bounds(), m, m.Bounds().Min, draw.Over)
	return opaque
}
