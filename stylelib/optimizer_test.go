package stylelib

import (
	"maps"
	"math"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/adam"
	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/optimize"
	"github.com/gouache-art/gouache/stylelib/progress"
)

// TestResumeAdam: a painting with averaged iterates resumes to the byte. The moments go from scale to scale, and the
// picture stays in its range.
func TestResumeAdam(t *testing.T) {
	job := tinyJob(t)
	job.Size, job.Iterations, job.Scales = 64, 6, 2
	job.Preset.Optimizer, job.Preset.Averaging = optimize.Adam, 0.9
	files := checkResume(t, job)
	for at, file := range files {
		c := readBack(t, file)
		moments, err := c.state.(*adam.State).Moments()
		if err != nil {
			t.Fatal(err)
		}
		if at == 3 { // the first iteration of the second scale
			checkMoments(t, moments)
		}
		moments.Free()
		if moments.Steps != at+1 {
			t.Errorf("iteration %d of both scales: the moments are of %d steps", at+1, moments.Steps)
		}
		p, err := c.Picture()
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range p.Pix {
			if !(v >= 0 && v <= 255) {
				t.Fatalf("iteration %d: a grey level of %v", at+1, v)
			}
		}
	}
}

// checkMoments: where a step was made from resized moments, it was no longer than a few step sizes.
func checkMoments(t *testing.T, moments *adam.Moments) {
	t.Helper()
	first, second := tensors.MustCopyFlatData[float32](moments.First), tensors.MustCopyFlatData[float32](moments.Second)
	var longest float64
	for i, m := range first {
		corrected := float64(second[i]) / (1 - math.Pow(0.99, float64(moments.Steps)))
		longest = max(longest, math.Abs(float64(m))/(1-math.Pow(0.9, float64(moments.Steps)))/math.Sqrt(corrected))
	}
	if !(longest < 4) {
		t.Errorf("a step of %v step sizes", longest)
	}
}

// TestAdamPaints: it lowers the objective, though not at each step.
func TestAdamPaints(t *testing.T) {
	job := tinyJob(t)
	job.Size, job.Iterations, job.Scales = 64, 20, 1
	if err := job.Set(map[string]any{"optimizer": "adam"}); err != nil {
		t.Fatal(err)
	}
	var first float64
	result, err := tiny().Stylize(t.Context(), job, &recorder{each: func(i progress.Iteration) {
		if i.Iteration == 1 {
			first = i.Total
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if result.Iterations != 20 || result.Evaluations != 20 || !(result.Total < 0.8*first) {
		t.Errorf("%d iterations and %d evaluations: from %v to %v", result.Iterations, result.Evaluations, first, result.Total)
	}
}

// TestSetOptimizer: another optimiser does not take over the step and the average of the preset's.
func TestSetOptimizer(t *testing.T) {
	for _, c := range []struct {
		values, want map[string]any
	}{
		{map[string]any{}, map[string]any{"optimizer": "lbfgs", "step_size": 1.0, "averaging": 0.0}},
		{map[string]any{"optimizer": "adam"}, map[string]any{"optimizer": "adam", "step_size": 5.1, "averaging": 0.0}},
		{map[string]any{"optimizer": "adam", "step-size": 2, "averaging": 0.9}, map[string]any{"optimizer": "adam", "step_size": 2.0, "averaging": 0.9}},
	} {
		job := tinyJob(t)
		if err := job.Set(c.values); err != nil {
			t.Fatal(err)
		}
		got := job.Settings()
		maps.DeleteFunc(got, func(name string, _ any) bool { return c.want[name] == nil })
		if !maps.Equal(got, c.want) || job.Check() != nil {
			t.Errorf("%v gives %v, want %v; %v", c.values, got, c.want, job.Check())
		}
	}
	job := tinyJob(t)
	job.Preset = loss.Gouache()
	job.Preset.Optimizer, job.Preset.StepSize, job.Preset.Averaging = optimize.Adam, 3, 0.99
	if err := job.Set(map[string]any{"optimizer": "lbfgs"}); err != nil || job.Settings()["step_size"] != 1.0 || job.Check() != nil {
		t.Errorf("%v, %v, %v", job.Settings(), err, job.Check())
	}
	for want, values := range map[string]map[string]any{
		`did you mean "adam"?`:  {"optimizer": "adma"},
		"averaging is for adam": {"averaging": 0.9},
		"averaging is 1":        {"optimizer": "adam", "averaging": 1},
		"step-size is 0":        {"step_size": 0},
	} {
		job := tinyJob(t)
		err := job.Set(values)
		if err == nil {
			err = job.Check()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, expected one about %q", values, err, want)
		}
	}
}
