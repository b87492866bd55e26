package weights

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
)

// tinyNetworks makes the networks' layers few channels wide while a test runs, so that files are small.
func tinyNetworks(t *testing.T) {
	full := architectures
	t.Cleanup(func() { architectures = full })
	architectures = slices.Clone(full)
	for i := range architectures {
		architectures[i].channels = []int{2, 4, 5, 6, 7}
	}
}

// memory is a file of tensors that was never written.
type memory struct {
	tensors    []Tensor
	values     [][]float32
	attributes map[string][]string // by group@name
	err        error
}

func (m *memory) Tensors() []Tensor { return m.tensors }
func (m *memory) Attribute(group, name string) []string {
	return m.attributes[group+"@"+name]
}
func (m *memory) Metadata() map[string]string   { return nil }
func (m *memory) Read(i int) ([]float32, error) { return m.values[i], nil }
func (m *memory) Err() error                    { return m.err }
func (m *memory) Close() error                  { return nil }

func (m *memory) add(name string, shape []int, values []float32) {
	m.tensors = append(m.tensors, Tensor{Name: name, Shape: shape, DType: "F32"})
	m.values = append(m.values, values)
}

func (m *memory) set(group, name string, values ...string) {
	if m.attributes == nil {
		m.attributes = map[string][]string{}
	}
	m.attributes[group+"@"+name] = values
}

// keras1 and the functions below lay a set's tensors out as these programs do.
func keras1(set *Set) *memory {
	return listed(set, "", func(layer string) (string, string) { return layer + "_W_1:0", layer + "_b_1:0" })
}

func tfKeras(set *Set) *memory {
	return listed(set, "", func(layer string) (string, string) { return layer + "/kernel:0", layer + "/bias:0" })
}

func wholeModel(set *Set) *memory {
	return listed(set, "model_weights", func(layer string) (string, string) { return layer + "/kernel:0", layer + "/bias:0" })
}

func listed(set *Set, prefix string, names func(layer string) (kernel, bias string)) *memory {
	m := &memory{}
	groups := []string{"input_1"}
	m.set(path.Join(prefix, "input_1"), "weight_names")
	for _, l := range set.Layers {
		kernel, bias := names(l.Name)
		groups = append(groups, l.Name)
		m.set(path.Join(prefix, l.Name), "weight_names", kernel, bias)
		m.add(path.Join(prefix, l.Name, kernel), l.kernelShape(), l.Kernel)
		m.add(path.Join(prefix, l.Name, bias), []int{l.Out}, l.Bias)
	}
	m.set(prefix, "layer_names", append(groups, "block5_pool")...)
	return m
}

// keras3 keeps the layers of a functional model in one group, as conv2d, conv2d_1 …
func keras3(set *Set) *memory {
	m := &memory{}
	for i, l := range set.Layers {
		group := "layers/" + numbered("conv2d", i) + "/vars"
		m.set(group, "name", l.Name)
		m.add(group+"/0", l.kernelShape(), l.Kernel)
		m.add(group+"/1", []int{l.Out}, l.Bias)
	}
	m.add("layers/dense/vars/0", []int{2, 2}, make([]float32, 4))
	m.add("dsn1/vars/0", []int{1, 1, 2, 1}, make([]float32, 2))
	sortByName(m)
	return m
}

// keras3Blocks keeps them in a group a block, as vgg16-hed does.
func keras3Blocks(set *Set) *memory {
	m := &memory{}
	for _, l := range set.Layers {
		block := strings.TrimSuffix(l.Name[:6], "_")
		index := int(l.Name[len(l.Name)-1] - '1')
		group := block + "/layers/" + numbered("conv2d", index) + "/vars"
		m.set(group, "name", l.Name)
		m.add(group+"/0", l.kernelShape(), l.Kernel)
		m.add(group+"/1", []int{l.Out}, l.Bias)
	}
	sortByName(m)
	return m
}

// withoutAttributes is what another program may leave of a file.
func withoutAttributes(m *memory) *memory {
	m.attributes = nil
	return m
}

func numbered(name string, i int) string {
	if i == 0 {
		return name
	}
	return fmt.Sprintf("%s_%d", name, i)
}

// sortByName puts tensors in the order in which HDF5 lists them, conv2d_10 before conv2d_2.
func sortByName(m *memory) {
	type pair struct {
		Tensor
		values []float32
	}
	var pairs []pair
	for i, t := range m.tensors {
		pairs = append(pairs, pair{t, m.values[i]})
	}
	slices.SortFunc(pairs, func(a, b pair) int { return strings.Compare(a.Name, b.Name) })
	m.tensors, m.values = nil, nil
	for _, p := range pairs {
		m.add(p.Name, p.Shape, p.values)
	}
}

// rename changes the names of all tensors.
func (m *memory) rename(f func(string) string) {
	for i := range m.tensors {
		m.tensors[i].Name = f(m.tensors[i].Name)
	}
}

// find returns the index of the tensor whose name contains part.
func (m *memory) find(t *testing.T, part string) int {
	t.Helper()
	i := slices.IndexFunc(m.tensors, func(x Tensor) bool { return strings.Contains(x.Name, part) })
	if i < 0 {
		t.Fatalf("no tensor %s", part)
	}
	return i
}

func (m *memory) remove(i int) {
	m.tensors = slices.Delete(m.tensors, i, i+1)
	m.values = slices.Delete(m.values, i, i+1)
}

// checkLayers compares two sets number by number.
func checkLayers(t *testing.T, got, want *Set) {
	t.Helper()
	if got.Network != want.Network || len(got.Layers) != len(want.Layers) {
		t.Fatalf("got %s with %d layers, want %s with %d", got.Network, len(got.Layers), want.Network, len(want.Layers))
	}
	for i, w := range want.Layers {
		g := got.Layers[i]
		if g.Name != w.Name || g.In != w.In || g.Out != w.Out || !slices.Equal(g.Kernel, w.Kernel) || !slices.Equal(g.Bias, w.Bias) {
			t.Errorf("layer %d is %s with %d→%d channels and differs from %s with %d→%d", i, g.Name, g.In, g.Out, w.Name, w.In, w.Out)
		}
	}
}

// distinct is a random set whose biases differ, too.
func distinct(network string) *Set {
	set := Random(network, 7)
	for i := range set.Layers {
		for j := range set.Layers[i].Bias {
			set.Layers[i].Bias[j] = float32(100*i + j)
		}
	}
	return set
}
