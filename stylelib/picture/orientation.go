package picture

import (
	"bytes"

	"github.com/bep/imagemeta"
)

// orientation is EXIF's tag 274: where the camera's first row and column belong when the picture is looked at.
type orientation int

// upright is the orientation of a picture whose pixels are stored as they are looked at.
const upright orientation = 1

// placement says where pixels go: the one at column x and row y becomes number origin + x·right + y·down of a picture
// of the given size.
type placement struct {
	width, height, origin, right, down int
}

// placement returns where the pixels of a stored picture of w×h go. The eight cases are those of the EXIF 2.3 standard,
// section 4.6.4: the stored first row is the picture's top (1, 2), bottom (3, 4), left (5, 8) or right (6, 7) side.
func (o orientation) placement(w, h int) placement {
	last := w*h - 1
	switch o {
	case 2: // mirrored
		return placement{w, h, w - 1, -1, w}
	case 3: // turned by 180°
		return placement{w, h, last, -1, -w}
	case 4: // upside down in a mirror
		return placement{w, h, last - (w - 1), 1, -w}
	case 5: // rows are columns
		return placement{h, w, 0, h, 1}
	case 6: // to be turned clockwise
		return placement{h, w, h - 1, h, -1}
	case 7: // rows are columns, turned by 180°
		return placement{h, w, last, -h, -1}
	case 8: // to be turned anticlockwise
		return placement{h, w, last - (h - 1), -h, 1}
	}
	return placement{w, h, 0, 1, w}
}

// readOrientation returns the orientation in a file's metadata, in one of image.Decode's formats. Metadata that cannot
// be read are no reason to refuse the picture: it is upright then.
func readOrientation(data []byte, format string) orientation {
	formats := map[string]imagemeta.ImageFormat{
		"jpeg": imagemeta.JPEG, "png": imagemeta.PNG, "tiff": imagemeta.TIFF, "webp": imagemeta.TIFF,
	}
	known, ok := formats[format]
	if format == "webp" {
		// imagemeta loses its way after a chunk of odd length. The block inside is a TIFF file's head; some programs put
		// JPEG's marker before it.
		data, ok = webpChunk(data, "EXIF")
		data = bytes.TrimPrefix(data, []byte("Exif\x00\x00"))
	}
	if !ok {
		return upright
	}
	found := upright
	isOrientation := func(tag imagemeta.TagInfo) bool { return tag.Namespace == "IFD0" && tag.Tag == "Orientation" }
	_, _ = imagemeta.Decode(imagemeta.Options{
		R:               bytes.NewReader(data),
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
