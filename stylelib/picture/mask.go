package picture

import (
	"context"
	"fmt"
	"image"
	"math"
	"slices"
)

// Mask says how much each pixel counts.
type Mask struct {
	Width, Height int
	// Values is [Height, Width], row-major, from 0, not at all, to 1, in full.
	Values []float32
	// Warning is that of the picture that the mask was read from, or nil.
	Warning error
}

// LoadMask reads a mask from a picture file, as [Load] reads a picture; see [Picture.Mask].
func LoadMask(name string) (*Mask, error) {
	p, err := LoadContext(context.Background(), name)
	if err != nil {
		return nil, err
	}
	return p.Mask(), nil
}

// Mask returns a picture as a mask: white counts in full, black and transparent pixels count
// nothing. A silhouette, which has one colour alone on a transparent ground, counts where it is
// opaque, whatever that colour is. Other values are the luma of Rec. 601, as in Pillow's mode L,
// times the opacity.
func (p *Picture) Mask() *Mask {
	m := &Mask{Width: p.Width, Height: p.Height, Values: make([]float32, p.Width*p.Height), Warning: p.Warning}
	silhouette := p.silhouette()
	parallel(len(m.Values), func(from, to int) {
		for i := from; i < to; i++ {
			v := float32(255)
			if !silhouette {
				v = 0.299*p.Pix[3*i] + 0.587*p.Pix[3*i+1] + 0.114*p.Pix[3*i+2]
			}
			if p.Alpha != nil {
				v *= p.Alpha[i] / 255
			}
			m.Values[i] = clamped(v) / 255
		}
	})
	return m
}

// silhouette reports whether the picture has alpha and one colour where it is opaque.
func (p *Picture) silhouette() bool {
	if p.Alpha == nil {
		return false
	}
	opaque := func(a float32) bool { return a > 254.5 }
	first := slices.IndexFunc(p.Alpha, opaque)
	for i := max(first, 0); i < len(p.Alpha); i++ {
		for c := range 3 {
			if opaque(p.Alpha[i]) && math.Abs(float64(p.Pix[3*i+c]-p.Pix[3*first+c])) > 1 {
				return false
			}
		}
	}
	return true
}

// Resize returns a new mask of the given width and height, each at least 1, as [Picture.Resize] resizes a picture. A
// hard edge becomes as soft as a pixel of the smaller size is wide.
func (m *Mask) Resize(width, height int) *Mask {
	if width < 1 || height < 1 {
		panic(fmt.Sprintf("picture: resizing a mask to %d×%d pixels", width, height))
	}
	out := &Mask{Width: width, Height: height, Values: slices.Clone(m.Values), Warning: m.Warning}
	if width == m.Width && height == m.Height {
		return out
	}
	out.Values = resampleRows(resampleColumns(m.Values, newTaps(m.Width, width), 1), newTaps(m.Height, height))
	for i, v := range out.Values { // which has overshot at edges
		out.Values[i] = min(max(v, 0), 1)
	}
	return out
}

// Image returns the mask as a grey picture: white counts.
func (m *Mask) Image() *image.Gray {
	out := image.NewGray(image.Rect(0, 0, m.Width, m.Height))
	for i, v := range m.Values {
		out.Pix[i] = uint8(math.Round(255 * float64(v)))
	}
	return out
}

// Mean returns the mean of the values: the share of the picture that counts.
func (m *Mask) Mean() float64 {
	var sum float64
	for _, v := range m.Values {
		sum += float64(v)
	}
	return sum / float64(len(m.Values))
}

// Equal reports whether two masks have the same size and values. Nil equals nil alone.
func (m *Mask) Equal(other *Mask) bool {
	if m == other || m == nil || other == nil {
		return m == other
	}
	return m.Width == other.Width && slices.Equal(m.Values, other.Values)
}

// Check returns an error unless the mask can belong to a picture: it must count something, have values from 0 to 1, and
// the picture's shape, to a pixel of the smaller one or 1 %. The error is the end of a sentence that begins with what
// the mask is.
func (m *Mask) Check(of *Picture) error {
	if m.Width < 1 || m.Height < 1 || len(m.Values) != m.Width*m.Height {
		return fmt.Errorf("has %d values for %d×%d pixels: make it by LoadMask or Picture.Mask", len(m.Values), m.Width, m.Height)
	}
	if i := slices.IndexFunc(m.Values, func(v float32) bool { return !(v >= 0 && v <= 1) }); i >= 0 {
		return fmt.Errorf("has the value %v: values are from 0 to 1", m.Values[i])
	}
	if !slices.ContainsFunc(m.Values, func(v float32) bool { return v > 0 }) {
		return fmt.Errorf("is black everywhere: paint white what it is to choose")
	}
	w, h := of.FitLonger(max(m.Width, m.Height))
	if slack := max(1, float64(max(w, h))/100, float64(max(w, h))/float64(max(of.Width, of.Height))); math.Abs(float64(w-m.Width)) > slack || math.Abs(float64(h-m.Height)) > slack {
		return fmt.Errorf("is %d×%d pixels and its picture %d×%d: make it from the picture itself, so that they have the same shape",
			m.Width, m.Height, of.Width, of.Height)
	}
	return nil
}
