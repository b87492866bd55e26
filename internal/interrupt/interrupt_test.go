package interrupt

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asWorker, in the environment, makes the test binary a program that works until it is ended. Its value is a file that the
// program removes when it exits.
const asWorker = "GOUACHE_TEST_WORKER"

func TestMain(m *testing.M) {
	if file := os.Getenv(asWorker); file != "" {
		worker(file)
	}
	// What began with nohup ignores SIGHUP, and so would the workers. What this process handles, they begin with unignored.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	os.Exit(m.Run())
}

func worker(file string) {
	ctx, stop := Context(context.Background())
	defer stop()
	OnExit(func() { os.Remove(file) })
	OnExit(func() { os.Remove(file + ".kept") })()
	fmt.Println("working")
	<-ctx.Done()
	fmt.Println("interrupted")
	time.Sleep(500 * time.Millisecond)
	if _, err := fmt.Println("saved"); errors.Is(err, syscall.EPIPE) {
		os.Exit(7)
	}
	time.Sleep(20 * time.Second)
	os.Exit(1)
}

// started is a worker that has begun to work.
type started struct {
	*exec.Cmd
	out  *bufio.Reader
	pipe io.Closer
	file string
}

func start(t *testing.T, shell string) started {
	t.Helper()
	file := filepath.Join(t.TempDir(), "temporary")
	for _, f := range []string{file, file + ".kept"} {
		if err := os.WriteFile(f, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("sh", "-c", shell+` exec "$0"`, os.Args[0])
	cmd.Env = append(os.Environ(), asWorker+"="+file)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	s := started{cmd, bufio.NewReader(pipe), pipe, file}
	s.says(t, "working")
	return s
}

func (s started) says(t *testing.T, want string) {
	t.Helper()
	if got, err := s.out.ReadString('\n'); strings.TrimSpace(got) != want {
		t.Fatalf("it says %q (%v), want %q", got, err, want)
	}
}

// TestSignals: the first signal ends the work, the second one the program, after its temporary files.
func TestSignals(t *testing.T) {
	for _, first := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2} {
		t.Run(first.String(), func(t *testing.T) {
			t.Parallel()
			w := start(t, "")
			w.Process.Signal(first)
			w.says(t, "interrupted")
			w.Process.Signal(syscall.SIGTERM)
			w.Wait()
			if code := w.ProcessState.ExitCode(); code != Code {
				t.Errorf("exit code %d", code)
			}
			if _, err := os.Stat(w.file); err == nil {
				t.Error("the temporary file is still there")
			}
			if _, err := os.Stat(w.file + ".kept"); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestHangUp: a terminal that closes sends SIGHUP more than once, which does not keep the program from saving its work.
func TestHangUp(t *testing.T) {
	t.Parallel()
	w := start(t, "")
	w.Process.Signal(syscall.SIGHUP)
	w.says(t, "interrupted")
	w.Process.Signal(syscall.SIGHUP)
	w.says(t, "saved")
}

// TestWarnedAgain: schedulers may warn more than once, which does not keep the program from saving its work.
func TestWarnedAgain(t *testing.T) {
	t.Parallel()
	w := start(t, "")
	for _, s := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR1, syscall.SIGUSR2} {
		w.Process.Signal(s)
		time.Sleep(50 * time.Millisecond) // two that are pending are one
	}
	w.says(t, "interrupted")
	w.says(t, "saved")
}

// TestNohup: what was started to survive its terminal survives it.
func TestNohup(t *testing.T) {
	t.Parallel()
	w := start(t, "trap '' HUP;")
	w.Process.Signal(syscall.SIGHUP)
	time.Sleep(100 * time.Millisecond)
	w.Process.Signal(syscall.SIGTERM)
	w.says(t, "interrupted")
	w.says(t, "saved") // SIGTERM was the first one
}

// TestClosedPipe: writing to a pipe without a reader is an error, not the end.
func TestClosedPipe(t *testing.T) {
	t.Parallel()
	w := start(t, "")
	w.pipe.Close()
	w.Process.Signal(syscall.SIGINT)
	w.Wait()
	if code := w.ProcessState.ExitCode(); code != 7 {
		t.Errorf("exit code %d, want that for EPIPE", code)
	}
}
