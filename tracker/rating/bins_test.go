package rating

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestBins(t *testing.T) {
	for _, test := range []struct {
		name    string
		numbers []float64
		bins    int
		want    []string
	}{
		{"none", nil, 3, []string{}},
		{"few", []float64{50, 0.123456789, 50}, 2, []string{"50", "0.123456789", "50"}},
		{"quantiles", []float64{6, 1, 2, 5, 4, 3}, 3, []string{"5 – 6", "1 – 2", "1 – 2", "5 – 6", "3 – 4", "3 – 4"}},
		{"equal numbers stay together", []float64{1, 1, 1, 1, 2, 3}, 2, []string{"1", "1", "1", "1", "2 – 3", "2 – 3"}},
		{"negative", []float64{-3, -2.5, 0, 9}, 2, []string{"-3 – -2.5", "-3 – -2.5", "0 – 9", "0 – 9"}},
		{"rounded", []float64{1.23456789, 20.3456789, 300.456789, 4e6 / 3}, 2,
			[]string{"1.23 – 20.3", "1.23 – 20.3", "300 – 1.33e+06", "300 – 1.33e+06"}},
		{"rounded as little as needed", []float64{1.23456789, 1.2345999, 1.2346111, 1.239999}, 2,
			[]string{"1.23457 – 1.2346", "1.23457 – 1.2346", "1.23461 – 1.24", "1.23461 – 1.24"}},
		{"one bin", []float64{3, 1, 2}, 1, []string{"1 – 3", "1 – 3", "1 – 3"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got, err := Bins(test.numbers, test.bins); err != nil || !slices.Equal(got, test.want) {
				t.Errorf("the labels are %q, %v, not %q", got, err, test.want)
			}
		})
	}
}

// TestBinsAreFair checks sizes, order and the distinctness of labels.
func TestBinsAreFair(t *testing.T) {
	rng := newRand(1)
	for range 200 {
		n, bins := 1+rng.IntN(200), 1+rng.IntN(8)
		numbers := make([]float64, n)
		for i := range numbers {
			numbers[i] = math.Exp(2 * rng.NormFloat64())
		}
		labels, err := Bins(numbers, bins)
		if err != nil {
			t.Fatal(err)
		}
		sizes := map[string]int{}
		for _, l := range labels {
			sizes[l]++
		}
		if len(sizes) != min(n, bins) {
			t.Errorf("%d numbers are in %d bins, not %d", n, len(sizes), min(n, bins))
		}
		for l, size := range sizes {
			if size < n/bins || size > (n+bins-1)/bins {
				t.Errorf("%d of %d numbers are in %s, one of %d bins", size, n, l, bins)
			}
		}
		byLabel := slices.SortedFunc(slices.Values(rand.New(rng).Perm(n)), func(a, b int) int {
			return compareLabels(labels[a], labels[b])
		})
		for i := 1; i < n; i++ {
			if a, b := byLabel[i-1], byLabel[i]; labels[a] != labels[b] && numbers[a] >= numbers[b] {
				t.Errorf("%s comes before %s", labels[a], labels[b])
			}
		}
	}
}

func TestBinsRefuses(t *testing.T) {
	for _, test := range []struct {
		numbers []float64
		bins    int
		want    string
	}{
		{[]float64{1}, 0, "0 bins were asked for"},
		{[]float64{1, math.NaN()}, 2, "number 1 is NaN"},
		{[]float64{math.Inf(1)}, 2, "number 0 is +Inf"},
	} {
		if _, err := Bins(test.numbers, test.bins); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("the error is %v, not %q", err, test.want)
		}
	}
}
