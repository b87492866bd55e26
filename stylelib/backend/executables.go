package backend

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/shirou/gopsutil/v4/cpu"

	"github.com/gouache-art/gouache/internal/diskcache"
	"github.com/gouache-art/gouache/stylelib/backend/executables"
)

// executablesLimit is the most that the kept executables take, in bytes. One takes 0.05 to 2 MB, a painting some 10.
const executablesLimit = 512 << 20

// Executables returns the cache of compiled graphs, in the user's cache folder, or says why there is none.
func Executables() (*diskcache.Cache, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("no folder to keep compiled graphs in: %w", err)
	}
	return diskcache.New(filepath.Join(cache, "gouache", "executables"), ".xla", executablesLimit)
}

// load loads a plugin's library, with a cache of executables if there can be one. It returns whether programs can have
// package fused's convolutions.
func load(plugin Plugin, options string) (hasFused bool, err error) {
	files, err := Executables()
	if err != nil {
		files = nil // there is no folder to keep them in
	}
	is, err := os.Stat(plugin.Path)
	if err != nil {
		return false, err
	}
	identity := []string{
		fmt.Sprintf("%s, %d bytes, of %d", plugin.Device, is.Size(), is.ModTime().UnixNano()),
		options, os.Getenv("XLA_FLAGS"), os.Getenv("NVIDIA_TF32_OVERRIDE"),
		fmt.Sprintf("%d processors", runtime.NumCPU()), // XLA divides loops among them when it compiles
	}
	if info, err := cpu.Info(); err == nil && len(info) > 0 {
		c := info[0]
		identity = append(identity, c.VendorID, c.Family, c.Model, fmt.Sprint(c.Stepping), c.ModelName, strings.Join(c.Flags, " "))
	}
	if plugin.Device == CUDA {
		identity = append(identity, driver())
	}
	return executables.Load(plugin.Path, strings.Join(identity, "\n"), files, plugin.Device == CPU)
}

// driver names the NVIDIA GPUs and their driver.
func driver() string {
	var names []string
	version, _ := os.ReadFile("/proc/driver/nvidia/version")
	names = append(names, string(version))
	gpus, _ := filepath.Glob("/proc/driver/nvidia/gpus/*/information")
	for _, gpu := range gpus {
		information, _ := os.ReadFile(gpu)
		for line := range strings.Lines(string(information)) {
			if strings.HasPrefix(line, "Model:") || strings.HasPrefix(line, "GPU UUID:") {
				names = append(names, strings.TrimSpace(line))
			}
		}
	}
	return strings.Join(names, "\n")
}
