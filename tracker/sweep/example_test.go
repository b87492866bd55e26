package sweep_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"sync"

	"github.com/gouache-art/gouache/stylelib/setting"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sqlite"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// A sampler on a function instead of a painting.
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
		Settings: []setting.Setting{
			{Name: "style_weight", Kind: setting.Float, Max: math.Inf(1)},
			{Name: "pooling", Kind: setting.Text, Choices: []string{"max", "avg"}},
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

// An error gives the place of a mistake and the nearest name.
func ExampleParse() {
	const text = "name: night\ncontent: a.jpg\nstyle: b.jpg\nsampler: grid\nsearch:\n  poling: [max]\n"
	_, err := sweep.Parse([]byte(text), "night.yaml",
		sweep.Schema{Settings: []setting.Setting{{Name: "pooling", Kind: setting.Text}}})
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
		sweep.Schema{Settings: []setting.Setting{{Name: "x", Kind: setting.Float}}, Terms: []string{"f"}})
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

// corners tries the corners of a space: the ends of each range, and the first and the last value of
// each list.
type corners struct{ space sweep.Space }

func (c corners) Points() int { return 1 << len(c.space) }

func (c corners) Ask(n int, _ []sweep.Observation) (tracker.Params, error) {
	if n > c.Points() {
		return nil, tracker.Errorf(tracker.CodeInvalid, "there is no corner %d", n)
	}
	unit := make([]float64, len(c.space))
	for i := range unit {
		unit[i] = float64((n - 1) >> i & 1)
	}
	return c.space.At(unit), nil
}

var registerCorners = sync.OnceFunc(func() {
	sweep.Register("corners", sweep.Caps{}, func(space sweep.Space, _ int64) (sweep.Sampler, error) { return corners{space}, nil })
})

// A new sampler is a type and a call of Register, in an init function as a rule. Files then name
// it.
func ExampleRegister() {
	registerCorners()
	file, err := sweep.Parse([]byte("{name: box, sampler: corners, search: {x: {linear: [1, 3]}, y: {log: [1, 100]}}, minimise: f}"), "box.yaml",
		sweep.Schema{Settings: []setting.Setting{{Name: "x", Kind: setting.Float}, {Name: "y", Kind: setting.Float}}, Terms: []string{"f"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	store, err := sqlite.Open(ctx, dir, sqlite.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	if _, err := sweep.Begin(ctx, store, file, "", ""); err != nil {
		fmt.Println(err)
		return
	}
	summary, err := sweep.Run(ctx, store, file, sweep.Options{Trial: func(_ context.Context, t *sweep.Trial) error {
		fmt.Println(t.Number, t.Params["x"], t.Params["y"])
		return nil
	}})
	fmt.Println(summary.Finished, "trials", err)
	// Output:
	// 1 1 1
	// 2 3 1
	// 3 1 100
	// 4 3 100
	// 4 trials <nil>
}
