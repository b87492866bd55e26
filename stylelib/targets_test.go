package stylelib

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gouache-art/gouache/stylelib/loss"
)

// TestKeptTargets: targets are computed once for all processes with the same pictures, network and device, and the picture is
// the same to the byte with those that were kept. A damaged file is of no use, and does no harm.
func TestKeptTargets(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	job := tinyJob(t)
	paint := func(job Job) []float32 {
		t.Helper()
		s := NewStudio(device, tiny().weights, Options{Tune: true})
		defer s.Close()
		result, err := s.Stylize(t.Context(), job, nil)
		if err != nil {
			t.Fatal(err)
		}
		return result.Picture.Pix
	}
	folder := filepath.Join(cache, "gouache", "targets")
	// kept returns the files, by name, with whether they were written since the last call.
	kept := func() map[string]bool {
		t.Helper()
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		list := map[string]bool{}
		for _, e := range entries {
			path := filepath.Join(folder, e.Name())
			info, err := os.Stat(path)
			if err == nil {
				list[e.Name()] = info.Mode().Perm()&0o222 != 0
				err = os.Chmod(path, 0o400)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		return list
	}
	paint(job) // measures convolutions, and with other methods targets are other ones
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	first := paint(job)
	files := kept()
	if len(files) != 2*job.Scales {
		t.Fatalf("%d files of %d scales", len(files), job.Scales)
	}
	if again := paint(job); !slices.Equal(again, first) {
		t.Error("another picture with what was kept")
	}
	for name, written := range kept() {
		if _, ok := files[name]; !ok || written {
			t.Errorf("%s was made again", name)
		}
	}
	for name := range files {
		if err := os.Truncate(filepath.Join(folder, name), 100); err != nil {
			t.Fatal(err)
		}
	}
	if again := paint(job); !slices.Equal(again, first) {
		t.Error("another picture with damaged files")
	}
	for name, written := range kept() {
		if !written {
			t.Errorf("%s was not made again", name)
		}
	}
	job.Preset.Statistic = loss.Moments // whose targets are other ones
	paint(job)
	if n := len(kept()); n != 3*job.Scales {
		t.Errorf("%d files with another statistic, expected %d", n, 3*job.Scales)
	}
}

// swirlTargets returns the style targets of a small picture, of two layers.
func swirlTargets(t *testing.T, preset loss.Preset) []loss.Target {
	t.Helper()
	net, err := tiny().Network(preset.Network())
	if err != nil {
		t.Fatal(err)
	}
	preset.StyleLayers = []string{"block1_conv1", "block3_conv1"}
	on, free := onDevice([]Style{{Picture: load(t, "sample:swirl").Resize(64, 48), Weight: 1}})
	defer free()
	list, err := preset.StyleTargets(net, on)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestReadTargets: a file is read as it was written, and one that is not of targets is an error.
func TestReadTargets(t *testing.T) {
	for _, preset := range loss.Presets() {
		list := swirlTargets(t, preset)
		defer finalize(list)
		var file, again bytes.Buffer
		if err := writeTargets(&file, list); err != nil {
			t.Fatal(err)
		}
		back, err := readTargets(device.XLA(), file.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		defer finalize(back)
		if err := writeTargets(&again, back); err != nil || !bytes.Equal(file.Bytes(), again.Bytes()) {
			t.Errorf("%s: read back, the targets are others (%v)", preset.Name, err)
		}
		for cut := range []int{0, 8, 40, file.Len() / 2, file.Len() - 1} {
			if _, err := readTargets(device.XLA(), file.Bytes()[:cut]); err == nil {
				t.Errorf("%s: the first %d bytes were read", preset.Name, cut)
			}
		}
	}
}

// TestTargetsVersion: the targets that are kept under the version are these. If it fails because a statistic or a feature
// is meant to be another one, raise targetsVersion and replace the numbers. They differ from machine to machine by rounding.
func TestTargetsVersion(t *testing.T) {
	type sums struct {
		version int
		energy  float64
		tensor  float64 // root of the sum of squares
	}
	want := map[string]sums{
		"gouache":                {2, 64793.8, 200.513},
		"strokes":                {2, 40325.2, 146.514},
		"neural-style":           {2, 3.84262e+08, 19602.6},
		"style-transfer-pytorch": {2, 39794.5, 204.338},
		"article":                {2, 1.7477e+08, 13220.1},
		"gouache-1":              {2, 5.96097e+07, 7720.73},
	}
	for _, preset := range loss.Presets() {
		list := swirlTargets(t, preset)
		got := sums{version: targetsVersion}
		for _, target := range list {
			numbers, err := toHost(target.Tensor, "targets")
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range numbers {
				got.tensor += float64(v) * float64(v)
			}
			got.energy += target.Energy
		}
		got.tensor = math.Sqrt(got.tensor)
		finalize(list)
		t.Logf("%q: {%d, %.6g, %.6g},", preset.Name, got.version, got.energy, got.tensor)
		w, ok := want[preset.Name]
		if !ok || got.version != w.version || !(math.Abs(got.energy-w.energy) <= 1e-3*w.energy) || !(math.Abs(got.tensor-w.tensor) <= 1e-3*w.tensor) {
			t.Errorf("%s: %+v, want %+v", preset.Name, got, w)
		}
	}
}
