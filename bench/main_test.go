package main

import (
	"io"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/stylelib/backend"
)

func TestParseSettings(t *testing.T) {
	t.Chdir("..") // where make runs it
	files := []string{"--gouache", "go.mod", "--python", "go.mod"}
	for _, test := range []struct {
		args []string
		want func(*settings) bool
	}{
		{nil, func(s *settings) bool {
			return s.out == "bench/RESULTS.md" && len(s.sizes) == 3 && s.goal.evaluations == 200
		}},
		{[]string{"--quick"}, func(s *settings) bool { return s.out == "" && len(s.sizes) == 1 && s.goal.evaluations == 0 }},
		{[]string{"--device", "cuda"}, func(s *settings) bool {
			return s.device == backend.CUDA && s.out == "bench/RESULTS-cuda.md" && s.sizes[2].side == 2048
		}},
		{[]string{"--quick", "--goal-evaluations", "20"}, func(s *settings) bool { return s.goal.evaluations == 20 }},
		{[]string{"--out", "x.md"}, func(s *settings) bool { return s.out == "x.md" }},
	} {
		s, err := parseSettings(append(test.args, files...), io.Discard)
		if err != nil {
			t.Errorf("%v: %v", test.args, err)
		} else if !test.want(s) {
			t.Errorf("%v gives %+v", test.args, s)
		}
	}
	for want, args := range map[string][]string{
		"choose cpu or cuda":    {"--device", "tpu"},
		"unexpected argument":   {"more"},
		"choose 1 or more":      {"--goal-iterations", "0"},
		"--goal-more is -1":     {"--goal-more", "-1"},
		"bench/install-python`": {"--python", "nowhere"},
	} {
		if _, err := parseSettings(append(files[:len(files):len(files)], args...), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: the error is %v, expected one with %q", args, err, want)
		}
	}
}

func TestContenders(t *testing.T) {
	for device, want := range map[backend.Device]int{backend.CPU: 14, backend.CUDA: 10} {
		list, err := (&settings{device: device}).contenders()
		if err != nil {
			t.Fatal(err)
		}
		if len(list) != want || list[0].program != nameGouache || list[1].String() != namePyTorch {
			t.Errorf("%s: the contenders are %v, expected %d", device, list, want)
		}
	}
}

func TestIterated(t *testing.T) {
	for line, want := range map[string]bool{
		"[████████████████████] 1/1  256×256  loss 1.234e+05  content 0": true,
		"[····················] 1/300  128×128  loss 12":                 true,
		"[██··················] 31/300  128×128  loss 12":                false,
		"painting 256×256 pixels, 1 iterations on cpu":                   false,
	} {
		if iterated.MatchString(line) != want {
			t.Errorf("%q: expected %v", line, want)
		}
	}
}
