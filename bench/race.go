package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"

	"github.com/gouache-art/gouache/stylelib/backend"
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
	q, err := m.problem("race-"+network, m.goal.side, weightsFile, network)
	if err != nil {
		return err
	}
	r := race{Weights: name, Side: m.goal.side}
	torch, err := m.start(ctx, nameFaster, q)
	if err != nil {
		return err
	}
	m.say("race with %s at %d px: SciPy on PyTorch, %d evaluations", name, q.Side, m.goal.evaluations)
	start := q.path(q.Pictures[contentPicture])
	r.SciPy, _, err = torch.call(request{Do: "minimise", Side: q.Side, Picture: start, Times: m.goal.evaluations})
	if err != nil {
		return err
	}
	own, err := m.start(ctx, nameGouache, q)
	if err != nil {
		return errors.Join(err, torch.close())
	}
	err = m.paint(&r, q, own, torch)
	if err := errors.Join(err, own.close(), torch.close()); err != nil {
		return err
	}
	m.Races, m.Rows = append(m.Races, r), append(m.Rows, r.row())
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

// difference is the distance of a contender's loss and gradient from Gouache's.
type difference struct {
	Loss   float64 // relative
	L2     float64 // of the gradients, relative: ‖a−b‖/‖b‖
	Median float64 // of the distances of the gradients' numbers, relative to the root mean square of one gradient
}

// tolerance returns the largest difference that counts as agreement. A mistake, such as channels in another
// order, another pooling or a missing term, causes a difference of a tenth and more.
//
// On the CPU a sum of float32 numbers depends on its order by about 1e-7, Winograd's transforms by 1e-5, and
// most of a gradient's numbers differ by no more. But where the input of a ReLU is that close to zero, or two
// inputs of a maximum are that close to each other, rounding decides the path of the gradient: one unit in
// millions, which changes all pixels that it sees. For this reason PyTorch in float32 differs by 3e-5 to 2e-3
// in norm from itself in float64, and TensorFlow and JAX by up to 4e-3, depending on the picture, with a median
// distance of 1e-7 to 2e-7. So the norm may differ by 1e-2, which still detects a wrong row at an edge, and the
// median by 1e-4.
//
// On CUDA convolutions round their inputs to TF32's 10 bits, 5e-4 of their size, by default. The same rounding
// in PyTorch on the CPU changes the loss by 2e-5, the gradient by 0.04 in norm and by 0.02 in the median;
// Gouache and PyTorch round independently.
func tolerance(d backend.Device) difference {
	if d == backend.CUDA {
		return difference{Loss: 1e-3, L2: 0.15, Median: 0.1}
	}
	return difference{Loss: 1e-4, L2: 1e-2, Median: 1e-4}
}

// compare returns the difference of a loss and gradient from the reference.
func compare(loss, reference float64, gradient, referenceGradient []float32) difference {
	var apart, size float64
	distances := make(sample, len(gradient))
	for i, v := range gradient {
		r := float64(referenceGradient[i])
		d := float64(v) - r
		apart += d * d
		size += r * r
		distances[i] = math.Abs(d)
	}
	return difference{
		Loss:   math.Abs(loss-reference) / math.Abs(reference),
		L2:     math.Sqrt(apart / size),
		Median: distances.median() / math.Sqrt(size/float64(len(gradient))),
	}
}

// check returns an error if a difference exceeds the tolerance. NaN always does.
func (d difference) check(most difference) error {
	if d.Loss <= most.Loss && d.L2 <= most.L2 && d.Median <= most.Median {
		return nil
	}
	return fmt.Errorf("the losses differ by %.1e, the gradients by %.1e in norm and by %.1e in the median; at most %.0e, %.0e and %.0e would be agreement",
		d.Loss, d.L2, d.Median, most.Loss, most.L2, most.Median)
}

// worst returns the larger of each part of two differences.
func (d difference) worst(other difference) difference {
	return difference{Loss: max(d.Loss, other.Loss), L2: max(d.L2, other.L2), Median: max(d.Median, other.Median)}
}
