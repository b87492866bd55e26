package imagefile

import (
	"bytes"
	"image"
	"image/draw"
	"io"

	"github.com/bep/imagemeta"
	"golang.org/x/image/riff"
)

// Orientation is EXIF's tag 274: where the camera's first row and column belong when the picture is viewed.
type Orientation int

// Upright is the orientation of a picture whose pixels are stored as they are viewed.
const Upright Orientation = 1

// readOrientation returns the orientation in a file's metadata; the format is one of image.Decode's. It is Upright for metadata
// that is missing or cannot be read.
func readOrientation(file io.ReadSeeker, format string) Orientation {
	formats := map[string]imagemeta.ImageFormat{
		"jpeg": imagemeta.JPEG, "png": imagemeta.PNG, "tiff": imagemeta.TIFF, "webp": imagemeta.TIFF,
	}
	known, ok := formats[format]
	if format == "webp" {
		// imagemeta cannot read past a chunk of odd length. The EXIF chunk is the head of a TIFF file; some programs put
		// JPEG's marker before it.
		var block []byte
		block, ok = webpChunk(file, "EXIF")
		file = bytes.NewReader(bytes.TrimPrefix(block, []byte("Exif\x00\x00")))
	}
	if !ok {
		return Upright
	}
	found := Upright
	isOrientation := func(tag imagemeta.TagInfo) bool { return tag.Namespace == "IFD0" && tag.Tag == "Orientation" }
	_, _ = imagemeta.Decode(imagemeta.Options{
		R:               file,
		ImageFormat:     known,
		Sources:         imagemeta.EXIF,
		ShouldHandleTag: isOrientation,
		HandleTag: func(tag imagemeta.TagInfo) error {
			if v, ok := tag.Value.(uint16); ok && isOrientation(tag) {
				found = Orientation(v)
			}
			return imagemeta.ErrStopWalking
		},
	})
	return found
}

// webpChunk returns the data of the first chunk of a WebP file with the given name.
func webpChunk(file io.Reader, name string) (chunk []byte, ok bool) {
	_, chunks, err := riff.NewReader(file)
	for err == nil {
		var id riff.FourCC
		var r io.Reader
		if id, _, r, err = chunks.Next(); err == nil && string(id[:]) == name {
			chunk, err = io.ReadAll(r)
			return chunk, err == nil
		}
	}
	return nil, false
}

// Placement says where pixels go: the one at column x and row y becomes number Origin + x·Right + y·Down of a picture
// of the given size.
type Placement struct {
	Width, Height, Origin, Right, Down int
}

// Placement returns where the pixels of a stored picture of w×h go. The eight cases are those of the EXIF 2.3 standard,
// section 4.6.4: the stored first row is the picture's top (1, 2), bottom (3, 4), left (5, 8) or right (6, 7) side.
func (o Orientation) Placement(w, h int) Placement {
	p := Placement{w, h, 0, 1, w}
	if o >= 5 && o <= 8 { // rows become columns
		p = Placement{h, w, 0, h, 1}
	}
	if o == 2 || o == 3 || o == 7 || o == 8 { // the last column comes first
		p.Origin += (w - 1) * p.Right
		p.Right = -p.Right
	}
	if o == 3 || o == 4 || o == 6 || o == 7 { // the last row comes first
		p.Origin += (h - 1) * p.Down
		p.Down = -p.Down
	}
	return p
}

// Turn returns the picture as it is to be viewed. A picture with 16 bits a channel keeps them.
func (o Orientation) Turn(m image.Image) image.Image {
	if o <= Upright || o > 8 {
		return m
	}
	b := m.Bounds()
	place := o.Placement(b.Dx(), b.Dy())
	var turned draw.Image = image.NewRGBA64(image.Rect(0, 0, place.Width, place.Height))
	switch m.(type) {
	case *image.RGBA:
		turned = image.NewRGBA(turned.Bounds())
	case *image.NRGBA:
		turned = image.NewNRGBA(turned.Bounds())
	}
	for y := range b.Dy() {
		for x := range b.Dx() {
			i := place.Origin + x*place.Right + y*place.Down
			turned.Set(i%place.Width, i/place.Width, m.At(b.Min.X+x, b.Min.Y+y))
		}
	}
	return turned
}
