package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"

	"github.com/gouache-art/gouache/weights"
)

// race compares the time to a loss: SciPy's L-BFGS-B with PyTorch at full size, and Gouache coarse to fine.
type race struct {
	Weights string
	Side    int
	SciPy   answer // its Loss is the goal
	Gouache answer
	Reached bool
	// PyTorchLoss is PyTorch's loss at the picture that Gouache painted, if the goal was reached, and Apart its
	// relative difference from the loss that Gouache reported.
	PyTorchLoss, Apart float64
}

// trained is the set of weights of a second race, if it is in the cache.
const trained = "vgg16-hed"

// choosingIterations are enough for a painting to pass through all of its default scales.
const choosingIterations = 10

// races runs a race with random weights, and one with trained weights if this machine has them.
func (m *measurement) races(ctx context.Context) error {
	if err := m.race(ctx, "random weights", m.randomWeights(), weights.VGG19); err != nil {
		return err
	}
	entry, err := weights.Lookup(trained)
	if err != nil {
		return err
	}
	file, ok := weights.Cached(entry, weights.Options{})
	if !ok {
		m.say("no race with %s, which is not in the cache: gouache weights fetch %s", trained, trained)
		return nil
	}
	converted := filepath.Join(m.dir, trained+".safetensors")
	if printed, err := exec.CommandContext(ctx, m.gouache, "weights", "convert", file, converted).CombinedOutput(); err != nil {
		return fmt.Errorf("converting %s: %w; %s", file, err, printed)
	}
	return m.race(ctx, trained, converted, entry.Network)
}

// race lets PyTorch, then Gouache, minimise the objective from the content picture.
func (m *measurement) race(ctx context.Context, name, weightsFile, network string) error {
	p, err := samplePictures(m.goal.side)
	if err != nil {
		return err
	}
	q, err := writeProblem(filepath.Join(m.dir, "race-"+network), weightsFile, network, m.device, p)
	if err != nil {
		return err
	}
	r := race{Weights: name, Side: m.goal.side}
	torch, err := m.contender(nameFaster).start(ctx, q.file())
	if err != nil {
		return err
	}
	m.say("race with %s at %d px: SciPy on PyTorch, %d evaluations", name, q.Side, m.goal.evaluations)
	content := q.path(q.Pictures.Content)
	r.SciPy, _, err = torch.call(request{Do: "minimise", Side: q.Side, Picture: content, Times: m.goal.evaluations})
	if err != nil {
		return err
	}
	own, err := m.contender(nameGouache).start(ctx, q.file())
	if err != nil {
		return errors.Join(err, torch.close())
	}
	err = m.paint(&r, q, own, torch)
	if err := errors.Join(err, own.close(), torch.close()); err != nil {
		return err
	}
	m.report.Races, m.report.Rows = append(m.report.Races, r), append(m.report.Rows, r.row())
	return nil
}

// paint lets Gouache paint until it has SciPy's loss, and checks that PyTorch computes the same loss there.
func (m *measurement) paint(r *race, q *problem, own, torch *process) error {
	m.say("race with %s at %d px: Gouache, to a loss of %.5g, which SciPy had after %.0f s", r.Weights, q.Side, r.SciPy.Loss, r.SciPy.Seconds)
	painted := q.path("painted.f32")
	// Convolutions are chosen by measuring once on a machine; this does it before the race.
	if _, _, err := own.call(request{Do: "paint", Times: choosingIterations, File: painted}); err != nil {
		return err
	}
	var err error
	r.Gouache, _, err = own.call(request{Do: "paint", Times: m.goal.iterations, Loss: r.SciPy.Loss, File: painted})
	if err != nil {
		return err
	}
	if r.Reached = r.Gouache.Loss <= r.SciPy.Loss; !r.Reached {
		return nil
	}
	theirs, _, err := torch.gradient(q, painted)
	if err != nil {
		return err
	}
	r.PyTorchLoss = theirs.Loss
	r.Apart = math.Abs(theirs.Loss-r.Gouache.Loss) / r.Gouache.Loss
	if most := tolerance(m.device).Loss; !(r.Apart <= most) { // NaN is no agreement
		return fmt.Errorf("at the picture that %s painted it has a loss of %v and %s one of %v: they should differ by %.0e at most",
			own.name, r.Gouache.Loss, torch.name, theirs.Loss, most)
	}
	return nil
}
