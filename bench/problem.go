package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/vgg"
	"github.com/gouache-art/gouache/weights"
)

// problem is a network, an objective and pictures, the same for every contender. It is written as JSON, with its
// weights and pictures in files beside it; python/common.py reads it, too.
type problem struct {
	Device  backend.Device `json:"device"`
	Side    int            `json:"side"`    // of all pictures, in pixels
	Weights string         `json:"weights"` // a .safetensors file
	Layers  []string       `json:"layers"`  // from the picture to the deepest that the objective reads
	Mean    [3]float32     `json:"mean"`    // subtracted from the pixels, RGB

	ContentLayer  string   `json:"content_layer"`
	StyleLayers   []string `json:"style_layers"`
	ContentWeight float64  `json:"content_weight"`
	StyleWeight   float64  `json:"style_weight"`
	TVWeight      float64  `json:"tv_weight"`

	// Pictures are files of float32, little-endian, [1, side, side, 3], RGB, 0..255.
	Pictures struct {
		Content string `json:"content"`
		Style   string `json:"style"`
		Start   string `json:"start"` // where the objective is evaluated
	} `json:"pictures"`

	dir string
}

// preset is the objective that all contenders evaluate.
var preset = loss.NeuralStyle()

// pictures are those of a problem.
type pictures struct{ content, style, start *picture.Picture }

// samplePictures returns samples, resized to squares, and their mean as the start: at the content picture itself
// the content term has no gradient.
func samplePictures(side int) (pictures, error) {
	var p pictures
	for name, to := range map[string]**picture.Picture{"sample:chelsea": &p.content, "sample:swirl": &p.style} {
		loaded, err := picture.Load(name)
		if err != nil {
			return p, err
		}
		*to = loaded.Resize(side, side)
	}
	p.start = &picture.Picture{Width: side, Height: side, Pix: make([]float32, len(p.content.Pix))}
	for i := range p.start.Pix {
		p.start.Pix[i] = (p.content.Pix[i] + p.style.Pix[i]) / 2
	}
	return p, nil
}

// writeProblem writes a problem, whose weights are in a file already, into a new folder.
func writeProblem(dir, weightsFile, network string, device backend.Device, p pictures) (*problem, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	relative, err := filepath.Rel(dir, weightsFile)
	if err != nil {
		return nil, err
	}
	q := &problem{
		Device:        device,
		Side:          p.content.Width,
		Weights:       relative,
		Layers:        layersOf(network),
		Mean:          vgg.Mean,
		ContentLayer:  preset.ContentLayers[0],
		StyleLayers:   preset.StyleLayers,
		ContentWeight: preset.ContentWeight,
		StyleWeight:   preset.StyleWeight,
		TVWeight:      preset.TVWeight,
		dir:           dir,
	}
	q.Pictures.Content, q.Pictures.Style, q.Pictures.Start = "content.f32", "style.f32", "start.f32"
	for file, pix := range map[string][]float32{
		q.Pictures.Content: p.content.Pix, q.Pictures.Style: p.style.Pix, q.Pictures.Start: p.start.Pix,
	} {
		if err := writeFloats(q.path(file), pix); err != nil {
			return nil, err
		}
	}
	text, err := json.MarshalIndent(q, "", "  ")
	if err != nil {
		return nil, err
	}
	return q, os.WriteFile(q.file(), text, 0o666)
}

// layersOf returns a network's layers down to the deepest that the objective reads.
func layersOf(network string) []string {
	layers := weights.LayerNames(network)
	var deepest int
	for _, name := range slices.Concat(preset.ContentLayers, preset.StyleLayers) {
		deepest = max(deepest, slices.Index(layers, name))
	}
	return layers[:deepest+1]
}

// readProblem reads what writeProblem wrote.
func readProblem(file string) (*problem, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	q := &problem{dir: filepath.Dir(file)}
	if err := json.Unmarshal(text, q); err != nil {
		return nil, fmt.Errorf("reading the problem %s: %w", file, err)
	}
	return q, nil
}

func (q *problem) file() string { return q.path("problem.json") }

// path returns where one of the problem's files is.
func (q *problem) path(name string) string { return filepath.Join(q.dir, name) }

// picture reads one of the problem's pictures.
func (q *problem) picture(name string) (*picture.Picture, error) {
	pix, err := readFloats(q.path(name), 3*q.Side*q.Side)
	return &picture.Picture{Width: q.Side, Height: q.Side, Pix: pix}, err
}

func writeFloats(path string, values []float32) error {
	data := make([]byte, 0, 4*len(values))
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	return os.WriteFile(path, data, 0o666)
}

// readFloats reads n numbers, which must be the file's whole content.
func readFloats(path string, n int) ([]float32, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(data) != 4*n {
		return nil, fmt.Errorf("%s has %d bytes, expected %d numbers of 4", path, len(data), n)
	}
	values := make([]float32, n)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return values, nil
}
