package stylelib

import (
	"bytes"
	"slices"
	"testing"

	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/stylelib/vgg/conv"
)

// TestRefine: products in bfloat16 do not end a painting before it is done: where their rounding hides what could still
// be gained, the scale continues in float32. A run that is resumed after that is the same to the byte.
func TestRefine(t *testing.T) {
	job := tinyJob(t)
	job.Scales, job.Size, job.Iterations = 1, 64, 400
	var files [][]byte
	var from []int
	paint := func(precision conv.Precision, resumed *Checkpoint, each func(progress.Iteration)) *progress.Result {
		t.Helper()
		s := NewStudio(device, tiny().weights, Options{Precision: precision})
		defer s.Close()
		result, err := s.Resume(t.Context(), job, resumed, &recorder{each: each})
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	exact := paint(conv.Float32, nil, nil)
	rounded := paint(conv.BFloat16, nil, func(i progress.Iteration) {
		if i.Iteration%20 != 0 {
			return
		}
		var file bytes.Buffer
		if err := i.Checkpoint(&file); err != nil {
			t.Error(err)
		}
		if c := readBack(t, file.Bytes()); c.head.Refined {
			from = append(from, i.Iteration)
			files = append(files, bytes.Clone(file.Bytes()))
		}
	})
	t.Logf("float32: %d iterations to %v; bfloat16: %d to %v, refined at %v", exact.Iterations, exact.Total, rounded.Iterations, rounded.Total, from)
	if len(files) == 0 {
		t.Fatal("the painting was never refined: choose a longer one")
	}
	if rounded.Total > 1.01*exact.Total {
		t.Errorf("the total is %v in the end, in float32 %v", rounded.Total, exact.Total)
	}
	for _, file := range [][]byte{files[0], files[len(files)-1]} {
		if again := paint(conv.BFloat16, readBack(t, file), nil); !slices.Equal(again.Picture.Pix, rounded.Picture.Pix) || again.Evaluations != rounded.Evaluations {
			t.Errorf("resumed, it is another picture, after %d evaluations in place of %d", again.Evaluations, rounded.Evaluations)
		}
	}
}
