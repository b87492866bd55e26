package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/tracker"
)

// TestHangUp: when the terminal closes or an ssh drops, nobody reads the messages any more and SIGHUP comes. The best
// picture so far is saved, and the run is recorded whole.
func TestHangUp(t *testing.T) {
	dir := t.TempDir()
	store, out := filepath.Join(dir, "store"), filepath.Join(dir, "out.png")
	cmd := exec.Command(os.Args[0], quick(out, "--iterations", "100000", "--store", store)...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	hangUps := make(chan os.Signal, 1) // handled here, SIGHUP is not ignored there, even if nohup began the tests
	signal.Notify(hangUps, syscall.SIGHUP)
	defer signal.Stop(hangUps)
	messages, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = cmd.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	for lines := bufio.NewScanner(messages); lines.Scan() && !strings.Contains(lines.Text(), "/100000"); {
		fmt.Fprintln(&said, lines.Text())
	}
	if err := messages.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatalf("%v: %s", err, said.String())
	}
	_ = cmd.Wait() // an error for the exit code
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("it ends with %s: %s", cmd.ProcessState, said.String())
	}
	if p, err := picture.Load(out); err != nil || p.Width != 64 {
		t.Errorf("the picture: %v", err)
	}
	text, _, _ := gouache(t.Context(), "runs", "list", "--store", store, "--json")
	runs := decode[[]tracker.Run](t, text)
	if len(runs) != 1 || runs[0].Status != tracker.StatusInterrupted || runs[0].Reason == tracker.ReasonGone || runs[0].Picture == "" || len(runs[0].Final) == 0 {
		t.Errorf("recorded %+v", runs)
	}
}

// unwritable is standard output on a full disk, or one whose reader has left.
type unwritable struct{ err error }

func (u unwritable) Write([]byte) (int, error) { return 0, u.err }

// TestUnwritableOutput: a result that cannot be written is a failure, but not one that nobody wants to read any further,
// and messages are no result.
func TestUnwritableOutput(t *testing.T) {
	store, ids := someRuns(t)
	for _, args := range [][]string{
		{"--help"}, {"--version"}, {"stylize", "--help"}, {"weights"}, {"weights", "list"}, {"weights", "list", "--json"}, {"runs", "list", "--store", store},
		{"runs", "show", ids[0], "--store", store, "--json"}, {"runs", "export", ids[0], "--store", store, "--format", "html"},
		{"runs", "export", ids[0], "--store", store}, {"completion", "bash"},
	} {
		var stderr strings.Builder
		if code := run(t.Context(), args, unwritable{syscall.ENOSPC}, &stderr); code != exitFailed || !strings.Contains(stderr.String(), "no space left") {
			t.Errorf("%q on a full disk: exit code %d, %q", args, code, stderr.String())
		}
		stderr.Reset()
		if code := run(t.Context(), args, unwritable{syscall.EPIPE}, &stderr); code != exitDone || stderr.Len() > 0 {
			t.Errorf("%q without a reader: exit code %d, %q", args, code, stderr.String())
		}
		if code := run(t.Context(), args, io.Discard, unwritable{syscall.ENOSPC}); code != exitDone {
			t.Errorf("%q without messages: exit code %d", args, code)
		}
	}
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	if code := run(interrupted, []string{"--help"}, unwritable{syscall.EPIPE}, io.Discard); code != exitInterrupted {
		t.Errorf("interrupted without a reader: exit code %d", code)
	}
}
