// Package figures measures painted pictures beside the photograph and the painting that they were
// made of.
//
//	reference, err := figures.New(photograph, painting, 256, 192)
//	...
//	values := reference.Measure(result)
//	fmt.Println(values["hi_ab"])
//
// No figure says that a picture is good, and each of them can be had by a bad one: see the comments
// of [All]. The definitions, random directions and random network included, are those of the script
// that the figures in docs/pictures.md began with, so that all of them compare. testdata has values
// of that script.
package figures

import (
	"fmt"
	"image"
	"math"

	"golang.org/x/image/draw"
	"gonum.org/v1/gonum/stat"
)

// Figure is the name of a figure, and what it says.
type Figure struct{ Name, Meaning string }

// All lists the figures. "Flat" is the quarter of the picture where the photograph is flattest.
// hi_ab, alien and the five bands are those that agree with the eye. patches, palette and rgram
// reward fine noise that has the painting's moments, ssim and edges reward a photograph that was
// hardly painted.
var All = []Figure{
	{"flat_hi", "lightness's energy of periods below 6 pixels in flat areas, over the painting's mean: 1 is as rough as the painting"},
	{"flat_mid", "the same for 6 to 18 pixels: ripples and worms"},
	{"hi", "the same as flat_hi over the whole picture"},
	{"hi_ab", "the same as hi for the two channels of colour: coloured specks"},
	{"alien", "share of pixels, in percent, whose colour is farther than 12 in Lab from every colour of the painting"},
	{"palette", "distance of the colours to the painting's, in Lab (sliced Wasserstein distance)"},
	{"patches", "the same of patches of 7×7 pixels at three levels of detail, times 1000: lower is more like its brushwork"},
	{"ssim", "structure: SSIM of lightness with the photograph"},
	{"edges", "correlation of the gradient's magnitude at 2 pixels with the photograph's"},
	{"order", "correlation of lightness blurred by 4 pixels with the photograph's: light stays light"},
	{"rgram", "distance of Gram matrices of a random network to the painting's, relative, times 1000"},
	{"frame", "lightness's fine energy in the outer 10 pixels over the rest's: 1 is no frame"},
	{"band_2", "lightness's energy of periods of 2 to 3 pixels in flat areas, over the painting's mean"},
	{"band_5", "the same of about 5 pixels"},
	{"band_10", "the same of about 10 pixels"},
	{"band_20", "the same of about 20 pixels"},
	{"band_40", "the same of about 40 pixels"},
	{"kurtosis", "kurtosis of the finest band: strokes and edges are sparse and high, worms and noise are near 3"},
	{"kurtosis_style", "the painting's"},
}

// Values are figures by name.
type Values map[string]float64

// MinSide is the least width and height of pictures that can be measured, in pixels: below it the
// random network and the patches have too few positions.
const MinSide = 64

// Reference is a photograph and a painting, prepared for measuring results of one size. It can be
// used by several goroutines.
type Reference struct {
	width, height int

	flat  []bool    // by pixel
	light plane     // the photograph's
	edges []float64 // the photograph's, and so is order
	order []float64

	fine, middle, colour float64 // energies of the painting
	bands                [5]float64
	kurtosis             float64
	near                 *colours
	palette              quantiles
	patches              [levels]patchQuantiles
	grams                []gram
}

// New prepares a reference for results of the given size. The photograph is resized to it, the
// painting to the same longer side, but not enlarged. All pictures must be opaque. The error says which
// picture is too small.
func New(content, style image.Image, width, height int) (*Reference, error) {
	if min(width, height) < MinSide {
		return nil, fmt.Errorf("a picture of %d×%d pixels cannot be measured: its sides must be at least %d", width, height, MinSide)
	}
	painting := reduce(style, max(width, height))
	if b := painting.Bounds(); min(b.Dx(), b.Dy()) < MinSide {
		return nil, fmt.Errorf("a painting of %d×%d pixels cannot be measured: its sides must be at least %d", b.Dx(), b.Dy(), MinSide)
	}
	r := &Reference{width: width, height: height}

	photograph := lab(resize(content, width, height))
	r.light = photograph[0]
	flatness := r.light.gauss(1).gradient().gauss(4)
	r.flat = make([]bool, len(flatness.v))
	least := quantilesOf(flatness.v, []float64{0.25})[0]
	for i, v := range flatness.v {
		r.flat[i] = v <= least
	}
	r.edges, r.order = r.light.gauss(2).gradient().v, r.light.gauss(4).v

	s := lab(painting)
	fine, middle := s[0].ripples()
	r.fine, r.middle = fine.energy(nil), middle.energy(nil)
	r.colour = colourEnergy(s)
	for i, band := range s[0].bands() {
		r.bands[i] = band.energy(nil)
		if i == 0 {
			r.kurtosis = kurtosis(band.v)
		}
	}
	r.near = newColours(s)
	r.palette = paletteOf(s)
	for i, detail := range laplace(rgb(painting)) {
		r.patches[i] = patchesOf(detail, 0)
	}
	r.grams = grams(rgb(painting))
	return r, nil
}

