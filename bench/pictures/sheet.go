package main

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"math"

	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"github.com/gouache-art/gouache/internal/atomicfile"
	"github.com/gouache-art/gouache/tracker"
)

// sheet is pictures in rows, each with words above it.
type sheet struct{ rows [][]labelled }

type labelled struct {
	label   string
	picture image.Image
	width   int // pixels on the sheet
}

// The measures of a sheet, in pixels.
const (
	sheetGap   = 6
	sheetLabel = 18
)

// draw returns the sheet.
func (s sheet) draw() *image.RGBA {
	width, height := 0, sheetGap
	for _, row := range s.rows {
		across, down := sheetGap, 0
		for _, l := range row {
			across += l.width + sheetGap
			down = max(down, l.height())
		}
		width, height = max(width, across), height+sheetLabel+down+sheetGap
	}
	out := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.Draw(out, out.Rect, image.White, image.Point{}, draw.Src)
	y := sheetGap
	for _, row := range s.rows {
		x, down := sheetGap, 0
		for _, l := range row {
			drawer := font.Drawer{Dst: out, Src: image.NewUniform(color.Black), Face: basicfont.Face7x13, Dot: fixed.P(x, y+sheetLabel-5)}
			drawer.DrawString(l.label)
			at := image.Rect(x, y+sheetLabel, x+l.width, y+sheetLabel+l.height())
			draw.CatmullRom.Scale(out, at, l.picture, l.picture.Bounds(), draw.Src, nil)
			x += l.width + sheetGap
			down = max(down, l.height())
		}
		y += sheetLabel + down + sheetGap
	}
	return out
}

// height is that of the picture on the sheet.
func (l labelled) height() int {
	b := l.picture.Bounds()
	return int(math.Round(float64(l.width) * float64(b.Dy()) / float64(b.Dx())))
}

// writeSheet writes a sheet of all results.
func (p *plan) writeSheet(ctx context.Context, store tracker.PictureReader, results []result, path string, cell int) error {
	if cell < 16 || cell > 4096 {
		return fmt.Errorf("--cell is %d: choose 16 to 4096 pixels", cell)
	}
	var s sheet
	for _, q := range p.Pairs {
		inputs, err := q.inputs(ctx)
		if err != nil {
			return err
		}
		row := []labelled{{q.Name, inputs[0], cell}, {"painting", inputs[1], cell}}
		for _, r := range results {
			if r.Pair != q.Name {
				continue
			}
			m, err := r.load(ctx, store)
			if err != nil {
				return err
			}
			row = append(row, labelled{r.Contender, m, cell})
		}
		if len(row) > 2 {
			s.rows = append(s.rows, row)
		}
	}
	m := s.draw()
	return atomicfile.Write(path, func(w io.Writer) error { return jpeg.Encode(w, m, &jpeg.Options{Quality: 85}) })
}
