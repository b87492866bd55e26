package conv

import (
	"cmp"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestTunerFileIsRemembered(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gouache", "convolutions.json")
	w := Work{64 * 64, 256, 256}
	first, _ := newTuner(t, TunerOptions{File: file}, "winograd2")
	if got := names(t, first, Float32, w); got[0] != "winograd2" {
		t.Fatalf("%s chosen", got[0])
	}
	second, watch := newTuner(t, TunerOptions{File: file}, "direct")
	if got := names(t, second, Float32, w); got[0] != "winograd2" || len(watch.asked) > 0 {
		t.Errorf("%s chosen after measuring %v, want what the file says", got[0], watch.asked)
	}
	other, watch := newTuner(t, TunerOptions{File: file, Device: "another"}, "direct")
	if got := names(t, other, Float32, w); got[0] != "direct" || len(watch.asked) != 1 {
		t.Errorf("%s chosen for another device after measuring %v", got[0], watch.asked)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"a processor, 2 cores, PJRT 0.1"`, `"another"`, `"float32 64×64 256→256"`,
		`"convolution": "winograd2"`, `"winograd4": 2`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the file lacks %s:\n%s", want, text)
		}
	}
}

// TestTunersOnOneFile: the entry that is there first wins, and nothing is lost.
func TestTunersOnOneFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "convolutions.json")
	shared := Work{64 * 64, 256, 256}
	fast, _ := newTuner(t, TunerOptions{File: file}, "winograd2")
	slow, watch := newTuner(t, TunerOptions{File: file}, "winograd4")
	watch.before = func() { names(t, fast, Float32, shared) } // the other one is done while this one measures
	if got := names(t, slow, Float32, shared, Work{64, 64, 64}); !slices.Equal(got, []string{"winograd2", "winograd4"}) {
		t.Errorf("%v chosen, want what was in the file first and what was not in it", got)
	}
}

func TestManyTunersOnOneFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "convolutions.json")
	const many = 8
	shared := Work{64 * 64, 256, 256}
	own := func(i int) Work { return Work{64, 64, 8 * (i + 1)} }
	chosen := make([]string, many)
	var tuners sync.WaitGroup
	for i := range many {
		tuner, _ := newTuner(t, TunerOptions{File: file}, []string{"direct", "winograd2"}[i%2])
		tuners.Go(func() {
			c, err := tuner.Choose(device, Float32, []Work{shared, own(i)})
			if err != nil {
				t.Error(err)
				return
			}
			chosen[i] = c[0].Name()
		})
	}
	tuners.Wait()
	last, watch := newTuner(t, TunerOptions{File: file}, "winograd4")
	all := []Work{shared}
	for i := range many {
		all = append(all, own(i))
	}
	got := names(t, last, Float32, all...)
	if len(watch.asked) > 0 {
		t.Errorf("the file lost %v", watch.asked)
	}
	for i, c := range chosen {
		if c != got[0] {
			t.Errorf("tuner %d chose %s, the file says %s", i, c, got[0])
		}
	}
}

func TestTunerFileDamaged(t *testing.T) {
	w := Work{64 * 64, 256, 256}
	for name, content := range map[string]string{
		"empty":           "",
		"cut":             `{"version": 3, "devices": {"a proc`,
		"another version": `{"version": 2, "devices": {}}`,
		"no devices":      `{"version": 3}`,
		"something else":  `[1, 2]`,
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "convolutions.json")
			if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
			var warnings []error
			warn := func(err error) { warnings = append(warnings, err) }
			tuner, _ := newTuner(t, TunerOptions{File: file, Warn: warn}, "winograd2")
			if got := names(t, tuner, Float32, w); got[0] != "winograd2" {
				t.Errorf("%s chosen", got[0])
			}
			if len(warnings) != 1 || !strings.Contains(warnings[0].Error(), file) {
				t.Errorf("the warnings are %v", warnings)
			}
			if aside, err := os.ReadFile(file + ".damaged"); err != nil || string(aside) != content {
				t.Errorf("beside it lies %q, %v", aside, err)
			}
			next, watch := newTuner(t, TunerOptions{File: file}, "direct")
			if got := names(t, next, Float32, w); got[0] != "winograd2" || len(watch.asked) > 0 {
				t.Errorf("then %s chosen after measuring %v", got[0], watch.asked)
			}
		})
	}
}

// TestTunerFileUnknownConvolution: a choice that this version cannot make is measured anew.
func TestTunerFileUnknownConvolution(t *testing.T) {
	file := filepath.Join(t.TempDir(), "convolutions.json")
	w := Work{64 * 64, 256, 256}
	content := `{"version": 3, "devices": {"d": {"` + key(BFloat16, w) + `": {"convolution": "winograd4"}}}}`
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{1, 0} {
		tuner, watch := newTuner(t, TunerOptions{File: file, Device: "d"}, "direct-bf16")
		if got := names(t, tuner, BFloat16, w); got[0] != "direct-bf16" || len(watch.asked) != want {
			t.Errorf("%s chosen after measuring %v, want %d measured", got[0], watch.asked, want)
		}
	}
}

