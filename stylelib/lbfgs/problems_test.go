package lbfgs

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/optimize/functions"

	"github.com/gouache-art/gouache/stylelib/optimize"
)

// problem is a function with a starting point from the literature.
type problem struct {
	name     string
	function interface {
		Func(x []float64) float64
		Grad(grad, x []float64)
	}
	start    []float64
	unlisted bool // this start leads to a minimum that gonum does not list: SciPy ends there, too
}

// problems are all functions of gonum's optimize/functions that have a minimum, a gradient, and more than one variable,
// from their standard starting points. Those that come with any number of variables are there with several.
var problems = []problem{
	{name: "Beale easy", function: functions.Beale{}, start: []float64{1, 1}},
	{name: "Beale hard", function: functions.Beale{}, start: []float64{1, 4}, unlisted: true},
	{name: "BiggsEXP2", function: functions.BiggsEXP2{}, start: []float64{1, 2}},
	{name: "BiggsEXP3", function: functions.BiggsEXP3{}, start: []float64{1, 2, 1}},
	{name: "BiggsEXP4", function: functions.BiggsEXP4{}, start: []float64{1, 2, 1, 1}},
	{name: "BiggsEXP5", function: functions.BiggsEXP5{}, start: []float64{1, 2, 1, 1, 1}, unlisted: true},
	{name: "BiggsEXP6", function: functions.BiggsEXP6{}, start: []float64{1, 2, 1, 1, 1, 1}},
	{name: "Box3D", function: functions.Box3D{}, start: []float64{0, 10, 20}},
	{name: "BrownBadlyScaled", function: functions.BrownBadlyScaled{}, start: []float64{1, 1}},
	{name: "BrownAndDennis", function: functions.BrownAndDennis{}, start: []float64{25, 5, -5, -1}},
	{name: "ExtendedPowellSingular 4", function: functions.ExtendedPowellSingular{}, start: repeat(4, 3, -1, 0, 3)},
	{name: "ExtendedPowellSingular 100", function: functions.ExtendedPowellSingular{}, start: repeat(100, 3, -1, 0, 3)},
	{name: "ExtendedRosenbrock 2", function: functions.ExtendedRosenbrock{}, start: repeat(2, -1.2, 1)},
	{name: "ExtendedRosenbrock 10", function: functions.ExtendedRosenbrock{}, start: repeat(10, -1.2, 1)},
	{name: "ExtendedRosenbrock 100", function: functions.ExtendedRosenbrock{}, start: repeat(100, -1.2, 1)},
	{name: "ExtendedRosenbrock far", function: functions.ExtendedRosenbrock{}, start: []float64{-5, 4, 16, 3}},
	{name: "Gaussian", function: functions.Gaussian{}, start: []float64{0.4, 1, 0}},
	{name: "GulfResearchAndDevelopment", function: functions.GulfResearchAndDevelopment{}, start: []float64{5, 2.5, 0.15}},
	{name: "HelicalValley", function: functions.HelicalValley{}, start: []float64{-1, 0, 0}},
	{name: "MinimalSurface 324", function: surface, start: surface.InitX()},
	{name: "PenaltyI 4", function: functions.PenaltyI{}, start: count(4)},
	{name: "PenaltyI 10", function: functions.PenaltyI{}, start: count(10)},
	{name: "PenaltyII 4", function: functions.PenaltyII{}, start: repeat(4, 0.5)},
	{name: "PenaltyII 10", function: functions.PenaltyII{}, start: repeat(10, 0.5)},
	{name: "PowellBadlyScaled", function: functions.PowellBadlyScaled{}, start: []float64{0, 1}},
	{name: "Sphere 10", function: functions.Sphere{}, start: count(10)},
	{name: "Trigonometric 10", function: functions.Trigonometric{}, start: repeat(10, 1./10)},
	{name: "Trigonometric 100", function: functions.Trigonometric{}, start: repeat(100, 1./100)},
	{name: "VariablyDimensioned 2", function: functions.VariablyDimensioned{}, start: descend(2)},
	{name: "VariablyDimensioned 10", function: functions.VariablyDimensioned{}, start: descend(10)},
	{name: "VariablyDimensioned 100", function: functions.VariablyDimensioned{}, start: descend(100)},
	{name: "Watson 6", function: functions.Watson{}, start: repeat(6, 0)},
	{name: "Watson 9", function: functions.Watson{}, start: repeat(9, 0)},
	{name: "Watson 12", function: functions.Watson{}, start: repeat(12, 0)},
	{name: "Wood", function: functions.Wood{}, start: []float64{-3, -1, -3, -1}},
}

var surface = minimalSurface{functions.NewMinimalSurface(20, 20)}

// minimalSurface gives the function the method that the others have.
type minimalSurface struct{ *functions.MinimalSurface }

func (m minimalSurface) Grad(grad, x []float64) { m.MinimalSurface.Grad(grad, x) }

// repeat returns n numbers that repeat the pattern.
func repeat(n int, pattern ...float64) []float64 {
	return slices.Repeat(pattern, n/len(pattern))
}

// count returns 1, 2, …, n.
func count(n int) []float64 { return floats.Span(make([]float64, n), 1, float64(n)) }

// descend returns (n−i)/n for i = 1 … n.
func descend(n int) []float64 {
	x := floats.Span(make([]float64, n), float64(n)-1, 0)
	floats.Scale(1/float64(n), x)
	return x
}

// onHost returns the problem's function for float64 tensors of one dimension.
func (p problem) onHost() optimize.Function {
	return func(_ context.Context, x *tensors.Tensor) (float64, *tensors.Tensor, error) {
		at, err := tensors.CopyFlatData[float64](x)
		if err != nil {
			return 0, nil, err
		}
		g := make([]float64, len(at))
		p.function.Grad(g, at)
		return p.function.Func(at), tensors.FromFlatDataAndDimensions(g, len(g)), nil
	}
}

// The gradients that the other tests rely on are right.
func TestGradientsOfProblems(t *testing.T) {
	for _, p := range problems {
		t.Run(p.name, func(t *testing.T) {
			x := slices.Clone(p.start)
			g := make([]float64, len(x))
			p.function.Grad(g, x)
			for i := range x {
				h := 1e-5 * max(1, math.Abs(x[i]))
				at := x[i]
				x[i] = at + h
				above := p.function.Func(x)
				x[i] = at - h
				below := p.function.Func(x)
				x[i] = at
				// The central difference errs by rounding of f, ε·|f|/h, and by h²·f‴/6; 1e-6 of the gradient covers
				// the latter for these functions, and a wrong formula errs by far more.
				want := (above - below) / (2 * h)
				if diff := math.Abs(g[i] - want); diff > 1e-6*floats.Norm(g, math.Inf(1))+1e-10*math.Abs(above) {
					t.Errorf("∂f/∂x[%d] = %v, by central differences %v", i, g[i], want)
				}
			}
		})
	}
}
