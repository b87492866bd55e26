package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

// fakeVariable makes the test's binary a contender: "answers", "fails" at its first request, or "dies" before it is ready.
const fakeVariable = "GOUACHE_BENCH_FAKE"

func TestMain(m *testing.M) {
	if how := os.Getenv(fakeVariable); how != "" {
		if err := fake(how); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// fake is a contender whose loss is the number of evaluations so far.
func fake(how string) error {
	if how == "dies" {
		return errors.New("the library is missing")
	}
	var evaluations int
	return serve(os.Stdin, os.Stdout, ready{Versions: map[string]string{"fake": "1"}, Device: os.Args[len(os.Args)-1]}, map[string]func(request) (answer, error){
		"evaluate": func(r request) (answer, error) {
			if how == "fails" {
				return answer{}, errors.New("the device is on fire")
			}
			evaluations += r.Times
			return answer{Loss: float64(evaluations)}, nil
		},
	})
}

// newFake returns a contender that is fake.
func newFake(t *testing.T, how string) contender {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return contender{name: "Fake", do: "evaluate", command: []string{self}, env: []string{fakeVariable + "=" + how}}
}

func TestProcess(t *testing.T) {
	p, err := newFake(t, "answers").start(t.Context(), "problem.json")
	if err != nil {
		t.Fatal(err)
	}
	if p.ready.Device != "problem.json" || p.ready.Versions["fake"] != "1" {
		t.Errorf("the process says %+v", p.ready)
	}
	for turn := range 3 {
		a, took, err := p.call(request{Do: "evaluate", Times: 2})
		if err != nil {
			t.Fatal(err)
		}
		if want := float64(2 * (turn + 1)); a.Loss != want || took <= 0 {
			t.Errorf("turn %d: the loss is %v, expected %v, after %v", turn, a.Loss, want, took)
		}
	}
	if peak, err := p.peakMemory(); err != nil || peak < 1e6 || peak > 1e9 {
		t.Errorf("a peak of %v bytes, %v", peak, err)
	}
	if err := p.close(); err != nil {
		t.Error(err)
	}
}

func TestProcessFails(t *testing.T) {
	for _, test := range []struct{ how, do, said string }{
		{"fails", "evaluate", "the device is on fire"},
		{"answers", "fly", `the request "fly"`},
	} {
		t.Run(test.how, func(t *testing.T) {
			p, err := newFake(t, test.how).start(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := p.call(request{Do: test.do}); err == nil || !strings.Contains(err.Error(), "Fake failed") || !strings.Contains(err.Error(), test.said) {
				t.Errorf("the error is %v", err)
			}
			if err := p.close(); err != nil {
				t.Errorf("a process that failed does so again: %v", err)
			}
		})
	}
}

func TestStartFails(t *testing.T) {
	if _, err := newFake(t, "dies").start(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "the library is missing") {
		t.Errorf("the error is %v", err)
	}
	if _, err := (contender{name: "None", command: []string{"/nowhere"}}).start(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "None") {
		t.Errorf("the error is %v", err)
	}
}

func TestInterrupted(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	p, err := newFake(t, "answers").start(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	stop()
	for err == nil { // it may answer before it is killed
		_, _, err = p.call(request{Do: "evaluate"})
	}
	if err := p.close(); err != nil {
		t.Error(err)
	}
}

func TestParsePeak(t *testing.T) {
	got, err := parsePeak("Name:\tpython\nVmPeak:\t  9000 kB\nVmHWM:\t    2048 kB\nVmRSS:\t 1000 kB\n")
	if err != nil || got != 2<<20 {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := parsePeak("Name:\tpython\n"); err == nil {
		t.Error("no error without a peak")
	}
}
