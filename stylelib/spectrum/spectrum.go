// Package spectrum is a change of variables for pictures that are optimised, which makes the curvature of the function
// more even, so that L-BFGS needs fewer evaluations. Losses of deep features curve more along fine detail than along
// large forms, and otherwise along colours than along lightness. [Fit] measures how much from what an optimiser has
// learnt at a small size, and a [Scaling] of a larger one divides by it.
//
// Variables of that kind are from Olah, Mordvintsev and Schubert, "Feature visualization" (Distill, 2017), who divide
// Fourier coefficients by their frequency and decorrelate colours. Here the power and the colours are measured.
package spectrum

import (
	"fmt"
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// Law is what a scaling multiplies a picture's Fourier coefficients by: those of frequency f by f^-Decay, and those of
// colour, which is what the channels differ by from their mean, by Colour besides. Law{Colour: 1} changes nothing.
type Law struct {
	Decay  float64 `json:"decay"`
	Colour float64 `json:"colour"`
}

// The bounds of a law.
const (
	mostDecay = 1
	mostRatio = 4 // of lightness to colour, or of colour to lightness
)

// Valid reports whether [Fit] can have returned the law.
func (l Law) Valid() bool {
	return l.Decay >= 0 && l.Decay <= mostDecay && l.Colour >= 1.0/mostRatio && l.Colour <= mostRatio
}

// Transform is the compiled graph of the scalings of one size. It is safe for concurrent use. Its caller calls Close.
type Transform struct {
	height, width int
	exec          *graph.Exec
}

// NewTransform compiles the transform of pictures of a size, in pixels, for a device.
func NewTransform(backend compute.Backend, height, width int) (*Transform, error) {
	if height < 1 || width < 1 {
		return nil, fmt.Errorf("spectrum: pictures of %d×%d pixels: both sides are at least 1", width, height)
	}
	exec, err := graph.NewExec(backend, func(v, gains, lightness, colour *graph.Node) *graph.Node {
		return scaled(v, gains, lightness, colour, height, width)
	})
	if err != nil {
		return nil, fmt.Errorf("spectrum: %w", err)
	}
	t := &Transform{height: height, width: width, exec: exec}
	s := t.Scaling(Law{Colour: 1})
	defer s.Free()
	zeros := tensors.FromFlatDataAndDimensions(make([]float32, 3*height*width), 1, height, width, 3)
	defer free(zeros)
	out, err := s.Scale(zeros) // compiles
	if err != nil {
		t.Close()
		return nil, err
	}
	free(out)
	return t, nil
}

// Close frees the compiled graph.
func (t *Transform) Close() { t.exec.Finalize() }

// scaled multiplies the Fourier coefficients of pictures, and their lightness and colour.
func scaled(v, gains, lightness, colour *graph.Node, height, width int) *graph.Node {
	planes := graph.TransposeAllAxes(graph.Reshape(v, height, width, 3), 2, 0, 1)
	mean := graph.ReduceAndKeep(planes, graph.ReduceMean, 0)
	planes = graph.Add(graph.Mul(colour, planes), graph.Mul(graph.Sub(lightness, colour), mean))
	c := graph.RealFFT(planes, height, width)
	c = graph.Complex(graph.Mul(graph.Real(c), gains), graph.Mul(graph.Imag(c), gains))
	planes = graph.InverseRealFFT(c, height, width)
	return graph.Reshape(graph.TransposeAllAxes(planes, 1, 2, 0), 1, height, width, 3)
}

// Scaling maps variables to pictures of one size, both shaped [1, height, width, 3]. It is symmetric, so that it maps
// gradients with respect to pictures to those with respect to variables, too. Noise has as much energy in pictures as in
// variables. It is safe for concurrent use. Its caller calls Free.
type Scaling struct {
	transform         *Transform
	forward, backward direction
}

// direction is what a Scaling multiplies by: the Fourier coefficients [1, height, width/2 + 1], lightness and colour.
type direction struct {
	gains             *tensors.Tensor
	lightness, colour float32
}

// Scaling returns the scaling of a valid law.
func (t *Transform) Scaling(law Law) *Scaling {
	height, width := t.height, t.width
	half := width/2 + 1                       // a transform of real numbers keeps these columns
	lowest := 1 / float64(max(height, width)) // also that of the mean, whose frequency is zero
	gain := func(row, column int) float64 {
		f := math.Hypot(float64(min(row, height-row))/float64(height), float64(min(column, width-column))/float64(width))
		return math.Pow(max(f, lowest), -law.Decay)
	}
	energy := 0.0
	for row := range height {
		for column := range width {
			g := gain(row, column)
			energy += g * g
		}
	}
	norm := math.Sqrt(float64(height*width) / energy)
	gains, inverse := make([]float32, height*half), make([]float32, height*half)
	for row := range height {
		for column := range half {
			g := norm * gain(row, column)
			gains[row*half+column], inverse[row*half+column] = float32(g), float32(1/g)
		}
	}
	lightness := math.Sqrt(3 / (1 + 2*law.Colour*law.Colour)) // of three dimensions of colour it is one
	colour := law.Colour * lightness
	tensor := func(list []float32) *tensors.Tensor { return tensors.FromFlatDataAndDimensions(list, 1, height, half) }
	return &Scaling{
		transform: t,
		forward:   direction{tensor(gains), float32(lightness), float32(colour)},
		backward:  direction{tensor(inverse), float32(1 / lightness), float32(1 / colour)},
	}
}

// Scale returns the picture of variables, or the gradient with respect to variables of one with respect to the picture.
// The caller finalizes it.
func (s *Scaling) Scale(v *tensors.Tensor) (*tensors.Tensor, error) { return s.apply(s.forward, v) }

// Unscale returns the variables of a picture. The caller finalizes them.
func (s *Scaling) Unscale(picture *tensors.Tensor) (*tensors.Tensor, error) {
	return s.apply(s.backward, picture)
}

func (s *Scaling) apply(d direction, v *tensors.Tensor) (*tensors.Tensor, error) {
	out, err := s.transform.exec.Call(v, d.gains, d.lightness, d.colour)
	if err != nil {
		return nil, fmt.Errorf("spectrum: %w", err)
	}
	return out[0], nil
}

// Free frees what the scaling has on the device.
func (s *Scaling) Free() { free(s.forward.gains, s.backward.gains) }

// free finalizes tensors. An error is ignored: it says that the device has lost the tensor already, which leaves nothing
// to free.
func free(list ...*tensors.Tensor) {
	for _, t := range list {
		_ = t.FinalizeAll()
	}
}