// TestTunerFileUnwritable: the choice holds for the tuner all the same. The folder's place is taken by a file, which
// stops root too.
func TestTunerFileUnwritable(t *testing.T) {
	taken := filepath.Join(t.TempDir(), "taken")
	if err := os.WriteFile(taken, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var warnings []string
	tuner, watch := newTuner(t, TunerOptions{
		File: filepath.Join(taken, "convolutions.json"),
		Warn: func(err error) { warnings = append(warnings, err.Error()) },
	}, "winograd2")
	for range 2 {
		if got := names(t, tuner, Float32, Work{64 * 64, 256, 256}); got[0] != "winograd2" {
			t.Errorf("%s chosen", got[0])
		}
	}
	if len(watch.asked) != 1 {
		t.Errorf("measured %v, want it once", watch.asked)
	}
	if len(warnings) == 0 || !strings.Contains(warnings[len(warnings)-1], "is not kept") {
		t.Errorf("the warnings are %v", warnings)
	}
}

func TestTunerFilePlace(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", "/somewhere/cache")
	if got, want := tunerFile(), "/somewhere/cache/gouache/convolutions.json"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestTunerAdopts: choices that were used once hold for a tuner whose file was lost, and are in the file then.
func TestTunerAdopts(t *testing.T) {
	w, other := Work{64 * 64, 256, 256}, Work{16 * 16, 64, 64}
	first, _ := newTuner(t, TunerOptions{}, "winograd2-bf16")
	names(t, first, Mixed, w, w)
	used := first.Used()
	if want := (Choices{choicesVersion, "a processor, 2 cores, PJRT 0.1", map[string]string{key(Mixed, w): "winograd2-bf16"}}); !reflect.DeepEqual(used, want) {
		t.Fatalf("%v were used, want %v", used, want)
	}
	file := filepath.Join(t.TempDir(), "convolutions.json")
	second, watch := newTuner(t, TunerOptions{File: file}, "winograd4")
	if err := second.Adopt(used); err != nil {
		t.Fatal(err)
	}
	if got := names(t, second, Mixed, w, other); !slices.Equal(got, []string{"winograd2-bf16", "winograd4"}) || !slices.Equal(watch.asked, []Work{other}) {
		t.Errorf("%v chosen after measuring %v", got, watch.asked)
	}
	third, watch := newTuner(t, TunerOptions{File: file}, "direct")
	if got := names(t, third, Mixed, w, other); !slices.Equal(got, []string{"winograd2-bf16", "winograd4"}) || len(watch.asked) > 0 {
		t.Errorf("%v chosen from the file, after measuring %v", got, watch.asked)
	}
	// What the file has stays, and the caller learns of it.
	used.Methods[key(Mixed, w)] = "direct"
	if err := third.Adopt(used); err == nil || !strings.Contains(err.Error(), "1 of 1 convolutions") {
		t.Errorf("the error is %v", err)
	}
	if got := names(t, third, Mixed, w); got[0] != "winograd2-bf16" {
		t.Errorf("%s chosen then", got[0])
	}
}

// TestTunerUsedWhileMeasuring: a painting that asks what was used does not wait for what is measured meanwhile.
func TestTunerUsedWhileMeasuring(t *testing.T) {
	tuner, watch := newTuner(t, TunerOptions{}, "winograd2")
	asked := 0
	watch.before = func() {
		tuner.Used() // with a common lock this would never return
		asked++
	}
	names(t, tuner, Float32, Work{64 * 64, 256, 256})
	if used := tuner.Used(); asked != 1 || len(used.Methods) != 1 {
		t.Errorf("asked %d times; %v were used", asked, used)
	}
}

// TestTunerAdoptsNothingElse: what comes from a checkpoint is data.
func TestTunerAdoptsNothingElse(t *testing.T) {
	w := Work{64 * 64, 256, 256}
	for name, c := range map[string]Choices{
		"an earlier version":    {2, "", map[string]string{key(Float32, w): "winograd2"}},
		"another device":        {choicesVersion, "d", map[string]string{key(Float32, w): "winograd2"}},
		"no such method":        {choicesVersion, "", map[string]string{key(Float32, w): "winograd3"}},
		"not of this precision": {choicesVersion, "", map[string]string{key(Float32, w): "winograd2-bf16"}},
		"no key":                {choicesVersion, "", map[string]string{"float32 64": "winograd2", "": "winograd2", "mixed 65×65 256→256": "direct", "mixed 64×64 256→256 and more": "direct"}},
		"nothing":               {},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "convolutions.json")
			tuner, watch := newTuner(t, TunerOptions{File: file}, "direct")
			c.Device = cmp.Or(c.Device, tuner.opts.Device)
			if err := tuner.Adopt(c); err != nil {
				t.Error(err)
			}
			if _, err := os.Stat(file); err == nil {
				t.Error("the file was written")
			}
			if got := names(t, tuner, Float32, w); got[0] != "direct" || len(watch.asked) != 1 {
				t.Errorf("%s chosen after measuring %v", got[0], watch.asked)
			}
		})
	}
}
