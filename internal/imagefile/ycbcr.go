package imagefile

import (
	"image"
	"math"
)

// codes defines the numbers in the planes of a YCbCr image.
type codes struct {
	black        float32 // the luma of black
	luma, colour float32 // grey levels for a step of luma, and of either colour difference
	matrix       matrix
	repeated     bool // colour of a lower resolution is repeated, not interpolated
}

// matrix says what luma is: so much red, green and blue. The differences of blue and red to luma are divided by twice
// what is left.
type matrix struct{ red, green, blue, twiceBlue, twiceRed float32 }

var (
	bt601  = matrix{0.299, 0.587, 0.114, 2 * (1 - 0.114), 2 * (1 - 0.299)}
	bt709  = matrix{0.2126, 0.7152, 0.0722, 2 * (1 - 0.0722), 2 * (1 - 0.2126)}
	bt2020 = matrix{0.2627, 0.6780, 0.0593, 2 * (1 - 0.0593), 2 * (1 - 0.2627)}
)

var (
	// jpegCodes use the whole range, 0 to 255 (JFIF 1.02).
	jpegCodes = codes{black: 0, luma: 1, colour: 1, matrix: bt601}
	// videoCodes go from 16 to 235, the colour differences from 16 to 240 (ITU-R BT.601, section 2.5.3). A lossy WebP has
	// them, but the image.YCbCr that golang.org/x/image/webp makes of it means JPEG's range: black would be a grey of 16,
	// and white one of 235 (golang.org/issue/19672).
	videoCodes = codes{black: 16, luma: 255. / 219, colour: 255. / 224, matrix: bt601}
)

// codesOf returns the codes that a box nclx says: primaries, transfer, matrix, each of two bytes, and a bit for the whole
// range (ITU-T H.273). Without one they are JPEG's, as of telephones. Colour is repeated, as libheif does.
func codesOf(nclx []byte) codes {
	c := jpegCodes
	c.repeated = true
	if len(nclx) < 7 {
		return c
	}
	if nclx[6]&0x80 == 0 {
		c.black, c.luma, c.colour = videoCodes.black, videoCodes.luma, videoCodes.colour
	}
	switch nclx[5] {
	case 1:
		c.matrix = bt709
	case 9, 10:
		c.matrix = bt2020
	}
	return c
}

// rgb returns red, green and blue, rounded to grey levels as in all programs that keep pictures as bytes.
func (c codes) rgb(y, cb, cr float32) (r, g, b float32) {
	m := &c.matrix
	y = (y - c.black) * c.luma
	cb, cr = m.twiceBlue*c.colour*(cb-128), m.twiceRed*c.colour*(cr-128)
	return level(y + cr), level(y - cr*m.red/m.green - cb*m.blue/m.green), level(y + cb)
}

// ycbcrRows reads an image whose colour may have a lower resolution than its luma, as in JPEG and WebP. Colour is
// interpolated linearly between the centres of its large pixels, as by libjpeg and libwebp; Go's image.YCbCr repeats
// them. In a photograph of "The Starry Night" the repeated colours differ from Pillow's by 3.2 grey levels on average and
// 79 at most, the interpolated ones by 0.3 and 4.
func ycbcrRows(m *image.YCbCr, c codes) Rows {
	across, down := subsampling(m.SubsampleRatio)
	columns := c.interpolate(m.Rect.Min.X, m.Rect.Max.X, across)
	rows := c.interpolate(m.Rect.Min.Y, m.Rect.Max.Y, down)
	return Rows{Bounds: m.Rect, Opaque: true, Read: func(y int, row [][4]float32) {
		luma := m.Y[m.YOffset(m.Rect.Min.X, y):]
		v := rows[y-m.Rect.Min.Y]
		for x := range row {
			h := columns[x]
			at := func(plane []uint8) float32 {
				above, below := plane[v.first*m.CStride:], plane[v.second*m.CStride:]
				return v.mix(
					h.mix(float32(above[h.first]), float32(above[h.second])),
					h.mix(float32(below[h.first]), float32(below[h.second])))
			}
			r, g, b := c.rgb(float32(luma[x]), at(m.Cb), at(m.Cr))
			row[x] = [4]float32{r, g, b, 255}
		}
	}}
}

// nycbcraRows reads such an image that also has alpha, at full resolution.
func nycbcraRows(m *image.NYCbCrA, c codes) Rows {
	s := ycbcrRows(&m.YCbCr, c)
	colours := s.Read
	s.Opaque = m.Opaque()
	s.Read = func(y int, row [][4]float32) {
		colours(y, row)
		for x, alpha := range m.A[m.AOffset(m.Rect.Min.X, y):][:len(row)] {
			row[x][3] = float32(alpha)
		}
	}
	return s
}

// subsampling returns the number of pixels that share a value of colour, across and down.
func subsampling(ratio image.YCbCrSubsampleRatio) (across, down int) {
	switch ratio {
	case image.YCbCrSubsampleRatio422:
		return 2, 1
	case image.YCbCrSubsampleRatio420:
		return 2, 2
	case image.YCbCrSubsampleRatio440:
		return 1, 2
	case image.YCbCrSubsampleRatio411:
		return 4, 1
	case image.YCbCrSubsampleRatio410:
		return 4, 2
	}
	return 1, 1
}

// between is a place between two values of a plane; share is the weight of the second.
type between struct {
	first, second int
	share         float32
}

func (b between) mix(first, second float32) float32 { return first + b.share*(second-first) }

// interpolate returns where the pixels from lo to hi lie in a plane with one value for factor pixels. Beyond the ends the
// last value is repeated.
func (c codes) interpolate(lo, hi, factor int) []between {
	first, last := lo/factor, (hi-1)/factor
	list := make([]between, hi-lo)
	for i := range list {
		position := (float64(lo+i)+0.5)/float64(factor) - 0.5
		if c.repeated {
			position = float64((lo + i) / factor)
		}
		below := math.Floor(position)
		index := func(i int) int { return min(max(i, first), last) - first }
		list[i] = between{index(int(below)), index(int(below) + 1), float32(position - below)}
	}
	return list
}

// level returns the grey level nearest to v. The half is added in float64: in float32, 0.49999997 would become 1.
func level(v float32) float32 {
	return float32(math.Floor(float64(min(max(v, 0), 255)) + 0.5))
}
