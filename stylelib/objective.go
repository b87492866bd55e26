package stylelib

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/vgg"
)

// objective returns the objective of a job whose pictures have the sizes that they are compared at, and the caller's own
// terms in it. The caller calls release when it no longer needs them.
func (s *Studio) objective(net *vgg.Network, job Job) (o *loss.Objective, own []loss.Term, release func(), err error) {
	var releases []func()
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
	for _, name := range slices.Concat(job.Preset.ContentLayers, job.Preset.StyleLayers) {
		if _, err := net.Layer(name); err != nil {
			return nil, nil, nil, ofKind(ErrJob, err)
		}
	}
	height, width := job.Content.Height, job.Content.Width
	content := []Style{{Picture: job.Content}}
	scene := loss.Scene{Network: net, Height: height, Width: width, Variation: variation(job.Styles) * float64(height*width)}
	// targets returns those that compute returns, unless the studio has them already.
	type compute func(pictures []loss.Style) ([]loss.Target, error)
	targets := func(of any, layers []string, pictures []Style, compute compute) ([]loss.Target, error) {
		list, done, err := s.targets.Get(targetKey(net, of, layers, pictures), func() (list []loss.Target, bytes int64, err error) {
			on, free := onDevice(pictures)
			defer free()
			list, err = compute(on)
			for _, t := range list {
				bytes += int64(t.Tensor.ByteSize())
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
		return nil, nil, nil, err
	}
	statistic, layers := job.Preset.Statistic, job.Preset.StyleLayers
	scene.StyleTargets, err = targets(statistic, layers, job.Styles, func(on []loss.Style) ([]loss.Target, error) {
		return loss.StyleTargets(net, on, statistic, layers...)
	})
	if err != nil {
		return nil, nil, nil, err
	}
	terms, err := job.Preset.Terms(scene)
	if err != nil {
		return nil, nil, nil, ofKind(ErrJob, err)
	}
	if job.Terms != nil {
		pictures, free := onDevice(append(content, job.Styles...))
		releases = append(releases, free)
		scene.Content, scene.Styles = pictures[0].Picture, pictures[1:]
		if own, err = job.Terms(scene); err != nil {
			return nil, nil, nil, ofKind(ErrJob, fmt.Errorf("the job's own terms: %w", err))
		}
		terms = append(terms, own...)
	}
	create := func() (*loss.Objective, int64, error) {
		o, err := loss.NewObjective(net, height, width, terms)
		return o, 1, err
	}
	structure := loss.Structure(terms)
	if structure == "" {
		if o, _, err = create(); err == nil {
			releases = append(releases, o.Close)
		}
		return o, own, free, err
	}
	shared, done, err := s.objectives.Get(fmt.Sprint(net.Pooling(), net.Side(), height, "×", width, structure), create)
	if err == nil {
		releases = append(releases, done)
		o, err = shared.With(terms)
	}
	return o, own, free, err
}

// targetKey identifies targets by everything that they are computed from. Of is "content" or a [loss.Statistic].
func targetKey(net *vgg.Network, of any, layers []string, pictures []Style) string {
	h := sha256.New()
	fmt.Fprintln(h, net.Pooling(), net.Side(), of, strings.Join(layers, ","))
	for _, p := range pictures {
		fmt.Fprintln(h, p.Weight)
		hashPicture(h, p.Picture)
	}
	return string(h.Sum(nil))
}

// finalize frees the targets' memory on the device.
func finalize(targets []loss.Target) {
	for _, t := range targets {
		t.Finalize()
	}
}

// variation returns the styles' mean total variation per pixel.
func variation(styles []Style) float64 {
	var sum, even, weights float64
	for _, s := range styles {
		v := s.Picture.TotalVariation() / float64(s.Picture.Height*s.Picture.Width)
		sum += s.Weight * v
		even += v
		weights += s.Weight
	}
	if weights == 0 {
		return even / float64(max(len(styles), 1))
	}
	return sum / weights
}

func pictureTensor(p *picture.Picture) *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(p.Pix, 1, p.Height, p.Width, 3)
}

// onDevice returns pictures as tensors, and a function that frees them.
func onDevice(pictures []Style) (list []loss.Style, free func()) {
	for _, p := range pictures {
		list = append(list, loss.Style{Picture: pictureTensor(p.Picture), Weight: p.Weight})
	}
	return list, func() {
		for _, p := range list {
			p.Picture.FinalizeAll()
		}
	}
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
