package loss

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/vgg"
)

// blot is a mask with soft edges: 1 in a disc, and 0 in its corners.
func blot(height, width int) []float32 {
	pix := make([]float32, height*width)
	for y := range height {
		for x := range width {
			away := math.Hypot(float64(2*y-height)/float64(height), float64(2*x-width)/float64(width))
			pix[y*width+x] = float32(min(max(3*(1.1-away), 0), 1))
		}
	}
	return pix
}

func maskTensor(pix []float32, height, width int) *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(pix, 1, height, width, 1)
}

// slowMask returns how much each position of a layer with the given stride counts: the mean over its block of pixels.
func slowMask(pix []float32, height, width, stride int) (weights []float64) {
	for y := 0; y+stride <= height; y += stride {
		for x := 0; x+stride <= width; x += stride {
			var sum float64
			for i := range stride * stride {
				sum += float64(pix[(y+i/stride)*width+x+i%stride])
			}
			weights = append(weights, sum/float64(stride*stride))
		}
	}
	return weights
}

// slowMasked returns the weighted Gram matrix, covariance and mean of features, position by position.
func slowMasked(features [][]float64, weights []float64) (gram, covariance, mean [][]float64) {
	channels := len(features[0])
	var total float64
	mean = [][]float64{make([]float64, channels)}
	for p, f := range features {
		total += weights[p]
		for i := range f {
			mean[0][i] += weights[p] * f[i]
		}
	}
	for i := range mean[0] {
		mean[0][i] /= total
	}
	for i := range channels {
		gram, covariance = append(gram, make([]float64, channels)), append(covariance, make([]float64, channels))
		for j := range channels {
			for p, f := range features {
				gram[i][j] += weights[p] * f[i] * f[j] / total
				covariance[i][j] += weights[p] * (f[i] - mean[0][i]) * (f[j] - mean[0][j]) / total
			}
		}
	}
	return gram, covariance, mean
}

// TestMask compares statistics of masked styles, and masked terms, with slow ones.
func TestMask(t *testing.T) {
	f := newFixture(t)
	const styleHeight, styleWidth = 27, 19 // neither is a multiple of the deepest stride
	style, styleMask, mask := noise(3, styleHeight, styleWidth), blot(styleHeight, styleWidth), blot(height, width)
	on := maskTensor(mask, height, width)
	for layer, stride := range map[string]int{"block1_conv1": 1, "block2_conv1": 2, "block3_conv1": 4} {
		masked := []Style{{Picture: style, Mask: maskTensor(styleMask, styleHeight, styleWidth)}}
		grams, err := StyleTargets(f.net, masked, GramMatrices, layer)
		if err != nil {
			t.Fatal(err)
		}
		moments, err := StyleTargets(f.net, masked, Moments, layer)
		if err != nil {
			t.Fatal(err)
		}
		content, err := ContentTargets(f.net, noise(2, height, width), layer)
		if err != nil {
			t.Fatal(err)
		}
		targets := []Target{grams[0], moments[0], moments[1], content[0]}
		for i := range targets {
			targets[i].Mask = on
		}
		features, weights := f.features(t, f.x, layer), slowMask(mask, height, width, stride)
		wantGram, wantCovariance, wantMean := slowMasked(f.features(t, style, layer), slowMask(styleMask, styleHeight, styleWidth, stride))
		atGram, atCovariance, atMean := slowMasked(features, weights)
		var apart float64
		for p, row := range f.features(t, noise(2, height, width), layer) {
			apart += weights[p] * squaredDistance([][]float64{row}, features[p:p+1])
		}
		for _, c := range []struct {
			name string
			term Term
			want float64
		}{
			{"gram", Gram(targets[0], 1), squaredDistance(atGram, wantGram)},
			{"covariance", Covariance(targets[1], 1), squaredDistance(atCovariance, wantCovariance)},
			{"mean", Mean(targets[2], 1), squaredDistance(atMean, wantMean)},
			{"content", Content(targets[3], 1), apart},
		} {
			// float32, of which the covariance loses what cancels
			if got := f.evaluate(t, c.term).Total; math.Abs(got-c.want) > 1e-4*c.want {
				t.Errorf("%s at %s is %v, want %v", c.name, layer, got, c.want)
			}
		}
	}
}

