// Package backend opens XLA, the compiler that runs Gouache's computations, on the CPU or on a GPU.
//
// XLA comes as a PJRT plugin, a shared library that is loaded at run time. [Open] looks for an installed
// plugin and, if there is none, installs one:
//
//	b, err := backend.Open(ctx, backend.Options{})
//	if err != nil {
//		return err
//	}
//	defer b.Close()
//
// [Backend.XLA] is a compute.Backend of GoMLX, so any GoMLX graph runs on it.
package backend

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/go-xla/compute/xla"
	"github.com/gomlx/go-xla/pjrt"
	"github.com/gomlx/gomlx/support/exceptions"
	"github.com/shirou/gopsutil/v4/cpu"

	"github.com/gouache-art/gouache/internal/fetch"
	"github.com/gouache-art/gouache/internal/suggest"
	"github.com/gouache-art/gouache/stylelib/backend/fused"
)

// Device is the kind of hardware that a plugin drives.
type Device string

// The devices that Gouache knows plugins for.
const (
	Auto Device = ""     // CUDA if a GPU and its plugin are available, else CPU
	CPU  Device = "cpu"  // any x86-64 or arm64 processor
	CUDA Device = "cuda" // an NVIDIA GPU
)

// Devices lists what [ParseDevice] accepts.
var Devices = []string{"auto", string(CPU), string(CUDA)}

// ParseDevice reads a device's name: "auto", "cpu" or "cuda".
func ParseDevice(name string) (Device, error) {
	if name == "" || name == "auto" {
		return Auto, nil
	}
	if slices.Contains(Devices, name) {
		return Device(name), nil
	}
	if strings.EqualFold(name, "gpu") { // the nearest name would be cpu
		return Auto, fmt.Errorf("unknown device %q: an NVIDIA GPU is %s", name, CUDA)
	}
	return Auto, suggest.Unknown("device", name, Devices)
}

// GoMLXVariable chooses the backend of programs that use GoMLX.
const GoMLXVariable = "GOMLX_BACKEND"

// DeviceOfGoMLX returns the device that GoMLXVariable chooses, Auto if it is not set: "xla:cpu" or "xla:cuda". Any other
// backend is an error, since it cannot run the graphs of this module.
func DeviceOfGoMLX() (Device, error) {
	value := os.Getenv(GoMLXVariable)
	name, device, _ := strings.Cut(value, ":")
	if value == "" {
		return Auto, nil
	}
	d, err := ParseDevice(device)
	if name != "xla" || err != nil {
		return Auto, fmt.Errorf("$%s is %q: only xla, xla:cpu and xla:cuda can paint", GoMLXVariable, value)
	}
	return d, nil
}

// Options configures Open. The zero value opens the best plugin that is installed, and installs the CPU's
// if there is none.
type Options struct {
	Device Device
	// Float32 keeps an NVIDIA GPU from rounding the factors of float32 products to TF32, which is XLA's
	// default, and PyTorch's for convolutions. It holds for the process's computations from then on.
	Float32 bool
	// Offline forbids installing a missing plugin.
	Offline bool
	// Progress is called as an installation proceeds, as for [Install]. It may be nil.
	Progress func(fetch.Progress)
}

// Backend is an open XLA device. It is safe for use from several goroutines.
type Backend struct {
	xla    compute.Backend
	plugin Plugin
	api    string
}

// Open finds the plugin for opts.Device, installs it if it is missing, and opens it.
func Open(ctx context.Context, opts Options) (*Backend, error) {
	plugin, err := findOrInstall(ctx, opts)
	if err != nil {
		return nil, err
	}
	if opts.Float32 && plugin.Device == CUDA {
		// This forbids TF32: in NVIDIA's libraries, which compute convolutions, by the variable that they read, since go-xla
		// cannot set a convolution's precision; in other products by go-xla's option.
		_ = os.Setenv("NVIDIA_TF32_OVERRIDE", "0") // it errs only for an invalid name or value
		return open(plugin, ",tf32=false")
	}
	return OpenPlugin(plugin)
}

// OpenPlugin opens an installed plugin. It refuses one that is neither Chosen nor one that [Install] installs.
func OpenPlugin(plugin Plugin) (*Backend, error) { return open(plugin, "") }

