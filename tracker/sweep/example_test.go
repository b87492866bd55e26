package sweep_test

import (
	"fmt"
	"math"

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
