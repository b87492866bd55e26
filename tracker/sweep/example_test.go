package sweep_test

import (
	"context"
	"fmt"
	"math"
	"os"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sqlite"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// A sweep over a function in the place of a painting.
func Example() {
	file, err := sweep.Parse([]byte(`
name: night
content: sample:chelsea
style: sample:swirl
sampler: {tpe: {seed: 3}}
trials: 60
search:
  style_weight: {log: [1, 1000]}
  pooling: [max, avg]
minimise: content + style
`), "night.yaml", sweep.Schema{
		Settings: []sweep.Setting{
			{Name: "style_weight", Kind: sweep.Float, Max: math.Inf(1)},
			{Name: "pooling", Kind: sweep.Text, Choices: []string{"max", "avg"}},
		},
		Terms: []string{"content", "style"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	sampler, err := sweep.NewSampler(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	var seen []sweep.Observation
	best := sweep.Observation{Value: math.Inf(1)}
	for n := 1; n <= file.Trials; n++ {
		params, err := sampler.Ask(n, seen)
		if err != nil {
			fmt.Println(err)
			return
		}
		loss := math.Abs(math.Log10(params["style_weight"].(float64)) - 2) // least at 100
		if params["pooling"] == "max" {
			loss++
		}
		o := sweep.Observation{Trial: n, Params: params, Value: loss, State: sweep.Finished}
		if seen = append(seen, o); loss < best.Value {
			best = o
		}
	}
	shares, _ := sweep.Importances(file.Search, seen)
	fmt.Printf("best near 10^%.1f with %s pooling; %s matters most\n",
		math.Log10(best.Params["style_weight"].(float64)), best.Params["pooling"], shares[0].Name)
	// Output: best near 10^2.0 with avg pooling; style_weight matters most
}

// A mistake is told with its place and the nearest name.
func ExampleParse() {
	const text = "name: night\ncontent: a.jpg\nstyle: b.jpg\nsampler: grid\nsearch:\n  poling: [max]\n"
	_, err := sweep.Parse([]byte(text), "night.yaml",
		sweep.Schema{Settings: []sweep.Setting{{Name: "pooling", Kind: sweep.Text}}})
	fmt.Println(err)
	// Output: night.yaml:6:3: unknown setting "poling": did you mean "pooling"?
}

// A sweep of a function of one's own, with everything recorded.
func ExampleRun() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	store, err := sqlite.Open(ctx, dir, sqlite.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	file, err := sweep.Parse([]byte("{name: parabola, sampler: grid, search: {x: [1, 2, 3]}, minimise: f}"), "parabola.yaml",
		sweep.Schema{Settings: []sweep.Setting{{Name: "x", Kind: sweep.Float}}, Terms: []string{"f"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := sweep.Begin(ctx, store, file, "", ""); err != nil {
		fmt.Println(err)
		return
	}
	summary, err := sweep.Run(ctx, store, file, sweep.Options{Trial: func(_ context.Context, t *sweep.Trial) error {
		x := t.Params["x"].(float64)
		return t.Log(1, tracker.Metrics{"loss.f": (x - 2.2) * (x - 2.2)}) // of a term, before its weight
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	best, err := store.Run(ctx, summary.Best)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(summary.Finished, "trials, the best at x =", best.Params["x"])
	// Output: 3 trials, the best at x = 2
}
