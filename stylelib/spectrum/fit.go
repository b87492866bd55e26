package spectrum

import (
	"math"

	"gonum.org/v1/gonum/dsp/fourier"
	"gonum.org/v1/gonum/dsp/window"
	"gonum.org/v1/gonum/stat"
)

// Pair is a step between two pictures and the change of the gradient over it, both [height, width, 3].
type Pair struct{ Step, Change []float32 }

const (
	fitSide  = 256 // pixels, in the middle of the picture: five pairs take 0.3 s, of 128×128 pixels 0.07
	fitBands = 2   // in an octave
)

// Fit returns the law that evens out a function's curvature, as pairs of pictures of a size show it. The curvature at a
// frequency is the root of the energy of the changes over that of the steps, each pair counting alike; a straight line is
// fitted to the logarithms, with one slope for lightness and colour. It returns false if the pairs do not show one.
func Fit(height, width int, pairs []Pair) (Law, bool) {
	h, w := min(height, fitSide), min(width, fitSide)
	spectra := newSpectra(h, w)
	var steps, changes [2][]float64 // the energy by band, of lightness and colour
	for i := range steps {
		steps[i], changes[i] = make([]float64, spectra.bands), make([]float64, spectra.bands)
	}
	for _, p := range pairs {
		energy := 0.0
		for _, v := range p.Step {
			energy += float64(v) * float64(v)
		}
		if energy == 0 {
			continue
		}
		spectra.add(steps, middle(p.Step, height, width, h, w), 1/energy)
		spectra.add(changes, middle(p.Change, height, width, h, w), 1/energy)
	}
	// The slope is that within lightness and within colour, and the difference of their means is the ratio.
	var frequencies, curvatures [2][]float64
	for i := range steps {
		for band := range spectra.bands {
			if s, c := steps[i][band], changes[i][band]; s > 0 && c > 0 {
				frequencies[i] = append(frequencies[i], float64(band)/fitBands*math.Ln2)
				curvatures[i] = append(curvatures[i], math.Log(c/s)/2)
			}
		}
		if len(frequencies[i]) < 3 {
			return Law{}, false
		}
	}
	var x, y []float64
	for i := range frequencies {
		mx, my := stat.Mean(frequencies[i], nil), stat.Mean(curvatures[i], nil)
		for j := range frequencies[i] {
			x, y = append(x, frequencies[i][j]-mx), append(y, curvatures[i][j]-my)
		}
	}
	_, slope := stat.LinearRegression(x, y, nil, true)
	at := func(i int) float64 {
		return stat.Mean(curvatures[i], nil) - slope*stat.Mean(frequencies[i], nil)
	}
	law := Law{
		Decay:  min(max(slope/2, 0), mostDecay),
		Colour: min(max(math.Exp((at(0)-at(1))/2), 1.0/mostRatio), mostRatio),
	}
	return law, law.Valid() // not if there was a NaN
}

// middle returns the middle h×w pixels.
func middle(v []float32, height, width, h, w int) []float32 {
	if h == height && w == width {
		return v
	}
	top, left := (height-h)/2, (width-w)/2
	out := make([]float32, 0, 3*h*w)
	for y := range h {
		at := 3 * ((top+y)*width + left)
		out = append(out, v[at:at+3*w]...)
	}
	return out
}

// spectra adds up the energy of pictures of one size in bands of frequency.
type spectra struct {
	height, width, bands  int
	rows, columns         []float64 // windows, which keep edges from having frequencies
	alongRow, alongColumn *fourier.CmplxFFT
	grid, column          []complex128
}

func newSpectra(height, width int) *spectra {
	s := &spectra{
		height: height, width: width, bands: 1 + int(fitBands*math.Log2(float64(max(height, width)))),
		rows: make([]float64, height), columns: make([]float64, width),
		alongRow: fourier.NewCmplxFFT(width), alongColumn: fourier.NewCmplxFFT(height),
		grid: make([]complex128, height*width), column: make([]complex128, height),
	}
	for _, list := range [][]float64{s.rows, s.columns} {
		for i := range list {
			list[i] = 1
		}
		window.Hann(list)
	}
	return s
}

// add adds a share of a picture's energy to that of lightness and colour.
func (s *spectra) add(to [2][]float64, v []float32, share float64) {
	for plane := range 4 { // lightness, and what each channel differs from it by
		for y := range s.height {
			for x := range s.width {
				at := 3 * (y*s.width + x)
				value := float64(v[at]+v[at+1]+v[at+2]) / 3
				if plane > 0 {
					value = float64(v[at+plane-1]) - value
				}
				s.grid[y*s.width+x] = complex(value*s.rows[y]*s.columns[x], 0)
			}
		}
		s.transform()
		for y := range s.height {
			for x := range s.width {
				if band, ok := s.band(y, x); ok {
					c := s.grid[y*s.width+x]
					to[min(plane, 1)][band] += share * (real(c)*real(c) + imag(c)*imag(c))
				}
			}
		}
	}
}

// transform replaces the grid by its Fourier transform.
func (s *spectra) transform() {
	for y := range s.height {
		row := s.grid[y*s.width:][:s.width]
		s.alongRow.Coefficients(row, row)
	}
	for x := range s.width {
		for y := range s.height {
			s.column[y] = s.grid[y*s.width+x]
		}
		s.alongColumn.Coefficients(s.column, s.column)
		for y := range s.height {
			s.grid[y*s.width+x] = s.column[y]
		}
	}
}

// band returns the band of a coefficient. The lowest, which the window spreads, have none.
func (s *spectra) band(y, x int) (int, bool) {
	longer := float64(max(s.height, s.width))
	cycles := longer * math.Hypot(float64(min(y, s.height-y))/float64(s.height), float64(min(x, s.width-x))/float64(s.width))
	if cycles < 2 {
		return 0, false
	}
	return min(int(fitBands*math.Log2(cycles)), s.bands-1), true
}
