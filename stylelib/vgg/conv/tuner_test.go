package conv

import (
	"errors"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gomlx/compute"
)

func TestWorkBucket(t *testing.T) {
	for _, c := range []struct {
		height, width, in, out int
		side                   int // of the picture that is measured
	}{
		{1, 1, 64, 64, 8}, // the smallest
		{8, 8, 64, 64, 8},
		{11, 11, 64, 64, 8}, // 121 positions are nearer to 64 than to 256, in ratio
		{11, 12, 64, 64, 16},
		{16, 16, 64, 64, 16},
		{4, 64, 64, 64, 16}, // positions count, not the picture's form
		{181, 181, 64, 64, 128},
		{182, 182, 64, 64, 256},
		{1024, 1024, 64, 64, 256}, // the largest
		{1024, 1024, 128, 128, 256},
		{512, 512, 128, 256, 128}, // 256² would be 2^31 products
		{512, 512, 512, 512, 64},
	} {
		w := Work{c.height * c.width, c.in, c.out}
		bucket := w.bucket()
		if bucket.side() != c.side || bucket.Positions != c.side*c.side || bucket.In != c.in || bucket.Out != c.out {
			t.Errorf("%v: measured at %v, side %d, want side %d", w, bucket, bucket.side(), c.side)
		}
		if again := bucket.bucket(); again != bucket {
			t.Errorf("%v: its bucket's bucket is %v", bucket, again)
		}
	}
}

func TestTimingChoose(t *testing.T) {
	for _, c := range []struct {
		usual string
		times timing
		want  string
	}{
		{"direct", timing{"direct": 1, "winograd2": 2, "winograd4": 3}, "direct"},
		{"direct", timing{"direct": 1, "winograd2": 0.9, "winograd4": 0.8}, "winograd4"},
		{"direct", timing{"direct": 1, "winograd2": 0.8, "winograd4": 0.9}, "winograd2"},
		{"direct", timing{"direct": 1, "winograd2": 0.96, "winograd4": 0.97}, "direct"},
		{"winograd4", timing{"direct": 0.96, "winograd2": 1.2, "winograd4": 1}, "winograd4"},
		{"winograd4", timing{"direct": 0.94, "winograd2": 1.2, "winograd4": 1}, "direct"},
	} {
		got := c.times.choose(c.usual)
		if got.Method != c.want {
			t.Errorf("%v, usually %s: %s chosen, want %s", c.times, c.usual, got.Method, c.want)
		}
		for name, seconds := range c.times {
			if ms := got.Milliseconds[name]; math.Abs(ms-1000*seconds) > 1e-9 {
				t.Errorf("%s took %v ms, want %v", name, ms, 1000*seconds)
			}
		}
	}
}

// stopwatch is a measurement that finds one convolution fastest, and notes what it was asked for.
type stopwatch struct {
	fastest string
	asked   []Work
	err     error
	before  func() // runs while measuring
}

func (s *stopwatch) measure(
	_ compute.Backend, p Precision, all []Work, report func(done, total int),
) (map[Work]timing, error) {
	if s.before != nil {
		s.before()
	}
	s.asked = append(s.asked, all...)
	timings := map[Work]timing{}
	for i, w := range all {
		timings[w] = timing{}
		for _, c := range methods(p) {
			timings[w][c.Name()] = 0.002
		}
		timings[w][s.fastest] = 0.001
		report(i+1, len(all))
	}
	return timings, s.err
}

// newTuner returns a tuner with a watch that finds one convolution fastest. Warnings fail the test, unless opts.Warn
// is set.
func newTuner(t *testing.T, opts TunerOptions, fastest string) (*Tuner, *stopwatch) {
	t.Helper()
	if opts.File == "" {
		opts.File = filepath.Join(t.TempDir(), "gouache", "convolutions.json")
	}
	if opts.Device == "" {
		opts.Device = "a processor, 2 cores, PJRT 0.1"
	}
	if opts.Warn == nil {
		opts.Warn = func(err error) { t.Errorf("a warning: %v", err) }
	}
	watch := &stopwatch{fastest: fastest}
	tuner := NewTuner(opts)
	tuner.measure = watch.measure
	return tuner, watch
}

func names(t *testing.T, tuner *Tuner, p Precision, all ...Work) []string {
	t.Helper()
	chosen, err := tuner.Choose(device, p, all)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range chosen {
		names = append(names, c.Name())
	}
	return names
}

func TestTunerMeasuresOnce(t *testing.T) {
	var reported [][2]int
	report := func(done, total int) { reported = append(reported, [2]int{done, total}) }
	tuner, watch := newTuner(t, TunerOptions{Progress: report}, "winograd2")
	small, large := Work{16 * 16, 64, 64}, Work{64 * 64, 64, 64}
	all := []Work{small, {17 * 16, 64, 64}, {16 * 16, 3, 64}, {16 * 16, 64, 3}, large}
	for range 2 {
		want := []string{"winograd2", "winograd2", Quick(device, Float32, all[2]).Name(), "direct", "winograd2"}
		if got := names(t, tuner, Float32, all...); !slices.Equal(got, want) {
			t.Errorf("%v chosen, want %v", got, want)
		}
	}
	if want := []Work{small, large}; !slices.Equal(watch.asked, want) {
		t.Errorf("measured %v, want %v", watch.asked, want)
	}
	if want := [][2]int{{1, 2}, {2, 2}}; !slices.Equal(reported, want) {
		t.Errorf("reported %v, want %v", reported, want)
	}
	watch.fastest = "direct-bf16"
	if got := names(t, tuner, BFloat16, small); got[0] != "direct-bf16" {
		t.Errorf("another precision took the choice %s without measuring", got[0])
	}
}

func TestTunerPassesErrorsOn(t *testing.T) {
	tuner, watch := newTuner(t, TunerOptions{}, "direct")
	watch.err = errors.New("out of memory")
	if _, err := tuner.Choose(device, Float32, []Work{{64, 8, 8}}); !errors.Is(err, watch.err) {
		t.Errorf("the error is %v, want %v", err, watch.err)
	}
}

// TestMeasure runs the real measurement on work that is soon done.
func TestMeasure(t *testing.T) {
	for _, p := range []Precision{Float32, BFloat16, Mixed} {
		all := []Work{{64, 4, 8}, {256, 8, 4}, {64, 64, 128}}
		last, total, want := 0, 0, 0
		timings, err := measure(device, p, all, func(d, n int) {
			if d != last+1 {
				t.Errorf("%d steps done after %d", d, last)
			}
			last, total = d, n
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range all {
			for _, c := range worthMeasuring(device, p, w) {
				want += 2
				if !(timings[w][c.Name()] > 0) {
					t.Errorf("%s: %v took %v s by %s", p, w, timings[w][c.Name()], c.Name())
				}
			}
		}
		if last != want || total != want {
			t.Errorf("%s: %d of %d steps, want %d", p, last, total, want)
		}
	}
}
