package vgg

import (
	"fmt"
	"testing"
)

// TestCut checks for many sizes that windows own each pixel once, lie inside the picture, keep their margins, and end
// where the picture does.
func TestCut(t *testing.T) {
	for _, c := range []struct{ before, after, stride int }{{80, 96, 16}, {16, 16, 4}, {1, 1, 1}, {4, 8, 2}} {
		for n := 1; n < 1500; n += 7 {
			for _, side := range []int{0, 64, 200, 256, 333, 512} {
				spans, length := cut(n, side, c.before, c.after, c.stride)
				if spans == nil {
					if side >= c.before+c.after+2*c.stride {
						t.Fatalf("%+v: %d pixels in windows of %d were refused", c, n, side)
					}
					continue
				}
				if err := checkSpans(spans, n, length, c.before, c.after, c.stride); err != nil {
					t.Fatalf("%+v: %d pixels in windows of %d, %+v: %v", c, n, length, spans, err)
				}
				if side > 0 && length > side {
					t.Fatalf("%+v: %d pixels in windows of %d, at most %d expected", c, n, length, side)
				}
			}
		}
	}
}

func checkSpans(spans []span, n, length, before, after, stride int) error {
	next := 0
	for i, s := range spans {
		switch {
		case s.from != next || s.to <= s.from:
			return fmt.Errorf("window %d owns %d to %d, expected from %d on", i, s.from, s.to, next)
		case s.start%stride != 0 || (s.to%stride != 0 && s.to != n):
			return fmt.Errorf("window %d is not on the stride", i)
		case s.start < 0 || s.start+length > n:
			return fmt.Errorf("window %d reaches out of the picture", i)
		case s.start > 0 && s.from-s.start < before:
			return fmt.Errorf("window %d has %d pixels before its own", i, s.from-s.start)
		case s.start+length < n && s.start+length-s.to < after:
			return fmt.Errorf("window %d has %d pixels after its own", i, s.start+length-s.to)
		}
		next = s.to
	}
	if next != n {
		return fmt.Errorf("the windows end at %d", next)
	}
	return nil
}

// TestReach compares the margin with what a change of one pixel reaches, found by computing.
func TestReach(t *testing.T) {
	net := newNetwork(t, tinySet(2, 2, 2), AveragePooling)
	for i, name := range net.Layers() {
		r := net.reach(0, i, false)
		before, after, stride := r.before, r.after, r.stride
		const side = 96
		base := noise(side, side)
		at := featuresOf(t, net, base, side, name)
		shape := side / stride
		middle := shape / 2 // the feature that is looked at, in positions
		for offset, outside := range map[int]bool{-before - 1: true, stride + after: true, -1: false, stride: false} {
			x := append([]float32(nil), base...)
			row := middle*stride + offset
			for c := range 3 {
				for column := range side {
					x[(row*side+column)*3+c] += 50
				}
			}
			changed := featuresOf(t, net, x, side, name)
			channels := len(at) / (shape * shape)
			same := true
			for j := range shape * channels {
				same = same && at[middle*shape*channels+j] == changed[middle*shape*channels+j]
			}
			if outside && !same {
				t.Errorf("%s: a row %d pixels away changes the features, beyond the margin of %d and %d", name, offset, before, after)
			}
			if !outside && same {
				t.Errorf("%s: a row %d pixels away changes nothing", name, offset)
			}
		}
	}
}

// featuresOf returns the features of a square picture at a layer.
func featuresOf(t *testing.T, net *Network, pix []float32, side int, layer string) []float32 {
	t.Helper()
	x := tensor(pix, 1, side, side, 3)
	defer x.MustFinalizeAll()
	out, err := net.Features(x, layer)
	if err != nil {
		t.Fatal(err)
	}
	defer out[0].MustFinalizeAll()
	return flat(t, out[0])
}
