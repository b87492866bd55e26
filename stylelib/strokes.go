package stylelib

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/gouache-art/gouache/internal/tensorfile"
	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/stylelib/vgg"
)

// stages returns the scales of [Job.scales] with their rounds: each scale as often as it is painted, one after the
// other, with its iterations divided among the rounds.
func (j Job) stages() []progress.Scale {
	scales := j.scales()
	if !j.Preset.Matches() {
		return scales
	}
	var stages []progress.Scale
	for i, s := range scales {
		n := max(1, j.Preset.Rounds)
		if i == len(scales)-1 {
			n += j.Preset.LayerRounds
		}
		n = min(n, s.Iterations)
		for k := range n {
			part := s
			part.Iterations = (k+1)*s.Iterations/n - k*s.Iterations/n
			stages = append(stages, part)
		}
	}
	return stages
}

// sizes returns how many sizes there are in stages.
func sizes(stages []progress.Scale) (n int) {
	for i, s := range stages {
		if i == 0 || s.Width != stages[i-1].Width || s.Height != stages[i-1].Height {
			n++
		}
	}
	return n
}

// matching is what the strokes of a stage are matched to.
type matching struct {
	start   *picture.Picture // what the stage begins with
	guide   *picture.Picture // the content picture in the colours that painting begins with, of the same size
	share   float64          // of the guide
	byLayer bool
}

// matching returns that of the stage. The first is matched to the guide alone, since it begins with little else.
func (s *stage) matching() matching {
	r := s.run
	m := matching{start: s.start}
	if !r.job.Preset.Matches() {
		return m
	}
	m.share = r.job.controlled().Guidance
	if s.scale == 0 {
		m.share = 1
	}
	if m.byLayer = s.scale >= max(1, len(r.scales)-r.job.Preset.LayerRounds); m.byLayer {
		m.share = 0
	}
	if m.share > 0 {
		m.guide = s.mirrored(r.coloured(s.width-2*r.job.Preset.Margin, s.height-2*r.job.Preset.Margin))
	}
	return m
}

// targets matches strokes of paintings that are at the size that they are compared at.
func (m matching) targets(net *vgg.Network, layers []string, paintings []Style) ([]loss.Target, error) {
	styles, free := onDevice(paintings)
	defer free()
	of := loss.Matching{Layers: layers, Picture: pictureTensor(m.start), Share: m.share, Styles: styles, ByLayer: m.byLayer}
	defer of.Picture.FinalizeAll()
	if m.guide != nil {
		of.Guide = pictureTensor(m.guide)
		defer of.Guide.FinalizeAll()
	}
	return loss.StrokeTargets(net, of)
}

// matchingBytes returns how many bytes of memory matching strokes and their targets take beside the painting: the
// candidates, which are bounded, and the features of a pixel at the preset's layers, on the host and on the device.
func (j Job) matchingBytes(height, width int) int64 {
	if !j.Preset.Matches() {
		return 0
	}
	return 300<<20 + 1100*int64(height)*int64(width)
}

// dependsOnStart reports whether the terms of a scale depend on the picture that it begins with, so that a checkpoint
// must keep it.
func (j Job) dependsOnStart() bool { return j.Preset.Matches() || j.Terms != nil }

// startTensor is the tensor's in the file that follows the optimiser's in a checkpoint.
const startTensor = "start"

// writeStart writes the picture that a scale began with as a .safetensors file.
func writeStart(w io.Writer, p *picture.Picture) error {
	out, err := tensorfile.NewWriter(w, nil, []tensorfile.Tensor{{Name: startTensor, DType: "F32", Shape: []int{1, p.Height, p.Width, 3}}}, true)
	if err == nil {
		_ = tensorfile.WriteFloats(out, p.Pix) // Close returns its error
		err = out.Close()
	}
	if err != nil {
		return fmt.Errorf("writing a checkpoint: %w", err)
	}
	return nil
}

// readStart reads what writeStart wrote.
func readStart(r io.Reader) (*picture.Picture, error) {
	in, err := tensorfile.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("the picture that its scale began with: %w", err)
	}
	t, data, err := in.Next()
	if err != nil {
		return nil, fmt.Errorf("the picture that its scale began with: %w", err)
	}
	if len(t.Shape) != 4 || t.Shape[0] != 1 || t.Shape[3] != 3 || t.Name != startTensor || t.DType != "F32" {
		return nil, fmt.Errorf("the picture that its scale began with is a tensor %q of type %s and shape %v", t.Name, t.DType, t.Shape)
	}
	if _, _, err := in.Next(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the picture that its scale began with: %w", cmp.Or(err, errors.New("more follows")))
	}
	p := &picture.Picture{Height: t.Shape[1], Width: t.Shape[2], Pix: make([]float32, len(data)/4)}
	if _, err := binary.Decode(data, binary.LittleEndian, p.Pix); err != nil {
		return nil, fmt.Errorf("the picture that its scale began with: %w", err)
	}
	return p, nil
}
