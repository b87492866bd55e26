package loss

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/vgg"
)

// TestTilesAreTheWhole compares targets, losses and gradients that were computed in tiles with those of the whole
// picture, for each preset, on sizes with odd remainders and with tiles in one direction or both. In the first size every
// stage has several.
func TestTilesAreTheWhole(t *testing.T) {
	sizes := []struct{ height, width, side int }{{797, 60, 72}, {150, 60, 64}, {77, 290, 50}}
	for i, preset := range Presets() {
		preset.ContentLayers = []string{"block2_conv2", "block3_conv1"}
		preset.StyleLayers = []string{"block1_conv1", "block2_conv1", "block3_conv1"}
		if i == 0 {
			preset.StyleLayers = append(preset.StyleLayers, "block4_conv1")
		}
		if preset.Matches() {
			preset.StrokesLayers = preset.StyleLayers
		}
		net := newVariant(t, randomSet(2), preset.Network())
		c := sizes[i%len(sizes)]
		t.Run(fmt.Sprint(preset.Name, c), func(t *testing.T) {
			whole := evaluated(t, net, preset, c.height, c.width)
			tiled := evaluated(t, net.Tiled(c.side), preset, c.height, c.width)
			if tiled.tiles < 2 {
				t.Fatalf("%d tiles: the test is of none", tiled.tiles)
			}
			compareEvaluations(t, tiled, whole)
		})
	}
}

// faint returns a picture with a third of the contrast. The styles are unlike what is compared with them: a distance near
// zero would be what rounding leaves of two large numbers.
func faint(picture *tensors.Tensor) *tensors.Tensor {
	pix := tensors.MustCopyFlatData[float32](picture)
	for i, v := range pix {
		pix[i] = 85 + v/3
	}
	return tensors.FromFlatDataAndDimensions(pix, picture.Shape().Dimensions...)
}

// evaluation is an objective's evaluation on the host.
type evaluation struct {
	*Evaluation
	gradient     []float32
	width, tiles int
}

func evaluated(t *testing.T, net *vgg.Network, preset Preset, height, width int) evaluation {
	t.Helper()
	content, err := ContentTargets(net, noise(2, height, width), preset.ContentLayers...)
	if err != nil {
		t.Fatal(err)
	}
	style, err := preset.StyleTargets(net, []Style{{Picture: faint(noise(3, 90, 101)), Weight: 1}, {Picture: faint(noise(4, 40, 40)), Weight: 2}})
	if err != nil {
		t.Fatal(err)
	}
	var strokes []Target
	if preset.Matches() {
		strokes, err = StrokeTargets(net, Matching{
			Layers: preset.StrokesLayers, Picture: noise(2, height, width), Styles: []Style{{Picture: noise(3, 90, 101)}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	terms, err := preset.Terms(Scene{Network: net, ContentTargets: content, StrokesTargets: strokes, StyleTargets: style, Tone: noiseTone(t, 9, height, width), Height: height, Width: width, Variation: Variation{1e5, 1e5}})
	if err != nil {
		t.Fatal(err)
	}
	o, err := NewObjective(net, height, width, terms)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	e, err := o.Evaluate(noise(5, height, width))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Gradient.MustFinalizeAll()
	return evaluation{Evaluation: e, gradient: flat(t, e.Gradient), width: width, tiles: o.Tiles()}
}

// compareEvaluations allows what float32 leaves of sums in another order, up to 4e-5 here: 1e-4 of each term, and of the
// gradient's root mean square in each pixel, those at the tiles' borders included. (A margin that is too narrow by one
// position of the deepest layer shows as 0.07 and more.)
func compareEvaluations(t *testing.T, got, want evaluation) {
	t.Helper()
	for i, term := range want.Terms {
		if d := math.Abs(got.Terms[i].Loss - term.Loss); d > 1e-4*term.Loss {
			t.Errorf("%s is %v in tiles, %v whole", term.Name, got.Terms[i].Loss, term.Loss)
		}
	}
	size := norm(want.gradient) / math.Sqrt(float64(len(want.gradient)))
	worst, at := 0.0, 0
	for i := range want.gradient {
		if d := math.Abs(float64(got.gradient[i] - want.gradient[i])); d > worst {
			worst, at = d, i
		}
	}
	if worst > 1e-4*size {
		t.Errorf("the gradient differs by %v of its root mean square at row %d, column %d", worst/size, at/3/want.width, at/3%want.width)
	}
}

// TestTilesHearAndStop: progress counts the tiles of all stages in both passes, and an evaluation ends between two tiles.
func TestTilesHearAndStop(t *testing.T) {
	net := newNetwork(t, tinySet(), vgg.MaxPooling).Tiled(64)
	style, err := StyleTargets(net, []Style{{Picture: noise(3, 24, 17)}}, GramMatrices, "block3_conv1")
	if err != nil {
		t.Fatal(err)
	}
	o, err := NewObjective(net, 100, 100, []Term{Gram(style[0], 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	var cancel func()
	var heard []int
	all, stop := 0, 0
	o.Progress = func(done, total int) {
		all = total
		if heard = append(heard, done); done == stop {
			cancel()
		}
	}
	e, err := o.Evaluate(noise(1, 100, 100))
	if err != nil {
		t.Fatal(err)
	}
	e.Gradient.MustFinalizeAll()
	if len(heard) != all || heard[0] != 1 || heard[all-1] != all || all <= 2*o.Tiles() {
		t.Errorf("heard of windows %v of %d, %d tiles of the first stage", heard, all, o.Tiles())
	}
	for _, stop = range []int{1, all/2 + 1, all - 1} {
		heard = nil
		var ctx context.Context
		ctx, cancel = context.WithCancel(t.Context())
		if _, _, err = o.Function(nil)(ctx, noise(1, 100, 100)); !errors.Is(err, context.Canceled) || len(heard) != stop {
			t.Errorf("ended after windows %v with %v, expected after %d", heard, err, stop)
		}
		cancel()
	}
}

// TestTilesWantSums: a loss that is no function of sums is refused, and says what would do.
func TestTilesWantSums(t *testing.T) {
	net := newNetwork(t, tinySet(), vgg.MaxPooling).Tiled(64)
	own := Term{Name: "own", Weight: 1, Layers: []string{"block3_conv1"}, Loss: func(in *Inputs) *graph.Node {
		return graph.ReduceAllMax(in.Feature("block3_conv1"))
	}}
	if _, err := NewObjective(net, 100, 100, []Term{own}); err == nil || !strings.Contains(err.Error(), "term own cannot be computed in tiles") {
		t.Errorf("a loss in tiles: %v", err)
	}
	for _, bad := range []Term{
		{Name: "none", Weight: 1},
		{Name: "both", Weight: 1, Loss: own.Loss, Sums: func(*Inputs) []*graph.Node { return nil }},
		{Name: "half", Weight: 1, Sums: func(*Inputs) []*graph.Node { return nil }},
	} {
		if _, err := NewObjective(net, 32, 32, []Term{bad}); err == nil {
			t.Errorf("term %s was taken", bad.Name)
		}
	}
}
