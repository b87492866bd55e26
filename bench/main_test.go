package main

import (
	"io"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/vgg/conv"
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
	for device, want := range map[backend.Device]int{backend.CPU: 13, backend.CUDA: 9} {
		list, err := (&settings{device: device}).contenders()
		if err != nil {
			t.Fatal(err)
		}
		own, others := (&measurement{contenders: list}).byProgram()
		if len(others) != want || others[0].String() != namePyTorch {
			t.Errorf("%s: the others are %v, expected %d", device, others, want)
		}
		second := device == backend.CPU && conv.MultipliesBFloat16()
		if own[0].String() != nameGouache || (len(own) == 2) != second || len(own) > 2 {
			t.Errorf("%s: Gouache's modes are %v; a second one: %v", device, own, second)
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
