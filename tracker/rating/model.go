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
	// ties is set if some outcome is a tie. If none is, the likelihood is greatest without the tie parameter.
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

// newModel returns the model of comparisons. terms returns the difference of two items.
func newModel(precision []float64, comparisons []Comparison, terms func(left, right int) []term) *model {
	m := &model{precision: precision}
	for _, c := range comparisons {
		m.rows = append(m.rows, row{terms(c.Left, c.Right), c.Outcome})
		m.ties = m.ties || c.Outcome == Tie
	}
	if m.ties {
		// One imaginary comparison of equals that was not a tie keeps the tie parameter finite where all are ties.
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

// logPosterior is the logarithm of likelihood times prior, without the prior's constants. It is
// concave: the model is log-linear, and its priors are normal.
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

// posterior is Laplace's approximation of the distribution of a model's unknowns: normal, around the mode.
type posterior struct {
	unknowns []float64 // of the model, at the mode
	mode     []float64 // the coefficients among them
	logTie   float64
	// evidence is the logarithm of the data's probability under the model, up to a constant that is
	// the same for all priors.
	evidence float64
	hessian  mat.Cholesky
}

const (
	maxSteps = 100
	// accuracy is the most that Newton's last step changes an unknown. Convergence is quadratic, so
	// the next step would be of the order of its square.
	accuracy = 1e-9
	// rounding is the relative rounding error of logPosterior, a sum of up to tens of thousands of terms.
	rounding = 1e-12
	armijo   = 1e-4
)

// fit finds the mode by Newton's method with halved steps (Boyd and Vandenberghe, Convex
// Optimization, algorithm 9.5), from the given unknowns, or from zero without any.
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
			return nil, errors.New("the strengths cannot be distinguished from rounding errors: choose a smaller prior deviation")
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

// search halves a step until the posterior increases sufficiently, up to rounding.
func (m *model) search(x []float64, value float64, direction []float64, slope float64) ([]float64, float64) {
	for length := 1.0; ; length /= 2 {
		next := floats.AddScaledTo(make([]float64, len(x)), x, length, direction)
		v := m.logPosterior(next)
		if v >= value+armijo*length*slope-rounding*(1+math.Abs(value)) {
			return next, v
		}
	}
}

// covariance returns the covariance of the coefficients, including the uncertainty of the tie parameter.
func (p *posterior) covariance() (*mat.SymDense, error) {
	var all mat.SymDense
	if err := p.hessian.InverseTo(&all); err != nil {
		return nil, err
	}
	return all.SliceSym(0, len(p.mode)).(*mat.SymDense), nil
}

// chances are the probabilities of the three outcomes, and the logarithm of what they were divided by.
type chances struct{ left, right, tie, logNorm float64 }

// davidson returns the chances for a left item that is d stronger than the right one (Davidson
// 1970, with both strengths divided by their geometric mean): in proportion exp(d/2) : exp(-d/2) :
// exp(logTie). With logTie -Inf there are no ties, and this is Bradley and Terry's model.
func davidson(d, logTie float64) chances {
	shift := max(math.Abs(d)/2, logTie) // no exponential overflows
	left, right, tie := math.Exp(d/2-shift), math.Exp(-d/2-shift), math.Exp(logTie-shift)
	norm := left + right + tie
	return chances{left / norm, right / norm, tie / norm, shift + math.Log(norm)}
}

// logLikelihood is the logarithm of an outcome's probability.
func (p chances) logLikelihood(o Outcome, d, logTie float64) float64 {
	switch o {
	case LeftWins:
		return d/2 - p.logNorm
	case RightWins:
		return -d/2 - p.logNorm
	}
	return logTie - p.logNorm
}

// gradient differentiates logLikelihood with respect to d and logTie. Small values are not
// differences of large numbers: Newton's method needs them where nearly everything is certain.
func (p chances) gradient(o Outcome) (byD, byTie float64) {
	switch o {
	case LeftWins:
		return p.right + p.tie/2, -p.tie
	case RightWins:
		return -p.left - p.tie/2, -p.tie
	}
	return (p.right - p.left) / 2, p.left + p.right
}

// information is the negative of logLikelihood's second derivatives, by d twice, by d and logTie,
// and by logTie twice. It is the same for all outcomes, and so also Fisher's information.
func (p chances) information() (dd, dt, tt float64) {
	decided := p.left + p.right
	return p.left*p.right + p.tie*decided/4, p.tie * (p.right - p.left) / 2, p.tie * decided
}

// entropy is the entropy of the outcome, in nats.
func (p chances) entropy() float64 {
	var h float64
	for _, q := range [...]float64{p.left, p.right, p.tie} {
		if q > 0 {
			h -= q * math.Log(q)
		}
	}
	return h
}