// TestMaskOfOnes: a mask that counts all alike changes nothing, and one of zeros and ones is a crop as far as the border
// of the crop does not reach.
func TestMaskOfOnes(t *testing.T) {
	f := newFixture(t)
	style, ones := noise(3, 24, 17), make([]float32, 24*17)
	for i := range ones {
		ones[i] = 1
	}
	for _, statistic := range []Statistic{GramMatrices, Moments} {
		plain, err := StyleTargets(f.net, []Style{{Picture: style}}, statistic, "block1_conv1", "block3_conv1")
		if err != nil {
			t.Fatal(err)
		}
		masked, err := StyleTargets(f.net, []Style{{Picture: style, Mask: maskTensor(ones, 24, 17)}}, statistic, "block1_conv1", "block3_conv1")
		if err != nil {
			t.Fatal(err)
		}
		for i := range plain {
			if d := math.Abs(masked[i].Energy - plain[i].Energy); d > 1e-5*plain[i].Energy {
				t.Errorf("target %d has an energy of %v, without a mask %v", i, masked[i].Energy, plain[i].Energy)
			}
		}
	}
}

// TestMaskGradients compares the gradients of masked terms with differences along random directions.
func TestMaskGradients(t *testing.T) {
	f := newFixture(t)
	masked := []Style{{Picture: noise(3, 24, 17), Mask: maskTensor(blot(24, 17), 24, 17)}}
	targets, err := StyleTargets(f.net, masked, Moments, "block1_conv1", "block3_conv1")
	if err != nil {
		t.Fatal(err)
	}
	grams, err := StyleTargets(f.net, masked, GramMatrices, "block2_conv1")
	if err != nil {
		t.Fatal(err)
	}
	targets = append(targets, grams[0], f.content[0])
	for i := range targets {
		targets[i].Mask = maskTensor(blot(height, width), height, width)
	}
	for name, terms := range map[string][]Term{
		"covariance":  {Covariance(targets[0], 1), Covariance(targets[1], 1)},
		"mean":        {Mean(targets[2], 1), Mean(targets[3], 1)},
		"gram":        {Gram(targets[4], 1)},
		"content":     {Content(targets[5], 1)},
		"with others": {Covariance(targets[1], 1), Gram(f.style[1], 1), Content(targets[5], 0.1), TotalVariation(1)},
	} {
		t.Run(name, func(t *testing.T) { checkGradient(t, f, terms) })
	}
}

// TestMaskInTiles compares masked statistics, terms and gradients in tiles with those of the whole picture.
func TestMaskInTiles(t *testing.T) {
	net := newNetwork(t, tinySet(), vgg.MaxPooling)
	for _, c := range []struct{ height, width, side int }{{96, 131, 64}, {77, 77, 50}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			evaluate := func(net *vgg.Network) evaluation {
				styles := []Style{
					{Picture: noise(3, 90, 101), Weight: 1, Mask: maskTensor(blot(90, 101), 90, 101)},
					{Picture: noise(4, 40, 40), Weight: 2},
				}
				layers := []string{"block1_conv1", "block3_conv1"}
				targets, err := StyleTargets(net, styles, Moments, layers...)
				if err != nil {
					t.Fatal(err)
				}
				content, err := ContentTargets(net, noise(2, c.height, c.width), "block2_conv1")
				if err != nil {
					t.Fatal(err)
				}
				mask := maskTensor(blot(c.height, c.width), c.height, c.width)
				var terms []Term
				for i, target := range append(targets, content...) {
					target.Mask = mask
					term := []func(Target, float64) Term{Covariance, Mean, Content}[i/len(layers)](target, 1)
					term.Name, term.Scale = fmt.Sprint(i), relative(target, 1)
					terms = append(terms, term)
				}
				terms = append(terms, TotalVariation(1e-6))
				o, err := NewObjective(net, c.height, c.width, terms)
				if err != nil {
					t.Fatal(err)
				}
				defer o.Close()
				e, err := o.Evaluate(noise(5, c.height, c.width))
				if err != nil {
					t.Fatal(err)
				}
				return evaluation{Evaluation: e, gradient: flat(t, e.Gradient), width: c.width, tiles: o.Tiles()}
			}
			tiled := evaluate(net.Tiled(c.side))
			if tiled.tiles < 2 {
				t.Fatalf("%d tiles: the test is of none", tiled.tiles)
			}
			compareEvaluations(t, tiled, evaluate(net))
		})
	}
}

