package stylelib

import "github.com/gouache-art/gouache/stylelib/picture"

// mirrored returns a picture, without its alpha, that goes on for margin pixels beyond each edge as in a mirror that
// stands there.
func mirrored(p *picture.Picture, margin int) *picture.Picture {
	if margin == 0 {
		return p
	}
	return window(p, -margin, p.Width+2*margin, p.Height+2*margin)
}

// cropped returns a picture, without its alpha, less margin pixels at each edge.
func cropped(p *picture.Picture, margin int) *picture.Picture {
	if margin == 0 {
		return p
	}
	return window(p, margin, p.Width-2*margin, p.Height-2*margin)
}

// window returns the part of a picture and its mirror images that begins at column and row offset.
func window(p *picture.Picture, offset, width, height int) *picture.Picture {
	out := &picture.Picture{Width: width, Height: height, Pix: make([]float32, 0, 3*width*height)}
	for y := range height {
		row := 3 * p.Width * mirror(y+offset, p.Height)
		for x := range width {
			at := row + 3*mirror(x+offset, p.Width)
			out.Pix = append(out.Pix, p.Pix[at:at+3]...)
		}
	}
	return out
}

// mirror returns the index below n that is seen at i, between mirrors that stand before 0 and after n−1.
func mirror(i, n int) int {
	i = ((i % (2 * n)) + 2*n) % (2 * n)
	return min(i, 2*n-1-i)
}
