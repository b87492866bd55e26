package imagefile

import (
	"image"
	"image/draw"
	"regexp"
	"strconv"
)

// Orientation is EXIF's tag 274: where the camera's first row and column belong when the picture is viewed.
type Orientation int

// Upright is the orientation of a picture whose pixels are stored as they are viewed.
const Upright Orientation = 1

var xmpOrientation = regexp.MustCompile(`tiff:Orientation(?:="|>)([0-9])`)

// orientationOf returns the orientation in a file's metadata, as Pillow finds it: in EXIF, else in XMP. It is Upright for
// metadata that are missing or cannot be read.
func orientationOf(exif, xmp []byte) Orientation {
	if dir, err := openTIFF(exif); err == nil {
		if n := dir.uint(tagOrientation, 0); n > 0 && len(dir.entries[tagOrientation].data) > 1 { // SHORT or LONG
			return known(n)
		}
	}
	if found := xmpOrientation.FindSubmatch(xmp); found != nil {
		n, _ := strconv.Atoi(string(found[1]))
		return known(n)
	}
	return Upright
}

// known returns Upright for what is no orientation.
func known(n int) Orientation {
	if n < 1 || n > 8 {
		return Upright
	}
	return Orientation(n)
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
