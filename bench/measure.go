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
	contenders []contender // Gouache's modes first
	out        []contender // of the others, those that are not measured any more
	dir        string      // of problems and contenders' output
	messages   io.Writer
}

// seed is that of the random weights.
const seed = 1

// measure runs the whole comparison. After each part it calls save with what has been measured.
func (s *settings) measure(ctx context.Context, messages io.Writer, save func(*report) error) error {
	dir, err := os.MkdirTemp("", "gouache-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	m := &measurement{settings: s, dir: dir, messages: messages}
	if m.contenders, err = s.contenders(); err != nil {
		return err
	}
	if m.report, err = newReport(ctx, s, m.contenders); err != nil {
		return err
	}
	if err := weights.WriteSafetensors(m.randomWeights(), weights.Random(weights.VGG19, seed)); err != nil {
		return err
	}
	var parts []func() error
	for _, size := range s.sizes {
		parts = append(parts, func() error { return m.evaluations(ctx, size) })
	}
	parts = append(parts, func() error { return m.firstIterations(ctx) })
	if s.goal.evaluations > 0 {
		parts = append(parts, func() error { return m.randomRace(ctx) }, func() error { return m.trainedRace(ctx) })
	}
	began := time.Now()
	for _, part := range parts {
		if err := part(); err != nil {
			return err
		}
		m.Date, m.Took = time.Now().UTC().Format("2 January 2006, 15:04 UTC"), time.Since(began).Round(time.Minute)
		if err := save(m.report); err != nil {
			return err
		}
	}
	return nil
}

func (m *measurement) randomWeights() string { return filepath.Join(m.dir, "random.safetensors") }

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

// turns measures the seconds of n contenders, which take turns, for as many rounds as again asks for after the first.
// Before each turn it waits until threads that spin while they wait for work, as PyTorch's and TensorFlow's do for some
// milliseconds, have stopped.
func (m *measurement) turns(ctx context.Context, what string, n int, again func([]sample) bool, take func(i int) (float64, error)) ([]sample, error) {
	seconds := make([]sample, n)
	for round := 1; round == 1 || again(seconds); round++ {
		for i := range seconds {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(100 * time.Millisecond):
			}
			took, err := take(i)
			if err != nil {
				return nil, err
			}
			seconds[i] = append(seconds[i], took)
		}
		m.say("%s: round %d", what, round)
	}
	return seconds, nil
}

// match is the comparison at one size: every contender is measured in turn with Gouache's modes, no other being alive. The
// processes are new for each size, so that the memory is that size's.
type match struct {
	size
	m        *measurement
	problem  *problem
	own      []*process // Gouache's, in each of its modes
	loss     float64    // that its plain mode computes, as is the gradient
	gradient []float32
	results  []result
}

// evaluations measures the seconds of an evaluation and the peak memory at one size. It leaves out modes that fail and
// those that are hopeless, with all that add to their options, and from then on. Plain modes must run.
func (m *measurement) evaluations(ctx context.Context, s size) (err error) {
	x := &match{size: s, m: m}
	if x.problem, err = m.problem(fmt.Sprint(s.side), s.side, m.randomWeights(), weights.VGG19); err != nil {
		return err
	}
	defer func() {
		for _, own := range x.own {
			err = errors.Join(err, own.close())
		}
	}()
	own, others := m.byProgram()
	for i, c := range own {
		p, err := c.start(ctx, x.problem.file())
		if err != nil {
			return err
		}
		x.own = append(x.own, p)
		if i > 0 {
			if err := x.agree(p); err != nil {
				return err
			}
			continue
		}
		m.meet(p)
		if x.loss, x.gradient, err = p.gradient(x.problem, x.problem.start()); err != nil {
			return err
		}
	}
	for _, c := range others {
		if slices.ContainsFunc(m.out, c.extends) {
			continue
		}
		r, err := x.measure(ctx, c)
		switch {
		case err == nil:
			x.results = append(x.results, r)
			if r.slower > hopeless {
				m.leaveOut(c, "%d px: %s takes %.1f times as long, beside Gouache, as a mode before it", s.side, c, r.slower)
			}
		case c.plain() || ctx.Err() != nil || slices.ContainsFunc(x.own, (*process).ended):
			return err
		default:
			reason, _, _ := strings.Cut(err.Error(), "\n")
			m.leaveOut(c, "%d px: %s", s.side, reason)
		}
	}
	m.add(s.side, x.results)
	return nil
}

