package vgg

import (
	"maps"
	"math"
	"math/bits"
	"slices"
	"sync"

	"github.com/gomlx/compute"
)

// work is a convolution by what decides how long it takes. The pullback through a convolution from out to in channels
// is the same work as a convolution from in to out.
type work struct{ positions, in, out int }

// The limits of what is measured. Below, one choice is as good as another; above, a convolution behaves as a smaller
// one does, once each core has enough to do: 2^30 products of channels and positions take 76 ms at 255 GFLOP/s.
const (
	fewestPositions = 8 * 8
	mostPositions   = 256 * 256
	mostProducts    = 1 << 30
)

// bucket returns the work that is measured for w: at the power of four that is nearest to its positions, in ratio,
// within the limits. A square picture has that many positions.
func (w work) bucket() work {
	positions := fewestPositions
	for positions < mostPositions && 4*positions*w.in*w.out <= mostProducts && 2*positions < w.positions {
		positions *= 4
	}
	return work{positions, w.in, w.out}
}

// side is the height and width of the picture that a bucket is measured with.
func (w work) side() int { return 1 << ((bits.Len(uint(w.positions)) - 1) / 2) }

// worthMeasuring leaves the picture's own channels out, which direct convolution takes two to three times faster.
func (w work) worthMeasuring() bool { return min(w.in, w.out) > 3 }

// TunerOptions say what a [Tuner] measures and where it keeps what it chose.
type TunerOptions struct {
	// File is where choices are kept, as JSON; [TunerFile] if empty.
	File string
	// Device names what is measured: the processor or GPU with its number of cores, and the plugin with its version.
	// A choice is good for this device only.
	Device string
	// Report hears how measuring goes: the steps done, of all there are. It may be nil.
	Report func(done, total int)
	// Warn hears why the file could not be read or written; choices are then measured, and good for this tuner only.
	// It may be nil.
	Warn func(error)
}

// Tuner chooses convolutions by measuring them, and remembers the choices in a file, so that every run on a machine
// makes the same ones and gives the same results. It is safe for concurrent use, and processes may share the file.
type Tuner struct {
	opts    TunerOptions
	measure measurement

	mu      sync.Mutex
	choices map[string]choice // of this device, by [Precision.key]; nil before the file has been read
}

// choice is a convolution's name with what it was chosen from.
type choice struct {
	Convolution  string             `json:"convolution"`
	Milliseconds map[string]float64 `json:"milliseconds"` // by the convolution's name
}

// measurement times the convolutions of a precision for each work, in seconds by the convolution's name.
type measurement func(b compute.Backend, p Precision, all []work, report func(done, total int)) (map[work]timing, error)

type timing map[string]float64

// NewTuner makes a tuner. It reads the file when it is first asked.
func NewTuner(opts TunerOptions) *Tuner {
	if opts.File == "" {
		opts.File = TunerFile()
	}
	if opts.Report == nil {
		opts.Report = func(int, int) {}
	}
	if opts.Warn == nil {
		opts.Warn = func(error) {}
	}
	return &Tuner{opts: opts, measure: measure}
}

// choose returns a convolution for each work.
func (n *Network) choose(all []work) ([]convolution, error) {
	if n.tuner != nil {
		return n.tuner.choose(n.backend, n.precision, all)
	}
	chosen := make([]convolution, len(all))
	for i, w := range all {
		if chosen[i] = n.precision.usual(w); n.direct {
			chosen[i] = direct{}
		}
	}
	return chosen, nil
}

// choose returns a convolution for each work, after measuring those that it knows nothing of.
func (t *Tuner) choose(b compute.Backend, p Precision, all []work) ([]convolution, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.choices == nil {
		t.choices = t.read()
	}
	if unknown := t.unknown(p, all); len(unknown) > 0 {
		timings, err := t.measure(b, p, unknown, t.opts.Report)
		if err != nil {
			return nil, err
		}
		fresh := map[string]choice{}
		for w, timing := range timings {
			fresh[p.key(w)] = timing.choose(p.usual(w).name())
		}
		maps.Copy(t.choices, t.merge(p, fresh))
	}
	chosen := make([]convolution, len(all))
	for i, w := range all {
		chosen[i] = p.usual(w)
		if w.worthMeasuring() {
			chosen[i], _ = p.find(t.choices[p.key(w.bucket())])
		}
	}
	return chosen, nil
}

// unknown returns the buckets without a choice, each once, in a fixed order.
func (t *Tuner) unknown(p Precision, all []work) []work {
	var unknown []work
	for _, w := range all {
		bucket := w.bucket()
		if w.worthMeasuring() && !p.knows(t.choices[p.key(bucket)]) && !slices.Contains(unknown, bucket) {
			unknown = append(unknown, bucket)
		}
	}
	return unknown
}

// worthChanging is how much of the usual convolution's time another may take at most, to be preferred to it: times of
// one convolution differ by a few per cent from one measurement to the next.
const worthChanging = 0.95

// choose returns the fastest convolution, or the usual one where that is about as fast.
func (t timing) choose(usual string) choice {
	c := choice{Convolution: usual, Milliseconds: map[string]float64{}}
	fastest := worthChanging * t[usual]
	for _, name := range slices.Sorted(maps.Keys(t)) {
		c.Milliseconds[name] = math.Round(1e6*t[name]) / 1000
		if t[name] <= fastest {
			c.Convolution, fastest = name, t[name]
		}
	}
	return c
}

// find returns the chosen convolution, if the precision has one of that name.
func (p Precision) find(c choice) (convolution, bool) {
	for _, cv := range p.convolutions() {
		if cv.name() == c.Convolution {
			return cv, true
		}
	}
	return nil, false
}

func (p Precision) knows(c choice) bool {
	_, ok := p.find(c)
	return ok
}
