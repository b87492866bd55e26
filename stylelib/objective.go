package stylelib

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/stylelib/vgg"
)

// objective returns the objective of a job whose pictures are laid on its background, at the sizes that they are compared
// at, and its terms. The caller calls release when it no longer needs them. The matching says what strokes are matched to. It
// frees tone, which may be nil, with the rest.
func (s *Studio) objective(net *vgg.Network, job Job, m matching, tone *loss.ToneTarget) (o *loss.Objective, all jobTerms, release func(), err error) {
	job.Preset = job.controlled()
	var releases []func()
	if tone != nil {
		releases = append(releases, tone.Finalize)
	}
	free := func() {
		for _, r := range slices.Backward(releases) {
			r()
		}
	}
	defer func() {
		if err != nil {
			free()
			if errors.As(err, new(loss.TermError)) {
				err = ofKind(ErrJob, err)
			}
			err = deviceError(err)
		}
	}()
	for _, name := range job.Preset.Layers() {
		if _, err := net.Layer(name); err != nil {
			return nil, all, nil, ofKind(ErrJob, err)
		}
	}
	height, width := job.Content.Height, job.Content.Width
	content := []Style{{Picture: job.Content}}
	regions := regionsOf(job.Styles)
	if err := checkLeft(job.Styles, regions); err != nil {
		return nil, all, nil, ofKind(ErrJob, err)
	}
	varied := regions
	if job.StrokesOf != nil {
		varied = regionsOf([]Style{{Picture: job.StrokesOf}})
	}
	scene := loss.Scene{Network: net, Height: height, Width: width, Tone: tone, Variation: variation(job.Preset.Smoothness, varied, height*width)}
	// onMask returns a mask of the picture on the device.
	onMask := func(m *picture.Mask, value func(float32) float32) *tensors.Tensor {
		t := maskTensor(m, value)
		releases = append(releases, func() { t.FinalizeAll() })
		return t
	}
	// targets returns those that compute returns, unless the studio has them already.
	type compute func(pictures []loss.Style) ([]loss.Target, error)
	targets := func(of string, layers []string, pictures []Style, compute compute) ([]loss.Target, error) {
		key := targetKey(net, of, layers, pictures)
		list, done, err := s.targets.Get(key, func() (list []loss.Target, bytes int64, err error) {
			list, err = s.keptOr(net, key, func() ([]loss.Target, error) {
				on, free := onDevice(pictures)
				defer free()
				return compute(on)
			})
			for _, t := range list {
				bytes += int64(t.Tensor.ByteSize())
				if t.Spectrum != nil {
					bytes += int64(t.Spectrum.ByteSize())
				}
			}
			return list, bytes, err
		})
		if err == nil {
			releases = append(releases, done)
		}
		return list, err
	}
	scene.ContentTargets, err = targets("content", job.Preset.ContentLayers, content, func(on []loss.Style) ([]loss.Target, error) {
		return loss.ContentTargets(net, on[0].Picture, job.Preset.ContentLayers...)
	})
	if err != nil {
		return nil, all, nil, err
	}
	if job.Protect != nil {
		all := region{share: 1}
		mask := onMask(job.Protect, func(v float32) float32 { return 1 + (protection-1)*v })
		scene.ContentTargets = all.on(mask, scene.ContentTargets)
	}
	// styleTargets returns those of a preset.
	styleTargets := func(p loss.Preset, pictures []Style) ([]loss.Target, error) {
		return targets(fmt.Sprint(p.Statistic, p.ShallowCells), p.StyleLayers, pictures, func(on []loss.Style) ([]loss.Target, error) {
			return p.StyleTargets(net, on)
		})
	}
	for _, r := range regions {
		own, err := styleTargets(job.Preset, r.styles)
		if err != nil {
			return nil, all, nil, err
		}
		if job.StrokesOf != nil {
			fine := job.Preset
			fine.StyleLayers = fineLayers(fine.StyleLayers)
			strokes, err := styleTargets(fine, job.strokesFor(r))
			if err != nil {
				return nil, all, nil, err
			}
			own = withStrokes(own, strokes)
		}
		var mask *tensors.Tensor
		if r.mask != nil {
			mask = onMask(r.mask, func(v float32) float32 { return v })
		}
		scene.StyleTargets = append(scene.StyleTargets, r.on(mask, own)...)
		if job.Preset.Matches() {
			own, err := m.targets(net, job.Preset.StrokesLayers, r.styles)
			if err != nil {
				return nil, all, nil, err
			}
			releases = append(releases, func() { finalize(own) })
			scene.StrokesTargets = append(scene.StrokesTargets, r.on(mask, own)...)
		}
	}
	terms, err := job.Preset.Terms(scene)
	if err != nil {
		return nil, all, nil, ofKind(ErrJob, err)
	}
	if job.Terms != nil {
		pictures, free := onDevice(append(content, job.Styles...))
		releases = append(releases, free)
		scene.Content, scene.Styles = pictures[0].Picture, pictures[1:]
		if m.start != nil {
			scene.Start = pictureTensor(m.start)
			releases = append(releases, func() { scene.Start.FinalizeAll() })
		}
		if all.own, err = job.Terms(scene); err != nil {
			return nil, all, nil, ofKind(ErrJob, fmt.Errorf("the job's own terms: %w", err))
		}
		terms = append(terms, all.own...)
	}
	all.scene = scene
	o, done, err := s.compiled(net, height, width, terms)
	if err == nil {
		releases = append(releases, done)
	}
	return o, all, free, err
}

