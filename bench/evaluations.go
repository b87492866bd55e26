package main

import (
	"context"
	"errors"
	"fmt"
)

// evaluations measures seconds an evaluation and peak memory at one size. All contenders are alive and one works at a
// time, in turn. The processes are new for each size, so that the memory is that size's.
func (m *measurement) evaluations(ctx context.Context, s size) (err error) {
	q, err := m.squares(s.side)
	if err != nil {
		return err
	}
	processes, err := m.startAll(ctx, q)
	defer func() {
		for _, p := range processes {
			err = errors.Join(err, p.close())
		}
	}()
	if err != nil {
		return err
	}
	if err := m.agree(q, processes); err != nil {
		return err
	}
	seconds := row{measure: fmt.Sprintf("seconds an evaluation, %d px", s.side), format: inSeconds, of: map[string]sample{}}
	for round := range s.rounds + 1 {
		for _, p := range processes {
			if err := pause(ctx); err != nil {
				return err
			}
			_, took, err := p.call(request{Do: p.do, Times: m.times})
			if err != nil {
				return err
			}
			if round > 0 { // the one before is to warm up
				seconds.of[p.name] = append(seconds.of[p.name], took.Seconds()/float64(m.times))
			}
		}
		m.say("%d px: round %d of %d", s.side, round, s.rounds)
	}
	m.report.add(seconds)
	return m.memory(s, processes)
}

// startAll starts all contenders. It returns those that it has started with an error, too.
func (m *measurement) startAll(ctx context.Context, q *problem) ([]*process, error) {
	var processes []*process
	for _, c := range m.contenders {
		m.say("%d px: starting %s", q.Side, c.name)
		p, err := c.start(ctx, q.file())
		if err != nil {
			return processes, err
		}
		processes = append(processes, p)
		m.report.meet(p)
	}
	return processes, nil
}

// agree makes sure that all contenders compute the same loss and gradient.
func (m *measurement) agree(q *problem, processes []*process) error {
	m.say("%d px: comparing losses and gradients", q.Side)
	var reference answer
	var referenceGradient []float32
	for _, p := range processes {
		if p.do != "evaluate" {
			continue
		}
		a, gradient, err := p.gradient(q, q.path(q.Pictures.Start))
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
		m.report.Difference = m.report.Difference.worst(d)
	}
	return nil
}

// gradient has the loss and gradient computed at the picture in a file.
func (p *process) gradient(q *problem, picture string) (answer, []float32, error) {
	file := q.path("gradient.f32")
	a, _, err := p.call(request{Do: "gradient", Side: q.Side, Picture: picture, File: file})
	if err != nil {
		return a, nil, err
	}
	gradient, err := readFloats(file, 3*q.Side*q.Side)
	return a, gradient, err
}

// memory adds what the processes have needed at most to the report.
func (m *measurement) memory(s size, processes []*process) error {
	peak := row{measure: fmt.Sprintf("peak memory in GB, %d px", s.side), format: inGigabytes, of: map[string]sample{}}
	for _, p := range processes {
		if p.do != "evaluate" {
			continue
		}
		bytes, err := p.peakMemory()
		if err != nil {
			return err
		}
		peak.of[p.name] = sample{bytes}
	}
	m.report.add(peak)
	return nil
}
