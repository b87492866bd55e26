package loss

import (
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/progress"
)

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
		f.style, err = p.StyleTargets(f.net, []Style{{Picture: tensors.FromFlatDataAndDimensions(plain, 1, 20, 20, 3)}})
		if err != nil {
			t.Fatal(err)
		}
		if e := f.evaluate(t, f.terms(t, p, Variation{})...); !(e.Total > 0 && e.Total < 1e6) {
			t.Errorf("the terms are %v", e.Terms)
		}
	}
}
