package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/weights"
)

// problem is a network, an objective and pictures, the same for every contender. It is written as JSON, with its
// weights and pictures in files beside it; python/common.py reads it, too.
type problem struct {
	Device  backend.Device `json:"device"`
	Side    int            `json:"side"`    // of all pictures, in pixels
	Weights string         `json:"weights"` // a .safetensors file
	Layers  []string       `json:"layers"`  // from the picture to the deepest that the objective reads
	Mean    [3]float64     `json:"mean"`    // subtracted from the pixels, RGB

	ContentLayer  string   `json:"content_layer"`
	StyleLayers   []string `json:"style_layers"`
	ContentWeight float64  `json:"content_weight"`
	StyleWeight   float64  `json:"style_weight"`
	TVWeight      float64  `json:"tv_weight"`

	// Pictures names the files of the pictures, by their roles: float32, little-endian, [1, side, side, 3], RGB, 0..255.
	Pictures map[string]string `json:"pictures"`

	dir string
}

// preset is the objective that all contenders evaluate.
var preset = loss.NeuralStyle()

// The roles of a problem's pictures.
const (
	contentPicture = "content"
	stylePicture   = "style"
	startPicture   = "start" // where the objective is evaluated
)

// samplePictures returns samples, resized to squares, and their mean as the start: at the content picture itself the
// content term has no gradient.
func samplePictures(side int) (map[string]*picture.Picture, error) {
	pictures := map[string]*picture.Picture{}
	mean := &picture.Picture{Width: side, Height: side, Pix: make([]float32, 3*side*side)}
	for role, name := range map[string]string{contentPicture: "sample:chelsea", stylePicture: "sample:swirl"} {
		loaded, err := picture.Load(name)
		if err != nil {
			return nil, err
		}
		pictures[role] = loaded.Resize(side, side)
		for i, v := range pictures[role].Pix {
			mean.Pix[i] += v / 2
		}
	}
	pictures[startPicture] = mean
	return pictures, nil
}

// writeProblem writes a problem, whose weights are in a file already, into a new folder.
func writeProblem(dir, weightsFile, network string, device backend.Device, pictures map[string]*picture.Picture) (*problem, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	relative, err := filepath.Rel(dir, weightsFile)
	if err != nil {
		return nil, err
	}
	q := &problem{
		Device:        device,
		Side:          pictures[contentPicture].Width,
		Weights:       relative,
		Layers:        layersOf(network),
		Mean:          weights.Caffe.Mean,
		ContentLayer:  preset.ContentLayers[0],
		StyleLayers:   preset.StyleLayers,
		ContentWeight: preset.ContentWeight,
		StyleWeight:   preset.StyleWeight,
		TVWeight:      preset.TVWeight,
		Pictures:      map[string]string{},
		dir:           dir,
	}
	for role, p := range pictures {
		q.Pictures[role] = role + ".f32"
		if err := writeFloats(q.path(q.Pictures[role]), p.Pix); err != nil {
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

// start returns the file of the picture where the objective is evaluated.
func (q *problem) start() string { return q.path(q.Pictures[startPicture]) }

// picture reads the picture of a role.
func (q *problem) picture(role string) (*picture.Picture, error) {
	pix, err := readFloats(q.path(q.Pictures[role]), 3*q.Side*q.Side)
	return &picture.Picture{Width: q.Side, Height: q.Side, Pix: pix}, err
}

func writeFloats(path string, values []float32) error {
	data, err := binary.Append(nil, binary.LittleEndian, values)
	if err != nil {
		return err
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
	_, err = binary.Decode(data, binary.LittleEndian, values)
	return values, err
}
