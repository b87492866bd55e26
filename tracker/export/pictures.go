package export

import (
	"archive/zip"
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
	"strconv"
	"strings"
	"unicode"

	"github.com/gouache-art/gouache/internal/atomicfile"
	"github.com/gouache-art/gouache/internal/filename"
	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/internal/thumbnail"
	"github.com/gouache-art/gouache/tracker"
)

// Pictures writes all pictures and other files of runs, byte for byte, into a folder, which it creates
// if necessary: a folder for each run, named NAME-ID, and in it pictures named ROLE-STEP-NAME with the
// extension of their format, and the other files below the folder files, see fileNames. Existing files of those names are
// replaced, others stay.
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
	return Each(ctx, reader, ids, func(run *tracker.Run, pictures []tracker.Picture) error {
		folder := Folder(run)
		if err := root.MkdirAll(folder, 0o755); err != nil {
			return unwritten(err)
		}
		for _, p := range pictures {
			if err := CopyPicture(ctx, root, path.Join(folder, PictureName(p)), reader, p.Hash); err != nil {
				return err
			}
		}
		files, err := reader.Files(ctx, run.ID)
		if err != nil {
			return err
		}
		names := fileNames(files)
		for i, f := range files {
			name := path.Join(folder, "files", names[i])
			if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
				return unwritten(err)
			}
			if err := CopyPicture(ctx, root, name, reader, f.Hash); err != nil {
				return err
			}
		}
		return nil
	})
}

// longestPart is the most bytes of a part of a path.
const longestPart = 255

// fileNames returns the paths of a run's files below the folder files: their names, unless file systems have no place for
// one. A part that is too long is cut. Where others lie below a file as in a folder, or have its name, it has a part of its
// hash in its own.
func fileNames(files []tracker.File) []string {
	names := make([]string, len(files))
	folders, taken := map[string]bool{}, map[string]bool{}
	for i, f := range files {
		parts := strings.Split(f.Name, "/")
		for k, part := range parts {
			parts[k] = strings.ToValidUTF8(part[:min(len(part), longestPart)], "")
		}
		names[i] = strings.Join(parts, "/")
		for dir := path.Dir(names[i]); dir != "."; dir = path.Dir(dir) {
			folders[dir] = true
		}
	}
	for i, f := range files {
		if name := names[i]; folders[name] || taken[name] {
			end := "-" + f.Hash[:min(len(f.Hash), 8)]
			for folders[names[i]] || taken[names[i]] {
				dir, base := path.Split(name)
				names[i] = dir + strings.ToValidUTF8(base[:min(len(base), longestPart-len(end))], "") + end
				end += "_"
			}
		}
		taken[names[i]] = true
	}
	return names
}

// Folder is the name of a run's folder, NAME-ID.
func Folder(run *tracker.Run) string {
	if run.Name == run.ID {
		return fileName(run.ID)
	}
	return fileName(run.Name) + "-" + fileName(run.ID)
}

func unwritten(err error) error {
	return tracker.Errorf(tracker.CodeUnavailable, "the pictures cannot be written: %w", err)
}

// PictureName is the name of a picture's file, ROLE-STEP-NAME with the extension of its format. Steps have enough digits
// to keep snapshots in order.
func PictureName(p tracker.Picture) string {
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

// Zip writes a ZIP archive with the picture that shows each run: its result, else its last snapshot. The files are named
// as FileName does, with a number where several runs have one name. A run without a picture has no file.
func Zip(ctx context.Context, w io.Writer, reader tracker.Reader, ids []string) error {
	out := zip.NewWriter(sink{w})
	taken := map[string]bool{}
	err := Each(ctx, reader, ids, func(run *tracker.Run, pictures []tracker.Picture) error {
		e := entry{*run, pictures}
		p := e.main()
		if p == nil {
			return nil
		}
		given := FileName(run, pictures, p)
		name := given
		for n := 2; taken[name]; n++ {
			extension := path.Ext(given)
			name = fmt.Sprintf("%s-%d%s", strings.TrimSuffix(given, extension), n, extension)
		}
		taken[name] = true
		from, err := reader.OpenPicture(ctx, p.Hash)
		if err != nil {
			return err
		}
		defer from.Close()
		to, err := out.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store, Modified: run.EndedAt}) // pictures are compressed
		if err == nil {
			_, err = io.Copy(to, from)
		}
		return err
	})
	return cmp.Or(err, out.Close())
}

// FileName is a name for the file of one of a run's pictures that says what it is: photo-painting-3.png is the result of
// trial 3 of a sweep, or else of the style weight 3, and photo-painting-3-step-40.png a snapshot. A run without a
// content and a style has its own name in it. A name has letters, digits, -, _ and points.
func FileName(run *tracker.Run, pictures []tracker.Picture, p *tracker.Picture) string {
	var parts []string
	for _, role := range []string{tracker.RoleContent, tracker.RoleStyle} {
		for _, q := range pictures {
			if q.Role == role && q.Name != "" {
				name := path.Base(strings.TrimPrefix(q.Name, filename.SamplePrefix))
				parts = append(parts, fileName(strings.TrimSuffix(name, path.Ext(name))))
				break
			}
		}
	}
	switch {
	case len(parts) < 2:
		parts = []string{fileName(run.Name)}
	case run.Trial > 0:
		parts = append(parts, strconv.Itoa(run.Trial))
	case run.Params["style_weight"] != nil:
		parts = append(parts, weightName(format.Value(run.Params["style_weight"])))
	}
	if p.Role != tracker.RoleResult {
		parts = append(parts, "step", strconv.FormatInt(p.Step, 10))
	}
	name := strings.Join(parts, "-")
	if known(p.Format) {
		name += "." + p.Format
	}
	return name
}

// weightName keeps the point of a number, which fileName would not.
func weightName(text string) string {
	whole, fraction, found := strings.Cut(text, ".")
	if !found {
		return fileName(whole)
	}
	return fileName(whole) + "." + fileName(fraction)
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

// CopyPicture writes a picture's file, or another file's content, below root. It exists whole or not at all.
func CopyPicture(ctx context.Context, root *os.Root, name string, reader tracker.Reader, hash string) error {
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

// Shown returns a picture's file as every browser shows it, PNG, JPEG, GIF or WebP: the file itself, or a PNG with the same
// pixels.
func Shown(ctx context.Context, reader tracker.Reader, p *tracker.Picture) ([]byte, error) {
	s, err := show(ctx, reader, p, 0)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return io.ReadAll(s)
}

// PNG returns a picture's file, or a PNG with the same pixels if it is another format.
func PNG(ctx context.Context, reader tracker.Reader, p *tracker.Picture) ([]byte, error) {
	if p.Format == "png" {
		return Shown(ctx, reader, p)
	}
	file, err := reader.OpenPicture(ctx, p.Hash)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, _, err := convert(ctx, file, 0)
	return data, err
}

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
