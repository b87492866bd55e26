package main

import (
	"math"
	"slices"
)

// sample is what one quantity was measured to be, again and again.
type sample []float64

// quantile returns the value below which a share q of the sample lies, interpolated between neighbours (definition 7 of
// Hyndman and Fan, "Sample quantiles in statistical packages", 1996); not a number for an empty sample.
func (s sample) quantile(q float64) float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(s))
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 == len(sorted) {
		return sorted[i]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

func (s sample) median() float64 { return s.quantile(0.5) }

// spread returns half of the distance between the quartiles, relative to the median.
func (s sample) spread() float64 { return (s.quantile(0.75) - s.quantile(0.25)) / 2 / s.median() }

// over returns the median ratio of s to another sample that was measured in turn with it: each value is divided by its
// neighbour in time, so that a machine that grows slower meanwhile changes nothing.
func (s sample) over(other sample) float64 {
	ratios := make(sample, len(s))
	for i := range s {
		ratios[i] = s[i] / other[i]
	}
	return ratios.median()
}
