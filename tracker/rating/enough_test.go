package rating

import (
	"slices"
	"testing"
)

func TestEnough(t *testing.T) {
	joined := slices.Concat(wins(1, 0, 1), ties(1, 1, 2), wins(1, 3, 4))
	for _, test := range []struct {
		name              string
		group             []int
		least             int
		connected, enough bool
	}{
		{"none", nil, 3, true, true},
		{"one, compared", []int{0}, 1, true, true},
		{"one, compared too little", []int{0}, 2, true, false},
		{"one, never compared", []int{5}, 1, true, false},
		{"joined by an item outside", []int{0, 2}, 1, true, true},
		{"joined, one too little", []int{0, 1, 2}, 2, true, false},
		{"the middle alone", []int{1}, 2, true, true},
		{"two parts", []int{0, 3}, 1, false, false},
		{"two parts, of which nothing is asked", []int{0, 5}, 0, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			connected, err := Connected(6, joined, test.group)
			if err != nil || connected != test.connected {
				t.Errorf("connected: %v, %v, not %v", connected, err, test.connected)
			}
			enough, err := Enough(6, joined, test.group, test.least)
			if err != nil || enough != test.enough {
				t.Errorf("enough: %v, %v, not %v", enough, err, test.enough)
			}
		})
	}
	if counts, err := Counts(6, joined); err != nil || !slices.Equal(counts, []int{1, 2, 1, 1, 1, 0}) {
		t.Errorf("the counts are %v, %v", counts, err)
	}
	if _, err := Counts(2, joined); err == nil {
		t.Error("items there are not were counted")
	}
	if _, err := Enough(6, joined, []int{6}, 1); err == nil {
		t.Error("a group has an item there is not, and no error")
	}
}

// TestConnectedChain joins items one by one, in random order: they are connected with the last link and not before.
func TestConnectedChain(t *testing.T) {
	const items = 50
	rng := newRand(4)
	order := rng.Perm(items)
	var links []Comparison
	for i := range items - 1 {
		links = append(links, wins(1, order[i], order[i+1])...)
	}
	rng.Shuffle(len(links), func(i, j int) { links[i], links[j] = links[j], links[i] })
	for n := range items {
		if connected, err := Connected(items, links[:n], order); err != nil || connected != (n == items-1) {
			t.Errorf("with %d of %d links, connected is %v, %v", n, items-1, connected, err)
		}
	}
}
