package painting

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

// childVariable, if set, makes the test binary one of the children. Its value is the child's name and its arguments.
const childVariable = "GOUACHE_TEST_CHILD"

// children work until ctx ends. They print "painting" when they have begun to, "ended" with a name and a status of what has
// ended, and "done" when nothing is left.
var children = map[string]func(ctx context.Context, args []string) error{"sweep": resumeSweep, "worker": childWorker}

// runChild is the main function of a child. Its context ends with its input.
func runChild(text string) error {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	words := strings.Fields(text)
	return children[words[0]](ctx, words[1:])
}

// killed starts children, two at a time, until nothing is left to do, and ends that many of them at random moments, or
// GOUACHE_TEST_KILLS. It returns how often each thing was finished.
func killed(t *testing.T, child string, kills int) map[string]int {
	t.Helper()
	if text := os.Getenv("GOUACHE_TEST_KILLS"); text != "" {
		if _, err := fmt.Sscan(text, &kills); err != nil {
			t.Fatal(err)
		}
	}
	finished := map[string]int{}
	ended, rounds := 0, 0
	for done := false; !done; rounds++ {
		if rounds > 10*kills {
			t.Fatalf("not done after %d rounds", rounds)
		}
		for _, v := range []*victim{startVictim(t, child, ended < kills), startVictim(t, child, ended < kills)} {
			<-v.read
			_ = v.cmd.Wait() // the error is that it was killed
			if done = done || v.done; !v.done {
				ended++
			}
			for _, name := range v.finished {
				finished[name]++
			}
		}
	}
	t.Logf("%d ended in %d rounds", ended, rounds)
	return finished
}

// victim is a child that may be killed.
type victim struct {
	cmd      *exec.Cmd
	read     chan struct{} // closed when it has said all
	finished []string
	done     bool // nothing is left to do
}

// startVictim starts a child. A mortal one loses its life, or one in four its input, at a random moment: one in four while
// it opens the store and the device, the others soon after they begin to paint.
func startVictim(t *testing.T, child string, mortal bool) *victim {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	v := &victim{cmd: exec.CommandContext(t.Context(), program), read: make(chan struct{})}
	v.cmd.Env = append(os.Environ(), childVariable+"="+child)
	v.cmd.Stderr = os.Stderr
	in, err := v.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := v.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := v.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end := func() { _ = v.cmd.Process.Kill() }
	if rand.IntN(4) == 0 {
		end = func() { in.Close() }
	}
	kill := func() {
		if mortal {
			mortal = false
			time.AfterFunc(time.Duration(rand.IntN(300_000))*time.Microsecond, end)
		}
	}
	if rand.IntN(4) == 0 {
		kill()
	}
	go func() {
		defer close(v.read)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			words := strings.Fields(lines.Text())
			switch {
			case words[0] == "painting":
				kill()
			case words[0] == "ended" && words[2] == string(tracker.StatusFinished):
				v.finished = append(v.finished, words[1])
			case words[0] == "done":
				v.done = true
			}
		}
	}()
	return v
}
