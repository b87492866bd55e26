// Package colour converts the colours of picture files to sRGB, and back.
//
//	space, err := colour.Of(data, "jpeg", m) // nil is sRGB
//	space.ToSRGB(row)
//
// A file says in an ICC profile, or in chunks of a PNG, what its numbers mean. Conversions are
// relative colorimetric without black point compensation, as by LittleCMS: white stays white, and
// colours that sRGB lacks become the nearest value of each channel.
package colour

import (
	"fmt"
	"image"
	"math"
	"slices"
	"sync"
)

// Space is what the numbers of a picture mean. It can be used by several goroutines. A nil Space is
// sRGB.
type Space struct {
	name   string
	model  model
	icc    []byte        // the profile, nil if there was none
	curves [3]*curve     // to linear light, of red, green and blue
	matrix [3][3]float64 // linear light to linear sRGB
	pcs    [3][3]float64 // linear light to XYZ, relative to D50
	lut    *lut          // in place of curves and matrix

	highDynamicRange bool // light above 1 is cut off
}

// SRGB is sRGB.
var SRGB *Space

// model is what the channels of a space are.
type model string

const (
	rgb  model = "RGB"
	grey model = "grey"
	cmyk model = "CMYK"
)

// Of returns the colour space that a file gives for the image that was decoded from it; the format
// is one of image.Decode's. It is nil for sRGB, whether the file says so or says nothing, and for
// spaces that differ from it by 1.5 grey levels at most.
//
// The warning says what of the file's colours cannot be used, as the end of a sentence that begins
// with the file's name. The space is right even so: nil, which takes the colours as sRGB, or one
// that loses something.
func Of(data []byte, format string, m image.Image) (s *Space, warning error) {
	s, err := declared(data, format)
	return usable(s, err, m)
}

// OfParts is Of for a profile, or else for code points of H.273 as in a cICP chunk, that the caller
// has found in a file.
func OfParts(icc, cicp []byte, m image.Image) (s *Space, warning error) {
	var err error
	if icc != nil {
		s, err = Parse(icc)
	} else {
		s, err = cicpSpace(cicp)
	}
	return usable(s, err, m)
}

// usable returns what Of does for a space that a file gives, or for the error of one that cannot be
// read.
func usable(s *Space, err error, m image.Image) (*Space, error) {
	if err != nil {
		return nil, fmt.Errorf("%w, so that its colours are taken as sRGB and may look wrong: convert it to sRGB first", err)
	}
	if s == nil {
		return nil, nil
	}
	if _, inks := m.(*image.CMYK); inks != (s.model == cmyk) || s.model == grey && !isGrey(m) {
		return nil, fmt.Errorf("has the colour profile %q, which is for %s and not for this picture, so that it is not applied", s.name, s.model)
	}
	if s.isSRGB() {
		return nil, nil
	}
	if s.highDynamicRange {
		return s, fmt.Errorf("is in %s, with highlights brighter than the white of sRGB, which are cut off", s.name)
	}
	return s, nil
}

// isGrey reports whether an image has no colours, though it may be stored as one that has.
func isGrey(m image.Image) bool {
	switch m := m.(type) {
	case *image.Gray, *image.Gray16:
		return true
	case *image.YCbCr:
		coloured := func(difference uint8) bool { return difference < 127 || difference > 129 } // JPEG and WebP round
		return !slices.ContainsFunc(m.Cb, coloured) && !slices.ContainsFunc(m.Cr, coloured)
	}
	b := m.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			if r, g, b, _ := m.At(x, y).RGBA(); r != g || g != b {
				return false
			}
		}
	}
	return true
}

// Name returns the name that people know the space by.
func (s *Space) Name() string {
	if s == nil {
		return "sRGB"
	}
	return s.name
}

// ToSRGB converts pixels of red, green, blue and alpha, from 0 to 255, in place. Alpha stays as it
// is, and values are not rounded. The space of an image.CMYK takes cyan, magenta, yellow and black,
// from 0 for none to 255, and sets alpha to 255.
func (s *Space) ToSRGB(row [][4]float32) {
	if s == nil {
		return
	}
	if s.lut != nil {
		s.lut.toSRGB(row, s.model)
		return
	}
	m, table := single(s.matrix), encodings()
	for i := range row {
		p := &row[i]
		r, g, b := s.curves[0].at(p[0]), s.curves[1].at(p[1]), s.curves[2].at(p[2])
		p[0] = table.at(m[0][0]*r + m[0][1]*g + m[0][2]*b)
		p[1] = table.at(m[1][0]*r + m[1][1]*g + m[1][2]*b)
		p[2] = table.at(m[2][0]*r + m[2][1]*g + m[2][2]*b)
	}
}

