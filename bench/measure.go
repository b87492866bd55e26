package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gouache-art/gouache/weights"
)

// measurement is a run of the comparison.
type measurement struct {
	*settings
	contenders []contender
	dir        string // for problems, and what contenders write
	messages   io.Writer
	report     *report
}

// seed is that of the random weights.
const seed = 1

// measure makes the whole comparison.
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
	m.report.finish()
	return m.report, nil
}

func (m *measurement) randomWeights() string { return filepath.Join(m.dir, "random.safetensors") }

// contender returns the one of that name, which is one of the constants.
func (m *measurement) contender(name string) contender {
	return m.contenders[slices.IndexFunc(m.contenders, func(c contender) bool { return c.name == name })]
}

// say tells the person how far it is.
func (m *measurement) say(format string, args ...any) {
	fmt.Fprintf(m.messages, "bench: "+format+"\n", args...)
}

// squares writes the problem of the given side with random weights.
func (m *measurement) squares(side int) (*problem, error) {
	p, err := samplePictures(side)
	if err != nil {
		return nil, err
	}
	return writeProblem(filepath.Join(m.dir, fmt.Sprint(side)), m.randomWeights(), weights.VGG19, m.device, p)
}

// pause lets threads that wait for work by spinning, as PyTorch's and TensorFlow's do for some milliseconds, come to rest
// before another contender has its turn.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(100 * time.Millisecond):
		return nil
	}
}
