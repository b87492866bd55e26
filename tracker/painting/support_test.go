package painting

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"sync"
	"testing"

	"github.com/gouache-art/gouache/internal/backendtest"
	"github.com/gouache-art/gouache/internal/browsertest"
	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sqlite"
	"github.com/gouache-art/gouache/tracker/sweep"
	"github.com/gouache-art/gouache/weights"
)

func TestMain(m *testing.M) {
	if text := os.Getenv(childVariable); text != "" {
		if err := runChild(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	browsertest.Close()
	os.Exit(code)
}

var device = backendtest.Opened(backend.Open(context.Background(), backend.Options{Device: backend.CPU}))

// tinyStudio has a network with VGG's blocks but few channels, so that a painting takes a moment. All tests share what it
// compiles.
var tinyStudio = sync.OnceValue(func() *stylelib.Studio {
	random := rand.New(rand.NewPCG(1, 2))
	set := &weights.Set{Name: "tiny", Network: "tiny"}
	in := 3
	for block, convolutions := range []int{1, 1, 1, 2, 1} {
		for i := range convolutions {
			l := weights.Layer{Name: fmt.Sprintf("block%d_conv%d", block+1, i+1), In: in, Out: 6, Bias: make([]float32, 6)}
			for range 9 * l.In * l.Out {
				l.Kernel = append(l.Kernel, float32(math.Sqrt(2/float64(9*l.In))*random.NormFloat64()))
			}
			set.Layers = append(set.Layers, l)
			in = l.Out
		}
	}
	return stylelib.NewStudio(device, set, stylelib.Options{})
})

// light are settings of a sweep whose paintings compile in a fraction of the time.
const light = "style_layers: block1_conv1\ncontent_layer: block2_conv1\n"

// parse reads a sweep's file, with the first lines that all files here share.
func parse(t testing.TB, text string) *sweep.File {
	t.Helper()
	f, err := Parse([]byte("name: night\ncontent: sample:chelsea\nstyle: sample:swirl\nweights: random\n"+text), "night.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func openStore(t testing.TB, dir string) tracker.Store {
	t.Helper()
	store, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// runSweep begins a sweep and runs it to its end.
func runSweep(t testing.TB, store tracker.Store, painter *Painter) *sweep.Summary {
	t.Helper()
	if _, err := sweep.Begin(t.Context(), store, painter.File, "", ""); err != nil {
		t.Fatal(err)
	}
	summary, err := sweep.Run(t.Context(), store, painter.File, sweep.Options{Trial: painter.Trial, Describe: painter.Describe})
	if err != nil {
		t.Fatal(err)
	}
	return summary
}

// watch returns an observer that calls a function with each iteration.
func watch(f func(progress.Iteration)) progress.Observer {
	return progress.Func(func(e progress.Event) {
		if i, ok := e.(progress.Iteration); ok {
			f(i)
		}
	})
}
