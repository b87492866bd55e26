package main

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/vgg/conv"
	"github.com/gouache-art/gouache/weights"
)

// newWorker returns the contender Gouache with a problem of the least size that a job may have.
func newWorker(t *testing.T) *gouache {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir()) // for the choice of convolutions
	file := filepath.Join(t.TempDir(), "random.safetensors")
	if err := weights.WriteSafetensors(file, weights.Random(weights.VGG16, seed)); err != nil {
		t.Fatal(err)
	}
	p, err := samplePictures(64)
	if err != nil {
		t.Fatal(err)
	}
	q, err := writeProblem(t.TempDir(), file, weights.VGG16, backend.CPU, p)
	if err != nil {
		t.Fatal(err)
	}
	g, err := newGouache(t.Context(), q, conv.Float32)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.studio.Close)
	return g
}

func TestWorker(t *testing.T) {
	g := newWorker(t)
	at := func(t *testing.T, picture string) float64 {
		t.Helper()
		a, err := g.gradient(request{Side: 64, Picture: picture, File: g.problem.path("gradient.f32")})
		if err != nil {
			t.Fatal(err)
		}
		return a.Loss
	}
	// An objective that is evaluated in another way, as in a painting, may round otherwise.
	same := func(a, b float64) bool { return math.Abs(a-b) <= 1e-5*b }

	t.Run("evaluate", func(t *testing.T) {
		a, err := g.evaluate(request{Times: 2})
		if want := at(t, g.problem.start()); err != nil || !same(a.Loss, want) {
			t.Errorf("the loss is %v, expected %v; %v", a.Loss, want, err)
		}
	})
	// The picture has the loss that is asked for after some iterations, all planned or not.
	content := at(t, g.problem.path(g.problem.Pictures[contentPicture]))
	for name, planned := range map[string]int{"paint": 40, "paint on": 2} {
		t.Run(name, func(t *testing.T) {
			painted := g.problem.path("painted.f32")
			a, err := g.paint(t.Context(), request{Times: planned, More: 40, Loss: content / 2, File: painted})
			if err != nil {
				t.Fatal(err)
			}
			if a.Loss > content/2 || a.Seconds <= 0 || a.Evaluations <= a.Iterations || (a.Iterations > planned) != (name == "paint on") {
				t.Errorf("the answer is %+v, expected a loss of %v at most", a, content/2)
			}
			if got := at(t, painted); !same(got, a.Loss) {
				t.Errorf("the picture that was painted has a loss of %v, expected the answer's, %v", got, a.Loss)
			}
		})
	}
	t.Run("paint in vain", func(t *testing.T) {
		a, err := g.paint(t.Context(), request{Times: 2, More: 3, Loss: 0, File: g.problem.path("none.f32")})
		if err != nil || a.Loss <= 0 || a.Iterations != 5 {
			t.Errorf("the answer is %+v, %v", a, err)
		}
	})
}
