package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gouache-art/gouache/weights"
)

// measurement is a run of the comparison.
type measurement struct {
	*settings
	*report
	contenders []contender
	dir        string // of problems and contenders' output
	messages   io.Writer
}

// seed is that of the random weights.
const seed = 1

// measure runs the whole comparison.
func (s *settings) measure(ctx context.Context, messages io.Writer) (*report, error) {
	dir, err := os.MkdirTemp("", "gouache-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	m := &measurement{settings: s, dir: dir, messages: messages}
	if m.contenders, err = s.contenders(); err != nil {
		return nil, err
	}
	if m.report, err = newReport(ctx, s, m.contenders); err != nil {
		return nil, err
	}
	if err := weights.WriteSafetensors(m.randomWeights(), weights.Random(weights.VGG19, seed)); err != nil {
		return nil, err
	}
	began := time.Now()
	for _, size := range s.sizes {
		if err := m.evaluations(ctx, size); err != nil {
			return nil, err
		}
	}
	if err := m.firstIterations(ctx); err != nil {
		return nil, err
	}
	if s.goal.evaluations > 0 {
		if err := m.races(ctx); err != nil {
			return nil, err
		}
	}
	m.Date, m.Took = time.Now().UTC().Format("2 January 2006, 15:04 UTC"), time.Since(began).Round(time.Minute)
	return m.report, nil
}

func (m *measurement) randomWeights() string { return filepath.Join(m.dir, "random.safetensors") }

// start starts the contender of a name.
func (m *measurement) start(ctx context.Context, name string, q *problem) (*process, error) {
	i := slices.IndexFunc(m.contenders, func(c contender) bool { return c.name == name })
	return m.contenders[i].start(ctx, q.file())
}

// say prints progress.
func (m *measurement) say(format string, args ...any) {
	fmt.Fprintf(m.messages, "bench: "+format+"\n", args...)
}

// problem writes the problem of the given side into a folder of its name.
func (m *measurement) problem(name string, side int, weightsFile, network string) (*problem, error) {
	pictures, err := samplePictures(side)
	if err != nil {
		return nil, err
	}
	return writeProblem(filepath.Join(m.dir, name), weightsFile, network, m.device, pictures)
}

// turns measures the seconds of each contender in rounds of turns, after warmUps rounds that do not count. Before each
// turn it waits until threads that spin while they wait for work, as PyTorch's and TensorFlow's do for some milliseconds,
// have stopped.
func (m *measurement) turns(ctx context.Context, what string, warmUps, rounds int, list []contender, take func(i int) (float64, error)) (row, error) {
	line := row{Measure: "seconds " + what, format: inSeconds, of: map[string]sample{}}
	for round := 1 - warmUps; round <= rounds; round++ {
		for i, c := range list {
			select {
			case <-ctx.Done():
				return line, ctx.Err()
			case <-time.After(100 * time.Millisecond):
			}
			seconds, err := take(i)
			if err != nil {
				return line, err
			}
			if round > 0 {
				line.of[c.name] = append(line.of[c.name], seconds)
			}
		}
		m.say("%s: round %d of %d", what, round, rounds)
	}
	return line, nil
}

// evaluations measures the seconds of an evaluation and the peak memory at one size. All contenders are alive and
// work in turn, one at a time. The processes are new for each size, so that the memory is that size's.
func (m *measurement) evaluations(ctx context.Context, s size) (err error) {
	q, err := m.problem(fmt.Sprint(s.side), s.side, m.randomWeights(), weights.VGG19)
	if err != nil {
		return err
	}
	var processes []*process
	defer func() {
		for _, p := range processes {
			err = errors.Join(err, p.close())
		}
	}()
	for _, c := range m.contenders {
		m.say("%d px: starting %s", q.Side, c.name)
		p, err := c.start(ctx, q.file())
		if err != nil {
			return err
		}
		processes = append(processes, p)
		m.meet(p)
	}
	if err := m.agree(q, processes); err != nil {
		return err
	}
	seconds, err := m.turns(ctx, fmt.Sprintf("an evaluation, %d px", s.side), 1, s.rounds, m.contenders, func(i int) (float64, error) {
		_, took, err := processes[i].call(request{Do: processes[i].do, Times: m.times})
		return took.Seconds() / float64(m.times), err
	})
	if err != nil {
		return err
	}
	peak := row{Measure: fmt.Sprintf("peak memory in GB, %d px", s.side), format: inGigabytes, of: map[string]sample{}}
	for _, p := range processes {
		if p.do != evaluate {
			continue
		}
		bytes, err := p.peakMemory()
		if err != nil {
			return err
		}
		peak.of[p.name] = sample{bytes}
	}
	m.Rows = append(m.Rows, seconds, peak)
	return nil
}

// agree returns an error unless all contenders compute the same loss and gradient.
func (m *measurement) agree(q *problem, processes []*process) error {
	m.say("%d px: comparing losses and gradients", q.Side)
	var reference answer
	var referenceGradient []float32
	for _, p := range processes {
		if p.do != evaluate {
			continue
		}
		a, gradient, err := p.gradient(q, q.path(q.Pictures[startPicture]))
		if err != nil {
			return err
		}
		if referenceGradient == nil {
			reference, referenceGradient = a, gradient
			continue
		}
		d := compare(a.Loss, reference.Loss, gradient, referenceGradient)
		if err := d.check(tolerance(m.device)); err != nil {
			return fmt.Errorf("%s and %s do not compute the same at %d pixels, so their times cannot be compared: %w",
				p.name, processes[0].name, q.Side, err)
		}
		m.Difference = m.Difference.worst(d)
	}
	return nil
}

// gradient requests the loss and gradient at the picture in a file.
func (p *process) gradient(q *problem, picture string) (answer, []float32, error) {
	file := q.path("gradient.f32")
	a, _, err := p.call(request{Do: "gradient", Side: q.Side, Picture: picture, File: file})
	if err != nil {
		return a, nil, err
	}
	gradient, err := readFloats(file, 3*q.Side*q.Side)
	return a, gradient, err
}

// firstSide is the side of the picture, in pixels, for the first iteration.
const firstSide = 256

// firstIterations measures the seconds from command to first iteration. For the others that is a script's first
// evaluation, for Gouache the program's first iteration, which takes two evaluations and the optimiser's graphs.
func (m *measurement) firstIterations(ctx context.Context) error {
	q, err := m.problem(fmt.Sprint(firstSide), firstSide, m.randomWeights(), weights.VGG19)
	if err != nil {
		return err
	}
	content, style := filepath.Join(m.dir, "content.png"), filepath.Join(m.dir, "style.png")
	for file, role := range map[string]string{content: contentPicture, style: stylePicture} {
		p, err := q.picture(role)
		if err := errors.Join(err, p.Save(file)); err != nil {
			return err
		}
	}
	command := []string{
		m.gouache, "stylize", "--content", content, "--style", style, "--out", filepath.Join(m.dir, "out.png"),
		"--weights", m.randomWeights(), "--preset", preset.Name, "--device", string(m.device), "--store", "none",
		"--size", fmt.Sprint(firstSide), "--scales", "1", "--iterations", "1",
	}
	list := slices.DeleteFunc(slices.Clone(m.contenders), func(c contender) bool { return c.do != evaluate })
	what := fmt.Sprintf("from command to first iteration, %d px", firstSide)
	seconds, err := m.turns(ctx, what, 0, m.starts, list, func(i int) (float64, error) {
		began := time.Now()
		if list[i].name == nameGouache {
			return firstLine(ctx, command, began)
		}
		p, err := list[i].start(ctx, q.file())
		if err != nil {
			return 0, err
		}
		if _, _, err := p.call(request{Do: evaluate, Times: 1}); err != nil {
			return 0, err
		}
		return time.Since(began).Seconds(), p.close()
	})
	m.Rows = append(m.Rows, seconds)
	return err
}

// iterated matches the line of progress of the first iteration, such as "[███] 1/1  256×256  loss 2.1e+05".
var iterated = regexp.MustCompile(`^\[.*\] 1/\d+ .*loss`)

// firstLine runs Gouache and returns the seconds from began to its first line about an iteration.
func firstLine(ctx context.Context, command []string, began time.Time) (float64, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	var took float64
	var printed []string
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		printed = append(printed, lines.Text())
		if took == 0 && iterated.MatchString(lines.Text()) {
			took = time.Since(began).Seconds()
		}
	}
	err = cmd.Wait()
	if err != nil || took == 0 {
		return 0, fmt.Errorf("%s printed no first iteration (%v); it printed:\n%s", command[0], err, strings.Join(printed, "\n"))
	}
	return took, nil
}

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