// open opens an installed plugin with options of go-xla, each after a comma.
func open(plugin Plugin, options string) (*Backend, error) {
	if err := plugin.verify(); err != nil {
		return nil, err
	}
	if err := checkLibrary(plugin.Path); err != nil {
		return nil, fmt.Errorf("XLA's plugin %s is damaged: %w; delete it and run `gouache doctor --fix`", plugin.Path, err)
	}
	if plugin.Device == CPU {
		setFlags()
	}
	hasFused, err := load(plugin, options)
	if err != nil {
		return nil, fmt.Errorf("XLA's plugin %s cannot be loaded: %s; delete it and run `gouache doctor --fix`", plugin.Path, firstLine(err))
	}
	// An absolute path keeps go-xla from searching for a plugin, and from installing one: xla.New tries to
	// install even when another plugin is there, and fails without a network. xla.New panics on some
	// libraries that are no plugins.
	var opened compute.Backend
	caught := exceptions.TryCatch[error](func() { opened, err = xla.New(plugin.Path + options) })
	if err == nil {
		err = caught
	}
	if err != nil {
		return nil, fmt.Errorf("XLA's plugin %s cannot be loaded: %s; delete it and run `gouache doctor --fix`", plugin.Path, firstLine(err))
	}
	if hasFused {
		fused.Enable(opened)
	}
	b := &Backend{xla: opened, plugin: plugin}
	if loaded, err := pjrt.GetPlugin(plugin.Path); err == nil {
		major, minor := loaded.Version()
		b.api = fmt.Sprintf("PJRT %d.%d", major, minor)
	}
	return b, nil
}

// cpuFlags make XLA compile for the CPU with less effort: an evaluation of VGG19 at 256×256 compiles in 2.7 s
// instead of 3.1 and runs as fast, since its time goes to matrix products that are compiled already.
var cpuFlags = []string{"--xla_backend_optimization_level=1", "--xla_llvm_disable_expensive_passes=true"}

// setFlags adds cpuFlags to XLA_FLAGS, which a plugin reads when it is loaded. Flags that the user has set stay.
func setFlags() {
	flags := os.Getenv("XLA_FLAGS")
	for _, flag := range cpuFlags {
		if name, _, _ := strings.Cut(flag, "="); !strings.Contains(flags, name) {
			flags = strings.TrimSpace(flags + " " + flag)
		}
	}
	_ = os.Setenv("XLA_FLAGS", flags) // likewise
}

// XLA returns the device as GoMLX's functions take it. (Backend does not embed it: GoMLX ties a tensor to the
// value that made it, and would refuse tensors of the embedded one.)
func (b *Backend) XLA() compute.Backend { return b.xla }

// Plugin returns the plugin that was opened.
func (b *Backend) Plugin() Plugin { return b.plugin }

// APIVersion returns the version of the plugin interface, such as "PJRT 0.115".
func (b *Backend) APIVersion() string { return b.api }

// DeviceName describes the first device: "cpu", or a GPU's model.
func (b *Backend) DeviceName() string {
	if b.plugin.Device == CPU {
		return string(CPU) // XLA would say "cpu:0 [processId=0]"
	}
	return strings.TrimSpace(b.xla.DeviceDescription(0))
}

// Identity names everything that determines how fast the device computes: its model, the number of its cores,
// and the plugin.
func (b *Backend) Identity() string {
	model := b.DeviceName()
	if b.plugin.Device == CPU {
		if info, err := cpu.Info(); err == nil && len(info) > 0 {
			model = strings.TrimSpace(info[0].ModelName)
		}
		model = fmt.Sprintf("%s, %d cores", model, runtime.GOMAXPROCS(0))
	}
	var size int64
	if info, err := os.Stat(b.plugin.Path); err == nil {
		size = info.Size() // tells builds of one version apart
	}
	return fmt.Sprintf("%s; %s, %d bytes", model, b.api, size)
}

// Close releases the device. Tensors that live on it must not be used afterwards.
func (b *Backend) Close() {
	fused.Disable(b.xla)
	b.xla.Finalize()
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
