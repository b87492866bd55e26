package backend

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/gouache-art/gouache/internal/fetch"
	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/internal/interrupt"
)

// Install downloads the plugin for a device into the user's library folder, verifies its SHA-256, and returns it. What
// is there under its name, and is another file, is replaced. Both come out of Python packages, through pip. For CUDA, which
// needs an NVIDIA GPU, it is JAX's, gigabytes with the libraries it needs. progress is called during the download, and at the
// end with a message that says what was chosen; it may be nil.
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
	install := installCPU
	if device == CUDA {
		install = installCUDA
	}
	path, chosen, err := install(ctx, dir, progress)
	switch {
	case ctx.Err() != nil:
		return Plugin{}, ctx.Err()
	case err != nil:
		return Plugin{}, err
	}
	progress(fetch.Progress{Message: "XLA's plugin: " + chosen})
	return Plugin{Device: device, Path: path}, nil
}

func installCPU(ctx context.Context, dir string, progress func(fetch.Progress)) (path, chosen string, err error) {
	b := findBuild(CPU)
	platform := runtime.GOOS + "/" + runtime.GOARCH
	switch {
	case b == nil:
		return "", "", fmt.Errorf("there is no XLA plugin for %s: name the folder of one that you trust in PJRT_PLUGIN_LIBRARY_PATH", platform)
	case b.sums.SHA256 == "":
		return "", "", fmt.Errorf("the checksum of XLA's plugin for %s is not known, so it is not installed unverified: if you trust it, "+
			"%s, and name its folder in PJRT_PLUGIN_LIBRARY_PATH", platform, b.sources[0].ByHand("native code"))
	}
	path = filepath.Join(dir, "pjrt_c_api_cpu_plugin"+libraryExtension())
	var failures []error
	for _, source := range b.sources {
		err := fetch.File(ctx, path, source, b.sums, progress)
		if err == nil {
			return path, source.String() + ", verified", nil
		}
		failures = append(failures, err)
		if ctx.Err() != nil || !errors.Is(err, fetch.ErrUnreachable) && !errors.As(err, new(*fetch.ChecksumError)) {
			break
		}
	}
	facts := fmt.Sprintf("about %s, SHA-256 %s", format.Bytes(b.sums.Size), b.sums.SHA256)
	return "", "", fmt.Errorf("cannot get XLA's CPU plugin: %w; to continue, %s, and put it here as %s",
		joined(failures), b.sources[0].ByHand(facts), path)
}

// joined is errors.Join in one line.
func joined(all []error) error {
	err := all[0]
	for _, next := range all[1:] {
		err = fmt.Errorf("%w; nor otherwise: %w", err, next)
	}
	return err
}

// installCUDA installs the plugin with NVIDIA's libraries, as docker/install-cuda does.
func installCUDA(ctx context.Context, dir string, progress func(fetch.Progress)) (path, chosen string, err error) {
	b := findBuild(CUDA)
	if b == nil || !hasGPU() {
		return "", "", errors.New("this machine shows no NVIDIA GPU, so no CUDA plugin was installed")
	}
	progress(fetch.Progress{Message: "installing XLA's CUDA plugin and NVIDIA's libraries from Python packages, some gigabytes"})
	// Beside its destination: it is moved when it is whole.
	unpacked, err := os.MkdirTemp(dir, ".cuda-")
	if err != nil {
		return "", "", err
	}
	defer os.RemoveAll(unpacked)
	defer interrupt.OnExit(func() { _ = os.RemoveAll(unpacked) })()
	if err := fetch.Packages(ctx, cudaRequirements, unpacked, progress); err != nil {
		return "", "", fmt.Errorf("installing XLA's CUDA plugin: %w", err)
	}
	from, plugin := filepath.Join(unpacked, "nvidia"), filepath.Join(unpacked, "jax_plugins", "xla_cuda13", "xla_cuda_plugin.so")
	if err := fetch.Verify(plugin, b.sums); err != nil {
		return "", "", err
	}
	err = os.Rename(plugin, filepath.Join(from, cudaPlugin))
	// The plugin looks for its libraries in ../nvidia. XLA looks for ptxas and libdevice in bin and nvvm there. cuDNN looks
	// for cuBLAS and NVRTC beside itself, under the folders' names from before CUDA 13.
	for name, target := range map[string]string{"bin": "cu13/bin", "nvvm": "cu13/nvvm", "cublas": "cu13", "cuda_nvrtc": "cu13"} {
		err = errors.Join(err, os.Symlink(target, filepath.Join(from, name)))
	}
	to := filepath.Join(dir, "nvidia")
	if err := errors.Join(err, os.RemoveAll(to)); err != nil {
		return "", "", err
	}
	return filepath.Join(to, cudaPlugin), "JAX's for CUDA 13, verified", os.Rename(from, to)
}

const cudaPlugin = "pjrt_c_api_cuda_plugin.so"
