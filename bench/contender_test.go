package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// fakeVariable makes the test's binary a contender: "answers", is "slow", "fails" at its first request, "reports" an error
// instead of being ready, or "dies" before it is.
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

// fake is a contender whose loss is the number of evaluations so far, and whose gradient is one.
func fake(how string) error {
	takes := 10 * time.Millisecond
	switch how {
	case "slow":
		takes *= 40
	case "reports":
		fmt.Println(`{"error": "ImportError: no library\nanywhere"}`)
		return errors.New("a long list of calls")
	case "dies":
		return errors.New("the library is missing")
	}
	var evaluations int
	return serve(os.Stdin, os.Stdout, ready{Versions: map[string]string{"fake": "1"}, Device: os.Args[len(os.Args)-1]}, map[string]func(request) (answer, error){
		"evaluate": func(r request) (answer, error) {
			if how == "fails" {
				return answer{}, errors.New("the device is on fire")
			}
			evaluations += r.Times
			time.Sleep(takes)
			return answer{Loss: float64(evaluations)}, nil
		},
		"gradient": func(r request) (answer, error) {
			return answer{Loss: 1}, writeFloats(r.File, slices.Repeat([]float32{1}, 3*r.Side*r.Side))
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
	return contender{program: "Fake", do: evaluate, command: []string{self}, env: []string{fakeVariable + "=" + how}}
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
	if _, err := newFake(t, "reports").start(t.Context(), ""); err == nil || !strings.HasPrefix(err.Error(), "Fake failed: ImportError: no library\n") {
		t.Errorf("the error is %v", err)
	}
	if _, err := (contender{program: "None", command: []string{"/nowhere"}}).start(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "None") {
		t.Errorf("the error is %v", err)
	}
}

func TestModes(t *testing.T) {
	var got []string
	for _, c := range (contender{program: "P"}).modes(channelsLast, bfloat16) {
		got = append(got, c.String())
	}
	if want := []string{"P", "P (channels last)", "P (bfloat16)", "P (channels last, bfloat16)"}; !slices.Equal(got, want) {
		t.Errorf("the modes are %q, expected %q", got, want)
	}
	for _, test := range []struct {
		options, other []string
		extends        bool
	}{
		{[]string{bfloat16}, nil, true},
		{[]string{channelsLast, bfloat16}, []string{bfloat16}, true},
		{[]string{channelsLast}, []string{bfloat16}, false},
		{nil, []string{bfloat16}, false},
	} {
		if got := (contender{options: test.options}).extends(contender{options: test.other}); got != test.extends {
			t.Errorf("that %q extends %q is %v", test.options, test.other, got)
		}
	}
	if (contender{program: "P"}).extends(contender{program: "Q"}) {
		t.Error("a program extends another")
	}
}

func TestUntuned(t *testing.T) {
	got := untuned([]string{"HOME=/x", "OPENBLAS_CORETYPE=Haswell", "OMP_NUM_THREADS=1", "PATH=/bin"})
	if want := []string{"HOME=/x", "PATH=/bin"}; !slices.Equal(got, want) {
		t.Errorf("got %q, expected %q", got, want)
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
