package tracker

import (
	"os"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/shirou/gopsutil/v4/host"
	"github.com/shirou/gopsutil/v4/process"

	"github.com/gouache-art/gouache/internal/terminal"
)

// Process identifies the process that records a run, so that others can tell when it is gone.
type Process struct {
	Host string `json:"host"`
	PID  int    `json:"pid"`
	// Boot names this start of the machine, and on Linux also the process's PID namespace: the same
	// PID in another container is another process.
	Boot string `json:"boot"`
	// StartedAt tells a process from a later one with the same PID.
	StartedAt time.Time `json:"started_at"`
}

// heartbeatEvery is the interval at which signs of life are recorded of what does nothing else.
const heartbeatEvery = 10 * time.Second

// HeartbeatDue reports whether a store has to record another sign of life after one that it has: Heartbeat is called
// twice a second, and writing takes a disk several milliseconds.
func HeartbeatDue(now, seen time.Time) bool { return now.Sub(seen).Abs() >= heartbeatEvery }

// SilentAfter is the time without a sign of life after which a process is presumed dead where it
// cannot be looked for: on another machine or in another container.
const SilentAfter = time.Minute

// StoredTime returns a time as stores keep it: UTC, to the microsecond.
func StoredTime(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// ThisProcess describes the calling process.
var ThisProcess = sync.OnceValue(func() Process {
	p := Process{PID: os.Getpid(), Boot: boot()}
	p.Host, _ = os.Hostname() // "" is as good a name as any
	p.StartedAt, _ = startOf(p.PID)
	return p
})

// boot names this start of the machine.
func boot() string {
	id := "?"
	if b, err := os.ReadFile("/proc/sys/kernel/random/boot_id"); err == nil {
		id = strings.TrimSpace(string(b))
	} else if at, err := host.BootTime(); err == nil {
		id = strconv.FormatUint(at, 10)
	}
	if runtime.GOOS == "linux" {
		if ns, err := os.Readlink("/proc/self/ns/pid"); err == nil {
			id += " " + ns
		}
	}
	return id
}

// startOf returns when a living process began, to the millisecond.
func startOf(pid int) (time.Time, bool) {
	p, err := process.NewProcess(int32(pid))
	if err != nil {
		return time.Time{}, false
	}
	if status, err := p.Status(); err == nil && slices.Contains(status, process.Zombie) {
		return time.Time{}, false // killed, but not yet reaped by its parent
	}
	ms, err := p.CreateTime()
	if err != nil {
		return time.Time{}, false
	}
	return time.UnixMilli(ms).UTC(), true
}

// Equal reports whether p and q are the same process.
func (p Process) Equal(q Process) bool {
	return p.PID == q.PID && p.Host == q.Host && p.Boot == q.Boot && p.StartedAt.Equal(q.StartedAt)
}

// Gone reports whether the process has ended. seen is the time of its last sign of life. On the machine where it
// runs, Gone looks for the process itself; elsewhere, and after a restart of the machine, it is presumed dead after
// SilentAfter.
func (p Process) Gone(now, seen time.Time) bool {
	me := ThisProcess()
	if p.Equal(me) {
		return false
	}
	// A sign of life from the future is none: some clock was wrong, and would keep the run running until then.
	silent := now.Sub(seen).Abs() > SilentAfter
	// Another start of a machine with this name may be that of another machine: many have the same name. So may ids of
	// machines be the same, which copies of one disk have, and containers have none.
	if p.Host != me.Host || p.Boot != me.Boot {
		return silent
	}
	at, alive := startOf(p.PID)
	// The kernel's start times of itself and of processes move when the clock is set.
	const slack = 10 * time.Second
	return !alive || at.Sub(p.StartedAt).Abs() > slack
}

// aliveHere reports whether the process is alive on this machine, outside other containers.
func (p Process) aliveHere() bool {
	me := ThisProcess()
	return p.Host == me.Host && p.Boot == me.Boot && !p.Gone(time.Time{}, time.Time{})
}

// Provenance is what made a run: enough to make it again. Unknown fields are empty.
type Provenance struct {
	Version       string   `json:"version,omitempty"` // of the program
	Commit        string   `json:"commit,omitempty"`  // with "+changes" if the sources had been edited
	Command       []string `json:"command,omitempty"` // the arguments that make it again, with the program first
	Dir           string   `json:"dir,omitempty"`     // the working directory
	Go            string   `json:"go,omitempty"`
	Platform      string   `json:"platform,omitempty"` // such as linux/amd64
	XLA           string   `json:"xla,omitempty"`
	Device        string   `json:"device,omitempty"`
	Network       string   `json:"network,omitempty"`
	Weights       string   `json:"weights,omitempty"`
	WeightsSHA256 string   `json:"weights_sha256,omitempty"`
	Seed          *int64   `json:"seed,omitempty"`
	PeakMemory    int64    `json:"peak_memory_bytes,omitempty"`
	// Labels are what another program that records the run says of it, by names of its own, such as mlflow.user.
	Labels map[string]string `json:"labels,omitempty"`
	// Imported is set by Import: the rest of the provenance, the command too, is what another store says.
	Imported bool `json:"imported,omitempty"`
}

var (
	passwordOfUser  = regexp.MustCompile(`(://[^/?#:@\s]*):[^/?#\s]*@`)
	passwordOfQuery = regexp.MustCompile(`([?&](?:ssl)?password=)[^&\s]*`)
)

// WithoutPassword returns a text, for example a word of a command, with the passwords of URLs in it left out.
func WithoutPassword(text string) string {
	return passwordOfQuery.ReplaceAllString(passwordOfUser.ReplaceAllString(text, "$1@"), "$1")
}

// withoutPasswords returns the provenance as it may be kept: whoever sees a run must not learn a password.
func (p Provenance) withoutPasswords() Provenance {
	p.Command = slices.Clone(p.Command)
	for i := range p.Command {
		p.Command[i] = WithoutPassword(p.Command[i])
	}
	return p
}

// NewProvenance returns what this program knows of itself: everything except XLA, device, network, weights and seed.
func NewProvenance() Provenance {
	p := Provenance{Command: os.Args, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	p.Dir, _ = os.Getwd() // it may have been deleted
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

// CommandLine returns the command quoted for a shell, or "" if there is none, or if a word of it could not be kept: one
// that is not UTF-8.
func (p *Provenance) CommandLine() string {
	words := make([]string, len(p.Command))
	for i, word := range p.Command {
		if strings.ContainsRune(word, utf8.RuneError) {
			return ""
		}
		words[i] = terminal.ShellWord(word)
	}
	return strings.Join(words, " ")
}
