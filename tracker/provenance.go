package tracker

import (
	"os"
	"runtime"
	"runtime/debug"
	"slices"

	"al.essio.dev/pkg/shellescape"
)

// Provenance is what made a run: enough to make it again. What is unknown is empty.
type Provenance struct {
	Version       string   `json:"version,omitempty"` // of the program
	Commit        string   `json:"commit,omitempty"`  // with "+changes" if the sources had been edited
	Command       []string `json:"command,omitempty"` // the arguments that make it again, the program first
	Dir           string   `json:"dir,omitempty"`     // where they were given
	Go            string   `json:"go,omitempty"`
	Platform      string   `json:"platform,omitempty"` // such as linux/amd64
	XLA           string   `json:"xla,omitempty"`
	Device        string   `json:"device,omitempty"`
	Network       string   `json:"network,omitempty"`
	Weights       string   `json:"weights,omitempty"`
	WeightsSHA256 string   `json:"weights_sha256,omitempty"`
	Seed          *int64   `json:"seed,omitempty"`
	PeakMemory    int64    `json:"peak_memory_bytes,omitempty"`
}

// NewProvenance returns what this program knows of itself: all but XLA, the device, the weights and the seed.
func NewProvenance() Provenance {
	p := Provenance{Command: slices.Clone(os.Args), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	p.Dir, _ = os.Getwd() // it may be gone
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return p
	}
	p.Version = info.Main.Version
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	p.Commit = settings["vcs.revision"]
	if settings["vcs.modified"] == "true" {
		p.Commit += "+changes"
	}
	return p
}

// CommandLine returns the command as a POSIX shell takes it, or "" if there is none.
func (p *Provenance) CommandLine() string { return shellescape.QuoteCommand(p.Command) }
