package weights

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// A layout is how a program names the tensors of a network's layers in a file.
//
//	Keras 1      block1_conv1/block1_conv1_W_1:0 and …_b_1:0; the file's attribute layer_names lists the groups, and each
//	             group's weight_names its tensors
//	tf.keras     block1_conv1/block1_conv1/kernel:0 and bias:0, with the same attributes
//	Keras 3      layers/conv2d_3/vars/0 and 1, or block4/layers/conv2d_1/vars/0 and 1; the attribute name of the group
//	             vars is the layer's name. Without it, the convolutions are counted
//	Gouache      block1_conv1.kernel and block1_conv1.bias, as WriteSafetensors writes
//	PyTorch      features.0.weight, [out, in, height, width], and features.0.bias, with the numbers of torchvision's modules
//	by name      anything else with the layers' names as parts of its paths
//
// Tensors that belong to no convolution (dense layers, the outputs of an edge detector) are ignored.
const (
	layoutKeras1  = "Keras 1"
	layoutTFKeras = "tf.keras"
	layoutKeras3  = "Keras 3"
	layoutCounted = "Keras 3 without names"
	layoutGouache = "Gouache"
	layoutTorch   = "PyTorch"
	layoutByName  = "by name"
)

// recognition is what was recognised in a file.
type recognition struct {
	Container
	layout  string
	tensors []Tensor
	index   map[string]int // of tensors, by name
	found   map[part]int   // indices of tensors
	err     error          // the first mistake
}

// part is a kernel or a bias of a layer.
type part struct{ layer, part string }

const (
	kernel = "kernel"
	bias   = "bias"
)

var layerName = regexp.MustCompile(`^block[1-5]_conv[1-4]$`)

// recognise finds the layers with the first layout that finds any.
func recognise(c Container) *recognition {
	r := &recognition{Container: c, tensors: c.Tensors(), index: map[string]int{}, found: map[part]int{}}
	for i, t := range r.tensors {
		r.index[t.Name] = i
	}
	for _, find := range []func(){r.findByLists, r.findByVars, r.findByName, r.findByModules, r.findByCounting} {
		if len(r.found) == 0 {
			find()
		}
	}
	return r
}

// add records that a tensor belongs to a layer. Kernels have four dimensions, biases one.
func (r *recognition) add(layer string, tensor int) {
	p := part{layer, kernel}
	switch len(r.tensors[tensor].Shape) {
	case 4:
	case 1:
		p.part = bias
	default:
		return
	}
	if other, twice := r.found[p]; twice && r.err == nil {
		r.err = fmt.Errorf("layer %s is there twice, as %s and %s", layer, r.tensors[other].Name, r.tensors[tensor].Name)
	}
	r.found[p] = tensor
}

// findByLists follows the attributes layer_names and weight_names of Keras 1 and tf.keras. A whole model has them one
// group deeper.
func (r *recognition) findByLists() {
	for _, prefix := range []string{"", "model_weights"} {
		for _, group := range r.Attribute(prefix, "layer_names") {
			for _, weight := range r.Attribute(path.Join(prefix, group), "weight_names") {
				layer := layerIn(group + "/" + weight)
				i, ok := r.index[path.Join(prefix, group, weight)]
				if layer == "" || !ok {
					continue
				}
				r.add(layer, i)
				if r.layout = layoutTFKeras; !strings.Contains(weight, "kernel") && !strings.Contains(weight, "bias") {
					r.layout = layoutKeras1
				}
			}
		}
	}
}

// layerIn returns the first part of a path that is a layer's name.
func layerIn(p string) string {
	parts := strings.Split(p, "/")
	if i := slices.IndexFunc(parts, layerName.MatchString); i >= 0 {
		return parts[i]
	}
	return ""
}

const (
	varsGroup = "/vars"
	firstVar  = varsGroup + "/0"
)

// findByVars follows the attribute name of the groups vars of Keras 3.
func (r *recognition) findByVars() {
	for _, t := range r.tensors {
		group, isFirst := strings.CutSuffix(t.Name, firstVar)
		if !isFirst {
			continue
		}
		if names := r.Attribute(group+varsGroup, "name"); len(names) == 1 && layerName.MatchString(names[0]) {
			r.layout = layoutKeras3
			r.addVars(names[0], group)
		}
	}
}

// addVars records the tensors 0 and 1 of a group's vars.
func (r *recognition) addVars(layer, group string) {
	for _, number := range []string{"/0", "/1"} {
		if i, ok := r.index[group+varsGroup+number]; ok {
			r.add(layer, i)
		}
	}
}

