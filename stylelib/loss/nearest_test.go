package loss

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/vgg"
)

// slowMap is a layer's features, [row][column][channel].
type slowMap struct {
	stride int
	at     [][][]float64
}

func slowMaps(t *testing.T, f *fixture, x *tensors.Tensor, layers []string) (maps []slowMap) {
	t.Helper()
	for i, layer := range layers {
		stride := 1 << i
		width := x.Shape().Dimensions[2] / stride
		maps = append(maps, slowMap{stride, slices.Collect(slices.Chunk(f.features(t, x, layer), width))})
	}
	return maps
}

// cell returns the features of a layer in the cell at row y and column x, one position after the other. Beyond the last
// position, they are repeated.
func (m slowMap) cell(side, y, x int) (positions [][]float64) {
	n := max(1, side/m.stride)
	for dy := range n {
		for dx := range n {
			row := min(y*side/m.stride+dy, len(m.at)-1)
			positions = append(positions, m.at[row][min(x*side/m.stride+dx, len(m.at[row])-1)])
		}
	}
	return positions
}

// slowColumns returns, for some cells, the mean features of each layer side by side, less their mean over the cells, each
// layer over its own deviation, and each column over its length.
func slowColumns(maps []slowMap, side int, cells [][3]int, of func(picture int) []slowMap) [][]float64 {
	columns := make([][]float64, len(cells))
	for l := range maps {
		var means [][]float64
		for _, c := range cells {
			positions := of(c[0])[l].cell(side, c[1], c[2])
			mean := make([]float64, len(positions[0]))
			for _, p := range positions {
				for i, v := range p {
					mean[i] += v / float64(len(positions))
				}
			}
			means = append(means, mean)
		}
		covariance, centre := slowMoments(means)
		var variance float64
		for i := range covariance {
			variance += covariance[i][i]
		}
		for k, mean := range means {
			for i, v := range mean {
				columns[k] = append(columns[k], (v-centre[0][i])/math.Sqrt(variance))
			}
		}
	}
	for _, c := range columns {
		length := 0.0
		for _, v := range c {
			length += v * v
		}
		for i := range c {
			c[i] /= math.Sqrt(length)
		}
	}
	return columns
}

// TestStrokeTargets compares the matches with those of a slow search, for layers together and each by itself, with a
// painting that is masked and one that takes no part.
func TestStrokeTargets(t *testing.T) {
	f := newFixture(t)
	layers := []string{"block1_conv1", "block2_conv1", "block3_conv1"}
	const styleHeight, styleWidth = 26, 17
	mask := make([]float32, styleHeight*styleWidth) // the lower part counts
	for i := range mask {
		if i >= 12*styleWidth {
			mask[i] = 1
		}
	}
	guide, style := noise(2, height, width), noise(3, styleHeight, styleWidth)
	for _, byLayer := range []bool{false, true} {
		targets, err := StrokeTargets(f.net, Matching{
			Layers: layers, Picture: f.x, Guide: guide, Share: 0.25, ByLayer: byLayer,
			Styles: []Style{{Picture: style, Weight: 2, Mask: maskTensor64(mask, styleHeight, styleWidth)}, {Picture: noise(9, 20, 20)}},
		})
		if err != nil {
			t.Fatal(err)
		}
		query := slowMaps(t, f, f.x, layers)
		for l, m := range slowMaps(t, f, guide, layers) {
			for y := range m.at {
				for x := range m.at[y] {
					for c, v := range m.at[y][x] {
						query[l].at[y][x][c] += 0.25 * (v - query[l].at[y][x][c])
					}
				}
			}
		}
		var paintings [][]slowMap
		var masks [][]float32
		for quarters := range 4 {
			turned, err := rotated(style, quarters)
			if err != nil {
				t.Fatal(err)
			}
			turnedMask, err := rotated(maskTensor64(mask, styleHeight, styleWidth), quarters)
			if err != nil {
				t.Fatal(err)
			}
			paintings, masks = append(paintings, slowMaps(t, f, turned, layers)), append(masks, flat(t, turnedMask))
		}
		groups := [][]int{{0, 1, 2}}
		if byLayer {
			groups = [][]int{{0}, {1}, {2}}
		}
		for _, group := range groups {
			side := 4
			if byLayer {
				side = 1 << group[0]
			}
			pick := func(maps []slowMap) (list []slowMap) {
				for _, l := range group {
					list = append(list, maps[l])
				}
				return list
			}
			var cells, candidates [][3]int
			for y := range (height + side - 1) / side {
				for x := range (width + side - 1) / side {
					cells = append(cells, [3]int{0, y, x})
				}
			}
			for q := range paintings {
				h, w := styleHeight, styleWidth
				if q%2 == 1 {
					h, w = w, h
				}
				for y := range h / side {
					for x := range w / side {
						var counts float32
						for i := range side * side {
							counts += masks[q][(y*side+i/side)*w+x*side+i%side]
						}
						if counts > float32(side*side)/2 {
							candidates = append(candidates, [3]int{q, y, x})
						}
					}
				}
			}
			ours := slowColumns(pick(query), side, cells, func(int) []slowMap { return pick(query) })
			theirs := slowColumns(pick(query), side, candidates, func(q int) []slowMap { return pick(paintings[q]) })
			wide := (width + side - 1) / side
			matches := make([][3]int, len(ours))
			for i, a := range ours {
				best := math.Inf(-1)
				for j, b := range theirs {
					var product float64
					for c := range a {
						product += a[c] * b[c]
					}
					if product > best {
						best, matches[i] = product, candidates[j]
					}
				}
			}
			for _, l := range group {
				got := rows(flat(t, targets[l].Tensor), len(query[l].at[0][0][:]))
				stride := 1 << l
				w := width / stride
				var energy float64
				wrong := 0
				for p, row := range got {
					y, x := p/w, p%w
					n := max(1, side/stride)
					match := matches[y/n*wide+x/n]
					want := paintings[match[0]][l].cell(side, match[1], match[2])[y%n*n+x%n]
					if squaredDistance([][]float64{row}, [][]float64{want}) > 1e-6*slowGram([][]float64{want})[0][0]+1e-3 {
						wrong++
					}
					for _, v := range row {
						energy += v * v
					}
				}
				if wrong > 0 {
					t.Errorf("by layer %v: %d of %d positions of %s have other features than those of the best match", byLayer, wrong, len(got), layers[l])
				}
				if math.Abs(energy-targets[l].Energy) > 1e-5*energy {
					t.Errorf("the energy is %v, want %v", targets[l].Energy, energy)
				}
			}
		}
	}
}

