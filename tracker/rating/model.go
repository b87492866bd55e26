package rating

import (
	"errors"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// model is a regression of outcomes on coefficients that have normal priors with mean zero. Strengths of items and
// effects of parameters' values are both its coefficients; they differ in the rows only.
type model struct {
	// precision is 1/sd² of each coefficient's prior.
	precision []float64
	rows      []row
	// ties tells whether some outcome is one. If none is, the likelihood is greatest without the tie parameter.
	ties bool
}

// row is one comparison: the left item is stronger than the right by the terms' sum.
type row struct {
	terms   []term
	outcome Outcome
}

// term is a coefficient with its sign.
type term struct {
	coefficient int
	sign        float64
}

// newModel takes the comparisons, and what sets two items apart.
func newModel(precision []float64, comparisons []Comparison, terms func(left, right int) []term) *model {
	m := &model{precision: precision}
	for _, c := range comparisons {
		m.rows = append(m.rows, row{terms(c.Left, c.Right), c.Outcome})
		m.ties = m.ties || c.Outcome == Tie
	}
	if m.ties {
		// One imagined comparison of equals that was no tie, so that the tie parameter is finite where all are ties.
		m.rows = append(m.rows, row{outcome: LeftWins})
	}
	return m
}

// size is the number of unknowns: the coefficients and, last, the tie parameter's logarithm if there are ties.
func (m *model) size() int {
	if m.ties {
		return len(m.precision) + 1
	}
	return len(m.precision)
}

func (m *model) logTie(x []float64) float64 {
	if m.ties {
		return x[len(m.precision)]
	}
	return math.Inf(-1)
}

func (r row) difference(x []float64) float64 {
	var d float64
	for _, t := range r.terms {
		d += t.sign * x[t.coefficient]
	}
	return d
}

// logPosterior is the logarithm of likelihood times prior, without the prior's constants. It is concave: the model
// is log-linear, and its priors are normal.
func (m *model) logPosterior(x []float64) float64 {
	var sum float64
	logTie := m.logTie(x)
	for _, r := range m.rows {
		d := r.difference(x)
		sum += davidson(d, logTie).logLikelihood(r.outcome, d, logTie)
	}
	for i, precision := range m.precision {
		sum -= precision * x[i] * x[i] / 2
	}
	return sum
}

// derivatives returns the gradient of logPosterior and its negative Hessian.
func (m *model) derivatives(x []float64) ([]float64, *mat.SymDense) {
	gradient, hessian := make([]float64, m.size()), mat.NewSymDense(m.size(), nil)
	add := func(i, j int, v float64) { hessian.SetSym(i, j, hessian.At(i, j)+v) }
	for i, precision := range m.precision {
		gradient[i] = -precision * x[i]
		add(i, i, precision)
	}
	logTie, last := m.logTie(x), len(m.precision)
	for _, r := range m.rows {
		p := davidson(r.difference(x), logTie)
		byD, byTie := p.gradient(r.outcome)
		dd, dt, tt := p.information()
		for k, t := range r.terms {
			gradient[t.coefficient] += t.sign * byD
			for _, u := range r.terms[k:] {
				add(t.coefficient, u.coefficient, t.sign*u.sign*dd)
			}
			if m.ties {
				add(t.coefficient, last, t.sign*dt)
			}
		}
		if m.ties {
			gradient[last] += byTie
			add(last, last, tt)
		}
	}
	return gradient, hessian
}

// posterior is Laplace's approximation of what is known of a model's unknowns: normal, around the mode.
type posterior struct {
	unknowns []float64 // of the model, at the mode
	mode     []float64 // the coefficients among them
	logTie   float64
	// evidence is the logarithm of the data's probability under the model, but for a constant that is the same for
	// all priors.
	evidence float64
	hessian  mat.Cholesky
}

const (
	maxSteps = 100
	// accuracy is what Newton's last step changes an unknown by at most. Convergence is quadratic, so the step after
	// it would be of the order of its square.
	accuracy = 1e-9
	// rounding is what logPosterior, a sum of up to tens of thousands of terms, is uncertain by in proportion.
	rounding = 1e-12
	armijo   = 1e-4
)

// fit finds the mode by Newton's method with halved steps (Boyd and Vandenberghe, Convex Optimization, algorithm
// 9.5), from the given unknowns, or from zero without any.
func (m *model) fit(start []float64) (*posterior, error) {
	x := slices.Clone(start)
	if x == nil {
		x = make([]float64, m.size())
	}
	p := &posterior{}
	value, step := m.logPosterior(x), mat.NewVecDense(m.size(), nil)
	for range maxSteps {
		gradient, hessian := m.derivatives(x)
		if !p.hessian.Factorize(hessian) {
			return nil, errors.New("the strengths cannot be told from rounding errors: choose a smaller prior deviation")
		}
		if err := p.hessian.SolveVecTo(step, mat.NewVecDense(len(gradient), gradient)); err != nil {
			return nil, err
		}
		direction := step.RawVector().Data
		if floats.Norm(direction, math.Inf(1)) < accuracy {
			floats.Add(x, direction)
			p.unknowns, p.mode, p.logTie = x, x[:len(m.precision)], m.logTie(x)
			p.evidence = m.logPosterior(x) - p.hessian.LogDet()/2
			for _, precision := range m.precision {
				p.evidence += math.Log(precision) / 2
			}
			return p, nil
		}
		x, value = m.search(x, value, direction, floats.Dot(gradient, direction))
	}
	return nil, errors.New("no strengths were found in 100 steps of Newton's method: choose a smaller prior deviation")
}

// search halves a step until the posterior rises as it should, but for rounding.
func (m *model) search(x []float64, value float64, direction []float64, slope float64) ([]float64, float64) {
	for length := 1.0; ; length /= 2 {
		next := floats.AddScaledTo(make([]float64, len(x)), x, length, direction)
		v := m.logPosterior(next)
		if v >= value+armijo*length*slope-rounding*(1+math.Abs(value)) {
			return next, v
		}
	}
}

// covariance is of the coefficients; what is not known of the tie parameter is in it.
func (p *posterior) covariance() (*mat.SymDense, error) {
	var all, some mat.SymDense
	if err := p.hessian.InverseTo(&all); err != nil {
		return nil, err
	}
	some.SubsetSym(&all, indices(len(p.mode)))
	return &some, nil
}

func indices(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}