// TestMaskHides: what a mask hides has no part in the statistics, except within the reach of a layer.
func TestMaskHides(t *testing.T) {
	f := newFixture(t)
	random := rand.New(rand.NewPCG(8, 0))
	energy := func(hidden float32) (list []float64) {
		pix, mask := flat(t, noise(3, 32, 32)), make([]float32, 32*32)
		for i := range mask {
			if x := i % 32; x < 16 {
				mask[i] = 1
			} else if x >= 24 { // block2_conv1 reaches four pixels
				for c := range 3 {
					pix[3*i+c] = hidden * random.Float32()
				}
			}
		}
		picture := tensors.FromFlatDataAndDimensions(pix, 1, 32, 32, 3)
		for _, s := range []Statistic{GramMatrices, Moments} {
			targets, err := StyleTargets(f.net, []Style{{Picture: picture, Mask: maskTensor(mask, 32, 32)}}, s, "block1_conv1", "block2_conv1")
			if err != nil {
				t.Fatal(err)
			}
			for _, target := range targets {
				list = append(list, target.Energy)
			}
		}
		return list
	}
	if black, white := fmt.Sprint(energy(0)), fmt.Sprint(energy(255)); black != white {
		t.Errorf("energies %s, with other hidden pixels %s", black, white)
	}
}

// TestMaskBeyondStride: for a part beyond the last whole stride of a layer the nearest position stands, in tiles too, and
// the layers where it has a position are what they are without the others.
func TestMaskBeyondStride(t *testing.T) {
	const height, width = 87, 101
	net := newNetwork(t, tinySet(), vgg.MaxPooling)
	speck, block := make([]float32, height*width), make([]float32, height*width)
	speck[86*width+50] = 1
	for i := range 16 { // the pixels of block3's position in its last row, 20, and column 12
		block[(80+i/4)*width+48+i%4] = 1
	}
	for _, net := range []*vgg.Network{net, net.Tiled(64)} {
		gram := func(mask []float32, layers ...string) (list [][]float32) {
			targets, err := StyleTargets(net, []Style{{Picture: noise(3, height, width), Mask: maskTensor(mask, height, width)}}, GramMatrices, layers...)
			if err != nil {
				t.Fatal(err)
			}
			for _, target := range targets {
				list = append(list, flat(t, target.Tensor))
			}
			return list
		}
		const shallow, deep = "block1_conv1", "block3_conv1"
		got, want := gram(speck, shallow, deep), append(gram(speck, shallow), gram(block, deep)...)
		for i := range want {
			for k, v := range want[i] {
				if d := math.Abs(float64(got[i][k] - v)); !(d <= 1e-5*math.Abs(float64(v))) {
					t.Fatalf("side %d, layer %d: %v, want %v", net.Side(), i, got[i][k], v)
				}
			}
		}
	}
}

func TestMaskMistakes(t *testing.T) {
	f := newFixture(t)
	black := make([]float32, 23*17)
	for says, masked := range map[string]Style{
		"its mask is black everywhere": {Picture: noise(3, 23, 17), Mask: maskTensor(black, 23, 17)},
		"shaped [1 17 23 1]":           {Picture: noise(3, 23, 17), Mask: maskTensor(black, 17, 23)},
	} {
		if _, err := StyleTargets(f.net, []Style{masked}, GramMatrices, "block3_conv1"); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v does not mention %q", err, says)
		}
	}
}
