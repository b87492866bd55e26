package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/gouache-art/gouache/weights"
)

// race compares the time to a loss: SciPy's L-BFGS-B with PyTorch at full size, and Gouache coarse to fine.
type race struct {
	Weights string
	Side    int
	PyTorch contender // the mode that SciPy calls
	SciPy   answer    // its Loss is the goal
	Gouache answer
	Planned int // iterations of Gouache's, at all scales together
	More    int // at most after those, at the last scale
	Reached bool
	// PyTorchLoss is PyTorch's loss at the picture that Gouache painted, if the goal was reached, and Apart its
	// relative difference from the loss that Gouache reported.
	PyTorchLoss, Apart float64
}

// trained is the set of weights of a second race, if it is in the cache.
const trained = "vgg16-hed"

// choosingIterations are enough for a painting to pass through all of its default scales.
const choosingIterations = 10

// randomRace runs a race with random weights.
func (m *measurement) randomRace(ctx context.Context) error {
	return m.race(ctx, "random weights", m.randomWeights(), weights.VGG19)
}

// trainedRace runs one with trained weights, if this machine has them.
func (m *measurement) trainedRace(ctx context.Context) error {
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
	q, err := m.problem("race-"+network, m.goal.side, weightsFile, network)
	if err != nil {
		return err
	}
	r := race{Weights: name, Side: m.goal.side, PyTorch: m.fastestTorch(), Planned: m.goal.iterations, More: m.goal.more}
	torch, err := r.PyTorch.start(ctx, q.file())
	if err != nil {
		return err
	}
	m.say("race with %s at %d px: SciPy on %s, %d evaluations", name, q.Side, torch, m.goal.evaluations)
	// The first evaluation compiles, and is not SciPy's.
	if _, _, err := torch.call(request{Do: evaluate, Times: 1}); err != nil {
		return err
	}
	start := q.path(q.Pictures[contentPicture])
	r.SciPy, _, err = torch.call(request{Do: "minimise", Side: q.Side, Picture: start, Times: m.goal.evaluations})
	if err != nil {
		return err
	}
	own, err := m.contenders[0].start(ctx, q.file())
	if err != nil {
		return errors.Join(err, torch.close())
	}
	err = m.paint(&r, q, own, torch)
	if err := errors.Join(err, own.close(), torch.close()); err != nil {
		return err
	}
	m.addRace(r)
	return nil
}

// fastestTorch returns PyTorch in its fastest mode in float32, at the measured size that is nearest to the race's.
func (m *measurement) fastestTorch() contender {
	distance := func(a size) int { return max(a.side-m.goal.side, m.goal.side-a.side) }
	near := slices.MinFunc(m.sizes, func(a, b size) int { return distance(a) - distance(b) })
	r, _ := fastest(m.results, func(r result) bool { return r.side == near.side && r.program == namePyTorch && !r.reduced() })
	return r.contender
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
	r.Gouache, _, err = own.call(request{Do: "paint", Times: r.Planned, More: r.More, Loss: r.SciPy.Loss, File: painted})
	if err != nil {
		return err
	}
	if r.Reached = r.Gouache.Loss <= r.SciPy.Loss; !r.Reached {
		return nil
	}
	if r.PyTorchLoss, _, err = torch.gradient(q, painted); err != nil {
		return err
	}
	r.Apart = math.Abs(r.PyTorchLoss-r.Gouache.Loss) / r.Gouache.Loss
	if most := m.Full.Tolerance.Loss; !(r.Apart <= most) { // NaN is no agreement
		return fmt.Errorf("at the picture that %s painted it has a loss of %v and %s one of %v: they should differ by %.0e at most",
			own, r.Gouache.Loss, torch, r.PyTorchLoss, most)
	}
	return nil
}
