package rating

import "fmt"

// Counts returns how many comparisons each of so many items was in.
func Counts(items int, comparisons []Comparison) ([]int, error) {
	if err := check(items, comparisons); err != nil {
		return nil, err
	}
	counts := make([]int, items)
	for _, c := range comparisons {
		counts[c.Left]++
		counts[c.Right]++
	}
	return counts, nil
}

// Connected tells whether chains of comparisons, over whichever items, join all items of a group. If not, only the
// prior says how the group's parts compare.
func Connected(items int, comparisons []Comparison, group []int) (bool, error) {
	if err := checkGroup(items, comparisons, group); err != nil {
		return false, err
	}
	// Each part's items lead to the one that stands for it (disjoint sets; Tarjan 1975).
	parent := indices(items)
	find := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	for _, c := range comparisons {
		parent[find(c.Left)] = find(c.Right)
	}
	for _, i := range group {
		if find(i) != find(group[0]) {
			return false, nil
		}
	}
	return true, nil
}

// Enough tells whether the items of a group, say, one generation of a sweep, have been compared enough for a sampler
// to go on: each at least so many times, with whichever items, and all joined by chains of comparisons.
func Enough(items int, comparisons []Comparison, group []int, least int) (bool, error) {
	connected, err := Connected(items, comparisons, group)
	if err != nil || !connected {
		return false, err
	}
	counts, err := Counts(items, comparisons)
	if err != nil {
		return false, err
	}
	for _, i := range group {
		if counts[i] < least {
			return false, nil
		}
	}
	return true, nil
}

func checkGroup(items int, comparisons []Comparison, group []int) error {
	for _, i := range group {
		if i < 0 || i >= items {
			return fmt.Errorf("the group has item %d: with %d items they are numbered from 0 to %d", i, items, items-1)
		}
	}
	return check(items, comparisons)
}