// Measure returns the figures of a result, which is resized if it has another size.
func (r *Reference) Measure(result image.Image) Values {
	picture := resize(result, r.width, r.height)
	l := lab(picture)
	fine, middle := l[0].ripples()
	border := r.border()
	v := Values{
		"flat_hi":  fine.energy(r.flat) / r.fine,
		"flat_mid": middle.energy(r.flat) / r.middle,
		"hi":       fine.energy(nil) / r.fine,
		"hi_ab":    colourEnergy(l) / r.colour,
		"alien":    100 * r.near.farther(l, 12),
		"palette":  paletteOf(l).distance(r.palette),
		"ssim":     ssim(l[0], r.light),
		"edges":    stat.Correlation(l[0].gauss(2).gradient().v, r.edges, nil),
		"order":    stat.Correlation(l[0].gauss(4).v, r.order, nil),
		"frame":    fine.energy(border) / fine.energy(not(border)),

		"kurtosis_style": r.kurtosis,
	}
	for i, band := range l[0].bands() {
		v[[]string{"band_2", "band_5", "band_10", "band_20", "band_40"}[i]] = band.energy(r.flat) / r.bands[i]
		if i == 0 {
			v["kurtosis"] = kurtosis(band.v)
		}
	}
	for i, detail := range laplace(rgb(picture)) {
		own := patchesOf(detail, r.patches[i].deviation)
		v["patches"] += 1000 * own.distance(r.patches[i].quantiles) / levels
	}
	for i, own := range grams(rgb(picture)) {
		v["rgram"] += 1000 * own.distance(r.grams[i]) / float64(len(r.grams))
	}
	return v
}

// border marks the outer 10 pixels.
func (r *Reference) border() []bool {
	const wide = 10
	marks := make([]bool, r.width*r.height)
	for i := range marks {
		x, y := i%r.width, i/r.width
		marks[i] = min(x, y, r.width-1-x, r.height-1-y) < wide
	}
	return marks
}

func not(marks []bool) []bool {
	inverse := make([]bool, len(marks))
	for i, m := range marks {
		inverse[i] = !m
	}
	return inverse
}

// colourEnergy is the mean energy of the fine ripples of a and b.
func colourEnergy(lab [3]plane) float64 {
	var sum float64
	for _, p := range lab[1:] {
		fine, _ := p.ripples()
		sum += fine.energy(nil) / 2
	}
	return sum
}

func kurtosis(v []float64) float64 {
	mean := stat.Mean(v, nil)
	second := stat.Moment(2, v, nil)
	return stat.MomentAbout(4, v, mean, nil) / (second * second)
}

// lanczos is the filter of the first figures' programs, sinc(x)·sinc(x/3). Package picture's filter
// is softer: it would change hi_ab by several percent.
var lanczos = draw.Kernel{Support: 3, At: func(x float64) float64 {
	if x == 0 {
		return 1
	}
	a := math.Pi * x
	return 3 * math.Sin(a) * math.Sin(a/3) / (a * a)
}}

// resize returns an opaque picture in a given size, with 8 bits a channel. As in Pillow, the width
// changes first, and the result of each of the two passes is rounded: package draw alone would cut
// off the rest, and make all colours darker by half a grey level.
func resize(m image.Image, width, height int) *image.RGBA {
	return pass(pass(m, width, m.Bounds().Dy()), width, height)
}

func pass(m image.Image, width, height int) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, width, height))
	if b := m.Bounds(); b.Dx() == width && b.Dy() == height {
		draw.Copy(out, image.Point{}, m, b, draw.Src, nil)
		return out
	}
	exact := image.NewRGBA64(out.Rect)
	lanczos.Scale(exact, exact.Rect, m, m.Bounds(), draw.Src, nil)
	for i := range out.Pix {
		v := int(exact.Pix[2*i])<<8 | int(exact.Pix[2*i+1])
		out.Pix[i] = uint8((v + 128) / 257)
	}
	return out
}

// reduce resizes a picture whose longer side is longer than that.
func reduce(m image.Image, longer int) *image.RGBA {
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	if max(w, h) > longer {
		scale := func(side int) int {
			return max(1, int(math.RoundToEven(float64(side)*float64(longer)/float64(max(w, h)))))
		}
		w, h = scale(w), scale(h)
	}
	return resize(m, w, h)
}
