package stylelib

import (
	"context"
	"path/filepath"
	"sync"
	"testing"

	"github.com/gouache-art/gouache/internal/backendtest"
	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/weights"
	_ "github.com/gouache-art/gouache/weights/h5"
)

// device is the CPU, opened once for all tests of the package.
var device = backendtest.Opened(backend.Open(context.Background(), backend.Options{Device: backend.CPU}))

// pretrained is a studio with the weights vgg16-hed, which every machine with pip can have.
var pretrained = sync.OnceValues(func() (*Studio, error) {
	set, err := weights.Load(context.Background(), "vgg16-hed", weights.Options{})
	if err != nil {
		return nil, err
	}
	return NewStudio(device, set, Options{}), nil
})

func pretrainedStudio(t testing.TB) *Studio {
	t.Helper()
	s, err := pretrained()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func load(t testing.TB, name string) *picture.Picture {
	t.Helper()
	p, err := picture.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func parityPicture(t testing.TB, name string) *picture.Picture {
	return load(t, filepath.Join("testdata", "parity", name))
}
