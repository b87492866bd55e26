package stylelib

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"math"
	"slices"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/picture"
)

// protection is how much more the content counts where [Job.Protect] is 1.
const protection = 4

// region is a part of the picture, and the styles that paint it.
type region struct {
	mask   *picture.Mask // of the size of the picture that is optimised; nil for all of it
	share  float64       // of the picture's area
	styles []Style
	of     []int // the styles' indices among all
}

// regionsOf returns the regions of styles whose masks have one size. Styles with the same mask share a region; those
// without one share what the others leave, unless that is nothing. Where regions overlap, each counts less, so that all
// together count one.
func regionsOf(styles []Style) []region {
	var list []region
	for k, s := range styles {
		i := slices.IndexFunc(list, func(r region) bool { return r.mask.Equal(s.Region) })
		if i < 0 {
			i, list = len(list), append(list, region{mask: s.Region, share: 1})
		}
		list[i].styles, list[i].of = append(list[i].styles, s), append(list[i].of, k)
	}
	first := slices.IndexFunc(list, func(r region) bool { return r.mask != nil })
	if first < 0 {
		return list
	}
	size := list[first].mask
	total := make([]float32, len(size.Values))
	for _, r := range list {
		if r.mask != nil {
			for i, v := range r.mask.Values {
				total[i] += v
			}
		}
	}
	for k := range list {
		r, own := &list[k], &picture.Mask{Width: size.Width, Height: size.Height, Values: make([]float32, len(total))}
		for i, sum := range total {
			switch {
			case r.mask == nil:
				own.Values[i] = max(0, 1-sum)
			default:
				own.Values[i] = r.mask.Values[i] / max(1, sum)
			}
		}
		r.mask, r.share = own, own.Mean()
	}
	return slices.DeleteFunc(list, func(r region) bool { return r.share == 0 })
}

// shares returns how much each of the styles of all regions counts in the whole picture. They sum to one, and are nil if
// there are no styles.
func shares(list []region) (styles []Style, shares []float64) {
	var sum float64
	for _, r := range list {
		var weights []float64
		for _, s := range r.styles {
			weights = append(weights, s.Weight)
		}
		own, err := loss.Shares(weights)
		if err != nil {
			return nil, nil // the job was checked
		}
		for i, s := range r.styles {
			styles, shares = append(styles, s), append(shares, own[i]*r.share)
			sum += shares[len(shares)-1]
		}
	}
	for i := range shares {
		shares[i] /= sum
	}
	return styles, shares
}

// on returns the targets of the region's styles for the region alone, with its mask on the device, or nil for all.
func (r region) on(mask *tensors.Tensor, targets []loss.Target) []loss.Target {
	targets = slices.Clone(targets) // which others use, too
	for i := range targets {
		targets[i].Mask, targets[i].Share = mask, r.share
	}
	return targets
}

// maskTensor returns a mask's values, each as value has it.
func maskTensor(m *picture.Mask, value func(float32) float32) *tensors.Tensor {
	values := make([]float32, len(m.Values))
	for i, v := range m.Values {
		values[i] = value(v)
	}
	return tensors.FromFlatDataAndDimensions(values, 1, m.Height, m.Width, 1)
}

// withMasks replaces the masks of the result, each by what fit returns.
func (j *Job) withMasks(fit func(*picture.Mask) *picture.Mask) {
	for i, s := range j.Styles {
		if s.Region != nil {
			j.Styles[i].Region = fit(s.Region)
		}
	}
	if j.Protect != nil {
		j.Protect = fit(j.Protect)
	}
}

// regionsAt returns the regions of styles with masks of a size.
func (j Job) regionsAt(styles []Style, width, height int) []region {
	j.Styles, j.Protect = slices.Clone(styles), nil
	j.withMasks(func(m *picture.Mask) *picture.Mask { return m.Resize(width, height) })
	return regionsOf(j.Styles)
}

// mirroredMask does for a mask what mirrored does for a picture.
func (s *stage) mirroredMask(m *picture.Mask) *picture.Mask {
	margin := s.run.job.Preset.Margin
	inner := m.Resize(s.width-2*margin, s.height-2*margin)
	out := &picture.Mask{Width: s.width, Height: s.height, Values: make([]float32, 0, s.width*s.height)}
	for y := range s.height {
		row := inner.Values[inner.Width*mirror(y-margin, inner.Height):][:inner.Width]
		for x := range s.width {
			out.Values = append(out.Values, row[mirror(x-margin, inner.Width)])
		}
	}
	return out
}

// masked returns a picture's alpha times a mask of the same picture at any size.
func masked(p *picture.Picture, part *picture.Mask) []float32 {
	alpha := part.Resize(p.Width, p.Height).Values
	for i := range alpha {
		alpha[i] *= 255
		if p.Alpha != nil {
			alpha[i] *= p.Alpha[i] / 255
		}
	}
	return alpha
}

// checkMasks returns an error for a mask that chooses nothing, or that has another shape than its picture.
func (j Job) checkMasks() error {
	for i, s := range j.Styles {
		if s.Region != nil {
			if err := s.Region.Check(j.Content); err != nil {
				return fmt.Errorf("the region of style %d %w", i+1, err)
			}
		}
		if s.Part != nil {
			if err := s.Part.Check(s.Picture); err != nil {
				return fmt.Errorf("the part of style %d %w", i+1, err)
			}
		}
	}
	if j.Protect != nil {
		if err := j.Protect.Check(j.Content); err != nil {
			return fmt.Errorf("the mask of what is protected %w", err)
		}
	}
	return nil
}

// errNothingLeft is the error for regions that leave nothing for a style without one.
var errNothingLeft = errors.New("the regions leave nothing of the picture for the style without one: leave that style out, or make the regions smaller")

// checkLeft returns an error if a style has nothing to paint.
func checkLeft(styles []Style, list []region) error {
	n := 0
	for _, r := range list {
		n += len(r.styles)
	}
	if n < len(styles) {
		return errNothingLeft
	}
	return nil
}

// The coverage of a picture by its regions is measured at coverageSide pixels. It is worth a warning from
// leastUncovered on: masks with soft edges leave a little between them.
const (
	coverageSide   = 128
	leastUncovered = 0.02
)

// uncovered returns a warning if no style paints a part of the picture.
func (j Job) uncovered() error {
	if j.Content == nil || len(j.Styles) == 0 || slices.ContainsFunc(j.Styles, func(s Style) bool { return s.Region == nil }) || j.checkMasks() != nil {
		return nil
	}
	w, h := j.Content.FitLonger(coverageSide)
	left := 1.0
	for _, r := range j.regionsAt(j.Styles, w, h) {
		left -= r.share
	}
	if left < leastUncovered {
		return nil
	}
	return fmt.Errorf("no style paints %d %% of the picture, which stay a photograph: add a style without a region, or make the regions larger",
		int(math.Round(100*left)))
}

// masks returns all the job's masks.
func (j Job) masks() (list []*picture.Mask) {
	add := func(m *picture.Mask) {
		if m != nil {
			list = append(list, m)
		}
	}
	for _, s := range j.Styles {
		add(s.Region)
		add(s.Part)
	}
	add(j.Protect)
	return list
}

// hashMask adds a mask to a hash, if there is one.
func hashMask(h hash.Hash, role string, m *picture.Mask) {
	if m == nil {
		return
	}
	fmt.Fprintf(h, "%s %d×%d\n", role, m.Width, m.Height)
	_ = binary.Write(h, binary.LittleEndian, m.Values) // a hash takes all
}