// byProgram returns Gouache's modes and the other contenders.
func (m *measurement) byProgram() (own, others []contender) {
	n := slices.IndexFunc(m.contenders, func(c contender) bool { return c.program != nameGouache })
	return m.contenders[:n], m.contenders[n:]
}

// leaveOut records that a contender is not measured any more, and why.
func (m *measurement) leaveOut(c contender, format string, args ...any) {
	m.out, m.LeftOut = append(m.out, c), append(m.LeftOut, fmt.Sprintf(format, args...))
	m.say("left out: "+format, args...)
}

// hopeless is how many times as long as a faster mode of its program a mode may take.
const hopeless = 3

// measure measures a contender in turn with Gouache, until it is known to be hopeless.
func (x *match) measure(ctx context.Context, c contender) (r result, err error) {
	x.m.say("%d px: starting %s", x.side, c)
	p, err := c.start(ctx, x.problem.file())
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	x.m.meet(p)
	// Either warms up, and compiles what is compiled.
	if c.do == evaluate {
		err = x.agree(p)
	} else {
		_, _, err = p.call(request{Do: c.do, Times: 1})
	}
	if err != nil {
		return r, err
	}
	r = result{contender: c, side: x.side}
	best, ok := fastest(x.results, func(r result) bool { return r.program == c.program })
	again := func(s []sample) bool {
		if ok {
			r.slower = best.own[0].over(best.seconds) / s[0].over(s[len(s)-1])
		}
		return len(s[0]) < x.rounds && r.slower <= hopeless
	}
	all := append(slices.Clone(x.own), p)
	seconds, err := x.m.turns(ctx, fmt.Sprintf("%d px: %s", x.side, c), len(all), again, func(i int) (float64, error) {
		_, took, err := all[i].call(request{Do: all[i].do, Times: x.m.times})
		return took.Seconds() / float64(x.m.times), err
	})
	if err != nil {
		return r, err
	}
	peaks := make([]float64, len(all))
	for i, p := range all {
		if peaks[i], err = p.peakMemory(); err != nil {
			return r, err
		}
	}
	last := len(all) - 1
	r.own, r.seconds = seconds[:last], seconds[last]
	r.ownPeak, r.peak = peaks[:last], peaks[last]
	return r, nil
}

// agree returns an error unless a contender computes the same loss and gradient as Gouache's plain mode.
func (x *match) agree(p *process) error {
	loss, gradient, err := p.gradient(x.problem, x.problem.start())
	if err != nil {
		return err
	}
	a := &x.m.Full
	if p.reduced() {
		a = &x.m.Reduced
	}
	d := compare(loss, x.loss, gradient, x.gradient)
	if err := d.check(a.Tolerance); err != nil {
		return fmt.Errorf("%s and %s do not compute the same, so their times cannot be compared: %w", p, x.own[0], err)
	}
	a.Seen = a.Seen.worst(d)
	return nil
}

// gradient requests the loss and gradient at the picture in a file.
func (p *process) gradient(q *problem, picture string) (float64, []float32, error) {
	file := q.path("gradient.f32")
	a, _, err := p.call(request{Do: "gradient", Side: q.Side, Picture: picture, File: file})
	if err != nil {
		return 0, nil, err
	}
	gradient, err := readFloats(file, 3*q.Side*q.Side)
	return a.Loss, gradient, err
}

// firstSide is the side of the picture, in pixels, for the first iteration.
const firstSide = 256

// firstIterations measures the seconds from command to first iteration, of plain modes. For the others that is a script's
// first evaluation, for Gouache the program's first iteration, which takes two evaluations and the optimiser's graphs.
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
	list := slices.DeleteFunc(slices.Clone(m.contenders), func(c contender) bool { return !c.plain() })
	what := fmt.Sprintf("from command to first iteration, %d px", firstSide)
	again := func(s []sample) bool { return len(s[0]) < m.starts }
	seconds, err := m.turns(ctx, what, len(list), again, func(i int) (float64, error) {
		began := time.Now()
		if list[i].program == nameGouache {
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
	if err != nil {
		return err
	}
	line := m.Table.row("seconds "+what, inSeconds)
	line.cells[nameGouache] = cell{of: seconds[0]}
	for i, c := range list[1:] {
		line.cells[c.program] = cell{of: seconds[1+i], own: seconds[0], mode: c.mode()}
	}
	return nil
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
