package machine

import (
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestSample(t *testing.T) {
	t.Setenv("PATH", "") // without a GPU
	s := NewSampler()
	for began := time.Now(); time.Since(began) < 100*time.Millisecond; { // work
	}
	held := make([]byte, 64<<20)
	for i := range held {
		held[i] = 1
	}
	values := s.Sample(t.Context())
	runtime.KeepAlive(held)
	if len(values) != 4 {
		t.Fatalf("sampled %v", values)
	}
	if v := values["cpu_percent"]; !(v > 0) || v > 100*float64(runtime.NumCPU()+1) {
		t.Errorf("cpu_percent is %v", v)
	}
	if v := values["machine_cpu_percent"]; !(v >= 0) || v > 100 {
		t.Errorf("machine_cpu_percent is %v", v)
	}
	if own, all := values["memory_gb"], values["machine_memory_gb"]; own < 0.064 || all < own {
		t.Errorf("memory_gb is %v, machine_memory_gb %v", own, all)
	}
}

// TestGPUs has a program in the place of nvidia-smi.
func TestGPUs(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a shell's script is no program there")
	}
	dir := t.TempDir()
	asked := filepath.Join(dir, "asked")
	script := "#!/bin/sh\necho x >> '" + asked + "'\nsleep 0.05\necho '0, 97, 2048'\necho '1, [N/A], 512'\n"
	if err := os.WriteFile(filepath.Join(dir, "nvidia-smi"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	s := NewSampler()
	first, second := s.Sample(t.Context()), s.Sample(t.Context())
	if first["gpu0_percent"] != 97 || first["gpu0_memory_gb"] != 2.147483648 || first["gpu1_memory_gb"] != 0.536870912 {
		t.Errorf("sampled %v", first)
	}
	if _, ok := first["gpu1_percent"]; ok {
		t.Errorf("a GPU that does not say how much it works has %v", first["gpu1_percent"])
	}
	if _, ok := second["gpu0_percent"]; ok {
		t.Errorf("the GPU was asked again at once: %v", second)
	}
	if times, err := os.ReadFile(asked); err != nil || len(times) != 2 {
		t.Errorf("asked %q: %v", times, err)
	}
}

func TestReadGPUs(t *testing.T) {
	for text, want := range map[string]map[string]float64{
		"":                                      {},
		"No devices were found\n":               {},
		"0, 1\n":                                {},
		"-1, 1, 1\n":                            {},
		"999, 1, 1\n":                           {},
		"0, NaN, Inf\n":                         {},
		"0, 1e9, 0x10\n":                        {},
		"3, 100, 0\nERROR":                      {"gpu3_percent": 100, "gpu3_memory_gb": 0},
		"\x00\x1b[31m, \xff, \"":                {},
		strings.Repeat("9", 1<<20) + ", 1, 1\n": {},
	} {
		values := map[string]float64{}
		readGPUs(strings.NewReader(text), values)
		if !maps.Equal(values, want) {
			t.Errorf("%.40q gives %v, want %v", text, values, want)
		}
	}
	var many strings.Builder
	for range 200 {
		many.WriteString("0, 1, 1\n")
	}
	values := map[string]float64{}
	readGPUs(strings.NewReader(many.String()), values)
	if len(values) != 2 {
		t.Errorf("many lines give %v", values)
	}
}

func BenchmarkSample(b *testing.B) {
	s := NewSampler()
	for b.Loop() {
		s.Sample(b.Context())
	}
}
