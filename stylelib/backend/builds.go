package backend

import (
	_ "embed"
	"runtime"

	"github.com/gouache-art/gouache/internal/fetch"
)

// build is a plugin that Gouache knows to the byte.
type build struct {
	device   Device
	platform string
	sources  []fetch.Source // of the plugin, tried in order
	sums     fetch.Checksums
}

// builds lists what can be installed, and loaded from where plugins are installed. Nothing else is: a plugin is native
// code. Tested with GoMLX v0.28.2: the CPU's is that of go-xla v0.4.1, one version later, with the same numbers and speed.
//
// The releases that go-xla itself installs, v0.114.0 of github.com/gomlx/pjrt-cpu-binaries, have no published checksums,
// and none could be computed where this table was made, which cannot reach them. So they have no sums, and are refused:
// for other platforms than linux/amd64 their user has to trust and unpack them by hand. To add one, compute the size and
// SHA-256 of the member and of the archive.
//
// It is a variable for tests.
var builds = []build{
	{CPU, "linux/amd64", []fetch.Source{
		fetch.Wheel{
			Package: "lammps-jax-pjrt-cpu", Version: "0.11.2",
			SHA256: "1319390d948b39f69f7dade496b7c385149d9ca6097a6b62114da113216d9ad1",
			Member: "lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so",
		},
	}, fetch.Checksums{Size: 201600336, SHA256: "ad1309ac822b1b24d51b7f9947c7c9fa9ef5d67f390584cbc3d1fa2428fed9c2"}},
	{CPU, "linux/arm64", release("linux_arm64", "so"), fetch.Checksums{}},
	{CPU, "darwin/arm64", release("darwin_arm64", "dylib"), fetch.Checksums{}},
	// Of jax-cuda13-pjrt 0.11.2. It comes with NVIDIA's libraries: see cudaRequirements.
	{CUDA, "linux/amd64", nil, fetch.Checksums{Size: 411465856, SHA256: "43d3efd6fd43d8a5d9aa67176e830d81e4ad5fc19fda4ad09cdcc4aebd9f3920"}},
}

// release is a plugin in go-xla's releases.
func release(platform, extension string) []fetch.Source {
	return []fetch.Source{fetch.Archive{
		Address: "https://github.com/gomlx/pjrt-cpu-binaries/releases/download/v0.114.0/pjrt_cpu_" + platform + ".tar.gz",
		Member:  "pjrt_c_api_cpu_v0.114.0_plugin." + extension,
	}}
}

// cudaRequirements lists the Python packages with XLA's CUDA plugin and NVIDIA's libraries, each with its hashes.
//
//go:embed cuda-requirements.txt
var cudaRequirements string

// findBuild returns the build for a device on this machine, nil if Gouache knows none.
func findBuild(device Device) *build {
	for i, b := range builds {
		if b.device == device && b.platform == runtime.GOOS+"/"+runtime.GOARCH {
			return &builds[i]
		}
	}
	return nil
}
