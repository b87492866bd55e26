package picture

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// Palette is the distribution of a picture's colours to second order, in RGB, gamma-encoded as in Pix.
type Palette struct {
	Mean       [3]float64    // grey levels, 0..255
	Covariance [3][3]float64 // grey levels squared; symmetric
}

// Palette returns that of a picture. Each pixel counts as much as it is opaque. A picture without a
// visible pixel has the zero Palette. The result does not depend on the number of processors.
func (p *Picture) Palette() Palette {
	// sums are over a row: of opacity, of colours, and of products of two colours.
	type sums struct {
		area     float64
		colours  [3]float64
		products [3][3]float64
	}
	rows := make([]sums, p.Height)
	parallel(p.Height, func(from, to int) {
		for y := from; y < to; y++ {
			row := &rows[y]
			for i := y * p.Width; i < (y+1)*p.Width; i++ {
				share := 1.0
				if p.Alpha != nil {
					share = float64(clamped(p.Alpha[i])) / 255
				}
				row.area += share
				for c, v := range p.Pix[3*i : 3*i+3] {
					weighted := share * float64(v)
					row.colours[c] += weighted
					for d := range c + 1 {
						row.products[c][d] += weighted * float64(p.Pix[3*i+d])
					}
				}
			}
		}
	})
	var all sums
	for i := range rows {
		all.area += rows[i].area
		for c := range 3 {
			all.colours[c] += rows[i].colours[c]
			for d := range c + 1 {
				all.products[c][d] += rows[i].products[c][d]
			}
		}
	}
	var palette Palette
	if all.area == 0 {
		return palette
	}
	for c := range 3 {
		palette.Mean[c] = all.colours[c] / all.area
		for d := range c + 1 {
			palette.Covariance[c][d] = all.products[c][d]/all.area - palette.Mean[c]*palette.Mean[d]
			palette.Covariance[d][c] = palette.Covariance[c][d]
		}
	}
	return palette
}

// MixPalettes returns the palette of colours of which shares[i], which add up to one, are of
// palettes[i]. Raw second moments are mixed: the covariance includes what lies between the means.
func MixPalettes(palettes []Palette, shares []float64) Palette {
	var mix Palette
	for i, p := range palettes {
		for c := range 3 {
			mix.Mean[c] += shares[i] * p.Mean[c]
		}
	}
	for i, p := range palettes {
		for c := range 3 {
			for d := range 3 {
				between := (p.Mean[c] - mix.Mean[c]) * (p.Mean[d] - mix.Mean[d])
				mix.Covariance[c][d] += shares[i] * (p.Covariance[c][d] + between)
			}
		}
	}
	return mix
}

// ColourMap maps a colour x to Matrix·(x−From)+To. The zero ColourMap maps everything to black.
type ColourMap struct {
	Matrix   [3][3]float64
	From, To [3]float64
}

// leastVariance is added to all variances, in grey levels squared, so that a picture in one colour
// has a map, and so that the noise of a grey one is not stretched into colours: a deviation of one
// grey level counts as 2.2.
const leastVariance = 4

// To returns the map that gives colours of one palette the mean and covariance of another, and moves
// them least: the optimal transport between two normal distributions. With the covariances C and S
// its matrix is C^-½ (C^½ S C^½)^½ C^-½ (Olkin & Pukelsheim, "The distance between two random vectors
// with given dispersion matrices", Linear Algebra and its Applications 48, 1982).
func (p Palette) To(q Palette) ColourMap {
	c, s := symmetric(p.Covariance), symmetric(q.Covariance)
	root, inverse := power(c, 0.5), power(c, -0.5)
	var middle, m mat.Dense
	middle.Mul(root, s)
	middle.Mul(&middle, root)
	m.Mul(inverse, power(symmetricPart(&middle), 0.5))
	m.Mul(&m, inverse)
	out := ColourMap{From: p.Mean, To: q.Mean}
	for i := range 3 {
		for j := range 3 {
			out.Matrix[i][j] = m.At(i, j)
		}
	}
	return out
}

// Part returns the map that moves each colour only a part of the way, from 0, nowhere, to 1, all of
// it. Applied to colours of a palette it gives the palettes on the shortest way between the two
// (McCann, "A convexity principle for interacting gases", Advances in Mathematics 128, 1997).
func (m ColourMap) Part(part float64) ColourMap {
	for i := range 3 {
		m.To[i] = m.From[i] + part*(m.To[i]-m.From[i])
		for j := range 3 {
			m.Matrix[i][j] *= part
		}
		m.Matrix[i][i] += 1 - part
	}
	return m
}

// Recoloured returns the picture with its colours mapped, and clamped to 0..255.
func (p *Picture) Recoloured(m ColourMap) *Picture {
	out := *p
	out.Pix = make([]float32, len(p.Pix))
	offset := m.To
	for i := range 3 {
		for j := range 3 {
			offset[i] -= m.Matrix[i][j] * m.From[j]
		}
	}
	parallel(p.Height, func(from, to int) {
		for i := 3 * from * p.Width; i < 3*to*p.Width; i += 3 {
			r, g, b := float64(p.Pix[i]), float64(p.Pix[i+1]), float64(p.Pix[i+2])
			for c := range 3 {
				row := &m.Matrix[c]
				out.Pix[i+c] = clamped(float32(row[0]*r + row[1]*g + row[2]*b + offset[c]))
			}
		}
	})
	return &out
}

// symmetric returns a covariance with leastVariance added.
func symmetric(covariance [3][3]float64) *mat.SymDense {
	m := mat.NewSymDense(3, nil)
	for i := range 3 {
		for j := range i + 1 {
			m.SetSym(j, i, covariance[i][j])
		}
		m.SetSym(i, i, covariance[i][i]+leastVariance)
	}
	return m
}

// symmetricPart returns a matrix that is symmetric but for rounding as one that is.
func symmetricPart(m *mat.Dense) *mat.SymDense {
	out := mat.NewSymDense(3, nil)
	for i := range 3 {
		for j := range i + 1 {
			out.SetSym(j, i, (m.At(i, j)+m.At(j, i))/2)
		}
	}
	return out
}

// power returns a positive definite matrix to a power.
func power(m *mat.SymDense, exponent float64) *mat.Dense {
	var eigen mat.EigenSym
	if !eigen.Factorize(m, true) {
		panic("picture: the eigenvalues of a covariance were not found") // only of NaN
	}
	var vectors, out mat.Dense
	eigen.VectorsTo(&vectors)
	values := eigen.Values(nil)
	scaled := mat.DenseCopyOf(&vectors)
	for j, v := range values {
		for i := range 3 {
			scaled.Set(i, j, vectors.At(i, j)*math.Pow(max(v, 1e-9), exponent))
		}
	}
	out.Mul(scaled, vectors.T())
	return &out
}
