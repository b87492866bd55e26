// Package picture turns image files into the arrays that the network takes and back, and resizes them.
//
//	p, err := picture.Load("photograph.jpg") // or "sample:chelsea"
//	small := p.Resize(p.FitLonger(512))
//	err = small.Save("small.png")
//
// PNG, JPEG, WebP, TIFF, GIF, HEIC and AVIF are read; the content and not the name says the format. Formats that the program has
// registered with package image are read as well. PNG, JPEG and TIFF are written; the name's extension says the format.
//
// Colours are sRGB. Those of a file with an ICC profile, or with chunks of a PNG that say the same, are converted into it
// (relative colorimetric); a file that gives no colour space is in sRGB. A profile that cannot be applied is a
// [Picture.Warning].
// Errors are one sentence that names the file, what is wrong with it, and what to do.
package picture

import (
	"encoding/binary"
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"

	"github.com/gouache-art/gouache/internal/colour"
)

// Picture is a raster of RGB pixels.
type Picture struct {
	Width, Height int
	// Pix is [Height, Width, 3], row-major: red, green, blue in grey levels of 0 to 255, gamma-encoded as in a file
	// and not multiplied by alpha. While a picture is being optimised its values may leave that range.
	Pix []float32
	// Alpha is [Height, Width], row-major, from 0, transparent, to 255, opaque; nil if the whole picture is opaque.
	// Where it is 0 the colour has no meaning; see [Picture.On].
	Alpha []float32
	// Profile is the ICC profile of the file that the picture was read from, for [Encoding]. It is nil for sRGB. Pix is
	// in sRGB in any case.
	Profile []byte
	// Warning is one sentence about what the file says of its colours and Load could not use, or nil.
	Warning error
}

// blank returns a picture to be filled in. Its width and height are at least 1.
func blank(width, height int) *Picture {
	return &Picture{Width: width, Height: height, Pix: make([]float32, 3*width*height)}
}

// FitLonger returns the width and height of the picture when its longer side becomes size pixels, which is at least
// 1, and its shape stays the same. Neither is less than 1.
func (p *Picture) FitLonger(size int) (width, height int) {
	longer := float64(max(p.Width, p.Height))
	scaled := func(side int) int { return max(1, int(math.Round(float64(size)*float64(side)/longer))) }
	return scaled(p.Width), scaled(p.Height)
}

// Clamp limits all values to 0 to 255, in place. NaN becomes 0.
func (p *Picture) Clamp() {
	clamp(p.Pix)
	clamp(p.Alpha)
}

func clamp(values []float32) {
	for i, v := range values {
		values[i] = clamped(v)
	}
}

// clamped returns the value of 0 to 255 nearest to v, and 0 if v is NaN.
func clamped(v float32) float32 {
	switch {
	case v > 255:
		return 255
	case v > 0:
		return v
	}
	return 0
}

// TotalVariation returns the sum of the absolute differences of neighbours, Σ|dx|+|dy| over all pixels and channels, in
// grey levels. With alpha, a difference counts as much as the less opaque of its two pixels.
func (p *Picture) TotalVariation() float64 {
	var sum float64
	add := func(counts float64, d [3]float64) { sum += counts * (math.Abs(d[0]) + math.Abs(d[1]) + math.Abs(d[2])) }
	p.differences(1, 0, add)
	p.differences(0, 1, add)
	return sum
}

// Roughness returns the weighted sum of the squared differences of each pixel to its eight neighbours, ⅔ Σ(dx²+dy²) + ⅙
// Σ(d↘²+d↙²), in squares of grey levels: of Y, and of Cb and Cr together, as JPEG defines them (ITU-T T.871). Alpha
// counts as in TotalVariation.
func (p *Picture) Roughness() (lightness, colour float64) {
	weight := 2.0 / 3
	add := func(counts float64, d [3]float64) {
		y := 0.299*d[0] + 0.587*d[1] + 0.114*d[2]
		cb, cr := 0.5/(1-0.114)*(d[2]-y), 0.5/(1-0.299)*(d[0]-y)
		lightness += weight * counts * y * y
		colour += weight * counts * (cb*cb + cr*cr)
	}
	p.differences(1, 0, add)
	p.differences(0, 1, add)
	weight = 1.0 / 6
	p.differences(1, 1, add)
	p.differences(-1, 1, add)
	return lightness, colour
}