// compiled returns the objective of terms, with the graphs of another one that was compiled for such terms if there is
// one. The caller calls release.
func (s *Studio) compiled(net *vgg.Network, height, width int, terms []loss.Term) (o *loss.Objective, release func(), err error) {
	create := func() (*loss.Objective, int64, error) {
		o, err := loss.NewObjective(net, height, width, terms)
		return o, 1, err
	}
	structure := loss.Structure(terms)
	if structure == "" {
		if o, _, err = create(); err != nil {
			return nil, nil, err
		}
		return o, o.Close, nil
	}
	key := fmt.Sprint(net.Variant(), net.Precision(), net.Side(), height, "×", width, structure)
	shared, release, err := s.objectives.Get(key, create)
	if err != nil {
		return nil, nil, err
	}
	if o, err = shared.With(terms); err != nil {
		release()
		return nil, nil, err
	}
	return o, release, nil
}

// jobTerms are what the terms of an objective are made from, until it is released.
type jobTerms struct {
	scene loss.Scene
	own   []loss.Term // the caller's
}

// of returns the terms with the weights of a preset, which is the objective's otherwise.
func (t jobTerms) of(preset loss.Preset) ([]loss.Term, error) {
	terms, err := preset.Terms(t.scene)
	return append(terms, t.own...), err
}

// finalize frees the targets' memory on the device.
func finalize(targets []loss.Target) {
	for _, t := range targets {
		t.Finalize()
	}
}

// variation returns what a smoothness is relative to: that of a picture with as many pixels that varies as much, from
// pixel to pixel, as the styles do where they count. It is zero for a smoothness that is not relative.
func variation(smoothness loss.Smoothness, regions []region, pixels int) (v loss.Variation) {
	if !smoothness.Relative() {
		return v
	}
	styles, shares := shares(regions)
	for i, s := range styles {
		area := float64(s.Picture.Height * s.Picture.Width)
		if s.Picture.Alpha != nil {
			area = 0
			for _, a := range s.Picture.Alpha {
				area += float64(a) / 255
			}
		}
		if area == 0 {
			continue
		}
		each := shares[i] / area * float64(pixels)
		if smoothness == loss.RelativeTV {
			v.TV += each * s.Picture.TotalVariation()
		} else {
			lightness, colour := s.Picture.Roughness()
			v.TV += each * lightness
			v.Chroma += each * colour
		}
	}
	return v
}

// overflow returns the error for an objective that float32 cannot hold. It names the weight to lower.
func overflow(preset loss.Preset, terms []progress.Term) error {
	lost := func(t progress.Term) bool { return math.IsNaN(t.Loss) || math.IsInf(t.Loss, 0) }
	if i := slices.IndexFunc(terms, lost); i >= 0 {
		return ofKind(ErrJob, fmt.Errorf("the %s loss is %v here, whatever its weight: choose other weights of the network, or other pictures",
			terms[i].Name, terms[i].Loss))
	}
	worst := slices.MaxFunc(terms, func(a, b progress.Term) int { return cmp.Compare(a.Weighted, b.Weighted) })
	which := "the weight of term " + worst.Name
	for _, c := range loss.Components() {
		if c.Name == worst.Name {
			which = fmt.Sprintf("%s-weight %v", c.Name, *c.Weight(&preset))
		}
	}
	return ofKind(ErrJob, fmt.Errorf("the %s loss or its gradient is infinite with %s: choose less", worst.Name, which))
}

// pictureTensor returns the colours of a picture that was laid on a background.
func pictureTensor(p *picture.Picture) *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(p.Pix, 1, p.Height, p.Width, 3)
}

// onDevice returns pictures that were laid on a background as tensors, with masks, and a function that frees them.
func onDevice(pictures []Style) (list []loss.Style, free func()) {
	for _, p := range pictures {
		style := loss.Style{Picture: pictureTensor(p.Picture), Weight: p.Weight}
		if p.Picture.Alpha != nil {
			style.Mask = alphaTensor(p.Picture)
		}
		list = append(list, style)
	}
	return list, func() {
		for _, p := range list {
			p.Picture.FinalizeAll()
			if p.Mask != nil {
				p.Mask.FinalizeAll()
			}
		}
	}
}

// alphaTensor returns the opacity of a picture with alpha, 0..1.
func alphaTensor(p *picture.Picture) *tensors.Tensor {
	mask := make([]float32, len(p.Alpha))
	for i, a := range p.Alpha {
		mask[i] = a / 255
	}
	return tensors.FromFlatDataAndDimensions(mask, 1, p.Height, p.Width, 1)
}

func tensorPicture(t *tensors.Tensor) (*picture.Picture, error) {
	pix, err := toHost(t, "picture")
	if err != nil {
		return nil, err
	}
	d := t.Shape().Dimensions
	return &picture.Picture{Height: d[1], Width: d[2], Pix: pix}, nil
}

// toHost copies a tensor's numbers from the device. Here as elsewhere, an error of freeing a tensor is ignored: it
// changes no result, and the device's next use reports what is wrong with it.
func toHost(t *tensors.Tensor, what string) ([]float32, error) {
	numbers, err := tensors.CopyFlatData[float32](t)
	if err != nil {
		return nil, deviceError(fmt.Errorf("copying the %s from the device: %w", what, err))
	}
	return numbers, nil
}
