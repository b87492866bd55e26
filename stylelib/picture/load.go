package picture

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/gouache-art/gouache/internal/filename"
	"github.com/gouache-art/gouache/internal/imagefile"
	"github.com/gouache-art/gouache/internal/suggest"
	"github.com/gouache-art/gouache/stylelib/samples"
)

// MaxFileSize is the size of the largest file that [Load] reads, in bytes: MaxPixels of 16-bit RGBA fit into it.
const MaxFileSize = 1 << 30

// Load reads a picture from a file, or one of package samples by the name sample:NAME; a file whose name begins so is
// reached as ./sample:NAME.
//
// The content says the format. Colours are converted to sRGB as the file's profile says, and a picture is turned upright
// as its EXIF or XMP orientation says. An animation gives its first frame, in its place on the canvas. A TIFF with several
// pages gives the first. HEIC gives 8 bits a channel, and takes about a second for a million pixels, or half of it in
// tiles.
//
// An error is one sentence. It matches fs.ErrNotExist or fs.ErrPermission if the file is missing or may not be read. It says
// that a file is damaged only if it is, and names what cannot be read. The bounds are MinSide, MaxSide, MaxPixels,
// MaxMemory and MaxFileSize; all are checked before decoding.
func Load(name string) (*Picture, error) {
	return LoadContext(context.Background(), name)
}

// LoadContext is Load that ends soon after its context does, with the context's error.
func LoadContext(ctx context.Context, name string) (*Picture, error) {
	data, err := ReadFile(name)
	if err != nil {
		return nil, err
	}
	return Decode(ctx, name, data)
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

// Decode decodes a file's content as LoadContext does; name is for its errors.
func Decode(ctx context.Context, name string, data []byte) (*Picture, error) {
	p, err := decode(ctx, data)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %w", name, err)
	}
	if p.Warning != nil {
		p.Warning = fmt.Errorf("%s %w", name, p.Warning)
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
		if to, linkErr := os.Readlink(name); linkErr == nil {
			advice = "it is a link to " + to + ", which is not there"
			break
		}
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

// decode turns a file's content into a picture. Its errors are the end of a sentence that begins with the file's name.
func decode(ctx context.Context, data []byte) (*Picture, error) {
	file, err := imagefile.Decode(ctx, data, limits)
	if err != nil {
		return nil, err
	}
	p := convert(ctx, file.Rows(), file.Orientation)
	p.Warning = file.Warning
	if file.Space != nil {
		p.Profile = file.Space.ICC()
	}
	return p, nil
}
