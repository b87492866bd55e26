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

// cpuWheel is the same plugin, one version on, out of a Python package, for machines whose only way out is a package
// index. Tried with GoMLX v0.28.2: same numbers, same speed. Variables so that tests can have sources of their own.
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

	// cpuReleaseURL asks where the release's archive is.
	cpuReleaseURL = func() (string, error) {
		return installer.CPUGetDownloadURL(runtime.GOOS+"_"+runtime.GOARCH, cpuRelease)
	}
)

// lookupTimeout bounds cpuReleaseURL, which has no timeout of its own.
const lookupTimeout = 20 * time.Second

// Install downloads the plugin for a device into [InstallDir]. For the CPU that is go-xla's own, from its releases,
// or where those are out of reach the one in a Python package; for CUDA (an NVIDIA GPU must be there) it is JAX's,
// gigabytes with the libraries it needs. report, which may be nil, hears how the download goes, and in a last message
// what was chosen and why.
func Install(ctx context.Context, device Device, report func(fetch.Progress)) (Plugin, error) {
	if report == nil {
		report = func(fetch.Progress) {}
	}
	dir, err := InstallDir()
	if err != nil {
		return Plugin{}, err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return Plugin{}, fmt.Errorf("cannot make the folder for XLA's plugin: %w", err)
	}
	var chosen string
	if device == CUDA {
		chosen, err = installCUDA(dir, report)
	} else {
		device = CPU
		chosen, err = installCPU(ctx, dir, report)
	}
	if err != nil {
		return Plugin{}, err
	}
	plugins := Find(device)
	if len(plugins) == 0 {
		return Plugin{}, fmt.Errorf("XLA's plugin for %s was installed in %s but is not found there", device, dir)
	}
	report(fetch.Progress{Message: "XLA's plugin: " + chosen})
	return plugins[0], nil
}

func installCPU(ctx context.Context, dir string, report func(fetch.Progress)) (chosen string, err error) {
	releaseErr := installRelease(ctx, dir, report)
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
	if err := fetch.File(ctx, path, cpuWheel, cpuWheelSums, report); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", fmt.Errorf("cannot get XLA's CPU plugin: neither from go-xla's releases (%s) nor from a Python package (%w); "+
			"connect this machine to a network, or put the plugin there by hand as %s", firstLine(releaseErr), err, path)
	}
	return fmt.Sprintf("%s: go-xla's release %s is out of reach (%s)", cpuWheel, cpuRelease, firstLine(releaseErr)), nil
}

// installRelease fetches the release's archive and unpacks the plugin out of it.
func installRelease(ctx context.Context, dir string, report func(fetch.Progress)) (err error) {
	address, err := lookup(ctx)
	if err != nil {
		return err
	}
	archive := filepath.Join(dir, filepath.Base(address))
	if err := fetch.File(ctx, archive, fetch.URL{Address: address}, fetch.Checksums{}, report); err != nil {
		return err
	}
	defer os.Remove(archive)
	// Beside its destination, so that it can be renamed: a plugin that is half there must not be found.
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

// lookup is cpuReleaseURL, given up after a while or when ctx ends.
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

func installCUDA(dir string, report func(fetch.Progress)) (chosen string, err error) {
	if !hasGPU() {
		return "", errors.New("no NVIDIA GPU is to be seen on this machine, so that no CUDA plugin was installed")
	}
	report(fetch.Progress{Message: "installing XLA's CUDA plugin and NVIDIA's libraries from JAX's Python packages, some gigabytes"})
	// The installer shows its progress on standard output, which is for results here.
	stdout := os.Stdout
	os.Stdout = os.Stderr
	defer func() { os.Stdout = stdout }()
	if err := installer.CudaInstall("cuda13", "latest", dir, true, installer.Quiet); err != nil {
		return "", fmt.Errorf("installing XLA's CUDA plugin: %s", firstLine(err))
	}
	return "JAX's for CUDA 13", nil
}
