package loss

import (
	"slices"
	"testing"

	"github.com/gouache-art/gouache/stylelib/progress"
)

// TestCells compares the mean of squares of 2×2 and 4×4 features with one that is added up feature by feature. At
// block1_conv1 18×21 positions have 4×5 whole squares of 4×4, and block2_conv1 has 9×10.
func TestCells(t *testing.T) {
	f := newFixture(t)
	p := Preset{Statistic: Moments, StyleLayers: []string{"block1_conv1", "block2_conv1", "block3_conv1"}, ShallowCells: []int{1, 2, 4}}
	targets, err := p.StyleTargets(f.net, []Style{{Picture: noise(3, 24, 17)}})
	if err != nil {
		t.Fatal(err)
	}
	if views, shares := p.views(); len(views) != 7 || shares[0] != 1.0/9 || shares[6] != 1.0/3 || len(targets) != 14 {
		t.Fatalf("views %v with shares %v, and %d targets", views, shares, len(targets))
	}
	for i, target := range targets[:7] {
		slow := func(h, w int, features [][]float64) [][]float64 {
			block := slices.Index(p.StyleLayers, target.Layer)
			h, w = h>>block, w>>block
			var cells [][]float64
			for y := 0; y+target.Cell <= h; y += target.Cell {
				for x := 0; x+target.Cell <= w; x += target.Cell {
					cell := make([]float64, len(features[0]))
					for k := range target.Cell * target.Cell {
						for c, v := range features[(y+k/target.Cell)*w+x+k%target.Cell] {
							cell[c] += v / float64(target.Cell*target.Cell)
						}
					}
					cells = append(cells, cell)
				}
			}
			return cells
		}
		value, mean := slowMoments(slow(height, width, f.features(t, f.x, target.Layer)))
		style, styleMean := slowMoments(slow(24, 17, f.features(t, noise(3, 24, 17), target.Layer)))
		want, wantMean := squaredDistance(value, style), squaredDistance(mean, styleMean)
		checkValue(t, f.evaluate(t, Covariance(target, 1)), progress.Term{Name: "style", Loss: want, Weighted: want})
		checkValue(t, f.evaluate(t, Mean(targets[7+i], 1)), progress.Term{Name: "style", Loss: wantMean, Weighted: wantMean})
	}
}

// TestShallowCells: a preset's cells are of sides that tiles do not cut, each once.
func TestShallowCells(t *testing.T) {
	for _, bad := range [][]int{{3}, {0}, {8}, {2, 2}} {
		p := Gouache()
		if p.ShallowCells = bad; p.Validate() == nil {
			t.Errorf("cells of %v are accepted", bad)
		}
	}
}
