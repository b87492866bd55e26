package stylelib

import (
	"slices"
	"sync"
	"testing"
)

// TestJobsShare: jobs of one studio, beside each other, paint what they paint alone, and compile and compute together what
// they have in common.
func TestJobsShare(t *testing.T) {
	job := tinyJob(t)
	job.Size, job.Scales = 64, 2
	var jobs []Job
	for _, weight := range []float64{1, 9} {
		for _, falloff := range []float64{0.25, 0.5} {
			j := job
			j.Preset.StyleWeight, j.Preset.StyleFalloff = weight, falloff
			jobs = append(jobs, j)
		}
	}
	together := NewStudio(device, tiny().weights, Options{})
	var wait sync.WaitGroup
	for i, j := range jobs {
		own := NewStudio(device, tiny().weights, Options{})
		alone, err := own.Stylize(t.Context(), j, nil)
		if err != nil {
			t.Fatal(err)
		}
		own.Close()
		wait.Go(func() {
			result, err := together.Stylize(t.Context(), j, nil)
			if err != nil {
				t.Error(err)
				return
			}
			if !slices.Equal(result.Picture.Pix, alone.Picture.Pix) {
				t.Errorf("job %d paints another picture beside others", i)
			}
		})
	}
	wait.Wait()
	if o, n := together.objectives.Len(), together.targets.Len(); o != job.Scales || n != 2*job.Scales {
		t.Errorf("%d objectives and %d targets of %d scales", o, n, job.Scales)
	}
	together.targets.Close()
	if together.targets.Len() != 0 {
		t.Error("a target is still in use")
	}
}