// findByName takes the tensors with a layer's name in their path.
func (r *recognition) findByName() {
	for i, t := range r.tensors {
		layer, end, _ := strings.Cut(t.Name, ".")
		if layerName.MatchString(layer) && (end == kernel || end == bias) {
			r.layout = layoutGouache
			r.add(layer, i)
		} else if layer = layerIn(t.Name); layer != "" {
			r.layout = layoutByName
			r.add(layer, i)
		}
	}
}

// findByCounting takes Keras 3's 3×3 convolutions in order: conv2d, conv2d_1 … conv2d_10, in each of the groups block1,
// block2 … if they exist.
func (r *recognition) findByCounting() {
	var groups []string
	for _, t := range r.tensors {
		group, isFirst := strings.CutSuffix(t.Name, firstVar)
		if isFirst && len(t.Shape) == 4 && t.Shape[0] == 3 && t.Shape[1] == 3 {
			groups = append(groups, group)
		}
	}
	slices.SortFunc(groups, compareNumbered)
	i := slices.IndexFunc(architectures, func(a architecture) bool { return len(a.layers()) == len(groups) })
	if i < 0 {
		return
	}
	r.layout = layoutCounted
	for n, l := range architectures[i].layers() {
		r.addVars(l.Name, groups[n])
	}
}

// compareNumbered orders paths as Keras counts: conv2d, conv2d_1, conv2d_2, conv2d_10.
func compareNumbered(a, b string) int {
	padded := func(path string) string {
		return digits.ReplaceAllStringFunc(path, func(n string) string { return strings.Repeat("0", max(0, 9-len(n))) + n })
	}
	return cmp.Compare(padded(a), padded(b))
}

var digits = regexp.MustCompile("[0-9]+")

// network returns the network that the layers belong to. It checks that all are there, with the right shapes.
func (r *recognition) network() (architecture, error) {
	if err := cmp.Or(r.Err(), r.err); err != nil {
		return architecture{}, err
	}
	if len(r.found) == 0 {
		return architecture{}, r.otherNetwork()
	}
	a := r.nearest()
	for _, l := range a.layers() {
		_, hasKernel := r.found[part{l.Name, kernel}]
		if _, hasBias := r.found[part{l.Name, bias}]; !hasKernel && !hasBias {
			return a, fmt.Errorf("layer %s is missing, expected a kernel of shape %v and a bias of shape %v for %s",
				l.Name, l.kernelShape(), []int{l.Out}, a.name)
		}
		shape := l.kernelShape()
		if r.layout == layoutTorch {
			shape = torchShape(shape)
		}
		err := cmp.Or(r.checkShape(part{l.Name, kernel}, shape), r.checkShape(part{l.Name, bias}, []int{l.Out}))
		if err != nil {
			return a, err
		}
	}
	return a, nil
}

// nearest returns the smallest network that has all the layers.
func (r *recognition) nearest() architecture {
	for _, a := range architectures {
		names := LayerNames(a.name)
		isUnknown := func(p part) bool { return !slices.Contains(names, p.layer) }
		if !slices.ContainsFunc(slices.Collect(maps.Keys(r.found)), isUnknown) {
			return a
		}
	}
	return architectures[len(architectures)-1]
}

func (r *recognition) checkShape(p part, expected []int) error {
	tensor, ok := r.found[p]
	if !ok {
		return fmt.Errorf("layer %s has no %s, expected one of shape %v", p.layer, p.part, expected)
	}
	got := r.tensors[tensor].Shape
	if slices.Equal(got, expected) {
		return nil
	}
	hint := ""
	if r.layout != layoutTorch && len(expected) == 4 && slices.Equal(got, torchShape(expected)) {
		hint = "; this is the order of Theano and PyTorch, [out, in, height, width]; Keras's \"tf\" files have the other"
	}
	return fmt.Errorf("layer %s has a %s of shape %v, expected %v%s", p.layer, p.part, got, expected, hint)
}

// otherNetwork says what the file has instead of VGG's layers.
func (r *recognition) otherNetwork() error {
	var some []string
	for _, t := range r.tensors {
		if torchName.MatchString(t.Name) {
			return fmt.Errorf("it has PyTorch's names (%s), but not the modules of VGG16 or VGG19: networks with batch normalisation, "+
				"and shorter ones, cannot be used", t.Name)
		}
		if len(some) < 3 && len(t.Shape) > 1 {
			some = append(some, t.Name)
		}
	}
	has := "no tensors"
	if len(some) > 0 {
		has = "tensors such as " + strings.Join(some, ", ")
	}
	return fmt.Errorf("it is neither VGG16 nor VGG19: it has %s, expected layers block1_conv1, block1_conv2 and so on", has)
}
