package mask

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"slices"
	"strconv"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"github.com/gouache-art/gouache/stylelib/picture"
)

// The longer side of a drawing, in pixels: numbers need room, and a screen has no more.
const (
	leastDrawn = 1024
	mostDrawn  = 2048
)

// Draw returns the photograph that was divided, with the borders of the regions and their numbers. A
// photograph that is smaller than 1024 pixels is enlarged, and one that is larger than 2048 reduced.
// If a region has several parts, each region has a colour: a small part may
// have no room for its number.
func (r *Regions) Draw(p *picture.Picture) (*picture.Picture, error) {
	if list, _ := parts(r.Number, r.Width); len(list) > r.Count {
		p = r.tinted(p)
	}
	longer := max(r.Width, r.Height)
	width, height := p.FitLonger(min(longer, mostDrawn))
	if scale := (leastDrawn + longer - 1) / longer; scale > 1 {
		width, height = scale*r.Width, scale*r.Height
	}
	large := r.resized(width, height)
	m := p.Resize(width, height).Image()
	large.outline(m)
	if err := large.number(m); err != nil {
		return nil, err
	}
	return picture.FromImage(m)
}

// tinted returns the picture with each region in its mean colour, under a little of the picture.
func (r *Regions) tinted(p *picture.Picture) *picture.Picture {
	const own = 0.25
	sums := make([][4]float64, r.Count+1) // of red, green, blue and 1
	for i, n := range r.Number {
		for c, v := range p.Pix[3*i : 3*i+3] {
			sums[n][c] += float64(v)
		}
		sums[n][3]++
	}
	out := *p
	out.Pix = make([]float32, len(p.Pix))
	for i, n := range r.Number {
		for c := range 3 {
			out.Pix[3*i+c] = own*p.Pix[3*i+c] + (1-own)*float32(sums[n][c]/sums[n][3])
		}
	}
	return &out
}

// outline draws the borders: black on one side and white on the other, so that they show on any
// colour.
func (r *Regions) outline(m *image.NRGBA) {
	const thick = 1
	differs := func(i, by int, inside bool) bool { return inside && r.Number[i] != r.Number[i+by] }
	for y := range r.Height {
		for x := range r.Width {
			i := y*r.Width + x
			if differs(i, thick, x < r.Width-thick) || differs(i, thick*r.Width, y < r.Height-thick) {
				m.Set(x, y, color.Black)
			} else if differs(i, -thick, x >= thick) || differs(i, -thick*r.Width, y >= thick) {
				m.Set(x, y, color.White)
			}
		}
	}
}

// number writes each region's number into its parts: into those that have room for it, and in any
// case into the one with the most room.
func (r *Regions) number(m *image.NRGBA) error {
	list, in := parts(r.Number, r.Width)
	depths := r.depths()
	deepest := make([]int, len(list)) // a pixel of each part
	for n := range deepest {
		deepest[n] = -1
	}
	for i, n := range in {
		if deepest[n] < 0 || depths[i] > depths[deepest[n]] {
			deepest[n] = i
		}
	}
	order := make([]int, len(list))
	for n := range order {
		order[n] = n
	}
	slices.SortStableFunc(order, func(a, b int) int { return int(depths[deepest[b]] - depths[deepest[a]]) })
	size := r.letters()
	face, err := newFace(size)
	if err != nil {
		return err
	}
	defer face.Close()
	written := make([]bool, r.Count+1)
	for _, n := range order {
		number, place := list[n].label, deepest[n]
		if written[number] && float64(depths[place]) < size {
			continue
		}
		written[number] = true
		write(m, face, strconv.Itoa(int(number)), place%r.Width, place/r.Width)
	}
	return nil
}

// letters returns a size of letters, in pixels, in which most numbers fit into their regions.
func (r *Regions) letters() float64 {
	longer := float64(max(r.Width, r.Height))
	area := float64(r.Width*r.Height) / float64(r.Count)
	const digits = 3.2 // of a region's side: so that three fit
	return max(12, min(longer/30, math.Sqrt(area)/digits))
}

// depths returns how far each pixel is from another region or from the picture's border, in pixels,
// along rows, columns and diagonals (a chamfer distance of 1 and √2).
func (r *Regions) depths() []float32 {
	const straight, diagonal = 1, 1.41421
	w, h := r.Width, r.Height
	d := make([]float32, w*h)
	relax := func(i, x, y, dx, dy int, step float32) {
		u, v := x+dx, y+dy
		if u < 0 || u >= w || v < 0 || v >= h || r.Number[v*w+u] != r.Number[i] {
			d[i] = min(d[i], step)
			return
		}
		d[i] = min(d[i], d[v*w+u]+step)
	}
	for i := range d {
		d[i] = float32(w + h)
	}
	for i := range d {
		x, y := i%w, i/w
		relax(i, x, y, -1, 0, straight)
		relax(i, x, y, 0, -1, straight)
		relax(i, x, y, -1, -1, diagonal)
		relax(i, x, y, 1, -1, diagonal)
	}
	for i := len(d) - 1; i >= 0; i-- {
		x, y := i%w, i/w
		relax(i, x, y, 1, 0, straight)
		relax(i, x, y, 0, 1, straight)
		relax(i, x, y, 1, 1, diagonal)
		relax(i, x, y, -1, 1, diagonal)
	}
	return d
}

func newFace(size float64) (font.Face, error) {
	parsed, err := opentype.Parse(gobold.TTF)
	if err != nil {
		return nil, err
	}
	return opentype.NewFace(parsed, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingFull})
}

// write writes text about a place, in white with a black rim.
func write(m draw.Image, face font.Face, text string, x, y int) {
	bounds, _ := font.BoundString(face, text)
	middle := fixed.Point26_6{X: (bounds.Min.X + bounds.Max.X) / 2, Y: (bounds.Min.Y + bounds.Max.Y) / 2}
	dot := fixed.P(x, y).Sub(middle)
	rim := max(1, face.Metrics().Height.Round()/12)
	d := font.Drawer{Dst: m, Face: face}
	d.Src = image.Black
	for dy := -rim; dy <= rim; dy++ {
		for dx := -rim; dx <= rim; dx++ {
			d.Dot = dot.Add(fixed.P(dx, dy))
			d.DrawString(text)
		}
	}
	d.Src, d.Dot = image.White, dot
	d.DrawString(text)
}
