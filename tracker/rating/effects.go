package rating

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// Lacking is the label of an item without a parameter that others have.
const Lacking = "–"

// Effects are what the values of parameters do to strength.
type Effects struct {
	// Parameters are those with two or more values, by name.
	Parameters []Parameter `json:"parameters"`
	// Residual is the standard deviation of everything else that makes items stronger or weaker,
	// for example seeds and interactions of parameters. It is the one of 0.125, 0.25, 0.5, 1 and 2
	// that makes the comparisons most probable.
	Residual float64 `json:"residual"`
	// Ties is the probability of a tie between two items of the same strength.
	Ties float64 `json:"ties"`
}

// Parameter has the effects of one parameter's values.
type Parameter struct {
	Name   string        `json:"name"`
	Values []ValueEffect `json:"values"` // numbers in ascending order, then texts
	// Aliases are other parameters that change exactly when this one does. Comparisons cannot tell
	// which of them causes an effect, and the prior gives each an equal part of it.
	Aliases []string `json:"aliases"`
}

// ValueEffect is what a value adds to the log strength, all else being equal. The mean of a
// parameter's effects is zero, with each value counted once.
type ValueEffect struct {
	Label string `json:"label"`
	Items int    `json:"items"` // with the value
	Estimate
}

// FitEffects estimates what each value of each parameter does to strength. items has each item's labels by parameter;
// see [Bins] for numbers. A strength is the sum of the effects of the item's values (Springall, Response surface
// fitting using a generalization of the Bradley–Terry paired comparison model, Applied Statistics 1973) and of a part
// of the item's own, normal around zero (Turner and Firth, Bradley–Terry models in R, Journal of Statistical Software
// 2012, section 3.1). Without that part, a thousand comparisons of three pictures would count as a thousand trials of
// their settings, and intervals would be far too short.
//
// FitEffects returns the most probable effects for the most probable of five deviations of the items'
// own parts, so it takes five times as long as a Fit with an unknown for each item and value.
func FitEffects(items []map[string]string, comparisons []Comparison) (*Effects, error) {
	if len(items) == 0 {
		return nil, errors.New("there are no items to learn effects from: there must be at least 1")
	}
	if err := check(len(items), comparisons); err != nil {
		return nil, err
	}
	d := newDesign(items)
	effects, p, err := d.mostProbable(comparisons)
	if err != nil {
		return nil, err
	}
	covariance, err := p.covariance()
	if err != nil {
		return nil, err
	}
	effects.Parameters = d.parameters
	from := 0
	for _, parameter := range effects.Parameters {
		to := from + len(parameter.Values)
		for i, estimate := range centred(p.mode, covariance, from, to, priorSD) {
			parameter.Values[i].Estimate = estimate
		}
		from = to
	}
	return effects, nil
}

// residuals are the candidates for the deviation of items' own parts. A factor of two changes intervals little.
var residuals = []float64{0.125, 0.25, 0.5, 1, 2}

// mostProbable fits the model for each deviation of the items' own parts, and returns the one with
// most evidence (empirical Bayes; MacKay, Bayesian interpolation, Neural Computation 1992).
func (d *design) mostProbable(comparisons []Comparison) (*Effects, *posterior, error) {
	effects, best := &Effects{}, &posterior{evidence: math.Inf(-1)}
	var start []float64
	for _, residual := range residuals {
		precision := slices.Concat(
			slices.Repeat([]float64{1 / (priorSD * priorSD)}, d.values),
			slices.Repeat([]float64{1 / (residual * residual)}, len(d.value)),
		)
		m := newModel(precision, comparisons, d.terms)
		p, err := m.fit(start)
		if err != nil {
			return nil, nil, err
		}
		start = p.unknowns // the next is not far
		if p.evidence > best.evidence {
			effects.Residual, effects.Ties, best = residual, davidson(0, p.logTie).tie, p
		}
	}
	return effects, best, nil
}

// design holds the values of each item. The values of all parameters are numbered consecutively.
type design struct {
	parameters []Parameter // without effects
	values     int
	value      [][]int // of each item, for each parameter
}

func newDesign(items []map[string]string) *design {
	names := map[string]bool{}
	for _, labels := range items {
		for name := range labels {
			names[name] = true
		}
	}
	d := &design{parameters: []Parameter{}, value: make([][]int, len(items))}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		d.add(name, items)
	}
	d.alias()
	return d
}

// add adds a parameter, unless all items have the same value of it.
func (d *design) add(name string, items []map[string]string) {
	counts := map[string]int{}
	label := func(item int) string {
		if l, has := items[item][name]; has {
			return l
		}
		return Lacking
	}
	for i := range items {
		counts[label(i)]++
	}
	if len(counts) < 2 {
		return
	}
	p, number := Parameter{Name: name, Aliases: []string{}}, map[string]int{}
	for _, l := range slices.SortedFunc(maps.Keys(counts), compareLabels) {
		number[l] = d.values
		d.values++
		p.Values = append(p.Values, ValueEffect{Label: l, Items: counts[l]})
	}
	d.parameters = append(d.parameters, p)
	for i := range items {
		d.value[i] = append(d.value[i], number[label(i)])
	}
}

// alias finds the parameters that divide the items in the same way.
func (d *design) alias() {
	groups := map[string][]int{}
	for k := range d.parameters {
		var parts strings.Builder
		first := map[int]int{} // the first item with a value represents the value
		for i, values := range d.value {
			if _, known := first[values[k]]; !known {
				first[values[k]] = i
			}
			fmt.Fprintln(&parts, first[values[k]])
		}
		groups[parts.String()] = append(groups[parts.String()], k)
	}
	for _, group := range groups {
		for _, k := range group {
			for _, other := range group {
				if other != k {
					d.parameters[k].Aliases = append(d.parameters[k].Aliases, d.parameters[other].Name)
				}
			}
		}
	}
}

// terms returns the difference of two items: the values that only one of them has, and their own parts.
func (d *design) terms(left, right int) []term {
	list := []term{{d.values + left, 1}, {d.values + right, -1}}
	for k, value := range d.value[left] {
		if other := d.value[right][k]; other != value {
			list = append(list, term{value, 1}, term{other, -1})
		}
	}
	return list
}
