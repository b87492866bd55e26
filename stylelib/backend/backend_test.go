package backend

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/internal/fetch"
)

func ExampleOpen() {
	b, err := Open(context.Background(), Options{Device: CPU})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	double, err := graph.NewExec(b.XLA(), func(x *graph.Node) *graph.Node { return graph.MulScalar(x, 2) })
	if err != nil {
		fmt.Println(err)
		return
	}
	out, err := double.Call([]float32{1, 2, 3})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(tensors.MustCopyFlatData[float32](out[0]))
	// Output: [2 4 6]
}

func TestOpen(t *testing.T) {
	b, err := Open(t.Context(), Options{Device: CPU})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if b.Plugin().Device != CPU || !strings.HasPrefix(b.APIVersion(), "PJRT ") || b.DeviceName() == "" {
		t.Errorf("opened %+v, %q, %q", b.Plugin(), b.APIVersion(), b.DeviceName())
	}
}

func TestSetFlags(t *testing.T) {
	for before, want := range map[string]string{
		"":                                   "--xla_backend_optimization_level=1 --xla_llvm_disable_expensive_passes=true",
		"--xla_a=1":                          "--xla_a=1 --xla_backend_optimization_level=1 --xla_llvm_disable_expensive_passes=true",
		"--xla_backend_optimization_level=3": "--xla_backend_optimization_level=3 --xla_llvm_disable_expensive_passes=true",
	} {
		t.Setenv("XLA_FLAGS", before)
		setFlags()
		if got := os.Getenv("XLA_FLAGS"); got != want {
			t.Errorf("%q became %q, want %q", before, got, want)
		}
	}
}

func TestParseDevice(t *testing.T) {
	for name, want := range map[string]Device{"auto": Auto, "": Auto, "cpu": CPU, "cuda": CUDA} {
		if got, err := ParseDevice(name); err != nil || got != want {
			t.Errorf("ParseDevice(%q) = %q, %v", name, got, err)
		}
	}
	if _, err := ParseDevice("GPU"); err == nil || !strings.Contains(err.Error(), "is cuda") {
		t.Errorf("the error for a GPU is %v", err)
	}
	if _, err := ParseDevice("cpi"); err == nil || !strings.Contains(err.Error(), `did you mean "cpu"`) {
		t.Errorf("error %v has no suggestion", err)
	}
}

// emptyHome gives the test a home without plugins.
func emptyHome(t *testing.T) (pluginDir string) {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	t.Setenv("PJRT_PLUGIN_LIBRARY_PATH", "")
	dir, err := installDir()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PJRT_PLUGIN_LIBRARY_PATH", dir) // and not /usr/local
	return dir
}

func touch(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestFindPrefersGPUThenNewer(t *testing.T) {
	dir := emptyHome(t)
	for _, name := range []string{"pjrt_c_api_cpu_v0.1_plugin.so", "pjrt_c_api_cpu_v0.2_plugin.so", "pjrt_c_api_cuda_plugin.so", "other.so"} {
		touch(t, filepath.Join(dir, name), "x")
	}
	if err := os.Mkdir(filepath.Join(dir, "pjrt_c_api_cpu_v9_plugin.so"), 0o755); err != nil {
		t.Fatal(err)
	}
	old := hasGPU
	defer func() { hasGPU = old }()
	names := func(device Device) (list []string) {
		for _, p := range Find(device) {
			list = append(list, filepath.Base(p.Path))
		}
		return list
	}
	for _, c := range []struct {
		gpu    bool
		device Device
		want   []string
	}{
		{true, Auto, []string{"pjrt_c_api_cuda_plugin.so", "pjrt_c_api_cpu_v0.2_plugin.so", "pjrt_c_api_cpu_v0.1_plugin.so"}},
		{false, Auto, []string{"pjrt_c_api_cpu_v0.2_plugin.so", "pjrt_c_api_cpu_v0.1_plugin.so"}},
		{true, CPU, []string{"pjrt_c_api_cpu_v0.2_plugin.so", "pjrt_c_api_cpu_v0.1_plugin.so"}},
		{false, CUDA, nil},
	} {
		hasGPU = func() bool { return c.gpu }
		if got := names(c.device); !slices.Equal(got, c.want) {
			t.Errorf("GPU %v: Find(%q) = %v, want %v", c.gpu, c.device, got, c.want)
		}
	}
}

func TestOfflineWithoutPlugin(t *testing.T) {
	emptyHome(t)
	if _, err := Open(t.Context(), Options{Device: CPU, Offline: true}); err == nil || !strings.Contains(err.Error(), "gouache doctor --fix") {
		t.Errorf("error %v does not say what to do", err)
	}
}

func TestDamagedPlugin(t *testing.T) {
	whole := Find(CPU)
	if len(whole) == 0 {
		t.Fatal("no plugin is installed")
	}
	dir := emptyHome(t)
	path := filepath.Join(dir, "pjrt_c_api_cpu_plugin.so")
	start := make([]byte, 1<<20)
	f, err := os.Open(whole[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Read(start); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"cut": string(start), "text": "hello", "empty": ""} {
		touch(t, path, content)
		if _, err := Open(t.Context(), Options{Device: CPU, Offline: true}); err == nil || !strings.Contains(err.Error(), "is damaged") {
			t.Errorf("%s: error %v does not say that the plugin is damaged", name, err)
		}
	}
}

// own replaces the builds by one for the CPU of this machine while a test runs, and gives it an empty home.
func own(t *testing.T, content string, sources ...fetch.Source) (pluginDir string) {
	t.Helper()
	old := builds
	t.Cleanup(func() { builds = old })
	builds = []build{{CPU, runtime.GOOS + "/" + runtime.GOARCH, sources, sumsOf(content)}}
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(home, ".cache"))
	t.Setenv(pathVariable, "")
	dir, err := installDir()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func sumsOf(content string) fetch.Checksums {
	sum := sha256.Sum256([]byte(content))
	return fetch.Checksums{Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:])}
}

