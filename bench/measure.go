package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
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

// pause waits until threads that spin while they wait for work, as PyTorch's and TensorFlow's do for some
// milliseconds, have stopped, before the next contender's turn.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(100 * time.Millisecond):
		return nil
	}
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
	seconds := row{Measure: fmt.Sprintf("seconds an evaluation, %d px", s.side), format: inSeconds, of: map[string]sample{}}
	peak := row{Measure: fmt.Sprintf("peak memory in GB, %d px", s.side), format: inGigabytes, of: map[string]sample{}}
	for round := range s.rounds + 1 {
		for _, p := range processes {
			if err := pause(ctx); err != nil {
				return err
			}
			_, took, err := p.call(request{Do: p.do, Times: m.times})
			if err != nil {
				return err
			}
			if round > 0 { // round 0 warms up
				seconds.of[p.name] = append(seconds.of[p.name], took.Seconds()/float64(m.times))
			}
		}
		m.say("%d px: round %d of %d", s.side, round, s.rounds)
	}
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
	seconds := row{Measure: fmt.Sprintf("seconds from command to first iteration, %d px", firstSide), format: inSeconds, of: map[string]sample{}}
	for round := range m.starts {
		for _, c := range m.contenders {
			if c.do != evaluate {
				continue
			}
			if err := pause(ctx); err != nil {
				return err
			}
			took, err := c.first(ctx, q, command)
			if err != nil {
				return err
			}
			seconds.of[c.name] = append(seconds.of[c.name], took.Seconds())
		}
		m.say("first iteration: round %d of %d", round+1, m.starts)
	}
	m.Rows = append(m.Rows, seconds)
	return nil
}

// first starts a contender and returns the time to the end of its first iteration.
func (c contender) first(ctx context.Context, q *problem, command []string) (time.Duration, error) {
	began := time.Now()
	if c.name == nameGouache {
		return firstLine(ctx, command, began)
	}
	p, err := c.start(ctx, q.file())
	if err != nil {
		return 0, err
	}
	if _, _, err := p.call(request{Do: c.do, Times: 1}); err != nil {
		return 0, err
	}
	took := time.Since(began)
	return took, p.close()
}

// iterated matches the line of progress of the first iteration, such as "[███] 1/1  256×256  loss 2.1e+05".
var iterated = regexp.MustCompile(`^\[.*\] 1/\d+ .*loss`)

// firstLine runs Gouache and returns the time from began to its first line about an iteration.
func firstLine(ctx context.Context, command []string, began time.Time) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	var took time.Duration
	var printed []string
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		printed = append(printed, lines.Text())
		if took == 0 && iterated.MatchString(lines.Text()) {
			took = time.Since(began)
		}
	}
	err = cmd.Wait()
	if err != nil || took == 0 {
		return 0, fmt.Errorf("%s printed no first iteration (%v); it printed:\n%s", command[0], err, strings.Join(printed, "\n"))
	}
	return took, nil
}
