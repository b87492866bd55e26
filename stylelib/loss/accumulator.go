package loss

import (
	"github.com/gomlx/gomlx/core/tensors"
)

// accumulator adds up tensors on the host, in float64: rounding does not grow with the number of tiles.
type accumulator struct {
	sums   [][]float64
	shapes [][]int
}

// add adds a list of float32 tensors, each to the sum at its place, and frees them.
func (a *accumulator) add(list []*tensors.Tensor) error {
	first := a.sums == nil
	for i, t := range list {
		if first {
			a.sums = append(a.sums, make([]float64, t.Size()))
			a.shapes = append(a.shapes, t.Shape().Dimensions)
		}
		values, err := take(t)
		if err != nil {
			return err
		}
		for j, v := range values {
			a.sums[i][j] += float64(v)
		}
	}
	return nil
}

// tensors returns the sums rounded to float32. The caller finalizes them.
func (a *accumulator) tensors() []*tensors.Tensor {
	list := make([]*tensors.Tensor, len(a.sums))
	for i, sum := range a.sums {
		single := make([]float32, len(sum))
		for j, v := range sum {
			single[j] = float32(v)
		}
		list[i] = tensors.FromFlatDataAndDimensions(single, a.shapes[i]...)
	}
	return list
}

func finalize(list []*tensors.Tensor) {
	for _, t := range list {
		t.MustFinalizeAll()
	}
}
