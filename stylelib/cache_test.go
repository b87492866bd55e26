package stylelib

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gouache-art/gouache/stylelib/loss"
)

// TestCache: values are made once for all who want them at the same time, and again after they were freed; only idle
// ones are freed, the longest idle first, and only when there are too many.
func TestCache(t *testing.T) {
	var freed []string
	var made atomic.Int32
	s := newCache(2, func(v string) { freed = append(freed, v) })
	get := func(key string) func() {
		v, release, err := s.get(key, func() (string, int64, error) { made.Add(1); return key, 1, nil })
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
		t.Errorf("freed %v before anybody let go", freed)
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
		if _, _, err := s.get("e", func() (string, int64, error) { return "", 0, fails }); err != fails {
			t.Errorf("got %v", err)
		}
	}
	get("e")()
}

// TestJobsShare: jobs of one studio, beside each other, paint what they paint alone, and compile and compute together what
// they have in common.
func TestJobsShare(t *testing.T) {
	job := tinyJob(t)
	var jobs []Job
	for _, weight := range []float64{1, 3, 9} {
		for _, falloff := range []float64{0.25, 0.5} {
			j := job
			j.Preset = loss.Gouache()
			j.Preset.StyleWeight, j.Preset.StyleFalloff = weight, falloff
			jobs = append(jobs, j)
		}
	}
	together := NewStudio(device, tiny().weights, Options{})
	var wait sync.WaitGroup
	for i, j := range jobs {
		alone, err := NewStudio(device, tiny().weights, Options{}).Stylize(t.Context(), j, nil)
		if err != nil {
			t.Fatal(err)
		}
		wait.Go(func() {
			result, err := together.Stylize(t.Context(), j, nil)
			if err != nil {
				t.Error(err)
				return
			}
			if !slices.Equal(result.Picture.Pix, alone.Picture.Pix) {
				t.Errorf("job %d paints another picture beside others", i)
			}
		})
	}
	wait.Wait()
	if o, n := len(together.objectives.entries), len(together.targets.entries); o != job.Scales || n != 2*job.Scales {
		t.Errorf("%d objectives and %d targets of %d scales", o, n, job.Scales)
	}
	for _, e := range together.targets.entries {
		if e.users != 0 {
			t.Error("a target is still in use")
		}
	}
}
