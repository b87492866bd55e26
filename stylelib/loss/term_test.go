package loss

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/stylelib/vgg"
)

const height, width = 18, 21

// fixture is a network, targets of a content and a style picture, and a picture to evaluate at.
type fixture struct {
	net            *vgg.Network
	content, style []Target
	tone           *ToneTarget
	x              *tensors.Tensor
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{net: newNetwork(t, tinySet(), vgg.AveragePooling), tone: noiseTone(t, 9, height, width), x: noise(1, height, width)}
	var err error
	if f.content, err = ContentTargets(f.net, noise(2, height, width), "block2_conv1"); err != nil {
		t.Fatal(err)
	}
	if f.style, err = StyleTargets(f.net, []Style{{Picture: noise(3, 24, 17)}}, GramMatrices, "block1_conv1", "block3_conv1"); err != nil {
		t.Fatal(err)
	}
	return f
}

// terms returns a preset's terms for the fixture's targets.
func (f *fixture) terms(t *testing.T, p Preset, variation Variation) []Term {
	t.Helper()
	terms, err := p.Terms(Scene{ContentTargets: f.content, StyleTargets: f.style, Tone: f.tone, Height: height, Width: width, Variation: variation})
	if err != nil {
		t.Fatal(err)
	}
	return terms
}

