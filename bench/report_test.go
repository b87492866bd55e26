package main

import (
	"strings"
	"testing"
	"time"
)

// newResult returns what was measured of a program in a mode, beside Gouache in two modes: the second takes half as long.
func newResult(program string, seconds, own sample, options ...string) result {
	var rounded sample
	for _, s := range own {
		rounded = append(rounded, s/2)
	}
	return result{
		contender: contender{program: program, options: options, do: evaluate}, seconds: seconds,
		own: []sample{own, rounded}, peak: 1e9, ownPeak: []float64{1.5e9, 1.25e9},
	}
}

func TestTables(t *testing.T) {
	plain := newResult(namePyTorch, sample{2, 4, 6}, sample{1, 2, 3})
	alone := newResult(nameAlone, sample{1, 1, 1}, sample{1, 2, 3}, channelsLast)
	alone.do = "convolutions"
	// The machine was slower meanwhile: this took longer, and is faster.
	faster := newResult(namePyTorch, sample{4, 8, 12}, sample{4, 8, 12}, channelsLast, compiled)
	reduced := newResult(namePyTorch, sample{1, 2, 3}, sample{2, 4, 6}, bfloat16)

	gouache := contender{program: nameGouache}
	r := &report{Table: table{Columns: []string{nameGouache, namePyTorch, nameAlone}}, own: gouache.modes(mixed)}
	for _, c := range r.own {
		r.Modes.row(c.String(), inSeconds)
	}
	r.add(64, []result{plain, faster, reduced, alone})
	r.addRace(race{Side: 64, Weights: "some", Reached: true, SciPy: answer{Seconds: 300}, Gouache: answer{Seconds: 75}})
	r.addRace(race{Side: 64, Weights: "other", SciPy: answer{Seconds: 300}, Gouache: answer{Seconds: 75}})
	const want = `| | Gouache | PyTorch | PyTorch's convolutions alone |
| --- | ---: | ---: | ---: |
| seconds an evaluation, 64 px | 1.50 ±42 % mixed | 2.00 ±25 % → **1.00** bfloat16 | 1.00 ±0 % → **1.00** channels last |
| the same in float32, 64 px | 3.00 ±42 % | 8.00 ±25 % → **1.00** channels last, compiled | 1.00 ±0 % → **2.00** channels last |
| peak memory in GB, 64 px | 1.25 mixed | 1.00 → **1.25** bfloat16 | – |
| the same of plain modes, 64 px | 1.50 | 1.00 → **1.50** plain | – |
| seconds to SciPy's loss, 64 px, some | 75.0 | 300 → **0.25** plain | – |
| seconds to SciPy's loss, 64 px, other | – | 300 plain | – |
`
	const wantModes = `| | seconds, 64 px |
| --- | ---: |
| Gouache | 3.00 ±42 % |
| Gouache (mixed) | 1.50 ±42 % |
| PyTorch | 4.00 ±25 % → **0.50** |
| PyTorch (channels last, compiled) | 8.00 ±25 % → **1.00** |
| PyTorch (bfloat16) | 2.00 ±25 % → **1.00** |
| PyTorch's convolutions alone (channels last) | 1.00 ±0 % → **2.00** |
`
	text, err := r.markdown()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{want, wantModes} {
		if !strings.Contains(string(text), "\n\n"+want+"\n") {
			t.Errorf("the report is\n%s\nexpected the table\n%s", text, want)
		}
	}
}

func TestSignificant(t *testing.T) {
	for x, want := range map[float64]string{0.0123456: "0.0123", 0.4567: "0.457", 1.2345: "1.23", 45.678: "45.7", 456.78: "457", 4567.8: "4568", 0: "0"} {
		if got := significant(x, 3); got != want {
			t.Errorf("%v is written %s, expected %s", x, got, want)
		}
	}
}

func TestMarkdown(t *testing.T) {
	for _, test := range []struct {
		name       string
		report     report
		has, hasNo []string
	}{
		{
			"cpu",
			report{Turns: 1, Races: []race{
				{Weights: "random weights", Side: 512, Reached: true, SciPy: answer{Loss: 12345.6, Seconds: 360, Evaluations: 200}, Gouache: answer{Loss: 12340, Seconds: 90, Evaluations: 250}},
				{Weights: "others", Side: 512, SciPy: answer{Loss: 1}, Gouache: answer{Loss: 2, Seconds: 80, Evaluations: 600, Iterations: 500}, Planned: 300, More: 200},
			}, LeftOut: []string{"256 px: one mode"}},
			[]string{
				"TensorFlow", "was 12346, after 360 s", "Gouache was at 12340 after 90.0 s", "RESULTS-cuda.md", "- left out at 256 px: one mode\n",
				"Gouache did not reach it: 2 after 80.0 s, 600 evaluations and 500 iterations at all scales, of 300 planned and at most 200 more",
			},
			[]string{"GPU:", "a turn is", "None was left out"},
		},
		{
			"cuda",
			report{CUDA: true, Card: "NVIDIA X", Turns: 10},
			[]string{"GPU: NVIDIA X", "a turn is 10 evaluations", "what cuDNN costs", "None was left out"},
			[]string{"TensorFlow", "Time to SciPy's loss"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.report.Versions = map[string]string{"b": "2", "a": "1"}
			test.report.Took = 25 * time.Minute
			text, err := test.report.markdown()
			if err != nil {
				t.Fatal(err)
			}
			for _, has := range append(test.has, "Versions: a 1, b 2", "in 25 minutes") {
				if !strings.Contains(string(text), has) {
					t.Errorf("%q is missing in\n%s", has, text)
				}
			}
			for _, no := range test.hasNo {
				if strings.Contains(string(text), no) {
					t.Errorf("%q is in\n%s", no, text)
				}
			}
		})
	}
}
