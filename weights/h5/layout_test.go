package h5

import (
	"context"
	"fmt"
	"math"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/hdf5"

	"github.com/gouache-art/gouache/weights"
)

// writer writes HDF5 files as Keras does. Its methods panic, which write turns into a failed test.
type writer struct{ file *hdf5.File }

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// write makes a file; a function that is given wrong paths fails the test.
func write(t *testing.T, fill func(w writer)) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "written.h5")
	err := guard(func() error {
		w := writer{must(hdf5.CreateFile(name, hdf5.F_ACC_TRUNC))}
		fill(w)
		return w.file.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// group opens a group, after making it and its parents if needed. The caller closes it.
func (w writer) group(p string) *hdf5.Group {
	g := must(w.file.OpenGroup("/"))
	for part := range strings.SplitSeq(p, "/") {
		if part == "" {
			continue
		}
		var next *hdf5.Group
		if g.LinkExists(part) {
			next = must(g.OpenGroup(part))
		} else {
			next = must(g.CreateGroup(part))
		}
		check(g.Close())
		g = next
	}
	return g
}

// tensor writes a float32 dataset that is zero but for its first number. What is not written takes no room on the
// disk, so that files of whole networks are quick to write.
func (w writer) tensor(p string, first float32, shape ...uint) {
	g := w.group(path.Dir(p))
	space := must(hdf5.CreateSimpleDataspace(shape, nil))
	d := must(g.CreateDataset(path.Base(p), hdf5.T_IEEE_F32LE, space))
	one := slices.Repeat([]uint{1}, len(shape))
	check(space.SelectHyperslab(make([]uint, len(shape)), nil, one, nil))
	memory := must(hdf5.CreateSimpleDataspace([]uint{1}, nil))
	check(d.WriteSubset(&[]float32{first}, memory, space))
	for _, x := range []interface{ Close() error }{memory, d, space, g} {
		check(x.Close())
	}
}

// list writes an attribute as Keras 1 and tf.keras do: an array of strings of the same length, padded with zeros.
func (w writer) list(p, name string, values ...string) {
	length := 1
	for _, v := range values {
		length = max(length, len(v))
	}
	g := w.group(p)
	kind := must(hdf5.T_C_S1.Copy())
	check(kind.SetSize(length))
	space := must(hdf5.CreateSimpleDataspace([]uint{uint(len(values))}, nil))
	a := must(g.CreateAttribute(name, kind, space))
	padded := [4096]byte{}
	for i, v := range values {
		copy(padded[i*length:], v)
	}
	check(a.Write(&padded, kind))
	for _, x := range []interface{ Close() error }{a, space, kind, g} {
		check(x.Close())
	}
}

// text writes an attribute as Keras 3 does: one string of variable length.
func (w writer) text(p, name, value string) {
	g := w.group(p)
	space := must(hdf5.CreateDataspace(hdf5.S_SCALAR))
	a := must(g.CreateAttribute(name, hdf5.T_GO_STRING, space))
	check(a.Write(&value, hdf5.T_GO_STRING))
	for _, x := range []interface{ Close() error }{a, space, g} {
		check(x.Close())
	}
}

// layer writes a layer's kernel and bias, marked with its number.
func (w writer) layer(kernel, bias string, number int, l weights.Layer) {
	w.tensor(kernel, kernelMark(number), 3, 3, uint(l.In), uint(l.Out))
	w.tensor(bias, biasMark(number), uint(l.Out))
}

func kernelMark(layer int) float32 { return float32(layer) + 0.25 }
func biasMark(layer int) float32   { return -float32(layer) - 0.5 }

// listed writes the layouts with the attributes layer_names and weight_names.
func listed(kernel, bias string) func(writer, []weights.Layer) {
	return func(w writer, layers []weights.Layer) {
		w.text("", "keras_version", "2.0")
		names := []string{"input_1"}
		for i, l := range layers {
			k, b := fmt.Sprintf(kernel, l.Name), fmt.Sprintf(bias, l.Name)
			w.layer(l.Name+"/"+k, l.Name+"/"+b, i, l)
			w.list(l.Name, "weight_names", k, b)
			names = append(names, l.Name)
		}
		w.list("", "layer_names", names...)
	}
}

// keras3 writes Keras 3's layout of a functional model, with or without the layers' names.
func keras3(named bool) func(writer, []weights.Layer) {
	return func(w writer, layers []weights.Layer) {
		for i, l := range layers {
			group := "layers/conv2d"
			if i > 0 {
				group += fmt.Sprintf("_%d", i)
			}
			w.layer(group+"/vars/0", group+"/vars/1", i, l)
			if named {
				w.text(group+"/vars", "name", l.Name)
			}
		}
		w.tensor("layers/dense/vars/0", 1, 8, 8) // belongs to no convolution
	}
}

var layouts = []struct {
	name  string
	write func(writer, []weights.Layer)
}{
	{"Keras 1", listed("%s_W_1:0", "%s_b_1:0")},
	{"tf.keras", listed("%s/kernel:0", "%s/bias:0")},
	{"Keras 3", keras3(true)},
	{"Keras 3 without names", keras3(false)},
}

func TestLayouts(t *testing.T) {
	for i, layout := range layouts {
		network := []string{weights.VGG19, weights.VGG16}[i%2]
		t.Run(layout.name+" "+network, func(t *testing.T) {
			layers := weights.Random(network, 1).Layers
			path := write(t, func(w writer) { layout.write(w, layers) })
			set, err := weights.ReadFile(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			if set.Network != network || set.Layout != layout.name || set.Name != "written" || len(set.Layers) != len(layers) {
				t.Fatalf("got %s %s %q with %d layers", set.Network, set.Layout, set.Name, len(set.Layers))
			}
			for n, l := range set.Layers {
				if l.Name != layers[n].Name || l.Kernel[0] != kernelMark(n) || l.Bias[0] != biasMark(n) {
					t.Errorf("layer %d is %s with marks %v and %v, want %s, %v, %v",
						n, l.Name, l.Kernel[0], l.Bias[0], layers[n].Name, kernelMark(n), biasMark(n))
				}
			}
		})
	}
}

func TestUnusableFiles(t *testing.T) {
	layers := weights.Random(weights.VGG16, 1).Layers
	for _, c := range []struct {
		name string
		fill func(w writer)
		says []string
	}{
		{"missing layer", func(w writer) { keras3(true)(w, slices.Delete(slices.Clone(layers), 4, 5)) },
			[]string{"block3_conv1 is missing", "[3 3 128 256]"}},
		{"wrong shape", func(w writer) {
			changed := slices.Clone(layers)
			changed[7].Out = 100
			keras3(true)(w, changed)
		}, []string{"block4_conv1", "[3 3 256 100]", "[3 3 256 512]"}},
		{"another network", func(w writer) {
			w.tensor("conv1/conv1/kernel:0", 1, 7, 7, 3, 64)
			w.list("", "layer_names", "conv1")
			w.list("conv1", "weight_names", "conv1/kernel:0")
		}, []string{"neither VGG16 nor VGG19", "conv1/conv1/kernel:0", "block1_conv1"}},
		{"no datasets", func(writer) {}, []string{"no tensors"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := write(t, c.fill)
			_, err := weights.ReadFile(t.Context(), path)
			for _, says := range append(c.says, path) {
				if err == nil || !strings.Contains(err.Error(), says) {
					t.Errorf("error %v does not mention %q", err, says)
				}
			}
			contents, err := weights.Inspect(t.Context(), path, weights.Options{})
			if err != nil || contents.Problem == "" || contents.Network != "" {
				t.Errorf("Inspect gave %+v, %v, want a problem", contents, err)
			}
		})
	}
}

// TestRealFile reads the weights that come through pip. The numbers were read with h5py 3.16.
func TestRealFile(t *testing.T) {
	set, err := weights.Load(t.Context(), "vgg16-hed", weights.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if set.Network != weights.VGG16 || set.Layout != "Keras 3" || len(set.Layers) != 13 {
		t.Errorf("got %s, %s with %d layers", set.Network, set.Layout, len(set.Layers))
	}
	for _, c := range []struct {
		layer                   string
		sum, squares, biases, x float64 // x is kernel[1, 2, In-1, 3]
	}{
		{"block1_conv1", -0.7746278779522981, 57.169680525879144, 31.693304881453514, -0.04353811964392662},
		{"block3_conv2", -813.2454137105574, 106.0353154122799, 9.296643716399558, -0.007307755760848522},
		{"block5_conv3", -2547.69063448952, 237.40243413506823, 95.22138104683836, -0.01571648381650448},
	} {
		l, err := set.Layer(c.layer)
		if err != nil {
			t.Fatal(err)
		}
		var sum, squares, biases float64
		for _, v := range l.Kernel {
			sum += float64(v)
			squares += float64(v) * float64(v)
		}
		for _, v := range l.Bias {
			biases += float64(v)
		}
		x := float64(l.Kernel[((1*3+2)*l.In+l.In-1)*l.Out+3])
		// The numbers are the same to the bit; only the order of the float64 sums differs.
		for i, pair := range [][2]float64{{sum, c.sum}, {squares, c.squares}, {biases, c.biases}, {x, c.x}} {
			if math.Abs(pair[0]-pair[1]) > 1e-9*math.Abs(pair[1]) {
				t.Errorf("%s: number %d is %v, want %v", c.layer, i, pair[0], pair[1])
			}
		}
	}
}

// A program that imports this package reads .h5 files through package weights.
func Example() {
	contents, err := weights.Inspect(context.Background(), "testdata/types.h5", weights.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, x := range contents.Tensors[:2] {
		fmt.Println(x.Name, x.Shape, x.DType)
	}
	_, err = weights.Load(context.Background(), "testdata/types.h5", weights.Options{})
	fmt.Println(err)
	// Output:
	// bf16 [2 2] bfloat16
	// deflated [2 2] float32
	// testdata/types.h5: it is neither VGG16 nor VGG19: it has tensors such as bf16, deflated, external, expected layers block1_conv1, block1_conv2 and so on
}
