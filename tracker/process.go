package tracker

import (
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/shirou/gopsutil/v4/host"
	"github.com/shirou/gopsutil/v4/process"
)

// Process says which process records a run, so that others can tell when it is gone.
type Process struct {
	Host string `json:"host"`
	PID  int    `json:"pid"`
	// Boot names this start of the machine, and on Linux the process's view of other processes: the same PID in
	// another container is another process.
	Boot string `json:"boot"`
	// StartedAt tells a process from a later one that got its PID.
	StartedAt time.Time `json:"started_at"`
}

// HeartbeatEvery is how often a run that logs nothing says that it is alive, and SilentAfter how long it may be
// silent before others, on machines that cannot look for its process, take it for gone.
const (
	HeartbeatEvery = 10 * time.Second
	SilentAfter    = time.Minute
)

// ThisProcess describes the calling process.
var ThisProcess = sync.OnceValue(func() Process {
	p := Process{PID: os.Getpid(), Boot: boot()}
	p.Host, _ = os.Hostname() // "" is as good a name as any
	if at, ok := startOf(p.PID); ok {
		p.StartedAt = at
	}
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
		return time.Time{}, false // killed, and its parent has not asked yet
	}
	ms, err := p.CreateTime()
	if err != nil {
		return time.Time{}, false
	}
	return time.UnixMilli(ms).UTC(), true
}

// Equal tells whether two descriptions are of one process.
func (p Process) Equal(q Process) bool {
	return p.PID == q.PID && p.Host == q.Host && p.Boot == q.Boot && p.StartedAt.Equal(q.StartedAt)
}

// Gone tells whether the process has ended. seen is when it last gave a sign of life. On the machine where it runs
// the process itself is looked for; elsewhere its silence tells, after SilentAfter.
func (p Process) Gone(now, seen time.Time) bool {
	me := ThisProcess()
	if p.Equal(me) {
		return false
	}
	if p.Host != me.Host {
		return now.Sub(seen) > SilentAfter
	}
	if bootID(p.Boot) != bootID(me.Boot) {
		return true // the machine was started anew
	}
	if p.Boot != me.Boot {
		return now.Sub(seen) > SilentAfter // in another container
	}
	at, alive := startOf(p.PID)
	// The kernel's idea of when it was started, and so of when its processes were, moves as the clock is set.
	const slack = 10 * time.Second
	return !alive || at.Sub(p.StartedAt).Abs() > slack
}

func bootID(boot string) string {
	id, _, _ := strings.Cut(boot, " ")
	return id
}
