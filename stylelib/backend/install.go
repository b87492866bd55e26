package backend

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/gomlx/go-xla/installer"

	"github.com/gouache-art/gouache/internal/fetch"
)

// cpuRelease is the version of XLA's CPU plugin that go-xla v0.4.1 is tested with, as its releases name it.
const cpuRelease = "v0.114.0"

// cpuWheel is the same plugin, one version later, in a Python package, for machines that reach nothing but a
// package index. Tested with GoMLX v0.28.2: same numbers, same speed. These are variables for tests.
var (
	cpuWheel fetch.Source = fetch.Wheel{
		Package: "lammps-jax-pjrt-cpu",
		Version: "0.11.2",
		Member:  "lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so",
	}
	cpuWheelSums = fetch.Checksums{
		Size:   201600336,
		SHA256: "ad1309ac822b1b24d51b7f9947c7c9fa9ef5d67f390584cbc3d1fa2428fed9c2",
	}
	cpuWheelPlatform = "linux/amd64"

	// cpuReleaseURL looks up the address of the release's archive.
	cpuReleaseURL = func() (string, error) {
		return installer.CPUGetDownloadURL(runtime.GOOS+"_"+runtime.GOARCH, cpuRelease)
	}
)

// lookupTimeout bounds cpuReleaseURL, which has no timeout.
const lookupTimeout = 20 * time.Second

// Install downloads the plugin for a device into the user's library folder. For the CPU that is go-xla's own, from its
// releases, or, if those cannot be reached, the one in a Python package. For CUDA, which needs an NVIDIA GPU,
// it is JAX's, gigabytes with the libraries it needs. progress is called during the download, and at the end
// with a message that says what was chosen and why; it may be nil.
func Install(ctx context.Context, device Device, progress func(fetch.Progress)) (Plugin, error) {
	if progress == nil {
		progress = func(fetch.Progress) {}
	}
	dir, err := installDir()
	if err != nil {
		return Plugin{}, err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return Plugin{}, fmt.Errorf("cannot make the folder for XLA's plugin: %w", err)
	}
	var chosen string
	if device == CUDA {
		chosen, err = installCUDA(dir, progress)
	} else {
		device = CPU
		chosen, err = installCPU(ctx, dir, progress)
	}
	if err != nil {
		return Plugin{}, err
	}
	plugins := Find(device)
	if len(plugins) == 0 {
		return Plugin{}, fmt.Errorf("XLA's plugin for %s was installed in %s but is not found there", device, dir)
	}
	progress(fetch.Progress{Message: "XLA's plugin: " + chosen})
	return plugins[0], nil
}

func installCPU(ctx context.Context, dir string, progress func(fetch.Progress)) (chosen string, err error) {
	releaseErr := installRelease(ctx, dir, progress)
	if releaseErr == nil {
		return "go-xla's own for the CPU, " + cpuRelease + ", from its releases", nil
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if platform := runtime.GOOS + "/" + runtime.GOARCH; platform != cpuWheelPlatform {
		return "", fmt.Errorf("cannot get XLA's CPU plugin: %s; there is no Python package with it for %s: "+
			"bring the file from go-xla's releases and put it into %s", firstLine(releaseErr), platform, dir)
	}
	path := filepath.Join(dir, "pjrt_c_api_cpu_plugin.so")
	if err := fetch.File(ctx, path, cpuWheel, cpuWheelSums, progress); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", fmt.Errorf("cannot get XLA's CPU plugin: neither from go-xla's releases (%s) nor from a Python package (%w); "+
			"connect this machine to a network, or put the plugin there by hand as %s", firstLine(releaseErr), err, path)
	}
	return fmt.Sprintf("%s: go-xla's release %s is out of reach (%s)", cpuWheel, cpuRelease, firstLine(releaseErr)), nil
}

// installRelease fetches the release's archive and unpacks the plugin out of it.
func installRelease(ctx context.Context, dir string, progress func(fetch.Progress)) (err error) {
	address, err := lookup(ctx)
	if err != nil {
		return err
	}
	archive := filepath.Join(dir, filepath.Base(address))
	if err := fetch.File(ctx, archive, fetch.URL{Address: address}, fetch.Checksums{}, progress); err != nil {
		return err
	}
	defer os.Remove(archive)
	// It is unpacked beside its destination and renamed: a partial plugin must not be found.
	unpacked, err := os.MkdirTemp(dir, ".unpacking-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(unpacked)
	unpack := installer.Untar
	if filepath.Ext(archive) == ".zip" {
		unpack = installer.Unzip
	}
	files, err := unpack(archive, unpacked)
	if err != nil {
		return fmt.Errorf("unpacking %s: %w", archive, err)
	}
	for _, file := range files {
		if found := pluginsIn(filepath.Dir(file), CPU); len(found) > 0 {
			return os.Rename(found[0].Path, filepath.Join(dir, filepath.Base(found[0].Path)))
		}
	}
	return fmt.Errorf("%s holds no plugin", address)
}

// lookup calls cpuReleaseURL and gives up after lookupTimeout or when ctx ends.
func lookup(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, lookupTimeout, errors.New("its host does not answer"))
	defer cancel()
	type answer struct {
		address string
		err     error
	}
	answers := make(chan answer, 1)
	go func() {
		address, err := cpuReleaseURL()
		answers <- answer{address, err}
	}()
	select {
	case a := <-answers:
		return a.address, a.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

func installCUDA(dir string, progress func(fetch.Progress)) (chosen string, err error) {
	if !hasGPU() {
		return "", errors.New("this machine shows no NVIDIA GPU, so no CUDA plugin was installed")
	}
	progress(fetch.Progress{Message: "installing XLA's CUDA plugin and NVIDIA's libraries from JAX's Python packages, some gigabytes"})
	// The installer prints its progress to standard output, which is reserved for results.
	stdout := os.Stdout
	os.Stdout = os.Stderr
	defer func() { os.Stdout = stdout }()
	if err := installer.CudaInstall("cuda13", "latest", dir, true, installer.Quiet); err != nil {
		return "", fmt.Errorf("installing XLA's CUDA plugin: %s", firstLine(err))
	}
	return "JAX's for CUDA 13", nil
}
