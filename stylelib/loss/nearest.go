package loss

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/gouache-art/gouache/stylelib/vgg"
)

// Matching asks for features of paintings at each position of a picture: those where a painting looks
// most like it (Kolkin et al., "Neural neighbor style transfer", 2022, arXiv 2203.13215).
type Matching struct {
	Layers []string
	// Picture is what is matched, [1, height, width, 3]. Its features are mixed with those of Guide, a
	// picture of the same size, of which they are the given share, from 0 to 1. Guide may be nil for 0.
	Picture, Guide *tensors.Tensor
	Share          float64
	// Styles are the paintings. Each is matched as it is and rotated by 90, 180 and 270 degrees. One
	// with the weight zero takes no part, unless all are zero; the other weights do not matter. Of one
	// with a mask those cells take part that count by more than a half.
	Styles []Style
	// ByLayer matches each layer by itself, at each of its positions. Otherwise all layers are matched
	// together, in cells of 4×4 pixels.
	ByLayer bool
}

const (
	// cell is the side of the cells that layers are matched together in, in pixels, as in NNST. The
	// first scale, of 64 pixels, has 16×16 of them.
	cell = 4

	// The candidates are a sample of the paintings' cells, so that a search of a large picture takes
	// no more than maxProducts multiplications, unless that would leave fewer than minCandidates.
	maxCandidates = 1 << 14
	minCandidates = 1 << 12
	maxProducts   = 1 << 37

	// searchBytes bounds the memory of the products of one block of the search.
	searchBytes = 64 << 20
)

