package conv

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/gofrs/flock"
	"github.com/gomlx/compute"

	"github.com/gouache-art/gouache/internal/atomicfile"
)

// The limits of what is measured. Below them, one choice is as good as another. Above them, a convolution
// behaves like a smaller one, once each core has enough to do: 2^30 products of channels and positions
// take 76 ms at 255 GFLOP/s.
const (
	fewestPositions = 8 * 8
	mostPositions   = 256 * 256
	mostProducts    = 1 << 30
)

// bucket returns the work that is measured for w: at the power of four that is nearest to its positions,
// in ratio, within the limits. A square picture has that many positions.
func (w Work) bucket() Work {
	positions := fewestPositions
	for positions < mostPositions && 4*positions*w.In*w.Out <= mostProducts && 2*positions < w.Positions {
		positions *= 4
	}
	return Work{positions, w.In, w.Out}
}

// side returns the height and width of the picture that a bucket is measured with.
func (w Work) side() int { return 1 << ((bits.Len(uint(w.Positions)) - 1) / 2) }

// hasChoice excludes the picture's own channels, which direct convolution takes two to three times faster.
func (w Work) hasChoice() bool { return min(w.In, w.Out) > 3 }

// TunerOptions configure a [Tuner].
type TunerOptions struct {
	// File stores the choices, as JSON. If it is empty, gouache/convolutions.json in the user's cache folder is used.
	File string
	// Device names what is measured: the processor or GPU with its number of cores, and the plugin with
	// its version. A choice is valid for this device only.
	Device string
	// Progress is called as measuring proceeds, with the steps done and their total. It may be nil.
	Progress func(done, total int)
	// Warn is called with the reason why the file could not be read or written. Choices are then
	// measured, and valid for this tuner only. It may be nil.
	Warn func(error)
}

// Tuner chooses methods by measuring them, and stores the choices in a file, so that every run on a machine makes the
// same ones and gives the same results. It is safe for concurrent use, and processes may share the file.
type Tuner struct {
	opts TunerOptions
	// measure times the methods of a precision for each work.
	measure func(b compute.Backend, p Precision, all []Work, progress func(done, total int)) (map[Work]timing, error)

	mu      sync.Mutex
	choices map[string]choice // of this device, by key; nil before the file has been read

	using sync.Mutex        // apart from mu, which is held while measuring: a painting asks for used at each iteration
	used  map[string]string // the methods' names that [Tuner.Choose] returned, by key
}

// choice is a method's name and the times it was chosen by.
type choice struct {
	Method       string             `json:"convolution"`
	Milliseconds map[string]float64 `json:"milliseconds,omitempty"` // by the method's name
}

// method returns the chosen method, or nil if the precision has none of that name.
func (c choice) method(p Precision) Method {
	for _, m := range methods(p) {
		if m.Name() == c.Method {
			return m
		}
	}
	return nil
}

// timing holds the seconds that each method took, by its name.
type timing map[string]float64

// NewTuner returns a tuner. It reads the file at the first choice.
func NewTuner(opts TunerOptions) *Tuner {
	if opts.File == "" {
		opts.File = tunerFile()
	}
	if opts.Progress == nil {
		opts.Progress = func(int, int) {}
	}
	if opts.Warn == nil {
		opts.Warn = func(error) {}
	}
	return &Tuner{opts: opts, measure: measure, used: map[string]string{}}
}

// Choose returns a method for each work, after measuring those without a choice.
func (t *Tuner) Choose(b compute.Backend, p Precision, all []Work) ([]Method, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.read()
	var unknown []Work // the buckets without a choice, each once
	for _, w := range all {
		bucket := w.bucket()
		if w.hasChoice() && t.choices[key(p, bucket)].method(p) == nil && !slices.Contains(unknown, bucket) {
			unknown = append(unknown, bucket)
		}
	}
	if len(unknown) > 0 {
		timings, err := t.measure(b, p, unknown, t.opts.Progress)
		if err != nil {
			return nil, err
		}
		fresh := map[string]choice{}
		for w, timing := range timings {
			fresh[key(p, w)] = timing.choose(Default(b, p, w).Name())
		}
		t.keep(fresh)
	}
	chosen := make([]Method, len(all))
	t.using.Lock()
	defer t.using.Unlock()
	for i, w := range all {
		chosen[i] = Default(b, p, w)
		if w.hasChoice() {
			k := key(p, w.bucket())
			chosen[i] = t.choices[k].method(p)
			t.used[k] = chosen[i].Name()
		}
	}
	return chosen, nil
}

// read reads the file, once.
func (t *Tuner) read() {
	if t.choices != nil {
		return
	}
	content, err := readChoices(t.opts.File)
	if err != nil {
		t.opts.Warn(fmt.Errorf("measuring convolutions anew: %w", err))
	}
	t.choices = map[string]choice{}
	maps.Copy(t.choices, content.Devices[t.opts.Device])
}

// keep adds choices to the file and to the tuner's.
func (t *Tuner) keep(fresh map[string]choice) {
	if merged, err := t.merge(fresh); err != nil {
		t.opts.Warn(fmt.Errorf("the choice of convolutions is not kept: %w", err))
	} else {
		fresh = merged
	}
	maps.Copy(t.choices, fresh)
}

// Choices are the names of methods by precision and work, on one device.
type Choices struct {
	Version int               `json:"version"` // choicesVersion
	Device  string            `json:"device"`
	Methods map[string]string `json:"methods"`
}

