package backend

import (
	"cmp"
	"context"
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/gomlx/go-xla/installer"

	"github.com/gouache-art/gouache/internal/fetch"
	"github.com/gouache-art/gouache/internal/filename"
	_ "github.com/gouache-art/gouache/stylelib/backend/quiet"
)

// Plugin is an installed PJRT plugin.
type Plugin struct {
	Device Device
	Path   string // absolute
	// Chosen says that the user has named its folder in $PJRT_PLUGIN_LIBRARY_PATH. Others are loaded only if they are, to
	// the byte, those that [Install] installs.
	Chosen bool
}

// pathVariable is go-xla's. It replaces the folders in which plugins are installed.
const pathVariable = "PJRT_PLUGIN_LIBRARY_PATH"

// PluginDirs returns the folders that are searched for plugins, in order: those of
// $PJRT_PLUGIN_LIBRARY_PATH if it is set, else go-xla's own below the user's home and /usr/local.
func PluginDirs() []string {
	if list := os.Getenv(pathVariable); list != "" {
		dirs := slices.DeleteFunc(filepath.SplitList(list), func(dir string) bool { return dir == "" })
		for i, dir := range dirs {
			dirs[i] = filename.Expand(dir)
		}
		return dirs
	}
	dirs := []string{"/usr/local/lib/go-xla", "/usr/local/lib/go-xla/nvidia"}
	if own, err := installDir(); err == nil {
		dirs = append([]string{own, filepath.Join(own, "nvidia")}, dirs...)
	}
	return dirs
}

// installDir returns the folder where plugins are installed: go-xla's below the user's library folder, so that
// other programs that use go-xla find them, too.
func installDir() (string, error) {
	lib, err := installer.DefaultHomeLibPath()
	if err != nil {
		return "", fmt.Errorf("no home directory to install XLA's plugin in: %w; set HOME, or PJRT_PLUGIN_LIBRARY_PATH to a folder that has one", err)
	}
	return filepath.Join(lib, "go-xla"), nil
}

// Find returns the installed plugins for a device, or all of them for [Auto]. They are sorted: a GPU's before
// the CPU's, then by the order of [PluginDirs], then the newer version first.
//
// It reads file names only; go-xla's own search opens each library, which costs tenths of a second for one of
// 200 MB and panics on a damaged one.
func Find(device Device) []Plugin {
	var found []Plugin
	for _, kind := range []Device{CUDA, CPU} {
		if device != Auto && device != kind {
			continue
		}
		if kind == CUDA && !hasGPU() {
			continue
		}
		for _, dir := range PluginDirs() {
			found = append(found, pluginsIn(dir, kind)...)
		}
	}
	return found
}

func pluginsIn(dir string, kind Device) []Plugin {
	pattern := fmt.Sprintf("pjrt_c_api_%s*_plugin%s", kind, libraryExtension())
	paths, _ := filepath.Glob(filepath.Join(dir, pattern)) // errs only for an invalid pattern
	var plugins []Plugin
	for _, path := range paths {
		abs, err := filepath.Abs(path)
		info, statErr := os.Stat(path)
		if err == nil && statErr == nil && info.Mode().IsRegular() {
			plugins = append(plugins, Plugin{Device: kind, Path: abs, Chosen: os.Getenv(pathVariable) != ""})
		}
	}
	slices.SortFunc(plugins, func(a, b Plugin) int { return cmp.Compare(b.Path, a.Path) })
	return plugins
}

func libraryExtension() string {
	return cmp.Or(map[string]string{"darwin": ".dylib", "windows": ".dll"}[runtime.GOOS], ".so")
}

// checkLibrary returns an error for an ELF file that was truncated: the loader would map it, and the process
// would die when it touches what is missing. Libraries of other systems are left to their loaders.
func checkLibrary(path string) error {
	if libraryExtension() != ".so" {
		return nil
	}
	f, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("it is not a shared library: %w", err)
	}
	defer f.Close()
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	for _, p := range f.Progs {
		if end := p.Off + p.Filesz; end > uint64(info.Size()) {
			return fmt.Errorf("it has %d bytes and should have at least %d", info.Size(), end)
		}
	}
	return nil
}

// hasGPU is go-xla's test for an NVIDIA GPU; a variable for tests.
var hasGPU = func() bool { return runtime.GOOS == "linux" && runtime.GOARCH == "amd64" && installer.HasNvidiaGPU() }

// Installed returns the plugin that [Open] opens without installing one: the first that [Find] finds, and that the user
// has chosen or that has the SHA-256 of the one that [Install] installs. If there is none, the error says why
// each of those found is refused, or what to do. A CUDA plugin that is refused is not replaced by the CPU's, which is slow.
func Installed(device Device) (Plugin, error) {
	if device == Auto {
		device = CPU
		if len(Find(CUDA)) > 0 {
			device = CUDA
		}
	}
	var refused []error
	for _, p := range Find(device) {
		err := p.verify()
		if err == nil {
			return p, nil
		}
		refused = append(refused, err)
	}
	if len(refused) == 0 {
		return Plugin{}, fmt.Errorf("no XLA plugin for %s in %s: run `gouache doctor --fix`", device, strings.Join(PluginDirs(), ", "))
	}
	return Plugin{}, joined(refused)
}

func findOrInstall(ctx context.Context, opts Options) (Plugin, error) {
	plugin, err := Installed(opts.Device)
	// Gigabytes are installed only when they are asked for.
	if unasked := opts.Device == Auto && len(Find(CUDA)) > 0; err == nil || opts.Offline || unasked {
		return plugin, err
	}
	if opts.Progress != nil && len(Find(opts.Device)) > 0 {
		opts.Progress(fetch.Progress{Message: err.Error()})
	}
	device := opts.Device
	if device == Auto {
		device = CPU
	}
	return Install(ctx, device, opts.Progress)
}
