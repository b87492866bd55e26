package tracker

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestIDs(t *testing.T) {
	at := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	var ids []string
	for i := range 1000 {
		ids = append(ids, NewID(at.Add(time.Duration(i)*time.Second)))
	}
	if !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != len(ids) {
		t.Error("ids do not sort as the times they were made at")
	}
	for _, id := range ids {
		if got, err := CanonicalID(strings.ToUpper(id)); err != nil || got != id || len(id) != idLength {
			t.Fatalf("%s became %s (%v)", id, got, err)
		}
	}
	if same := NewID(at); same == ids[0] {
		t.Error("two ids of one second are the same")
	}
}

func TestParamsNormal(t *testing.T) {
	type pooling string
	got, err := Params{"a": pooling("avg"), "b": uint8(3), "c": float32(0.5), "d": time.Second, "e": uint64(1) << 63}.Normal()
	want := Params{"a": "avg", "b": int64(3), "c": 0.5, "d": int64(time.Second), "e": float64(1 << 63)}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v (%v), want %#v", got, err, want)
	}
}

func TestErrors(t *testing.T) {
	cause := errors.New("cause")
	err := fmt.Errorf("outer: %w", Errorf(CodeConflict, "inner: %w", cause))
	if ErrorCode(err) != CodeConflict || !errors.Is(err, cause) || err.Error() != "outer: inner: cause" {
		t.Errorf("%v has the code %s", err, ErrorCode(err))
	}
	if ErrorCode(nil) != "" || ErrorCode(cause) != CodeInternal {
		t.Errorf("nil has the code %q, any error %q", ErrorCode(nil), ErrorCode(cause))
	}
}

func TestProcessGone(t *testing.T) {
	now := time.Now()
	me := ThisProcess()
	if me.Gone(now, now.Add(-time.Hour)) {
		t.Error("this process is gone")
	}
	ended := me
	ended.PID = endedProcess(t)
	if !ended.Gone(now, now) {
		t.Error("a process that has ended is not gone")
	}
	parent := me
	parent.PID = os.Getppid()
	if at, ok := startOf(parent.PID); ok {
		parent.StartedAt = at
		if parent.Gone(now, now.Add(-time.Hour)) {
			t.Error("the process that started this one is gone")
		}
		parent.StartedAt = at.Add(-time.Hour)
		if !parent.Gone(now, now) {
			t.Error("a process whose PID another one has got is not gone")
		}
	}
	namesake, far := me, me
	namesake.Boot = "another machine's, or an earlier one" // nobody can tell
	far.Host += "-far"
	for _, p := range []Process{namesake, far} {
		if p.Gone(now, now.Add(-SilentAfter/2)) || !p.Gone(now, now.Add(-2*SilentAfter)) {
			t.Errorf("%+v: a process elsewhere is gone when it has been silent for long, and only then", p)
		}
	}
}

// endedProcess returns the PID of a process that has ended.
func endedProcess(t *testing.T) int {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-test.run=^$")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}
