package rating

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// longest is the most characters of the end of a range that is not rounded.
const longest = 6

// dash separates the ends of a range. Its spaces distinguish it from a minus sign.
const dash = " – "

// Bins labels each of many numbers, so that a numeric parameter has few enough values to estimate the effect of each.
// Up to the given number of bins, distinct numbers keep their own labels. More numbers are put into at most that many
// bins by quantiles; equal numbers stay together. A bin's label is its least and greatest number, such as 1.5 – 20.
// Long numbers are rounded to the fewest digits, at least three, that distinguish the bins.
func Bins(numbers []float64, bins int) ([]string, error) {
	if bins < 1 {
		return nil, fmt.Errorf("%d bins were asked for: there must be at least 1", bins)
	}
	for i, v := range numbers {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("number %d is %v: only finite numbers can be binned", i, v)
		}
	}
	sorted := slices.Sorted(slices.Values(numbers))
	bin := map[float64]int{}
	var ends [][2]float64
	distinct := slices.Compact(slices.Clone(sorted))
	for i, v := range distinct {
		if len(distinct) <= bins {
			bin[v] = i
		} else {
			// The middle of the number's ranks decides its quantile.
			from, _ := slices.BinarySearch(sorted, v)
			to, _ := slices.BinarySearch(sorted, math.Nextafter(v, math.Inf(1)))
			bin[v] = (from + to) * bins / (2 * len(sorted))
		}
		if i > 0 && bin[v] == bin[distinct[i-1]] {
			ends[len(ends)-1][1] = v
		} else {
			ends = append(ends, [2]float64{v, v})
		}
	}
	texts, labels := endTexts(ends), make([]string, len(numbers))
	for i, v := range numbers {
		k, _ := slices.BinarySearchFunc(ends, v, func(e [2]float64, v float64) int { return cmp.Compare(e[1], v) })
		labels[i] = texts[k]
	}
	return labels, nil
}

// endTexts returns a label for each bin, with the fewest digits that distinguish different numbers.
func endTexts(ends [][2]float64) []string {
	for digits := 3; ; digits++ {
		if digits > 17 {
			digits = -1 // all there are
		}
		values := map[string]float64{}
		apart := true
		write := func(v float64) string {
			text := strconv.FormatFloat(v, 'g', -1, 64)
			if len(text) > longest {
				text = strconv.FormatFloat(v, 'g', digits, 64)
			}
			if other, known := values[text]; known && other != v {
				apart = false
			}
			values[text] = v
			return text
		}
		var texts []string
		for _, e := range ends {
			if e[0] == e[1] {
				texts = append(texts, strconv.FormatFloat(e[0], 'g', -1, 64))
			} else {
				texts = append(texts, write(e[0])+dash+write(e[1]))
			}
		}
		if apart || digits < 0 {
			return texts
		}
	}
}

// compareLabels orders labels that begin with numbers, as those of Bins do, by the numbers, before all other labels.
func compareLabels(a, b string) int {
	x, y := leading(a), leading(b)
	switch {
	case math.IsNaN(x) != math.IsNaN(y):
		return cmp.Compare(y, x) // NaN is the least
	case x != y && !math.IsNaN(x):
		return cmp.Compare(x, y)
	}
	return strings.Compare(a, b)
}

func leading(label string) float64 {
	text, _, _ := strings.Cut(label, dash)
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return math.NaN()
	}
	return v
}
