package main

import (
	"bufio"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// firstSide is the size in pixels at which the first iteration is waited for.
const firstSide = 256

// firstIterations measures seconds from command to first iteration. For the others that is a script's first evaluation,
// for Gouache the program's first iteration, which takes two evaluations and the optimiser's graphs.
func (m *measurement) firstIterations(ctx context.Context) error {
	q, err := m.squares(firstSide)
	if err != nil {
		return err
	}
	command, err := m.firstCommand()
	if err != nil {
		return err
	}
	seconds := row{measure: fmt.Sprintf("seconds from command to first iteration, %d px", firstSide), format: inSeconds, of: map[string]sample{}}
	for round := range m.starts {
		for _, c := range m.contenders {
			if c.do != "evaluate" {
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
	m.report.add(seconds)
	return nil
}

// firstCommand writes the pictures as a person has them and returns Gouache's command line.
func (m *measurement) firstCommand() ([]string, error) {
	p, err := samplePictures(firstSide)
	if err != nil {
		return nil, err
	}
	content, style := filepath.Join(m.dir, "content.png"), filepath.Join(m.dir, "style.png")
	if err := p.content.Save(content); err != nil {
		return nil, err
	}
	if err := p.style.Save(style); err != nil {
		return nil, err
	}
	return []string{
		m.gouache, "stylize", "--content", content, "--style", style, "--out", filepath.Join(m.dir, "out.png"),
		"--weights", m.randomWeights(), "--preset", preset.Name, "--device", string(m.device), "--store", "none",
		"--size", fmt.Sprint(firstSide), "--scales", "1", "--iterations", "1",
	}, nil
}

// first starts a contender and returns how long it took to the end of its first iteration.
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

// firstLine runs Gouache and returns how long after began it says that an iteration is done.
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
	var said []string
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		said = append(said, lines.Text())
		if took == 0 && iterated.MatchString(lines.Text()) {
			took = time.Since(began)
		}
	}
	err = cmd.Wait()
	if err != nil || took == 0 {
		return 0, fmt.Errorf("%s did not say when its first iteration was done (%v); it said:\n%s", command[0], err, strings.Join(said, "\n"))
	}
	return took, nil
}
