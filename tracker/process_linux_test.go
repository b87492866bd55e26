package tracker

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestKilledProcessIsGone looks for a process that its parent has not reaped yet, so that the
// system still lists it.
func TestKilledProcessIsGone(t *testing.T) {
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := ThisProcess()
	p.PID = cmd.Process.Pid
	at, ok := startOf(p.PID)
	if !ok {
		t.Fatal("a process that has begun cannot be found")
	}
	p.StartedAt = at
	long := time.Now().Add(-time.Hour) // a process of this machine may be silent for as long as it likes
	if p.Gone(time.Now(), long) {
		t.Error("a living process is gone")
	}
	if err := cmd.Process.Signal(os.Kill); err != nil {
		t.Fatal(err)
	}
	if err := unix.Waitid(unix.P_PID, p.PID, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if !p.Gone(time.Now(), time.Now()) {
		t.Error("a killed process is not gone before its parent asks")
	}
	_ = cmd.Wait() // says that it was killed
	if !p.Gone(time.Now(), time.Now()) {
		t.Error("a killed process is not gone after its parent asked")
	}
}
