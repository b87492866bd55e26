package thumbnail

import (
	"image"
	"io"

	"github.com/bep/imagemeta"
	"golang.org/x/image/draw"
)

// orientation is EXIF's tag 274: how a camera was held. Browsers heed it, but a JPEG made here has no metadata.
type orientation int

// upright is the orientation of a picture whose pixels are stored as they are looked at.
const upright orientation = 1

// readOrientation returns the orientation in a file's metadata. Where there are none that can be read it is upright,
// as are WebP files with metadata after a chunk of odd length, where imagemeta loses its way.
func readOrientation(file io.ReadSeeker, format string) orientation {
	formats := map[string]imagemeta.ImageFormat{
		"jpeg": imagemeta.JPEG, "png": imagemeta.PNG, "tiff": imagemeta.TIFF, "webp": imagemeta.WebP,
	}
	known, ok := formats[format]
	if !ok {
		return upright
	}
	found := upright
	isOrientation := func(tag imagemeta.TagInfo) bool { return tag.Namespace == "IFD0" && tag.Tag == "Orientation" }
	_, _ = imagemeta.Decode(imagemeta.Options{
		R:               file,
		ImageFormat:     known,
		Sources:         imagemeta.EXIF,
		ShouldHandleTag: isOrientation,
		HandleTag: func(tag imagemeta.TagInfo) error {
			if v, ok := tag.Value.(uint16); ok && isOrientation(tag) {
				found = orientation(v)
			}
			return imagemeta.ErrStopWalking
		},
	})
	return found
}

// turn returns a picture as it is to be looked at. The cases are those of the EXIF 2.3 standard, section 4.6.4.
func (o orientation) turn(m image.Image) image.Image {
	if o <= upright || o > 8 {
		return m
	}
	b := m.Bounds()
	right, down := b.Dx()-1, b.Dy()-1
	size := b.Size()
	if o >= 5 {
		size.X, size.Y = size.Y, size.X
	}
	var turned draw.Image = image.NewRGBA64(image.Rectangle{Max: size}) // of a TIFF, 16 bits are to stay
	if _, ok := m.(*image.RGBA); ok {
		turned = image.NewRGBA(image.Rectangle{Max: size})
	}
	for y := 0; y <= down; y++ {
		for x := 0; x <= right; x++ {
			to := [...]image.Point{
				2: {right - x, y}, 3: {right - x, down - y}, 4: {x, down - y},
				5: {y, x}, 6: {down - y, x}, 7: {down - y, right - x}, 8: {y, right - x},
			}[o]
			turned.Set(to.X, to.Y, m.At(b.Min.X+x, b.Min.Y+y))
		}
	}
	return turned
}
