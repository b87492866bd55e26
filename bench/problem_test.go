package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/weights"
)

func TestProblem(t *testing.T) {
	dir := t.TempDir()
	p, err := samplePictures(32)
	if err != nil {
		t.Fatal(err)
	}
	wrote, err := writeProblem(filepath.Join(dir, "32"), filepath.Join(dir, "w.safetensors"), weights.VGG19, backend.CPU, p)
	if err != nil {
		t.Fatal(err)
	}
	read, err := readProblem(wrote.file())
	if err != nil {
		t.Fatal(err)
	}
	if got := read.path(read.Weights); got != filepath.Join(dir, "w.safetensors") {
		t.Errorf("the weights are in %s", got)
	}
	if len(read.Layers) != 13 || read.Layers[12] != "block5_conv1" {
		t.Errorf("the layers are %v", read.Layers)
	}
	if len(p) != 3 || len(read.Pictures) != 3 {
		t.Errorf("%d pictures, %d read, expected 3", len(p), len(read.Pictures))
	}
	for name, want := range p {
		got, err := read.picture(name)
		if err != nil {
			t.Fatal(err)
		}
		if got.Width != 32 || got.Height != 32 || !slices.Equal(got.Pix, want.Pix) {
			t.Errorf("%s is not the picture that was written", name)
		}
	}
}

func TestReadFloats(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.f32")
	if err := writeFloats(path, []float32{1, -0.5, 3e38}); err != nil {
		t.Fatal(err)
	}
	if got, err := readFloats(path, 3); err != nil || !slices.Equal(got, []float32{1, -0.5, 3e38}) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := readFloats(path, 4); err == nil || !strings.Contains(err.Error(), "12 bytes") {
		t.Errorf("a file that is too short: %v", err)
	}
}

func TestLayersOf(t *testing.T) {
	for network, want := range map[string]int{weights.VGG16: 11, weights.VGG19: 13} {
		if got := layersOf(network); len(got) != want || got[want-1] != "block5_conv1" {
			t.Errorf("%s: the layers are %v, expected %d", network, got, want)
		}
	}
}
