package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/stylelib/vgg/conv"
)

// gouache is the contender Gouache: this program.
type gouache struct {
	problem   *problem
	studio    *stylelib.Studio
	objective *loss.Objective
	start     *tensors.Tensor
}

// work runs the contender Gouache. Its arguments are the mode's option, if it has one, and the problem's file.
func work(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) == 0 || len(args) == 2 && args[0] != mixed || len(args) > 2 {
		return fmt.Errorf("the worker's arguments are %q, not a problem's file, with %s before it or nothing", args, mixed)
	}
	q, err := readProblem(args[len(args)-1])
	if err != nil {
		return err
	}
	precision := conv.Mixed
	if len(args) == 1 {
		precision = plainPrecision(q.Device)
	}
	g, err := newGouache(ctx, q, precision)
	if err != nil {
		return err
	}
	defer g.studio.Close()
	first := ready{Versions: map[string]string{"XLA's plugin": g.studio.Backend().APIVersion()}, Device: g.studio.Backend().DeviceName()}
	return serve(in, out, first, map[string]func(request) (answer, error){
		evaluate:   g.evaluate,
		"gradient": g.gradient,
		"paint":    func(r request) (answer, error) { return g.paint(ctx, r) },
	})
}

// plainPrecision is that of the others' plain modes: TF32 on a GPU, as PyTorch has it.
func plainPrecision(device backend.Device) conv.Precision {
	if device == backend.CUDA {
		return conv.TF32
	}
	return conv.Float32
}

// newGouache computes the targets and builds the objective.
func newGouache(ctx context.Context, q *problem, precision conv.Precision) (*gouache, error) {
	studio, err := stylelib.Open(ctx, stylelib.OpenOptions{Options: stylelib.Options{Tune: true, Precision: precision}, Device: q.Device, Weights: q.path(q.Weights)})
	if err != nil {
		return nil, err
	}
	start, startErr := q.picture(startPicture)
	content, contentErr := q.picture(contentPicture)
	style, styleErr := q.picture(stylePicture)
	if err := errors.Join(startErr, contentErr, styleErr); err != nil {
		return nil, err
	}
	net, err := studio.Network(preset.Network())
	if err != nil {
		return nil, err
	}
	scene := loss.Scene{Height: q.Side, Width: q.Side}
	if scene.ContentTargets, err = loss.ContentTargets(net, tensor(content), preset.ContentLayers...); err != nil {
		return nil, err
	}
	styles := []loss.Style{{Picture: tensor(style)}}
	if scene.StyleTargets, err = preset.StyleTargets(net, styles); err != nil {
		return nil, err
	}
	terms, err := preset.Terms(scene)
	if err != nil {
		return nil, err
	}
	objective, err := loss.NewObjective(net, q.Side, q.Side, terms)
	return &gouache{problem: q, studio: studio, objective: objective, start: tensor(start)}, err
}

func tensor(p *picture.Picture) *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(p.Pix, 1, p.Height, p.Width, 3)
}

// evaluate answers when the gradient has been computed, too: XLA returns all results of a graph at once.
func (g *gouache) evaluate(r request) (a answer, err error) {
	for range r.Times {
		e, err := g.objective.Evaluate(g.start)
		if err != nil {
			return a, err
		}
		a.Loss = e.Total
		if err := e.Gradient.FinalizeAll(); err != nil {
			return a, err
		}
	}
	return a, nil
}

func (g *gouache) gradient(r request) (a answer, err error) {
	pix, err := readFloats(r.Picture, 3*r.Side*r.Side)
	if err != nil {
		return a, err
	}
	x := tensors.FromFlatDataAndDimensions(pix, 1, r.Side, r.Side, 3)
	defer func() { _ = x.FinalizeAll() }()
	e, err := g.objective.Evaluate(x)
	if err != nil {
		return a, err
	}
	defer func() { _ = e.Gradient.FinalizeAll() }()
	values, err := tensors.CopyFlatData[float32](e.Gradient)
	if err != nil {
		return a, err
	}
	return answer{Loss: e.Total}, writeFloats(r.File, values)
}

// paint runs the whole loop in a new studio, so that nothing is computed or compiled before its time begins. If the loss
// is not reached in the iterations that are planned, it continues at the last scale from the picture that it has.
func (g *gouache) paint(ctx context.Context, r request) (a answer, err error) {
	content, contentErr := g.problem.picture(contentPicture)
	style, styleErr := g.problem.picture(stylePicture)
	if err := errors.Join(contentErr, styleErr); err != nil {
		return a, err
	}
	studio := stylelib.NewStudio(g.studio.Backend(), g.studio.Weights(), stylelib.Options{Tune: true, Precision: g.studio.Precision()})
	defer studio.Close()
	job := stylelib.Job{
		Content:    content,
		Styles:     []stylelib.Style{{Picture: style}},
		Size:       g.problem.Side,
		Iterations: r.Times,
		Preset:     preset,
	}
	until := &goal{loss: r.Loss, began: time.Now()}
	painted, err := until.stylize(ctx, studio, job)
	if err == nil && painted != nil && !until.reached && r.More > 0 {
		job.Start, job.Scales, job.Iterations = painted, 1, r.More
		painted, err = until.stylize(ctx, studio, job)
	}
	if err != nil || !until.reached {
		return until.answer, err
	}
	return until.answer, writeFloats(r.File, painted.Pix)
}

// goal is an observer that stops a painting as soon as its last scale, whose objective is the problem's, has reached a
// loss. It holds the answer of the latest iteration, of one or more paintings.
type goal struct {
	loss    float64
	began   time.Time
	answer  answer
	reached bool

	// Of the painting now.
	stop       func()
	planned    progress.Run
	before     answer       // of the paintings before
	checkpoint bytes.Buffer // at the last iteration
	err        error        // of writing it
}

// stylize paints until the loss is reached or the iterations are done, and returns the picture as the optimiser has it:
// those that others see are clamped to 0..255, and so have another loss. It returns none if the optimiser has found the
// minimum before.
func (g *goal) stylize(ctx context.Context, studio *stylelib.Studio, job stylelib.Job) (*picture.Picture, error) {
	ctx, g.stop = context.WithCancel(ctx)
	defer g.stop()
	g.before = g.answer
	g.checkpoint.Reset()
	if _, err := studio.Stylize(ctx, job, g); err != nil || g.err != nil {
		return nil, errors.Join(err, g.err)
	}
	if g.checkpoint.Len() == 0 {
		return nil, nil
	}
	checkpoint, err := stylelib.ReadCheckpoint(&g.checkpoint)
	if err != nil {
		return nil, err
	}
	return checkpoint.Picture()
}

func (g *goal) Observe(e progress.Event) {
	if r, ok := e.(progress.Run); ok {
		g.planned = r
	}
	i, ok := e.(progress.Iteration)
	if !ok || i.Scale != len(g.planned.Scales)-1 || g.reached {
		return
	}
	g.answer = answer{
		Loss: i.Total, Seconds: time.Since(g.began).Seconds(),
		Evaluations: g.before.Evaluations + i.Evaluations, Iterations: g.before.Iterations + i.Iteration,
	}
	if g.reached = i.Total <= g.loss; g.reached {
		g.stop()
	}
	switch {
	case !g.reached && i.Iteration < g.planned.Iterations():
	case i.Checkpoint == nil:
		g.err = errors.New("no memory is left for a copy of the picture that was painted")
	default:
		g.err = i.Checkpoint(&g.checkpoint)
	}
}
