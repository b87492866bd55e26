package sweep

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gouache-art/gouache/internal/suggest"
	"github.com/gouache-art/gouache/tracker"
)

// Objective is what a sweep minimises: people's ratings, or a sum of loss terms before their
// weights. Terms after their weights would not compare trials with different weights: the least
// weight would win. The zero Objective minimises nothing.
type Objective struct {
	rating bool
	parts  []part
}

// part is a factor times a term's loss.
type part struct {
	factor   float64
	term     string
	relative bool // the loss is divided by what it was at the trial's first step
}

// The words of objectives that are not terms.
const (
	wordRating   = "rating"
	wordTotal    = "total"
	wordRelative = "relative"
)

// maxParts is the largest number of terms.
const maxParts = 100

// ParseObjective reads an objective: "rating", or a sum of terms, each with a factor if it is not
// 1, such as
//
//	content + style
//	0.5*content + 2*relative(style)
//
// A term means its loss before the weight, the metric loss.TERM. relative(TERM) is that loss
// divided by the one of the trial's first step. total is the sum that the trial itself minimises,
// with its weights. terms are the known names. Factors are more than 0. An error has CodeInvalid.
func ParseObjective(text string, terms []string) (Objective, error) {
	if strings.TrimSpace(text) == wordRating {
		return Objective{rating: true}, nil
	}
	var o Objective
	for _, summand := range splitSum(text) {
		p, err := parsePart(strings.TrimSpace(summand), terms)
		if err != nil {
			return Objective{}, err
		}
		o.parts = append(o.parts, p)
	}
	if len(o.parts) > maxParts {
		return Objective{}, tracker.Errorf(tracker.CodeInvalid,
			"%d terms are too many: at most %d are added", len(o.parts), maxParts)
	}
	return o, nil
}

// exponent is a number up to the sign of its exponent, such as the 1e of 1e+3.
var exponent = regexp.MustCompile(`^\s*-?(\d+\.?\d*|\.\d+)[eE]$`)

// splitSum splits a sum at each + except the sign of an exponent.
func splitSum(text string) (summands []string) {
	for _, s := range strings.Split(text, "+") {
		if n := len(summands); n > 0 && exponent.MatchString(summands[n-1]) {
			summands[n-1] += "+" + s
		} else {
			summands = append(summands, s)
		}
	}
	return summands
}

func parsePart(text string, terms []string) (part, error) {
	p := part{factor: 1, term: text}
	if factor, rest, ok := strings.Cut(text, "*"); ok {
		f, err := strconv.ParseFloat(strings.TrimSpace(factor), 64)
		if err != nil || !(f > 0) || math.IsInf(f, 0) {
			return p, tracker.Errorf(tracker.CodeInvalid,
				"the factor %q of %q: it must be a number above 0", strings.TrimSpace(factor), text)
		}
		p.factor, p.term = f, strings.TrimSpace(rest)
	}
	if inner, ok := strings.CutPrefix(p.term, wordRelative); ok {
		inner = strings.TrimSpace(inner)
		if strings.HasPrefix(inner, "(") && strings.HasSuffix(inner, ")") {
			p.relative, p.term = true, strings.TrimSpace(inner[1:len(inner)-1])
		}
	}
	switch {
	case p.term == "":
		return p, tracker.Errorf(tracker.CodeInvalid, "a term is missing: write a sum of them, such as content + 2*style")
	case p.term == wordRating:
		return p, tracker.Errorf(tracker.CodeInvalid, "rating cannot be part of a sum: write rating alone")
	case p.term != wordTotal && !slices.Contains(terms, p.term):
		known := append(slices.Clone(terms), wordTotal, wordRating)
		return p, tracker.Errorf(tracker.CodeInvalid, "%w", suggest.Unknown("term", p.term, known))
	}
	return p, nil
}

// IsZero reports whether nothing is minimised.
func (o Objective) IsZero() bool { return !o.rating && len(o.parts) == 0 }

// IsRating reports whether people's ratings are minimised. Eval then returns NaN.
func (o Objective) IsRating() bool { return o.rating }

// metric returns the name under which trials log the term's loss.
func (p part) metric() string {
	if p.term == wordTotal {
		return wordTotal
	}
	return tracker.Unweighted(p.term)
}

// Metrics returns the names of the metrics that the objective needs.
func (o Objective) Metrics() []string {
	var names []string
	for _, p := range o.parts {
		if !slices.Contains(names, p.metric()) {
			names = append(names, p.metric())
		}
	}
	return names
}

// String returns the objective in the form that ParseObjective reads.
func (o Objective) String() string {
	if o.rating {
		return wordRating
	}
	words := make([]string, len(o.parts))
	for i, p := range o.parts {
		words[i] = p.term
		if p.relative {
			words[i] = wordRelative + "(" + p.term + ")"
		}
		if p.factor != 1 {
			words[i] = strconv.FormatFloat(p.factor, 'g', -1, 64) + "*" + words[i]
		}
	}
	return strings.Join(words, " + ")
}

// Eval returns the objective's value; less is better. metric returns a metric's value at the
// trial's first step and now, or false if there is none. The result is NaN if a metric is missing
// or a relative loss began with 0.
func (o Objective) Eval(metric func(name string) (first, now float64, ok bool)) float64 {
	if len(o.parts) == 0 {
		return math.NaN()
	}
	sum := 0.0
	for _, p := range o.parts {
		first, now, ok := metric(p.metric())
		if !ok {
			return math.NaN()
		}
		if p.relative {
			if first == 0 {
				return math.NaN()
			}
			now /= first
		}
		sum += p.factor * now
	}
	return sum
}