// StrokeTargets returns the features of the styles that match a picture, for [Strokes]: one target for each
// layer, shaped [1, h, w, channels]. Cells are compared by the cosine of their features, less the mean of
// the picture's or the paintings', each layer in proportion to its own energy.
//
// A cell of a layer that has several positions in it is copied whole; a layer whose positions are
// larger than cells gets the mean of those of its cells.
func StrokeTargets(net *vgg.Network, m Matching) ([]Target, error) {
	if len(m.Layers) == 0 {
		return nil, nil
	}
	var weights []float64
	for _, s := range m.Styles {
		weights = append(weights, s.Weight)
	}
	shares, err := Shares(weights)
	if err != nil {
		return nil, err
	}
	d := m.Picture.Shape().Dimensions
	query, err := m.query(net)
	if err != nil {
		return nil, err
	}
	groups, err := m.groups(net, d[1], d[2])
	if err != nil {
		return nil, err
	}
	sets := 0
	for i := range m.Styles {
		if shares[i] > 0 {
			sets += 4
		}
	}
	for i, style := range m.Styles {
		if shares[i] == 0 {
			continue
		}
		if err := style.eachRotation(func(rotated Style) error {
			features, err := hostFeatures(net, rotated.Picture, m.Layers)
			if err != nil {
				return err
			}
			var mask []float32
			if rotated.Mask != nil {
				if mask, err = tensors.CopyFlatData[float32](rotated.Mask); err != nil {
					return err
				}
			}
			for g := range groups {
				groups[g].collect(features, rotated.Picture.Shape().Dimensions, mask, sets)
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	targets := make([]Target, len(m.Layers))
	for _, g := range groups {
		if len(g.patches[0]) == 0 {
			return nil, errBlack
		}
		matches, err := g.match(net.Backend(), query)
		if err != nil {
			return nil, err
		}
		for i, layer := range g.layers {
			values := g.paint(i, query[layer], matches)
			t := Target{Layer: m.Layers[layer], Tensor: tensors.FromFlatDataAndDimensions(values, 1, query[layer].h, query[layer].w, query[layer].c)}
			for _, v := range values {
				t.Energy += float64(v) * float64(v)
			}
			targets[layer] = t
		}
	}
	return targets, nil
}

// featureMap holds a picture's features at one layer, on the host, row by row, the channels last.
type featureMap struct {
	h, w, c, stride int
	values          []float32
}

// at returns the features of the position nearest to row y and column x.
func (f featureMap) at(y, x int) []float32 {
	i := min(y, f.h-1)*f.w + min(x, f.w-1)
	return f.values[i*f.c:][:f.c]
}

func hostFeatures(net *vgg.Network, picture *tensors.Tensor, layers []string) ([]featureMap, error) {
	targets, err := ContentTargets(net, picture, layers...)
	if err != nil {
		return nil, err
	}
	maps := make([]featureMap, len(layers))
	for i, t := range targets {
		d := t.Tensor.Shape().Dimensions
		stride, err := net.Stride(layers[i])
		if err != nil {
			return nil, err
		}
		maps[i] = featureMap{h: d[1], w: d[2], c: d[3], stride: stride}
		if maps[i].values, err = toHost(t.Tensor); err != nil {
			return nil, err
		}
	}
	return maps, nil
}

// query returns the features that are matched.
func (m Matching) query(net *vgg.Network) ([]featureMap, error) {
	if m.Share == 0 {
		return hostFeatures(net, m.Picture, m.Layers)
	}
	if p, g := m.Picture.Shape().Dimensions, m.Guide.Shape().Dimensions; !slices.Equal(p, g) {
		return nil, fmt.Errorf("the guide is shaped %v and the picture that is matched %v: they must be alike", g, p)
	}
	guide, err := hostFeatures(net, m.Guide, m.Layers)
	if err != nil || m.Share == 1 {
		return guide, err
	}
	picture, err := hostFeatures(net, m.Picture, m.Layers)
	if err != nil {
		return nil, err
	}
	share := float32(m.Share)
	for i, f := range picture {
		for j, v := range f.values {
			f.values[j] = v + share*(guide[i].values[j]-v)
		}
	}
	return picture, nil
}

// eachRotation calls a function with the style turned by each multiple of 90 degrees, and frees what it turned.
func (s Style) eachRotation(do func(Style) error) error {
	if err := do(s); err != nil {
		return err
	}
	for turns := 1; turns < 4; turns++ {
		turned := s
		var err error
		if turned.Picture, err = rotated(s.Picture, turns); err != nil {
			return err
		}
		if s.Mask != nil {
			if turned.Mask, err = rotated(s.Mask, turns); err != nil {
				return err
			}
		}
		err = do(turned)
		_ = turned.Picture.FinalizeAll()
		if turned.Mask != nil {
			_ = turned.Mask.FinalizeAll()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// rotated returns a picture, [1, h, w, c], turned by a number of quarters.
func rotated(p *tensors.Tensor, quarters int) (*tensors.Tensor, error) {
	from, err := tensors.CopyFlatData[float32](p)
	if err != nil {
		return nil, err
	}
	d := p.Shape().Dimensions
	h, w, c := d[1], d[2], d[3]
	for range quarters {
		to := make([]float32, len(from))
		for y := range h {
			for x := range w {
				copy(to[((w-1-x)*h+y)*c:][:c], from[(y*w+x)*c:][:c])
			}
		}
		from, h, w = to, w, h
	}
	return tensors.FromFlatDataAndDimensions(from, 1, h, w, c), nil
}

// group is a number of layers that are matched together, in cells of one size, with what it has
// collected of the styles.
type group struct {
	layers []int // by their indices
	cell   int   // the side in pixels
	h, w   int   // the numbers of cells of the picture that is matched
	length int   // of a column
	// columns hold the candidates that are compared, one after the other, and patches, for each layer,
	// their features: as many positions as the cell has, row by row.
	columns []float32
	patches [][]float32
}

func (m Matching) groups(net *vgg.Network, height, width int) ([]group, error) {
	var groups []group
	for i, name := range m.Layers {
		stride, err := net.Stride(name)
		if err != nil {
			return nil, err
		}
		switch {
		case m.ByLayer:
			groups = append(groups, group{layers: []int{i}, cell: stride})
		case len(groups) == 0:
			groups = append(groups, group{layers: []int{i}, cell: cell})
		default:
			groups[0].layers = append(groups[0].layers, i)
		}
	}
	for i := range groups {
		g := &groups[i]
		g.h, g.w = (height+g.cell-1)/g.cell, (width+g.cell-1)/g.cell
		g.patches = make([][]float32, len(g.layers))
	}
	return groups, nil
}

// collect adds a sample of a style's cells to the candidates, of as many sets as there are.
func (g *group) collect(features []featureMap, size []int, mask []float32, sets int) {
	g.length = 0
	for _, layer := range g.layers {
		g.length += features[layer].c
	}
	most := maxProducts / (g.h * g.w * g.length)
	most = min(max(most, minCandidates), maxCandidates) / sets
	h, w := size[1]/g.cell, size[2]/g.cell // the whole ones
	cells := g.counting(h, w, size, mask)
	if len(cells) > most {
		random := rand.New(rand.NewPCG(1, uint64(len(cells))))
		random.Shuffle(len(cells), func(i, j int) { cells[i], cells[j] = cells[j], cells[i] })
		cells = cells[:most]
		slices.Sort(cells)
	}
	for _, i := range cells {
		y, x := i/w, i%w
		for k, layer := range g.layers {
			f := features[layer]
			n := max(1, g.cell/f.stride)
			row, column := y*g.cell/f.stride, x*g.cell/f.stride
			for p := range n * n {
				g.patches[k] = append(g.patches[k], f.at(row+p/n, column+p%n)...)
			}
		}
	}
	g.columns = g.appendColumns(g.columns, features, len(cells), func(i int) (y, x int) { return cells[i] / w, cells[i] % w })
}

// counting returns which of a style's h·w whole cells count: those of which more than half does. If a part is too small
// for that, they are those of which at least half as much counts as of the cell that has the most of it.
func (g *group) counting(h, w int, size []int, mask []float32) (cells []int) {
	least := float32(g.cell*g.cell) / 2
	over := func(mask []float32) {
		for i := range h * w {
			if mask == nil || covered(mask, size[2], i/w*g.cell, i%w*g.cell, g.cell) > least {
				cells = append(cells, i)
			}
		}
	}
	if over(mask); len(cells) == 0 && h*w > 0 {
		wide, most := onWhole(mask, size[1], size[2], g.cell), float32(0)
		for i := range h * w {
			most = max(most, covered(wide, size[2], i/w*g.cell, i%w*g.cell, g.cell))
		}
		least = most / 2
		over(wide)
	}
	return cells
}

// covered returns how many pixels of a cell count.
func covered(mask []float32, width, y, x, side int) (sum float32) {
	for dy := range side {
		for dx := range side {
			sum += mask[(y+dy)*width+x+dx]
		}
	}
	return sum
}

// appendColumns appends the features of n cells, those of a layer averaged over its positions in the cell.
func (g *group) appendColumns(columns []float32, features []featureMap, n int, at func(i int) (y, x int)) []float32 {
	start := len(columns)
	columns = slices.Grow(columns, n*g.length)[:start+n*g.length]
	parallel(n, func(i int) {
		y, x := at(i)
		column := columns[start+i*g.length:][:g.length]
		clear(column)
		for _, layer := range g.layers {
			f := features[layer]
			k := max(1, g.cell/f.stride)
			row, left := y*g.cell/f.stride, x*g.cell/f.stride
			for p := range k * k {
				for c, v := range f.at(row+p/k, left+p%k) {
					column[c] += v / float32(k*k)
				}
			}
			column = column[f.c:]
		}
	})
	return columns
}

// normalize subtracts the mean of columns, gives each layer's part the mean square one, and each column the length one.
func (g *group) normalize(columns []float32, features []featureMap) {
	n := len(columns) / g.length
	mean := make([]float64, g.length)
	square := make([]float64, g.length)
	for i := range n {
		for c, v := range columns[i*g.length:][:g.length] {
			mean[c] += float64(v) / float64(n)
			square[c] += float64(v) * float64(v) / float64(n)
		}
	}
	scale := make([]float32, g.length)
	at := 0
	for _, layer := range g.layers {
		c := features[layer].c
		var energy float64
		for i := at; i < at+c; i++ {
			energy += max(0, square[i]-mean[i]*mean[i])
		}
		for i := at; i < at+c; i++ {
			scale[i] = float32(1 / math.Sqrt(max(energy, 1e-12)))
		}
		at += c
	}
	parallel(n, func(i int) {
		column := columns[i*g.length:][:g.length]
		for c := range column {
			column[c] = (column[c] - float32(mean[c])) * scale[c]
		}
		v := blas32.Vector{N: len(column), Inc: 1, Data: column}
		if norm := blas32.Nrm2(v); norm > 0 {
			blas32.Scal(1/norm, v)
		}
	})
}

// match returns the candidate that is most like each cell of the picture.
func (g *group) match(b compute.Backend, query []featureMap) ([]int32, error) {
	columns := g.appendColumns(nil, query, g.h*g.w, func(i int) (y, x int) { return i / g.w, i % g.w })
	g.normalize(columns, query)
	g.normalize(g.columns, query)
	return nearest(b, columns, g.columns, g.length, searchBytes/4/max(1, len(g.columns)/g.length))
}

// nearest returns, for each of some columns, the index of that candidate with which it has the greatest product.
// Both are matrices with rows of a length. The products are computed on the device,
// for a block of columns at a time.
func nearest(b compute.Backend, columns, candidates []float32, length, block int) ([]int32, error) {
	n, m := len(columns)/length, len(candidates)/length
	block = max(1, min(n, block))
	exec, err := graph.NewExec(b, func(q, c *graph.Node) *graph.Node {
		products := graph.Dot(q, c).EinsumAxes([][2]int{{1, 1}}, nil)
		products.AssertDims(block, m)
		return graph.ArgMax(products, 1)
	})
	if err != nil {
		return nil, fmt.Errorf("searching for strokes: %w", err)
	}
	defer exec.Finalize()
	all := tensors.FromFlatDataAndDimensions(candidates, m, length)
	defer all.FinalizeAll()
	list := make([]int32, 0, n)
	for from := 0; from < n; from += block {
		from = min(from, n-block) // the last block overlaps the one before
		q := tensors.FromFlatDataAndDimensions(columns[from*length:][:block*length], block, length)
		out, err := exec.Call(q, all)
		q.FinalizeAll()
		if err != nil {
			return nil, fmt.Errorf("searching for strokes: %w", err)
		}
		found, err := tensors.CopyFlatData[int32](out[0])
		out[0].FinalizeAll()
		if err != nil {
			return nil, fmt.Errorf("searching for strokes: %w", err)
		}
		list = append(list[:from], found...)
	}
	return list, nil
}

// paint returns the features of the matches at the group's i-th layer, for a picture that has such features.
func (g *group) paint(i int, like featureMap, matches []int32) []float32 {
	values := make([]float32, like.h*like.w*like.c)
	n := max(1, g.cell/like.stride)     // positions along a cell
	cells := max(1, like.stride/g.cell) // cells along a position
	patch := func(y, x int) []float32 {
		match := int(matches[min(y, g.h-1)*g.w+min(x, g.w-1)])
		return g.patches[i][match*n*n*like.c:][:n*n*like.c]
	}
	parallel(like.h, func(y int) {
		for x := range like.w {
			to := values[(y*like.w+x)*like.c:][:like.c]
			for k := range cells * cells {
				from := patch(y*cells/n+k/cells, x*cells/n+k%cells)[(y%n*n+x%n)*like.c:][:like.c]
				for c, v := range from {
					to[c] += v / float32(cells*cells)
				}
			}
		}
	})
	return values
}

// parallel calls a function with each number below n, on all cores.
func parallel(n int, do func(i int)) {
	workers := min(runtime.GOMAXPROCS(0), n)
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for i := w * n / workers; i < (w+1)*n/workers; i++ {
				do(i)
			}
		})
	}
	group.Wait()
}
