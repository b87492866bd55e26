package stylelib

import (
	"bytes"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/stylelib/optimize"
	"github.com/gouache-art/gouache/stylelib/progress"
)

// TestRetune: weights that an observer changes hold from the next iteration on, at later scales too, and a run that is
// resumed has them: it ends at the same bytes.
func TestRetune(t *testing.T) {
	for _, method := range []optimize.Method{optimize.LBFGS, optimize.Adam} {
		t.Run(string(method), func(t *testing.T) {
			job := tinyJob(t)
			job.Preset.Optimizer = method
			var files [][]byte
			r := &recorder{each: func(i progress.Iteration) {
				if i.Iteration == 3 {
					if err := i.Retune(map[string]float64{"style_weight": 30, "freedom": 0.7}); err != nil {
						t.Error(err)
					}
				}
				var file bytes.Buffer
				if err := i.Checkpoint(&file); err != nil {
					t.Error(err)
				}
				files = append(files, file.Bytes())
			}}
			whole, err := tiny().Stylize(t.Context(), job, r)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range r.iterations {
				style := i.Terms[slices.IndexFunc(i.Terms, func(t progress.Term) bool { return t.Name == "style" })]
				want := 3.0
				if i.Iteration > 3 {
					want = 30
				}
				if got := style.Weighted / style.Loss; math.Abs(got/want-1) > 1e-6 {
					t.Errorf("iteration %d has the style weight %v, want %v", i.Iteration, got, want)
				}
			}
			want := progress.Change{Iteration: 3, Weights: map[string]float64{"style_weight": 30, "freedom": 0.7}}
			if len(r.changes) != 1 || r.changes[0].Iteration != 3 || !maps.Equal(r.changes[0].Weights, want.Weights) {
				t.Errorf("the changes are %+v, want %+v", r.changes, want)
			}
			for at := 4; at <= len(files); at += 3 {
				result, err := tiny().Resume(t.Context(), job, readBack(t, files[at-1]), nil)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(result.Picture.Pix, whole.Picture.Pix) || result.Total != whole.Total {
					t.Errorf("resumed after iteration %d: another picture, of %v, want %v", at, result.Total, whole.Total)
				}
			}
		})
	}
}

// TestRetuneRefused: what cannot be changed says so, and changes nothing.
func TestRetuneRefused(t *testing.T) {
	job := tinyJob(t)
	job.Preset.ContentLayers = []string{"block2_conv1", "block4_conv1"}
	var straight, r recorder
	if _, err := tiny().Stylize(t.Context(), job, &straight); err != nil {
		t.Fatal(err)
	}
	r.each = func(i progress.Iteration) {
		for _, c := range []struct {
			name string
			v    float64
			says string
		}{
			{"style_wieght", 1, `did you mean "style_weight"`},
			{"size", 64, "unknown weight"},
			{"style_weight", -1, "style-weight"},
			{"tone_weight", 0, "cannot begin or end"},
			{"freedom", 1, "cannot begin or end"},
		} {
			if err := i.Retune(map[string]float64{c.name: c.v}); !errors.Is(err, ErrJob) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s %v: error %v does not mention %q", c.name, c.v, err, c.says)
			}
		}
	}
	if _, err := tiny().Stylize(t.Context(), job, &r); err != nil {
		t.Fatal(err)
	}
	if r.result.Total != straight.result.Total || len(r.changes) > 0 {
		t.Errorf("the total is %v, without the attempts %v; changes %v", r.result.Total, straight.result.Total, r.changes)
	}
}