// CheckFromSRGB returns an error if FromSRGB is not possible, as the end of a sentence that begins
// with the file's name.
func (s *Space) CheckFromSRGB() error {
	switch {
	case s == nil:
		return nil
	case s.model != rgb:
		return fmt.Errorf("has the colour profile %q, which is for %s: a painting needs one for RGB", s.name, s.model)
	case s.lut != nil:
		return fmt.Errorf("has the colour profile %q, whose tables give the way to sRGB only", s.name)
	case s.ICC() == nil:
		return fmt.Errorf("is in %s, which no ICC profile of curves can say", s.name)
	}
	for _, c := range s.curves {
		if !c.rises() {
			return fmt.Errorf("has the colour profile %q, whose curves cannot be inverted", s.name)
		}
	}
	if _, ok := inverse(s.matrix); !ok {
		return fmt.Errorf("has the colour profile %q, whose primaries do not span a space", s.name)
	}
	return nil
}

// FromSRGB is the inverse of ToSRGB, for a space that CheckFromSRGB accepts.
func (s *Space) FromSRGB(row [][4]float32) {
	if s == nil {
		return
	}
	back, _ := inverse(s.matrix)
	m, standard := single(back), standardCurve()
	for i := range row {
		p := &row[i]
		r, g, b := standard.at(p[0]), standard.at(p[1]), standard.at(p[2])
		p[0] = s.curves[0].inverse(m[0][0]*r + m[0][1]*g + m[0][2]*b)
		p[1] = s.curves[1].inverse(m[1][0]*r + m[1][1]*g + m[1][2]*b)
		p[2] = s.curves[2].inverse(m[2][0]*r + m[2][1]*g + m[2][2]*b)
	}
}

// leastDifference is how far a space is from sRGB at least, in grey levels. Common profiles of sRGB
// are up to 1.41 from it, since their makers rounded differently.
const leastDifference = 1.5

// isSRGB reports whether converting would change nothing that shows.
func (s *Space) isSRGB() bool {
	if s.model == cmyk {
		return false
	}
	const steps = 17
	var row [][4]float32
	for i := range 256 {
		v := float32(i)
		row = append(row, [4]float32{v, v, v, 255})
	}
	if s.model == rgb {
		level := func(i int) float32 { return float32(i%steps) * 255 / (steps - 1) }
		for i := range steps * steps * steps {
			row = append(row, [4]float32{level(i), level(i / steps), level(i / steps / steps), 255})
		}
	}
	converted := make([][4]float32, len(row))
	copy(converted, row)
	s.ToSRGB(converted)
	for i, p := range converted {
		for c, v := range p[:3] {
			if !(math.Abs(float64(v-row[i][c])) < leastDifference) {
				return false
			}
		}
	}
	return true
}

// standardCurve is sRGB's own (IEC 61966-2-1).
var standardCurve = sync.OnceValue(func() *curve { return newCurve(standardTransfer) })

var standardTransfer = parametric{g: 2.4, a: 1 / 1.055, b: 0.055 / 1.055, c: 1 / 12.92, d: 0.04045}

// encoding holds grey levels for linear light of i/(len-1). Between two of them a line is off by
// 2e-5 grey levels at most.
type encoding [1<<16 + 1]float32

// encodings are sRGB's.
var encodings = sync.OnceValue(func() *encoding {
	var t encoding
	for i := range t {
		x := float64(i) / (1 << 16)
		if x <= 0.0031308 {
			t[i] = float32(255 * 12.92 * x)
		} else {
			t[i] = float32(255 * (1.055*math.Pow(x, 1/2.4) - 0.055))
		}
	}
	return &t
})

// at returns the grey level for linear light.
func (t *encoding) at(linear float32) float32 {
	switch {
	case linear >= 1:
		return 255
	case linear > 0:
		at := linear * (1 << 16)
		i := int(at)
		return t[i] + (at-float32(i))*(t[i+1]-t[i])
	}
	return 0 // NaN too
}

// single returns a matrix with less precision, which takes half the time.
func single(m [3][3]float64) (s [3][3]float32) {
	for i := range m {
		for j, v := range m[i] {
			s[i][j] = float32(v)
		}
	}
	return s
}

func product(a, b [3][3]float64) (m [3][3]float64) {
	for i := range m {
		for j := range m[i] {
			for k := range b {
				m[i][j] += a[i][k] * b[k][j]
			}
		}
	}
	return m
}

func inverse(m [3][3]float64) (out [3][3]float64, ok bool) {
	cofactor := func(i, j int) float64 {
		a, b, c, d := (i+1)%3, (i+2)%3, (j+1)%3, (j+2)%3
		return m[a][c]*m[b][d] - m[a][d]*m[b][c]
	}
	det := m[0][0]*cofactor(0, 0) + m[0][1]*cofactor(0, 1) + m[0][2]*cofactor(0, 2)
	if !(math.Abs(det) > 1e-6) {
		return m, false
	}
	for i := range out {
		for j := range out[i] {
			out[j][i] = cofactor(i, j) / det
		}
	}
	return out, true
}
