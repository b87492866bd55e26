package main

import (
	"strings"
	"testing"
	"time"

	"github.com/gouache-art/gouache/stylelib/backend"
)

func TestTable(t *testing.T) {
	r := &report{Columns: []string{nameGouache, nameFaster, nameAlone}}
	r.Rows = append(r.Rows, row{Measure: "seconds", format: inSeconds, of: map[string]sample{
		nameGouache: {1, 2, 3}, nameFaster: {2, 4, 6}, nameAlone: {1, 1, 1},
	}})
	r.Rows = append(r.Rows, row{Measure: "GB", format: inGigabytes, of: map[string]sample{nameGouache: {1.5e9}, nameFaster: {1e9}}})
	r.Rows = append(r.Rows, race{Side: 64, Weights: "some", Reached: true, SciPy: answer{Seconds: 300}, Gouache: answer{Seconds: 75}}.row())
	r.Rows = append(r.Rows, race{Side: 64, Weights: "other", SciPy: answer{Seconds: 300}, Gouache: answer{Seconds: 75}}.row())
	const want = `| | Gouache | PyTorch, channels last | its convolutions alone |
| --- | ---: | ---: | ---: |
| seconds | 2.00 ±25 % | 4.00 ±25 % → **0.50** | 1.00 ±0 % → **2.00** |
| GB | 1.50 | 1.00 → **1.50** | – |
| seconds to SciPy's loss, 64 px, some | 75.0 | 300 → **0.25** | – |
| seconds to SciPy's loss, 64 px, other | – | 300 | – |
`
	text, err := r.markdown()
	if err != nil || !strings.Contains(string(text), "\n\n"+want+"\n") {
		t.Errorf("%v; the report is\n%s\nexpected the table\n%s", err, text, want)
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
				{Weights: "others", Side: 512, SciPy: answer{Loss: 1}, Gouache: answer{Loss: 2}},
			}},
			[]string{"TensorFlow", "was 12346, after 360 s", "Gouache was at 12340 after 90.0 s", "Gouache did not reach it", "RESULTS-cuda.md"},
			[]string{"GPU:", "a turn is"},
		},
		{
			"cuda",
			report{CUDA: true, Card: "NVIDIA X", Turns: 10},
			[]string{"GPU: NVIDIA X", "a turn is 10 evaluations", "what cuDNN costs"},
			[]string{"TensorFlow", "Time to SciPy's loss"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.report.Versions = map[string]string{"b": "2", "a": "1"}
			test.report.Tolerance = tolerance(backend.CPU)
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
