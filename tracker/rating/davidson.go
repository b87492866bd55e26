package rating

import "math"

// chances are the probabilities of the three outcomes, and the logarithm of what they were divided by.
type chances struct{ left, right, tie, logNorm float64 }

// davidson returns the chances for a left item that is d stronger than the right one (Davidson 1970, with
// both strengths divided by their geometric mean): in proportion exp(d/2) : exp(-d/2) : exp(logTie). With logTie -Inf
// there are no ties, and this is Bradley and Terry's model.
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

// gradient differentiates logLikelihood with respect to d and logTie. Small ones are not differences of large numbers:
// where nearly everything is certain, Newton's method lives on them.
func (p chances) gradient(o Outcome) (byD, byTie float64) {
	switch o {
	case LeftWins:
		return p.right + p.tie/2, -p.tie
	case RightWins:
		return -p.left - p.tie/2, -p.tie
	}
	return (p.right - p.left) / 2, p.left + p.right
}

// information is the negative of logLikelihood's second derivatives, by d twice, by d and logTie, and by logTie
// twice. It is the same for all outcomes, and so Fisher's information too.
func (p chances) information() (dd, dt, tt float64) {
	decided := p.left + p.right
	return p.left*p.right + p.tie*decided/4, p.tie * (p.right - p.left) / 2, p.tie * decided
}

// entropy is how uncertain the outcome is, in nats.
func (p chances) entropy() float64 {
	var h float64
	for _, q := range [...]float64{p.left, p.right, p.tie} {
		if q > 0 {
			h -= q * math.Log(q)
		}
	}
	return h
}
