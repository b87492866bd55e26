package mask

import (
	"fmt"
	"math"

	"github.com/gouache-art/gouache/stylelib/picture"
)

// Bounds of [Superpixels].
const (
	MaxSuperpixels = 2000
	// leastSuperpixel is the side of a square with as many pixels as the smallest ones.
	leastSuperpixel = 4
)

const (
	slicSteps = 10 // more change a few pixels only (Achanta et al.)
	// compactness is the distance in OKLab that weighs as much as a superpixel's side. It is the 10
	// of Achanta et al., whose lightness goes to 100.
	compactness = 0.1
)

// Superpixels divides a photograph into about n regions, 2 to [MaxSuperpixels], each connected and
// with like colours, whose borders follow the edges. They are numbered from the top, row by row.
//
// It is SLIC (Achanta et al., "SLIC superpixels compared to state-of-the-art superpixel methods",
// IEEE PAMI 34, 2012) in OKLab. As in gSLICr (Ren et al., 2015) a pixel chooses among the nine
// superpixels about the cell of the grid that it is in. Two Go packages have SLIC, of 2014 and
// 2017, with one step of five and no care since.
func Superpixels(p *picture.Picture, n int) (*Regions, error) {
	small := reduced(p)
	most := min(MaxSuperpixels, small.Width*small.Height/(leastSuperpixel*leastSuperpixel))
	if n < 2 || n > most {
		return nil, fmt.Errorf("a picture of %d×%d pixels has 2 to %d superpixels, not %d", p.Width, p.Height, most, n)
	}
	s := newSLIC(small, n)
	s.run()
	absorb(s.labels, s.width, int(s.side*s.side/4))
	list, in := parts(s.labels, s.width)
	r := &Regions{Width: s.width, Height: s.height, Count: len(list), Number: in}
	for i := range r.Number {
		r.Number[i]++
	}
	return r.resized(p.Width, p.Height), nil
}

// slic is the state of SLIC: one centre for each cell of a grid, and the centre of each pixel.
type slic struct {
	width, height int
	columns, rows int
	side          float64 // of a square with as many pixels as a superpixel
	lab           [][3]float32
	centres       []centre // [rows, columns]
	labels        []int32  // [height, width], indices of centres
}

type centre struct {
	lab  [3]float32
	x, y float32
}

func newSLIC(p *picture.Picture, n int) *slic {
	side := math.Sqrt(float64(p.Width*p.Height) / float64(n))
	s := &slic{
		width: p.Width, height: p.Height, side: side, lab: oklabs(p), labels: make([]int32, p.Width*p.Height),
		columns: max(1, int(math.Round(float64(p.Width)/side))), rows: max(1, int(math.Round(float64(p.Height)/side))),
	}
	for row := range s.rows {
		for column := range s.columns {
			x, y := (2*column+1)*p.Width/(2*s.columns), (2*row+1)*p.Height/(2*s.rows)
			x, y = s.flattest(x, y)
			s.centres = append(s.centres, centre{s.lab[y*p.Width+x], float32(x), float32(y)})
		}
	}
	return s
}

// run assigns the pixels to the centres, and moves these to their pixels, until little changes.
func (s *slic) run() {
	for range slicSteps {
		s.assign()
		s.move()
	}
	s.assign()
}

// flattest returns the pixel with the least gradient among a pixel and its neighbours, so that no
// superpixel begins on an edge or on noise.
func (s *slic) flattest(x, y int) (int, int) {
	least, atX, atY := float32(math.MaxFloat32), x, y
	for v := max(y-1, 1); v <= min(y+1, s.height-2); v++ {
		for u := max(x-1, 1); u <= min(x+1, s.width-2); u++ {
			i := v*s.width + u
			if g := distance(s.lab[i-1], s.lab[i+1]) + distance(s.lab[i-s.width], s.lab[i+s.width]); g < least {
				least, atX, atY = g, u, v
			}
		}
	}
	return atX, atY
}

// assign gives each pixel the nearest of the nine centres about its cell.
func (s *slic) assign() {
	weight := float32(compactness * compactness / (s.side * s.side))
	for y := range s.height {
		row := y * s.rows / s.height
		for x := range s.width {
			column := x * s.columns / s.width
			i, least := y*s.width+x, float32(math.MaxFloat32)
			for r := max(row-1, 0); r <= min(row+1, s.rows-1); r++ {
				for c := max(column-1, 0); c <= min(column+1, s.columns-1); c++ {
					n := r*s.columns + c
					o := &s.centres[n]
					dx, dy := float32(x)-o.x, float32(y)-o.y
					if d := distance(s.lab[i], o.lab) + weight*(dx*dx+dy*dy); d < least {
						least, s.labels[i] = d, int32(n)
					}
				}
			}
		}
	}
}

// move puts each centre at the mean of its pixels.
func (s *slic) move() {
	sums := make([][6]float64, len(s.centres)) // of lightness, a, b, x, y and 1
	for i, n := range s.labels {
		sum, lab := &sums[n], s.lab[i]
		for c, v := range [6]float32{lab[0], lab[1], lab[2], float32(i % s.width), float32(i / s.width), 1} {
			sum[c] += float64(v)
		}
	}
	for n, sum := range sums {
		if sum[5] == 0 {
			continue
		}
		o := &s.centres[n]
		for c := range 3 {
			o.lab[c] = float32(sum[c] / sum[5])
		}
		o.x, o.y = float32(sum[3]/sum[5]), float32(sum[4]/sum[5])
	}
}