// differences calls add with the difference of each pixel to the one dx columns and dy rows on, and how much it counts.
func (p *Picture) differences(dx, dy int, add func(counts float64, difference [3]float64)) {
	for y := range p.Height - dy {
		for x := max(0, -dx); x < p.Width-max(0, dx); x++ {
			i, j := y*p.Width+x, (y+dy)*p.Width+x+dx
			counts := 1.0
			if p.Alpha != nil {
				counts = float64(min(p.Alpha[i], p.Alpha[j])) / 255
			}
			var d [3]float64
			for c := range d {
				d[c] = float64(p.Pix[3*j+c]) - float64(p.Pix[3*i+c])
			}
			add(counts, d)
		}
	}
}

// noiseDeviation is the standard deviation of Noise, in grey levels.
const noiseDeviation = 25

// Noise returns a picture to start from: independent Gaussian noise about mid-grey, with a standard deviation of 25 grey
// levels, clamped. The seed determines it.
//
// A flat grey would have the same gradient everywhere, so that patterns would grow inwards from the border only. Noise
// over the whole range has total variation and texture that the optimiser would have to remove first.
func Noise(width, height int, seed int64) *Picture {
	p := blank(width, height)
	r := rand.New(rand.NewPCG(uint64(seed), 0))
	for i := range p.Pix {
		p.Pix[i] = float32(127.5 + noiseDeviation*r.NormFloat64())
	}
	p.Clamp()
	return p
}

// Image returns the picture with 8 bits a channel: clamped, and rounded to the nearest grey level.
func (p *Picture) Image() *image.NRGBA { return p.image(nil) }

// image is Image in another colour space.
func (p *Picture) image(space *colour.Space) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, p.Width, p.Height))
	p.rows(space, func(y int, row [][4]float32) {
		line := m.Pix[y*m.Stride:]
		for x, pixel := range row {
			for c, v := range pixel {
				line[4*x+c] = level(v)
			}
		}
	})
	return m
}

// deepImage is image with 16 bits a channel.
func (p *Picture) deepImage(space *colour.Space) *image.NRGBA64 {
	m := image.NewNRGBA64(image.Rect(0, 0, p.Width, p.Height))
	p.rows(space, func(y int, row [][4]float32) {
		line := m.Pix[y*m.Stride:]
		for x, pixel := range row {
			for c, v := range pixel {
				binary.BigEndian.PutUint16(line[8*x+2*c:], uint16(float64(v)*257+0.5))
			}
		}
	})
	return m
}

// rows calls write for each row, from several goroutines, with red, green, blue and alpha in the space, clamped.
func (p *Picture) rows(space *colour.Space, write func(y int, row [][4]float32)) {
	parallel(p.Height, func(from, to int) {
		row := make([][4]float32, p.Width)
		for y := from; y < to; y++ {
			for x := range row {
				i := y*p.Width + x
				rgb := p.Pix[3*i : 3*i+3]
				row[x] = [4]float32{clamped(rgb[0]), clamped(rgb[1]), clamped(rgb[2]), 255}
				if p.Alpha != nil {
					row[x][3] = clamped(p.Alpha[i])
				}
			}
			space.FromSRGB(row)
			write(y, row)
		}
	})
}

// level returns the grey level nearest to v. The half is added in float64: in float32, 0.49999997 would become 1.
func level(v float32) uint8 {
	return uint8(float64(clamped(v)) + 0.5)
}

// check returns an error if the fields do not fit together: callers may have set them.
func (p *Picture) check() error {
	n := p.Width * p.Height
	switch {
	case p.Width < 1 || p.Height < 1:
		return fmt.Errorf("a picture of %d×%d pixels has no content", p.Width, p.Height)
	case len(p.Pix) != 3*n:
		return fmt.Errorf("a picture of %d×%d pixels needs %d values, not %d", p.Width, p.Height, 3*n, len(p.Pix))
	case p.Alpha != nil && len(p.Alpha) != n:
		return fmt.Errorf("a picture of %d×%d pixels needs %d values of alpha, not %d", p.Width, p.Height, n, len(p.Alpha))
	}
	return nil
}

// parallel splits 0 to n into as many parts as there are processors, calls work on them at once, and waits. A panic in
// one of them is passed to the caller, who may recover from it.
func parallel(n int, work func(from, to int)) {
	parts := min(n, runtime.GOMAXPROCS(0))
	panics := make(chan any, parts)
	var group sync.WaitGroup
	for i := range parts {
		group.Go(func() {
			defer func() {
				if r := recover(); r != nil {
					panics <- r
				}
			}()
			work(i*n/parts, (i+1)*n/parts)
		})
	}
	group.Wait()
	select {
	case r := <-panics:
		panic(r)
	default:
	}
}
