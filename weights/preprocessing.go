package weights

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/gouache-art/gouache/internal/suggest"
)

// Preprocessing is what becomes of a picture's pixels before a network's first convolution. A pixel from 0 to Range
// less the Mean, over the Deviation, channel by channel, is what the weights were trained on. It belongs to a set of
// weights: with that of another set they see wrong colours. The zero value is [Caffe].
type Preprocessing struct {
	Order string  // "RGB" or "BGR": of the input channels of block1_conv1's kernel
	Range float64 // of a white pixel: 255 or 1
	// Mean and Deviation are R, G, B, in the units of Range.
	Mean, Deviation [3]float64
}

// The preprocessings of the weights that there are.
var (
	// Caffe is that of the networks' authors (Simonyan and Zisserman, 2015, section 2.1), and of what was converted from
	// their files or trained from them.
	Caffe = Preprocessing{Order: "BGR", Range: 255, Mean: [3]float64{123.68, 116.779, 103.939}, Deviation: [3]float64{1, 1, 1}}
	// Torchvision is that of the networks that torchvision trained anew.
	Torchvision = Preprocessing{Order: "RGB", Range: 1, Mean: [3]float64{0.485, 0.456, 0.406}, Deviation: [3]float64{0.229, 0.224, 0.225}}
)

var preprocessings = map[string]Preprocessing{"caffe": Caffe, "torchvision": Torchvision}

// PreprocessingNames returns the names by which a person chooses one; see [NamedPreprocessing].
func PreprocessingNames() []string { return slices.Sorted(maps.Keys(preprocessings)) }

// NamedPreprocessing finds a preprocessing by its name.
func NamedPreprocessing(name string) (Preprocessing, error) {
	if p, ok := preprocessings[name]; ok {
		return p, nil
	}
	return Preprocessing{}, suggest.Unknown("preprocessing", name, PreprocessingNames())
}

// String describes the preprocessing in one line, for example "BGR, 0..255, minus the mean 103.939, 116.779, 123.68".
// Numbers come in the order of the channels. [ParsePreprocessing] reads it.
func (p Preprocessing) String() string {
	p = p.or(Caffe)
	list := func(v [3]float64) string {
		var texts []string
		for i := range v {
			if p.Order == "BGR" {
				i = 2 - i
			}
			texts = append(texts, strconv.FormatFloat(v[i], 'g', -1, 64))
		}
		return strings.Join(texts, ", ")
	}
	text := fmt.Sprintf("%s, 0..%v, minus the mean %s", p.Order, p.Range, list(p.Mean))
	if p.Deviation != [3]float64{1, 1, 1} {
		text += ", over the deviation " + list(p.Deviation)
	}
	return text
}

// ParsePreprocessing finds one of the known preprocessings by its description.
func ParsePreprocessing(text string) (Preprocessing, error) {
	var known []string
	for _, name := range PreprocessingNames() {
		p := preprocessings[name]
		if p.String() == text {
			return p, nil
		}
		known = append(known, p.String())
	}
	return Preprocessing{}, suggest.Unknown("preprocessing", text, known)
}

// or returns the preprocessing, or another in place of the zero value.
func (p Preprocessing) or(other Preprocessing) Preprocessing {
	if p == (Preprocessing{}) {
		return other
	}
	return p
}

// Pixels returns the same preprocessing for pixels from 0 to 255, RGB: what is subtracted from them, and what they are
// divided by then.
func (p Preprocessing) Pixels() (mean, deviation [3]float64) {
	p = p.or(Caffe)
	for i := range mean {
		mean[i], deviation[i] = p.Mean[i]*255/p.Range, p.Deviation[i]*255/p.Range
	}
	return mean, deviation
}

// BGR reports whether the input channels of block1_conv1's kernel are B, G, R.
func (p Preprocessing) BGR() bool { return p.or(Caffe).Order == "BGR" }
