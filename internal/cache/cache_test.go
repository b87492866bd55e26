package cache

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// TestCache: values are made once for all who want them at the same time, and again after they were freed; only idle
// ones are freed, the longest idle first, and only when there are too many.
func TestCache(t *testing.T) {
	var freed []string
	var made atomic.Int32
	s := New[string](2, func(v string) { freed = append(freed, v) })
	get := func(key string) func() {
		v, release, err := s.Get(key, func() (string, int64, error) { made.Add(1); return key, 1, nil })
		if err != nil || v != key {
			t.Errorf("%q: %q, %v", key, v, err)
		}
		return release
	}
	var together sync.WaitGroup
	for range 20 {
		together.Go(func() { get("a")() })
	}
	together.Wait()
	if made.Load() != 1 {
		t.Errorf("made %d times", made.Load())
	}
	b, c, d := get("b"), get("c"), get("d")
	if freed != nil {
		t.Errorf("freed %v before they were released", freed)
	}
	c()
	c() // once more is no harm
	b()
	if !slices.Equal(freed, []string{"a", "c"}) {
		t.Errorf("freed %v, want a and c", freed)
	}
	get("b")()
	d()
	if made.Load() != 4 || len(s.entries) != 2 {
		t.Errorf("made %d, kept %d", made.Load(), len(s.entries))
	}
	fails := errors.New("fails")
	for range 2 {
		if _, _, err := s.Get("e", func() (string, int64, error) { return "", 5, fails }); err != fails {
			t.Errorf("got %v", err)
		}
	}
	if s.cost != 2 {
		t.Errorf("a value that was not made costs something: %d", s.cost)
	}
	e := get("e")
	s.Close()
	if s.Len() != 1 {
		t.Errorf("%d kept after closing, want the one in use", s.Len())
	}
	e()
	if s.Len() != 0 || len(freed) != int(made.Load()) {
		t.Errorf("%d kept, %v freed", s.Len(), freed)
	}
}