// Used returns the choices that plans were made with.
func (t *Tuner) Used() Choices {
	t.using.Lock()
	defer t.using.Unlock()
	return Choices{choicesVersion, t.opts.Device, maps.Clone(t.used)}
}

// Fingerprint identifies the choices that the tuner has of its device: with others, results differ by rounding.
func (t *Tuner) Fingerprint() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.read()
	h := sha256.New()
	for _, key := range slices.Sorted(maps.Keys(t.choices)) {
		fmt.Fprintln(h, key, t.choices[key].Method)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Adopt takes choices over that were used before, so that a file that was lost since changes no result. Those of another
// device and of an earlier version, which had slower methods, are left out, and so are names that no method has. A choice that the file has stays; if it is another one, an
// error says so, and the other choices are taken all the same.
func (t *Tuner) Adopt(c Choices) error {
	if c.Device != t.opts.Device || c.Version != choicesVersion {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.read()
	fresh, others := map[string]choice{}, 0
	for k, name := range c.Methods {
		p, ok := parseKey(k)
		switch taken := (choice{Method: name}); {
		case !ok || taken.method(p) == nil:
		case t.choices[k].method(p) == nil:
			fresh[k] = taken
		case t.choices[k].Method != name:
			others++
		}
	}
	if len(fresh) > 0 {
		t.keep(fresh)
	}
	if others > 0 {
		return fmt.Errorf("%d of %d convolutions are computed in another way since they were measured again; the result differs by rounding", others, len(c.Methods))
	}
	return nil
}

// worthChanging is the share of the default method's time that another may take at most, to be
// preferred: times of one method differ by a few per cent from one measurement to the next.
const worthChanging = 0.95

// choose returns the fastest method, or the default one where that is about as fast.
func (t timing) choose(byDefault string) choice {
	c := choice{Method: byDefault, Milliseconds: map[string]float64{}}
	fastest := worthChanging * t[byDefault]
	for _, name := range slices.Sorted(maps.Keys(t)) {
		c.Milliseconds[name] = math.Round(1e6*t[name]) / 1000
		if t[name] <= fastest {
			c.Method, fastest = name, t[name]
		}
	}
	return c
}

// tunerFile returns the default file of choices: gouache/convolutions.json in the user's cache folder as
// [os.UserCacheDir] finds it ($XDG_CACHE_HOME, else ~/.cache, on Linux), or, for a user without a home,
// in the folder for temporary files.
func tunerFile() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	return filepath.Join(cache, "gouache", "convolutions.json")
}

// choicesVersion changes with the meaning of the file, and when a change of the program makes methods
// faster or slower.
const choicesVersion = 3

// choicesFile is the file's content.
type choicesFile struct {
	Version int                          `json:"version"`
	Devices map[string]map[string]choice `json:"devices"` // by TunerOptions.Device, then by key
}

var errDamaged = errors.New("it holds no choices of this version")

// key names a bucket in the file, for example "float32 64×64 256→256".
func key(p Precision, w Work) string {
	return fmt.Sprintf("%s %d×%d %d→%d", p, w.side(), w.side(), w.In, w.Out)
}

// parseKey returns the precision of what key made.
func parseKey(k string) (Precision, bool) {
	var p string
	var side, side2, in, out int
	if n, err := fmt.Sscanf(k, "%s %d×%d %d→%d", &p, &side, &side2, &in, &out); n != 5 || err != nil {
		return "", false
	}
	return Precision(p), k == key(Precision(p), Work{side * side, in, out}.bucket())
}

// merge adds fresh choices to the file and returns them, each as the file has it then: a choice that another process
// wrote first stays.
func (t *Tuner) merge(fresh map[string]choice) (map[string]choice, error) {
	path := t.opts.File
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, err
	}
	lock := flock.New(path + ".lock")
	if err := lock.Lock(); err != nil {
		return nil, fmt.Errorf("cannot lock %s: %w", lock.Path(), err)
	}
	defer func() { _ = lock.Unlock() }() // it ends with the process in any case
	content, err := readChoices(path)
	if errors.Is(err, errDamaged) {
		err = os.Rename(path, path+".damaged")
	}
	if err != nil {
		return nil, err
	}
	there := content.Devices[t.opts.Device]
	if there == nil {
		there = map[string]choice{}
		content.Devices[t.opts.Device] = there
	}
	merged := map[string]choice{}
	for k, c := range fresh {
		if p, _ := parseKey(k); there[k].method(p) == nil {
			there[k] = c
		}
		merged[k] = there[k]
	}
	text, err := json.MarshalIndent(content, "", "\t")
	if err != nil {
		return nil, err
	}
	if err := atomicfile.WriteFile(path, append(text, '\n')); err != nil {
		return nil, err
	}
	return merged, nil
}

// readChoices reads the file. There are no choices in one that does not exist, and none with an error.
func readChoices(path string) (choicesFile, error) {
	empty := choicesFile{Version: choicesVersion, Devices: map[string]map[string]choice{}}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return empty, nil
	}
	if err != nil {
		return empty, err
	}
	var content choicesFile
	if err := json.Unmarshal(text, &content); err != nil || content.Version != choicesVersion || content.Devices == nil {
		return empty, fmt.Errorf("reading %s: %w", path, errDamaged)
	}
	return content, nil
}