func maskTensor64(mask []float32, height, width int) *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(mask, 1, height, width, 1)
}

// TestStrokesOfItself: a picture is matched to itself, also where a layer's positions are larger than the cells, and
// whatever the blocks of the search.
func TestStrokesOfItself(t *testing.T) {
	net := newNetwork(t, tinySet(), vgg.MaxPooling)
	layers := []string{"block1_conv1", "block3_conv1", "block4_conv1"}
	x := noise(7, 64, 48)
	own, err := ContentTargets(net, x, layers...)
	if err != nil {
		t.Fatal(err)
	}
	for _, byLayer := range []bool{false, true} {
		matched, err := StrokeTargets(net, Matching{Layers: layers, Picture: x, Styles: []Style{{Picture: x}}, ByLayer: byLayer})
		if err != nil {
			t.Fatal(err)
		}
		for i := range layers {
			got, want := flat(t, matched[i].Tensor), flat(t, own[i].Tensor)
			var apart float64
			for j := range want {
				apart += float64((got[j] - want[j]) * (got[j] - want[j]))
			}
			// A cosine of few channels, in float32, takes some others of the same direction for the same: 1e-3.
			if apart > 1e-2*own[i].Energy {
				t.Errorf("by layer %v: %s is %v of its energy from itself", byLayer, layers[i], apart/own[i].Energy)
			}
		}
	}
}

// TestCellsThatCount: of a part that covers half of no cell, the cells with the most of it count.
func TestCellsThatCount(t *testing.T) {
	const height, width = 10, 9 // two by two cells of four pixels, and what is beyond them
	for name, c := range map[string]struct {
		counts func(y, x int) bool
		want   []int
	}{
		"all":         {func(y, x int) bool { return true }, []int{0, 1, 2, 3}},
		"the left":    {func(y, x int) bool { return x < 3 }, []int{0, 2}},
		"a corner":    {func(y, x int) bool { return y == 9 && x == 8 }, []int{3}},
		"the bottom":  {func(y, x int) bool { return y == 9 }, []int{2, 3}},
		"a thin line": {func(y, x int) bool { return x == 1 && y > 0 }, []int{0, 2}},
		"nothing":     {func(y, x int) bool { return false }, nil},
	} {
		mask := make([]float32, height*width)
		for i := range mask {
			if c.counts(i/width, i%width) {
				mask[i] = 1
			}
		}
		if got := (&group{cell: 4}).counting(2, 2, []int{1, height, width, 3}, mask); !slices.Equal(got, c.want) {
			t.Errorf("%s: cells %v, want %v", name, got, c.want)
		}
	}
}

func TestStrokeTargetsMistakes(t *testing.T) {
	f := newFixture(t)
	x, empty := noise(3, 24, 17), maskTensor64(make([]float32, 24*17), 24, 17)
	for says, m := range map[string]Matching{
		"no style picture given": {},
		"no part of a style":     {Styles: []Style{{Picture: x, Mask: empty}}},
		"must be alike":          {Styles: []Style{{Picture: x}}, Guide: noise(1, 20, 20), Share: 0.5},
		"block9":                 {Styles: []Style{{Picture: x}}, Layers: []string{"block9_conv1"}},
	} {
		m.Picture = f.x
		if m.Layers == nil {
			m.Layers = []string{"block2_conv1"}
		}
		if _, err := StrokeTargets(f.net, m); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v does not mention %q", err, says)
		}
	}
}

// TestNearestInBlocks: the blocks of the search do not show, the last of which overlaps the one before.
func TestNearestInBlocks(t *testing.T) {
	const length, candidates = 3, 4
	columns := flat(t, noise(1, 1, 23))
	for i := range columns {
		columns[i] -= 128
	}
	for _, block := range []int{1, 4, 7, 23, 40} {
		got, err := nearest(device, columns, columns[:candidates*length], length, block)
		if err != nil {
			t.Fatal(err)
		}
		var want []int32
		for i := range 23 {
			best, at := float32(math.Inf(-1)), 0
			for j := range candidates {
				var product float32
				for k := range length {
					product += columns[i*length+k] * columns[j*length+k]
				}
				if product > best {
					best, at = product, j
				}
			}
			want = append(want, int32(at))
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("in blocks of %d: %v, want %v", block, got, want)
		}
	}
}