// shelf is a source in memory: how files are fetched is tested in package fetch.
type shelf struct {
	content string
	err     error
}

func (shelf) String() string             { return "the shelf" }
func (shelf) ByHand(facts string) string { return "take it off the shelf (" + facts + ")" }
func (s shelf) Fetch(_ context.Context, part string, _ fetch.Checksums, _ func(fetch.Progress)) (bool, error) {
	if s.err != nil {
		return false, s.err
	}
	return false, os.WriteFile(part, []byte(s.content), 0o666)
}

func TestInstall(t *testing.T) {
	unreachable := shelf{err: fetch.ErrUnreachable}
	for _, c := range []struct {
		name    string
		sources []fetch.Source
		there   string // before
		says    string // by an error, or at the end
		ok      bool
	}{
		{"the first", []fetch.Source{shelf{content: "plugin"}, unreachable}, "", "the shelf, verified", true},
		{"the second", []fetch.Source{unreachable, shelf{content: "plugin"}}, "", "the shelf, verified", true},
		{"the first tampered with", []fetch.Source{shelf{content: "hostil"}, shelf{content: "plugin"}}, "", "the shelf, verified", true},
		{"another file is there", []fetch.Source{shelf{content: "plugin"}}, "hostil", "the shelf, verified", true},
		{"it is there", []fetch.Source{unreachable}, "plugin", "the shelf, verified", true},
		{"all tampered with", []fetch.Source{shelf{content: "hostil"}, shelf{content: "longer plugin"}}, "", "its SHA-256 is", false},
		{"no way out", []fetch.Source{unreachable, unreachable}, "", "take it off the shelf (about 6 B, SHA-256 " + sumsOf("plugin").SHA256 + ")", false},
		{"a full disk", []fetch.Source{shelf{err: errors.New("the disk is full")}, shelf{content: "plugin"}}, "", "the disk is full", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := own(t, "plugin", c.sources...)
			path := filepath.Join(dir, "pjrt_c_api_cpu_plugin"+libraryExtension())
			if c.there != "" {
				touch(t, path, c.there)
			}
			var last string
			plugin, err := Install(t.Context(), CPU, func(p fetch.Progress) { last = p.Message })
			if c.ok {
				if err != nil || plugin.Path != path || plugin.Chosen || !strings.Contains(last, c.says) {
					t.Errorf("got %+v, %v, and the message %q, want %q", plugin, err, last, c.says)
				}
				if got, err := Installed(CPU); err != nil || got != plugin {
					t.Errorf("installed %+v, found %+v, %v", plugin, got, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v does not mention %q", err, c.says)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 1 { // the lock's file stays
				t.Errorf("%s were left behind", left)
			}
		})
	}
}

// TestTamperedPlugin changes a plugin after it has been verified. The note of that does not hide it.
func TestTamperedPlugin(t *testing.T) {
	dir := own(t, "plugin", shelf{err: fetch.ErrUnreachable})
	path := filepath.Join(dir, "pjrt_c_api_cpu_plugin"+libraryExtension())
	touch(t, path, "plugin")
	for range 2 {
		if got, err := Installed(Auto); err != nil || got.Path != path {
			t.Fatalf("got %+v, %v", got, err)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0) // in place: the same inode, size and, below, time of modification
	if err == nil {
		_, err = f.WriteString("hostil")
		err = errors.Join(err, f.Close(), os.Chtimes(path, info.ModTime(), info.ModTime()))
	}
	if err != nil {
		t.Fatal(err)
	}
	tampered := Plugin{Device: CPU, Path: path}
	_, openErr := OpenPlugin(tampered)
	_, installedErr := Installed(CPU)
	_, offlineErr := Open(t.Context(), Options{Device: CPU, Offline: true})
	for _, err := range []error{openErr, installedErr, offlineErr} {
		if err == nil || !strings.Contains(err.Error(), "is not the one that Gouache knows") || !strings.Contains(err.Error(), "doctor --fix") {
			t.Errorf("error %v", err)
		}
	}
	var told []string
	_, err = Open(t.Context(), Options{Device: CPU, Progress: func(p fetch.Progress) { told = append(told, p.Message) }})
	if !errors.Is(err, fetch.ErrUnreachable) || !strings.Contains(strings.Join(told, "\n"), "is not the one that Gouache knows") {
		t.Errorf("error %v, after %q", err, told)
	}

	// The user's own choice is not questioned: that it is no library comes next.
	t.Setenv(pathVariable, dir)
	got, err := Installed(CPU)
	if err != nil || !got.Chosen {
		t.Errorf("the user's choice gave %+v, %v", got, err)
	}
	if _, err := OpenPlugin(got); err == nil || !strings.Contains(err.Error(), "not a shared library") {
		t.Errorf("the user's choice: error %v", err)
	}
}

// TestUnknownBesideKnown: another program's plugin, which comes first by its name, is passed by.
func TestUnknownBesideKnown(t *testing.T) {
	dir := own(t, "plugin")
	touch(t, filepath.Join(dir, "pjrt_c_api_cpu_v0.114.0_plugin"+libraryExtension()), "another")
	touch(t, filepath.Join(dir, "pjrt_c_api_cpu_plugin"+libraryExtension()), "plugin")
	if got, err := Installed(CPU); err != nil || filepath.Base(got.Path) != "pjrt_c_api_cpu_plugin"+libraryExtension() {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestUnknownCUDA: the CPU's plugin does not silently stand in for a GPU's that is refused, nor come gigabytes unasked.
func TestUnknownCUDA(t *testing.T) {
	dir := own(t, "plugin")
	touch(t, filepath.Join(dir, "pjrt_c_api_cpu_plugin"+libraryExtension()), "plugin")
	touch(t, filepath.Join(dir, "nvidia", "pjrt_c_api_cuda_plugin"+libraryExtension()), "another")
	old := hasGPU
	defer func() { hasGPU = old }()
	hasGPU = func() bool { return true }
	_, installedErr := Installed(Auto)
	_, openErr := Open(t.Context(), Options{})
	for _, err := range []error{installedErr, openErr} {
		if err == nil || !strings.Contains(err.Error(), "is not the one that Gouache knows") || !strings.Contains(err.Error(), "--device cpu") {
			t.Errorf("error %v", err)
		}
	}
	if got, err := Installed(CPU); err != nil || got.Device != CPU {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestPlatformWithoutChecksum(t *testing.T) {
	own(t, "plugin", shelf{content: "plugin"})
	builds[0].sums = fetch.Checksums{}
	if _, err := Install(t.Context(), CPU, nil); err == nil || !strings.Contains(err.Error(), "not installed unverified") || !strings.Contains(err.Error(), pathVariable) {
		t.Errorf("error %v", err)
	}
	builds = nil
	if _, err := Install(t.Context(), CPU, nil); err == nil || !strings.Contains(err.Error(), "no XLA plugin for") {
		t.Errorf("error %v", err)
	}
}

// TestBuilds: what can be installed has a sum, by which it is verified again when it is loaded.
func TestBuilds(t *testing.T) {
	known := 0
	for _, b := range builds {
		if b.sums.SHA256 == "" {
			continue
		}
		known++
		if len(b.sums.SHA256) != 64 || b.sums.Size == 0 || b.device == CPU && len(b.sources) == 0 {
			t.Errorf("%s on %s: %+v", b.device, b.platform, b)
		}
		for _, source := range b.sources {
			switch s := source.(type) {
			case fetch.Wheel:
				if len(s.SHA256) != 64 {
					t.Errorf("%s has no SHA-256", s)
				}
			case fetch.Archive:
				if len(s.Sums.SHA256) != 64 || s.Sums.Size == 0 {
					t.Errorf("%s has no SHA-256", s)
				}
			}
		}
	}
	if known != 2 {
		t.Errorf("%d builds have a sum", known)
	}
	for line := range strings.Lines(cudaRequirements) {
		if !strings.HasPrefix(line, "#") && strings.Contains(line, "==") && !strings.HasSuffix(line, "\\\n") {
			t.Errorf("%q has no hashes", line)
		}
	}
}

func TestInstallEndsWithContext(t *testing.T) {
	own(t, "plugin", shelf{err: fetch.ErrUnreachable})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Install(ctx, CPU, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

func TestInstallCUDAWithoutGPU(t *testing.T) {
	emptyHome(t)
	old := hasGPU
	defer func() { hasGPU = old }()
	hasGPU = func() bool { return false }
	if _, err := Install(t.Context(), CUDA, nil); err == nil || !strings.Contains(err.Error(), "no NVIDIA GPU") {
		t.Errorf("error %v does not say that there is no GPU", err)
	}
}

// TestInstallCUDA installs a package of its own with pip, as pinned and not otherwise.
func TestInstallCUDA(t *testing.T) {
	wheels := t.TempDir()
	wheel := filepath.Join(wheels, "jax_cuda13_pjrt-0.11.2-py3-none-any.whl")
	f, err := os.Create(wheel)
	if err != nil {
		t.Fatal(err)
	}
	archive := zip.NewWriter(f)
	const info = "jax_cuda13_pjrt-0.11.2.dist-info/"
	for name, content := range map[string]string{
		"jax_plugins/xla_cuda13/xla_cuda_plugin.so": "plugin",
		"nvidia/cu13/bin/ptxas":                     "ptxas",
		info + "METADATA":                           "Metadata-Version: 2.1\nName: jax-cuda13-pjrt\nVersion: 0.11.2\n",
		info + "WHEEL":                              "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
		info + "RECORD":                             "",
	} {
		w, createErr := archive.Create(name)
		if createErr == nil {
			_, createErr = io.WriteString(w, content)
		}
		err = errors.Join(err, createErr)
	}
	if err := errors.Join(err, archive.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	sums, err := fetch.Sum(wheel)
	if err != nil {
		t.Fatal(err)
	}
	dir := own(t, "plugin")
	builds = append(builds, build{CUDA, runtime.GOOS + "/" + runtime.GOARCH, nil, sumsOf("plugin")})
	oldGPU, oldRequirements := hasGPU, cudaRequirements
	defer func() { hasGPU, cudaRequirements = oldGPU, oldRequirements }()
	hasGPU = func() bool { return true }
	t.Setenv("PIP_NO_INDEX", "1")
	t.Setenv("PIP_FIND_LINKS", wheels)

	cudaRequirements = "jax-cuda13-pjrt==0.11.2 --hash=sha256:" + strings.Repeat("0", 64)
	if _, err := Install(t.Context(), CUDA, nil); err == nil || !strings.Contains(err.Error(), "installing XLA's CUDA plugin") {
		t.Errorf("with another hash: error %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("%v, %v were left behind", left, err)
	}
	cudaRequirements = "jax-cuda13-pjrt==0.11.2 --hash=sha256:" + sums.SHA256
	plugin, err := Install(t.Context(), CUDA, nil)
	if err != nil || plugin.Path != filepath.Join(dir, "nvidia", cudaPlugin) {
		t.Fatalf("got %+v, %v", plugin, err)
	}
	if ptxas, err := os.ReadFile(filepath.Join(dir, "nvidia", "bin", "ptxas")); err != nil || string(ptxas) != "ptxas" {
		t.Errorf("ptxas is %q, %v", ptxas, err)
	}
	if got, err := Installed(CUDA); err != nil || got != plugin {
		t.Errorf("found %+v, %v", got, err)
	}
}

func TestDeviceOfGoMLX(t *testing.T) {
	for value, want := range map[string]Device{"": Auto, "xla": Auto, "xla:cpu": CPU, "xla:cuda": CUDA} {
		t.Setenv(GoMLXVariable, value)
		if got, err := DeviceOfGoMLX(); got != want || err != nil {
			t.Errorf("%q: got %q, %v, want %q", value, got, err, want)
		}
	}
	for _, value := range []string{"go", "xla:tpu", "cuda"} {
		t.Setenv(GoMLXVariable, value)
		if _, err := DeviceOfGoMLX(); err == nil || !strings.Contains(err.Error(), value) {
			t.Errorf("%q: error %v, want one that names it", value, err)
		}
	}
}
