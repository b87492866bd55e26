package backend

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
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

// serve answers for the releases and for the wheel: how wheels are fetched is tested in package fetch.
func serve(t *testing.T, files map[string][]byte) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		if _, err := w.Write(content); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func archive(t *testing.T, name, content string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(content)), Mode: 0o644, Typeflag: tar.TypeReg})
	if err == nil {
		_, err = w.Write([]byte(content))
	}
	if err := errors.Join(err, w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestInstall(t *testing.T) {
	s := serve(t, map[string][]byte{
		"/pjrt_cpu.tar.gz": archive(t, "pjrt_c_api_cpu_v0.7_plugin.so", "released"),
		"/readme.tar.gz":   archive(t, "README", "nothing"),
		"/wheel":           []byte("from a wheel"),
	})
	oldURL, oldWheel, oldSums := cpuReleaseURL, cpuWheel, cpuWheelSums
	defer func() { cpuReleaseURL, cpuWheel, cpuWheelSums = oldURL, oldWheel, oldSums }()
	cpuWheelSums = fetch.Checksums{}
	for _, c := range []struct {
		name             string
		release, wheel   string
		lookup           error
		content, message string // an error's if content is empty
	}{
		{"release", "/pjrt_cpu.tar.gz", "/nothing", nil, "released", "from its releases"},
		{"no way to the releases", "", "/wheel", errors.New("no such host"), "from a wheel", "out of reach (no such host)"},
		{"no such release", "/nothing", "/wheel", nil, "from a wheel", "out of reach"},
		{"release without a plugin", "/readme.tar.gz", "/wheel", nil, "from a wheel", "holds no plugin"},
		{"no way out", "", "/nothing", errors.New("no such host"), "", "put the plugin there by hand as"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := emptyHome(t)
			cpuReleaseURL = func() (string, error) { return s.URL + c.release, c.lookup }
			cpuWheel = fetch.URL{Address: s.URL + c.wheel}
			var last string
			plugin, err := Install(t.Context(), CPU, func(p fetch.Progress) { last = p.Message })
			if c.content == "" {
				if err == nil || !strings.Contains(err.Error(), c.message) {
					t.Errorf("error %v does not mention %q", err, c.message)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(plugin.Path); err != nil || string(got) != c.content {
				t.Errorf("installed %q, %v, want %q", got, err, c.content)
			}
			if !strings.Contains(last, c.message) {
				t.Errorf("the last message, %q, does not mention %q", last, c.message)
			}
			left, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, entry := range left {
				if name := entry.Name(); filepath.Ext(name) != ".so" && filepath.Ext(name) != ".lock" {
					t.Errorf("%s was left behind", name)
				}
			}
		})
	}
}

func TestInstallEndsWithContext(t *testing.T) {
	emptyHome(t)
	old := cpuReleaseURL
	defer func() { cpuReleaseURL = old }()
	ctx, cancel := context.WithCancel(t.Context())
	never := make(chan struct{})
	defer close(never)
	cpuReleaseURL = func() (string, error) { cancel(); <-never; return "", errors.New("too late") }
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