func (f *fixture) evaluate(t *testing.T, terms ...Term) *Evaluation {
	t.Helper()
	o := f.objective(t, terms...)
	e, err := o.Evaluate(f.x)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func (f *fixture) objective(t *testing.T, terms ...Term) *Objective {
	t.Helper()
	o, err := NewObjective(f.net, height, width, terms)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	return o
}

// features brings those of a picture to the host, in float64, [positions][channels].
func (f *fixture) features(t *testing.T, x *tensors.Tensor, layer string) [][]float64 {
	t.Helper()
	out, err := f.net.Features(x, layer)
	if err != nil {
		t.Fatal(err)
	}
	return rows(flat(t, out[0]), out[0].Shape().Dimensions[3])
}

func rows(values []float32, channels int) [][]float64 {
	var list [][]float64
	for i := 0; i < len(values); i += channels {
		row := make([]float64, channels)
		for c := range row {
			row[c] = float64(values[i+c])
		}
		list = append(list, row)
	}
	return list
}

// slowGram is Σ over positions of F(i)·F(j), over the number of positions.
func slowGram(features [][]float64) [][]float64 {
	channels := len(features[0])
	gram := make([][]float64, channels)
	for i := range gram {
		gram[i] = make([]float64, channels)
		for j := range gram[i] {
			for _, f := range features {
				gram[i][j] += f[i] * f[j] / float64(len(features))
			}
		}
	}
	return gram
}

func squaredDistance(a, b [][]float64) (sum float64) {
	for i := range a {
		for j := range a[i] {
			sum += (a[i][j] - b[i][j]) * (a[i][j] - b[i][j])
		}
	}
	return sum
}

func TestContent(t *testing.T) {
	f := newFixture(t)
	got := f.evaluate(t, Content(f.content[0], 3))
	want := squaredDistance(f.features(t, f.x, "block2_conv1"), f.features(t, noise(2, height, width), "block2_conv1"))
	checkValue(t, got, progress.Term{Name: "content", Loss: want, Weighted: 3 * want})
}

func TestGram(t *testing.T) {
	f := newFixture(t)
	got := f.evaluate(t, Gram(f.style[0], 2), Gram(f.style[1], 5))
	var losses []float64
	for _, layer := range []string{"block1_conv1", "block3_conv1"} {
		losses = append(losses, squaredDistance(
			slowGram(f.features(t, f.x, layer)), slowGram(f.features(t, noise(3, 24, 17), layer))))
	}
	checkValue(t, got, progress.Term{Name: "style", Loss: losses[0] + losses[1], Weighted: 2*losses[0] + 5*losses[1]})
}

func TestMoments(t *testing.T) {
	f := newFixture(t)
	layers := []string{"block1_conv1", "block3_conv1"}
	targets, err := StyleTargets(f.net, []Style{{Picture: noise(3, 24, 17)}}, Moments, layers...)
	if err != nil {
		t.Fatal(err)
	}
	covariances, means := targets[:2], targets[2:]
	for i, layer := range layers {
		covariance, mean := slowMoments(f.features(t, f.x, layer))
		styleCovariance, styleMean := slowMoments(f.features(t, noise(3, 24, 17), layer))
		want := squaredDistance(covariance, styleCovariance)
		checkValue(t, f.evaluate(t, Covariance(covariances[i], 2)), progress.Term{Name: "style", Loss: want, Weighted: 2 * want})
		want = squaredDistance(mean, styleMean)
		checkValue(t, f.evaluate(t, Mean(means[i], 3)), progress.Term{Name: "style", Loss: want, Weighted: 3 * want})
	}
}

// TestTransport compares with the definition, with eigenvectors that are found again from what is measured slowly.
func TestTransport(t *testing.T) {
	f := newFixture(t)
	const layer = "block2_conv1"
	targets, err := StyleTargets(f.net, []Style{{Picture: noise(3, 24, 17)}}, Transport, layer)
	if err != nil {
		t.Fatal(err)
	}
	value, _ := slowMoments(f.features(t, f.x, layer))
	style, mean := slowMoments(f.features(t, noise(3, 24, 17), layer))
	n := len(style)
	var eigen mat.EigenSym
	if !eigen.Factorize(mat.NewSymDense(n, slices.Concat(style...)), true) {
		t.Fatal("no eigenvalues")
	}
	var u, difference mat.Dense
	eigen.VectorsTo(&u)
	difference.Sub(mat.NewDense(n, n, slices.Concat(value...)), mat.NewDense(n, n, slices.Concat(style...)))
	difference.Product(u.T(), &difference, &u)
	lambda := eigen.Values(nil)
	epsilon := damping * floats.Sum(lambda) / float64(n)
	var want float64
	for i := range n {
		for j := range n {
			want += 2 * difference.At(i, j) * difference.At(i, j) / (lambda[i] + lambda[j] + 2*epsilon)
		}
	}
	checkValue(t, f.evaluate(t, TransportedCovariance(targets[0], 3)), progress.Term{Name: "style", Loss: want, Weighted: 3 * want})
	if energy := floats.Sum(lambda); math.Abs(targets[0].Energy-energy) > 1e-5*energy || targets[1].Energy != targets[0].Energy {
		t.Errorf("the energies are %v and %v, and the trace is %v", targets[0].Energy, targets[1].Energy, energy)
	}
	if got := flat(t, targets[1].Tensor); math.Abs(float64(got[0])-mean[0][0]) > 1e-5*math.Abs(mean[0][0]) {
		t.Errorf("the mean begins with %v, not %v", got[0], mean[0][0])
	}
}

// TestTransportIsWasserstein: near the target it is four times the squared Wasserstein distance of the covariances,
// tr(Σ + Σ' − 2(Σ'^½ΣΣ'^½)^½), as far as the damping is small beside the eigenvalues.
func TestTransportIsWasserstein(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const n = 6
	m := moments{first: make([]float64, n), second: make([]float64, n*n)}
	factor := mat.NewDense(n, 3*n, nil)
	for i := range factor.RawMatrix().Data {
		factor.RawMatrix().Data[i] = random.NormFloat64()
	}
	var a, b mat.SymDense
	a.SymOuterK(1, factor)
	for i := range n {
		for j := range n {
			m.second[i*n+j] = a.At(i, j)
		}
	}
	for i := range factor.RawMatrix().Data {
		factor.RawMatrix().Data[i] *= 1 + 1e-3*random.NormFloat64()
	}
	b.SymOuterK(1, factor)
	root := func(s mat.Symmetric) *mat.SymDense {
		var r mat.SymDense
		r.PowPSD(s, 0.5)
		return &r
	}
	half := root(&a)
	var inner mat.Dense
	inner.Product(half, &b, half)
	wasserstein := a.Trace() + b.Trace() - 2*root(mat.NewSymDense(n, inner.RawMatrix().Data)).Trace()

	target := transportTarget(m)
	defer target.Finalize()
	u, lambda := mat.NewDense(n, n, widened(flat(t, target.Tensor))), flat(t, target.Spectrum)
	var difference, turned mat.Dense
	difference.Sub(&b, &a)
	turned.Product(u.T(), &difference, u)
	var damped, exact float64
	for i := range n {
		for j := range n {
			square := 2 * turned.At(i, j) * turned.At(i, j)
			damped += square / float64(lambda[n+i]+lambda[n+j])
			exact += square / float64(lambda[i]+lambda[j])
		}
	}
	// To second order: the steps of 1e-3 leave a relative error of about 1e-3.
	if math.Abs(exact-4*wasserstein) > 0.02*exact || damped >= exact || damped < exact/2 {
		t.Errorf("%v, and %v without damping, for a distance of %v", damped, exact, wasserstein)
	}
}

func widened(values []float32) []float64 {
	wide := make([]float64, len(values))
	for i, v := range values {
		wide[i] = float64(v)
	}
	return wide
}

// TestStylesMixAsOnePainting: two halves of a painting, mixed alike, have the statistics of the whole.
func TestStylesMixAsOnePainting(t *testing.T) {
	f := newFixture(t)
	a, b := noise(5, 16, 16), noise(6, 16, 16)
	mixed, err := StyleTargets(f.net, []Style{{Picture: a}, {Picture: b}}, Moments, "block1_conv1")
	if err != nil {
		t.Fatal(err)
	}
	covariance, mean := slowMoments(slices.Concat(f.features(t, a, "block1_conv1"), f.features(t, b, "block1_conv1")))
	for i, want := range [][]float64{slices.Concat(covariance...), mean[0]} {
		for j, got := range flat(t, mixed[i].Tensor) {
			if math.Abs(float64(got)-want[j]) > 1e-4*math.Abs(want[j])+1e-3 {
				t.Errorf("target %d has %v at %d, not %v", i, got, j, want[j])
			}
		}
	}
}

// TestMomentsOfPlainStyle: a style of one colour has no covariance, and the preset's terms are finite nevertheless.
func TestMomentsOfPlainStyle(t *testing.T) {
	f := newFixture(t)
	plain := make([]float32, 20*20*3)
	for i := range plain {
		plain[i] = 200
	}
	for _, statistic := range []Statistic{Moments, Transport, Wasserstein, TruncatedWasserstein} {
		p := Gouache()
		p.Statistic, p.ChromaWeight = statistic, 1
		p.ContentLayers, p.StyleLayers = []string{"block2_conv1"}, []string{"block1_conv1", "block3_conv1"}
		var err error
		f.style, err = StyleTargets(f.net, []Style{{Picture: tensors.FromFlatDataAndDimensions(plain, 1, 20, 20, 3)}}, p.Statistic, p.StyleLayers...)
		if err != nil {
			t.Fatal(err)
		}
		if e := f.evaluate(t, f.terms(t, p, Variation{})...); !(e.Total > 0 && e.Total < 1e6) {
			t.Errorf("the terms are %v", e.Terms)
		}
	}
}

// slowMoments returns the covariance and the mean over all positions.
func slowMoments(positions [][]float64) (covariance, mean [][]float64) {
	mean = [][]float64{make([]float64, len(positions[0]))}
	for _, f := range positions {
		for c := range f {
			mean[0][c] += f[c] / float64(len(positions))
		}
	}
	var centred [][]float64
	for _, f := range positions {
		row := make([]float64, len(f))
		for c := range f {
			row[c] = f[c] - mean[0][c]
		}
		centred = append(centred, row)
	}
	return slowGram(centred), mean
}

func TestTotalVariation(t *testing.T) {
	f := newFixture(t)
	pix := flat(t, f.x)
	at := func(y, x, c int) float64 { return float64(pix[(y*width+x)*3+c]) }
	var want float64
	for y := range height {
		for x := range width {
			for c := range 3 {
				if x+1 < width {
					want += math.Abs(at(y, x+1, c) - at(y, x, c))
				}
				if y+1 < height {
					want += math.Abs(at(y+1, x, c) - at(y, x, c))
				}
			}
		}
	}
	checkValue(t, f.evaluate(t, TotalVariation(0.5)), progress.Term{Name: "tv", Loss: want, Weighted: want / 2})
}

// TestRoughness compares with the definition, for a picture that was converted with the coefficients of ITU-T T.871
// written out.
func TestRoughness(t *testing.T) {
	f := newFixture(t)
	pix := flat(t, f.x)
	converted := make([][3]float64, height*width)
	for i := range converted {
		r, g, b := float64(pix[3*i]), float64(pix[3*i+1]), float64(pix[3*i+2])
		converted[i] = [3]float64{0.299*r + 0.587*g + 0.114*b, -0.168736*r - 0.331264*g + 0.5*b, 0.5*r - 0.418688*g - 0.081312*b}
	}
	var want [3]float64
	for y := range height {
		for x := range width {
			for _, d := range [][3]float64{{1, 0, 2.0 / 3}, {0, 1, 2.0 / 3}, {1, 1, 1.0 / 6}, {-1, 1, 1.0 / 6}} {
				nextX, nextY := x+int(d[0]), y+int(d[1])
				if nextX < 0 || nextX >= width || nextY >= height {
					continue
				}
				for c := range 3 {
					difference := converted[nextY*width+nextX][c] - converted[y*width+x][c]
					want[c] += d[2] * difference * difference
				}
			}
		}
	}
	checkValue(t, f.evaluate(t, LightnessRoughness(2)), progress.Term{Name: "tv", Loss: want[0], Weighted: 2 * want[0]})
	colour := want[1] + want[2]
	checkValue(t, f.evaluate(t, ColourRoughness(2)), progress.Term{Name: "chroma", Loss: colour, Weighted: 2 * colour})
	p := picture.Picture{Width: width, Height: height, Pix: pix}
	if got, gotColour := p.Roughness(); math.Abs(got-want[0]) > 1e-5*want[0] || math.Abs(gotColour-colour) > 1e-5*colour {
		t.Errorf("on the host they are %v and %v, not %v and %v", got, gotColour, want[0], colour)
	}
}

// TestTone compares with a blur that is written out pixel by pixel.
func TestTone(t *testing.T) {
	f := newFixture(t)
	other := flat(t, noise(9, height, width))
	const sigma, m, n = 2.0, 9, 11 // noiseTone's blur; 18/2 rows, 21/2 columns rounded up
	blurred := func(pix []float32, i, j, c int) float64 {
		top, left := (float64(i)+0.5)*height/m-0.5, (float64(j)+0.5)*width/n-0.5
		var sum, weights float64
		for y := range height {
			for x := range width {
				dy, dx := float64(y)-top, float64(x)-left
				weight := math.Exp(-(dx*dx + dy*dy) / (2 * sigma * sigma))
				sum += weight * float64(pix[(y*width+x)*3+c])
				weights += weight
			}
		}
		return sum / weights
	}
	pix := flat(t, f.x)
	var want float64
	for i := range m {
		for j := range n {
			for c := range 3 {
				d := blurred(pix, i, j, c) - blurred(other, i, j, c)
				want += d * d / (m * n * 3)
			}
		}
	}
	checkValue(t, f.evaluate(t, Tone(*f.tone, 3)), progress.Term{Name: "tone", Loss: want, Weighted: 3 * want})
}

func checkValue(t *testing.T, got *Evaluation, want progress.Term) {
	t.Helper()
	if len(got.Terms) != 1 || got.Terms[0].Name != want.Name {
		t.Fatalf("got terms %v, want one %s", got.Terms, want.Name)
	}
	// Sums in float32 of some thousand numbers.
	for _, pair := range [][2]float64{{got.Terms[0].Loss, want.Loss}, {got.Terms[0].Weighted, want.Weighted}, {got.Total, want.Weighted}} {
		if math.Abs(pair[0]-pair[1]) > 1e-5*math.Abs(pair[1]) {
			t.Errorf("got %+v with total %v, want %+v", got.Terms[0], got.Total, want)
			return
		}
	}
}

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

func evaluateAt(t *testing.T, o *Objective, pix []float32) *Evaluation {
	t.Helper()
	e, err := o.Evaluate(tensors.FromFlatDataAndDimensions(pix, 1, height, width, 3))
	if err != nil {
		t.Fatal(err)
	}
	return e
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

func TestStyleTargetsMix(t *testing.T) {
	f := newFixture(t)
	a, b := noise(5, 20, 20), noise(6, 30, 16)
	mixed, err := StyleTargets(f.net, []Style{{Picture: a, Weight: 1}, {Picture: b, Weight: 3}}, GramMatrices, "block2_conv1")
	if err != nil {
		t.Fatal(err)
	}
	gramA, gramB := slowGram(f.features(t, a, "block2_conv1")), slowGram(f.features(t, b, "block2_conv1"))
	got := rows(flat(t, mixed[0].Tensor), len(gramA))
	var energy float64
	for i := range got {
		for j := range got[i] {
			want := (gramA[i][j] + 3*gramB[i][j]) / 4
			energy += want * want
			if math.Abs(got[i][j]-want) > 1e-5*math.Abs(want) {
				t.Errorf("[%d, %d] = %v, want %v", i, j, got[i][j], want)
			}
		}
	}
	if math.Abs(mixed[0].Energy-energy) > 1e-5*energy {
		t.Errorf("energy %v, want %v", mixed[0].Energy, energy)
	}
	for _, bad := range []float64{-1, math.NaN(), math.Inf(1)} {
		if _, err := StyleTargets(f.net, []Style{{Picture: a, Weight: bad}}, GramMatrices, "block2_conv1"); err == nil {
			t.Errorf("a style's weight of %v was accepted", bad)
		}
	}
}

// TestWeightsCompileNothing: the graph is built once for all weights, and weights act linearly.
func TestWeightsCompileNothing(t *testing.T) {
	f := newFixture(t)
	built := 0
	counted := own()
	inner := counted.Loss
	counted.Loss = func(in *Inputs) *graph.Node { built++; return inner(in) }
	o := f.objective(t, counted, TotalVariation(1))
	first := evaluateAt(t, o, flat(t, f.x))
	for _, weight := range []float64{0, 2, 1e6} {
		if err := o.SetWeight("own", weight); err != nil {
			t.Fatal(err)
		}
		e := evaluateAt(t, o, flat(t, f.x))
		if want := weight*first.Terms[0].Loss + first.Terms[1].Loss; math.Abs(e.Total-want) > 1e-6*want {
			t.Errorf("with weight %v the total is %v, want %v", weight, e.Total, want)
		}
	}
	if built != 1 {
		t.Errorf("the graph was built %d times", built)
	}
}

func TestMistakes(t *testing.T) {
	f := newFixture(t)
	badLayer := own()
	badLayer.Layers = []string{"block3_conv9"}
	unlisted := own()
	unlisted.Layers = []string{"block1_conv1"}
	vector := Term{Name: "vector", Weight: 1, Loss: func(in *Inputs) *graph.Node { return in.Picture() }}
	evaluate := func(terms ...Term) error {
		o, err := NewObjective(f.net, height, width, terms)
		if err != nil {
			return err
		}
		defer o.Close()
		_, err = o.Evaluate(f.x)
		return err
	}
	for _, c := range []struct {
		name, says string
		err        error
	}{
		{"no terms", "at least one term", evaluate()},
		{"negative weight", "must be a number from 0 to 1e+15", evaluate(TotalVariation(-1))},
		{"NaN weight", "must be a number from 0 to 1e+15", evaluate(TotalVariation(math.NaN()))},
		{"unknown layer", "term own", evaluate(badLayer)},
		{"unlisted layer", "its Layers do not list", evaluate(unlisted)},
		{"no scalar", "scalar", evaluate(vector)},
		{"unknown name", `no term "style"`, f.objective(t, TotalVariation(1)).SetWeight("style", 1)},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%s: error %v does not mention %q", c.name, c.err, c.says)
		}
	}
}

func TestLookupPreset(t *testing.T) {
	for _, p := range Presets() {
		if got, err := LookupPreset(p.Name); err != nil || got.Description != p.Description {
			t.Errorf("LookupPreset(%q) = %q, %v", p.Name, got.Name, err)
		}
	}
	if _, err := LookupPreset("guache"); err == nil || !strings.Contains(err.Error(), `did you mean "gouache"`) {
		t.Errorf("error %v has no suggestion", err)
	}
}

// TestValidate: a preset made by hand works, or is refused with a sentence that says why. No field is ignored.
func TestValidate(t *testing.T) {
	byHand := Preset{ContentLayers: []string{"block2_conv1"}, StyleLayers: []string{"block1_conv1", "block3_conv1"}, ContentWeight: 1, StyleWeight: 6}
	f := newFixture(t)
	if e := f.evaluate(t, f.terms(t, byHand, Variation{})...); !(e.Total > 0) || len(e.Terms) != 3 {
		t.Errorf("a preset made by hand: %+v", e)
	}
	for says, change := range map[string]func(*Preset){
		"no style layers":              func(p *Preset) { p.StyleLayers = nil },
		"no content layers":            func(p *Preset) { p.ContentLayers = nil },
		`did you mean "block3_conv1"?`: func(p *Preset) { p.StyleLayers = []string{"block3_conv9"} },
		"is there twice":               func(p *Preset) { p.ContentLayers = []string{"block3_conv1", "block3_conv1"} },
		"the weight of term style is":  func(p *Preset) { p.StyleWeight = -1 },
		"the weight of term tv is":     func(p *Preset) { p.TVWeight = math.NaN() },
		"pooling":                      func(p *Preset) { p.Pooling = "mux" },
		"statistic is 7":               func(p *Preset) { p.Statistic = 7 },
		"normalization is -1":          func(p *Preset) { p.Normalization = -1 },
		"compares covariances":         func(p *Preset) { p.Statistic, p.Normalization = Moments, Means },
		"must be loss.Wasserstein":     func(p *Preset) { p.Normalization = Standardized },
		"smoothness is 4":              func(p *Preset) { p.Smoothness = 4 },
		"has a chroma weight":          func(p *Preset) { p.ChromaWeight = 1 },
		"has a style falloff":          func(p *Preset) { p.StyleFalloff, p.Normalization = 0.5, Sums },
		"style falloff is -1":          func(p *Preset) { p.StyleFalloff = -1 },
		"margin is 1000 pixels":        func(p *Preset) { p.Margin = 1000 },
	} {
		p := byHand
		change(&p)
		if err := p.Validate(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v does not mention %q", err, says)
		}
		if _, err := p.Terms(Scene{}); err == nil {
			t.Errorf("%s: terms were made", says)
		}
	}
	if _, err := byHand.Terms(Scene{ContentTargets: f.content}); err == nil || !strings.Contains(err.Error(), "not 1 and 0") {
		t.Errorf("missing targets: %v", err)
	}
	toned := byHand
	toned.ToneWeight = 1
	if _, err := toned.Terms(Scene{ContentTargets: f.content, StyleTargets: f.style}); err == nil || !strings.Contains(err.Error(), "the scene needs the tone") {
		t.Errorf("missing tone: %v", err)
	}
	for _, p := range Presets() {
		if err := p.Validate(); err != nil || p.IsZero() || !(Preset{}).IsZero() {
			t.Errorf("%s: %v", p.Name, err)
		}
	}
}

// TestGouacheIsRelative: with the gouache preset a black-box rescaling of the features changes no term, and the terms
// of the same pictures hardly depend on their size.
func TestGouacheIsRelative(t *testing.T) {
	terms := func(scale float32) *Evaluation {
		set := tinySet()
		for i := range set.Layers[0].Kernel {
			set.Layers[0].Kernel[i] *= scale
		}
		for _, l := range set.Layers {
			for i := range l.Bias {
				l.Bias[i] *= scale
			}
		}
		f := &fixture{net: newNetwork(t, set, vgg.AveragePooling), tone: noiseTone(t, 9, height, width), x: noise(1, height, width)}
		var err error
		p := Gouache()
		p.ContentLayers, p.StyleLayers = []string{"block2_conv1"}, []string{"block1_conv1", "block3_conv1"}
		if f.content, err = ContentTargets(f.net, noise(2, height, width), p.ContentLayers...); err != nil {
			t.Fatal(err)
		}
		if f.style, err = StyleTargets(f.net, []Style{{Picture: noise(3, 24, 17)}}, p.Statistic, p.StyleLayers...); err != nil {
			t.Fatal(err)
		}
		return f.evaluate(t, f.terms(t, p, Variation{1e4, 1e4})...)
	}
	one, ten := terms(1), terms(10)
	for i, v := range one.Terms {
		if w := ten.Terms[i]; math.Abs(v.Loss-w.Loss) > 1e-4*v.Loss {
			t.Errorf("%s is %v, and %v with features ten times as large", v.Name, v.Loss, w.Loss)
		}
	}
}
