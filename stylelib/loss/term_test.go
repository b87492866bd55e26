package loss

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
)

// own is a term that a person might write: how far the features of two layers are from one in the mean, and the
// picture's mean from grey.
func own() Term {
	return Term{
		Name: "own", Weight: 1, Layers: []string{"relu1_1", "block3_conv1"},
		Loss: func(in *Inputs) *graph.Node {
			a := graph.Square(graph.AddScalar(graph.ReduceAllMean(in.Feature("block1_conv1")), -1))
			b := graph.ReduceAllMean(graph.Square(in.Feature("relu3_1")))
			c := graph.Square(graph.AddScalar(graph.ReduceAllMean(in.Picture()), -128))
			return graph.Add(graph.Add(graph.MulScalar(a, 100), b), c)
		},
	}
}

// asymmetric is a function of a Gram matrix whose gradient is not symmetric.
func asymmetric() Term {
	return Term{
		Name: "corner", Weight: 1, Layers: []string{"block2_conv1"},
		Loss: func(in *Inputs) *graph.Node {
			gram := GramMatrix(in.Feature("block2_conv1"))
			return graph.Reshape(graph.Slice(gram, graph.AxisElem(0), graph.AxisElem(3)))
		},
	}
}

// TestGradients compares each term's gradient, and that of all together, with differences along random directions.
func TestGradients(t *testing.T) {
	f := newFixture(t)
	targets, err := StyleTargets(f.net, []Style{{Picture: noise(3, 24, 17)}}, Moments, "block1_conv1", "block3_conv1")
	if err != nil {
		t.Fatal(err)
	}
	covariances, means := targets[:2], targets[2:]
	transport, err := StyleTargets(f.net, []Style{{Picture: noise(3, 24, 17)}}, Transport, "block1_conv1", "block3_conv1")
	if err != nil {
		t.Fatal(err)
	}
	cells, err := Preset{Statistic: Transport, StyleLayers: []string{"block1_conv1"}, ShallowCells: []int{2}}.StyleTargets(f.net, []Style{{Picture: noise(3, 24, 17)}})
	if err != nil {
		t.Fatal(err)
	}
	wasserstein, err := StyleTargets(f.net, []Style{{Picture: noise(3, 24, 17)}}, Wasserstein, "block1_conv1", "block3_conv1")
	if err != nil {
		t.Fatal(err)
	}
	strokes, err := StrokeTargets(f.net, Matching{
		Layers: []string{"block1_conv1", "block3_conv1"}, Picture: noise(2, height, width), Styles: []Style{{Picture: noise(3, 24, 17)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, terms := range map[string][]Term{
		"content":     {Content(f.content[0], 1)},
		"style":       {Gram(f.style[0], 1), Gram(f.style[1], 1)},
		"covariance":  {Covariance(covariances[0], 1), Covariance(covariances[1], 1)},
		"mean":        {Mean(means[0], 1), Mean(means[1], 1)},
		"transport":   {TransportedCovariance(transport[0], 1), TransportedCovariance(transport[1], 1)},
		"cells":       {TransportedCovariance(cells[0], 1), Mean(cells[1], 1)},
		"wasserstein": {WassersteinCovariance(wasserstein[0], 1), WassersteinCovariance(wasserstein[1], 1)},
		"tv":          {TotalVariation(1)},
		"nine points": {NinePointVariation(1)},
		"strokes":     {Strokes(strokes[0], 1), Strokes(strokes[1], 1)},
		"lightness":   {LightnessRoughness(1)},
		"chroma":      {ColourRoughness(1)},
		"tone":        {Tone(*f.tone, 1)},
		"own":         {own()},
		"asymmetric":  {asymmetric()},
		"all": {Content(f.content[0], 0.1), Gram(f.style[0], 1e-3), Gram(f.style[1], 1), TotalVariation(1), own(),
			asymmetric()},
	} {
		t.Run(name, func(t *testing.T) { checkGradient(t, f, terms) })
	}
}

func checkGradient(t *testing.T, f *fixture, terms []Term) {
	t.Helper()
	o := f.objective(t, terms...)
	at := flat(t, f.x)
	gradient := flat(t, evaluateAt(t, o, at).Gradient)
	random := rand.New(rand.NewPCG(1, 1))
	rms := float32(norm(gradient) / math.Sqrt(float64(len(gradient))))
	for range 5 {
		// Half along the gradient, so that the slope stands out from what float32 rounds off.
		direction := make([]float32, len(at))
		var slope float64
		for i := range direction {
			direction[i] = gradient[i]/rms + float32(random.NormFloat64())
			slope += float64(direction[i]) * float64(gradient[i])
		}
		want := difference(t, o, at, direction, 0.02)
		if math.Abs(slope-want) > 0.01*math.Abs(want) { // the kinks of ReLU and TV that lie within the step
			t.Errorf("slope %v, by differences %v", slope, want)
		}
	}
}

func difference(t *testing.T, o *Objective, at, direction []float32, step float32) float64 {
	up, down := make([]float32, len(at)), make([]float32, len(at))
	for i := range at {
		up[i], down[i] = at[i]+step*direction[i], at[i]-step*direction[i]
	}
	return (evaluateAt(t, o, up).Total - evaluateAt(t, o, down).Total) / float64(2*step)
}

func norm(v []float32) float64 {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum)
}
