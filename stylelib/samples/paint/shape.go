package main

import (
	"cmp"
	"math"
	"slices"
)

// fill calls paint for each fine pixel whose middle lies inside the closed outline. Where the outline crosses itself,
// all that it winds round is inside.
func (c *canvas) fill(outline path, paint func(x, y int)) {
	low, high := outline.bounds(0)
	fine := float64(c.fine)
	type crossing struct {
		x    float64
		turn int
	}
	var row []crossing
	for y := max(int(low.y*fine)-1, 0); y <= min(int(high.y*fine)+1, c.height-1); y++ {
		row = row[:0]
		at := (float64(y) + 0.5) / fine
		for i, a := range outline {
			b := outline[(i+1)%len(outline)]
			if (a.y <= at) == (b.y <= at) {
				continue
			}
			turn := 1
			if a.y > b.y {
				turn = -1
			}
			row = append(row, crossing{lerp(a.x, b.x, (at-a.y)/(b.y-a.y)) * fine, turn})
		}
		slices.SortFunc(row, func(a, b crossing) int { return cmp.Compare(a.x, b.x) })
		winding := 0
		for i, from := range row {
			if winding += from.turn; winding == 0 {
				continue
			}
			for x := max(int(math.Ceil(from.x-0.5)), 0); x < min(int(math.Ceil(row[i+1].x-0.5)), c.width); x++ {
				paint(x, y)
			}
		}
	}
}

// disc calls paint for each fine pixel within a radius of p.
func (c *canvas) disc(p vec, radius float64, paint func(x, y int)) {
	fine := float64(c.fine)
	px, py, r := p.x*fine-0.5, p.y*fine-0.5, radius*fine
	for y := max(int(math.Ceil(py-r)), 0); y <= min(int(math.Floor(py+r)), c.height-1); y++ {
		dy := float64(y) - py
		half := math.Sqrt(max(r*r-dy*dy, 0))
		for x := max(int(math.Ceil(px-half)), 0); x <= min(int(math.Floor(px+half)), c.width-1); x++ {
			paint(x, y)
		}
	}
}
