package weights

import (
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestLayouts(t *testing.T) {
	tinyNetworks(t)
	for _, c := range []struct {
		name, layout string
		lay          func(*Set) *memory
	}{
		{"Keras 1", layoutKeras1, keras1},
		{"tf.keras", layoutTFKeras, tfKeras},
		{"tf.keras, whole model", layoutTFKeras, wholeModel},
		{"Keras 3", layoutKeras3, keras3},
		{"Keras 3, blocks", layoutKeras3, keras3Blocks},
		{"Keras 1 without attributes", layoutByName, func(s *Set) *memory { return withoutAttributes(keras1(s)) }},
		{"Keras 3 without attributes", layoutCounted, func(s *Set) *memory { return withoutAttributes(keras3(s)) }},
		{"Keras 3, blocks, without attributes", layoutCounted, func(s *Set) *memory { return withoutAttributes(keras3Blocks(s)) }},
	} {
		for _, network := range []string{VGG16, VGG19} {
			t.Run(c.name+" "+network, func(t *testing.T) {
				want := distinct(network)
				got, err := recognise(c.lay(want)).assemble()
				if err != nil {
					t.Fatal(err)
				}
				checkLayers(t, got, want)
				if got.Layout != c.layout {
					t.Errorf("layout %q, want %q", got.Layout, c.layout)
				}
			})
		}
	}
}

func TestUnusableFiles(t *testing.T) {
	tinyNetworks(t)
	for _, c := range []struct {
		name   string
		change func(*testing.T, *memory)
		says   []string
	}{
		{"missing kernel", func(t *testing.T, m *memory) { m.remove(m.find(t, "block3_conv2/kernel")) },
			[]string{"block3_conv2 has no kernel", "[3 3 5 5]"}},
		{"missing bias", func(t *testing.T, m *memory) { m.remove(m.find(t, "block3_conv2/bias")) },
			[]string{"block3_conv2 has no bias", "[5]"}},
		{"missing layer", func(t *testing.T, m *memory) {
			m.remove(m.find(t, "block5_conv4/kernel"))
			m.remove(m.find(t, "block5_conv4/bias"))
		}, []string{"block5_conv4 is missing", "[3 3 7 7]", "vgg19"}},
		{"wrong shape", func(t *testing.T, m *memory) { m.tensors[m.find(t, "block4_conv1/kernel")].Shape[3] = 8 },
			[]string{"block4_conv1", "[3 3 5 8]", "[3 3 5 6]"}},
		{"Theano's order", func(t *testing.T, m *memory) {
			m.tensors[m.find(t, "block1_conv1/kernel")].Shape = []int{2, 3, 3, 3}
		}, []string{"block1_conv1", "[2 3 3 3]", "Theano"}},
		{"not a number", func(t *testing.T, m *memory) { m.values[m.find(t, "block2_conv1/kernel")][5] = float32(math.NaN()) },
			[]string{"kernel of layer block2_conv1", "number 5 is NaN"}},
		{"twice", func(t *testing.T, m *memory) {
			m.attributes = nil
			m.add("copy/block2_conv1/kernel:0", []int{3, 3, 2, 4}, make([]float32, 72))
		}, []string{"block2_conv1 is there twice", "copy/block2_conv1/kernel:0"}},
		{"another network", func(t *testing.T, m *memory) {
			m.attributes = nil
			m.rename(func(s string) string { return strings.ReplaceAll(s, "block", "stage") })
		}, []string{"neither VGG16 nor VGG19", "stage1_conv1/stage1_conv1/kernel:0", "block1_conv1"}},
		{"PyTorch", func(t *testing.T, m *memory) {
			*m = memory{}
			m.add("features.0.weight", []int{2, 3, 3, 3}, make([]float32, 54))
		}, []string{"PyTorch", "features.0.weight"}},
		{"empty", func(t *testing.T, m *memory) { *m = memory{} }, []string{"no tensors"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := tfKeras(distinct(VGG19))
			c.change(t, m)
			_, err := recognise(m).assemble()
			for _, says := range c.says {
				if err == nil || !strings.Contains(err.Error(), says) {
					t.Errorf("error %v does not mention %q", err, says)
				}
			}
		})
	}
}

func TestCompareNumbered(t *testing.T) {
	got := []string{"layers/conv2d_10", "layers/conv2d_2", "layers/conv2d", "layers/conv2d_1"}
	slices.SortFunc(got, compareNumbered)
	if want := []string{"layers/conv2d", "layers/conv2d_1", "layers/conv2d_2", "layers/conv2d_10"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestReadingEnded: a file whose attributes could not be read is not called another network.
func TestReadingEnded(t *testing.T) {
	m := &memory{err: errors.New("the child died")}
	if _, err := recognise(m).assemble(); !errors.Is(err, m.err) {
		t.Errorf("error %v, want %v", err, m.err)
	}
}

func TestInspect(t *testing.T) {
	tinyNetworks(t)
	path := filepath.Join(t.TempDir(), "tiny.safetensors")
	if err := WriteSafetensors(path, distinct(VGG16)); err != nil {
		t.Fatal(err)
	}
	c, err := Inspect(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if c.Format != "safetensors" || c.Layout != layoutGouache || c.Network != VGG16 || c.Problem != "" || len(c.Tensors) != 26 {
		t.Errorf("got %s, %s, %s, %q with %d tensors", c.Format, c.Layout, c.Network, c.Problem, len(c.Tensors))
	}
	second := TensorInfo{Tensor: Tensor{Name: "block1_conv1.bias", Shape: []int{2}, DType: "F32"}, Layer: "block1_conv1", Part: "bias"}
	if got := c.Tensors[1]; got.Name != second.Name || !slices.Equal(got.Shape, second.Shape) || got.Layer != second.Layer || got.Part != second.Part {
		t.Errorf("second tensor %+v, want %+v", got, second)
	}
	if c.Metadata[keyPreprocessing] != Caffe.String() || c.Metadata[keyNetwork] != VGG16 {
		t.Errorf("metadata %v", c.Metadata)
	}

	set := distinct(VGG16)
	set.Layers = set.Layers[:12]
	if err := WriteSafetensors(path, set); err != nil {
		t.Fatal(err)
	}
	c, err = Inspect(t.Context(), path, Options{})
	if err != nil || c.Network != "" || !strings.Contains(c.Problem, "block5_conv3 is missing") || len(c.Tensors) != 24 {
		t.Errorf("a file without its last layer gave %+v, %v", c, err)
	}

	set = distinct(VGG16)
	set.Layers[2].Kernel[5] = float32(math.NaN())
	if err := WriteSafetensors(path, set); err != nil {
		t.Fatal(err)
	}
	_, loadErr := ReadFile(t.Context(), path)
	c, err = Inspect(t.Context(), path, Options{})
	if err != nil || c.Network != "" || !strings.Contains(c.Problem, "kernel of layer block2_conv1: number 5 is NaN") {
		t.Errorf("a file with NaN gave %+v, %v", c, err)
	} else if loadErr == nil || loadErr.Error() != path+": "+c.Problem {
		t.Errorf("loading says %v, and inspecting %s", loadErr, c.Problem)
	}
}

// TestInspectByName fetches what is not there, as Load does.
func TestInspectByName(t *testing.T) {
	serve(t, "vgg19")
	opts := Options{Dir: t.TempDir()}
	c, err := Inspect(t.Context(), "vgg19", opts)
	if err != nil || c.Known != "vgg19" || c.Network != VGG19 || c.Path != filepath.Join(opts.Dir, "vgg19.safetensors") {
		t.Errorf("got %+v, %v", c, err)
	}
	for name, says := range map[string]string{"vgg91": `did you mean "vgg19"`, "random": "need no file", "vgg16": "cannot get"} {
		if c, err := Inspect(t.Context(), name, opts); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %+v, %v, want an error that says %q", name, c, err, says)
		}
	}
}
