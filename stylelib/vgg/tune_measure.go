package vgg

import (
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"
)

// How long a convolution is timed: five times at least, and on until the convolutions of a work have had 50 ms each,
// or ten runs.
const (
	fewestRuns = 5
	mostRuns   = 10
	enough     = 0.05 // seconds
)

// measure compiles all convolutions first, on all cores, and then times them with nothing beside.
func measure(b compute.Backend, p Precision, all []work, report func(done, total int)) (map[work]timing, error) {
	convolutions := p.convolutions()
	progress := &steps{total: 2 * len(all) * len(convolutions), report: report}
	trials, err := compile(b, p, all, progress)
	defer func() {
		for _, t := range trials {
			if t != nil {
				t.close()
			}
		}
	}()
	if err != nil {
		return nil, err
	}
	timings := map[work]timing{}
	for i, w := range all {
		seconds, err := race(b, trials[i*len(convolutions):][:len(convolutions)])
		if err != nil {
			return nil, fmt.Errorf("timing convolutions of %d×%d, %d→%d channels: %w",
				w.side(), w.side(), w.in, w.out, err)
		}
		timings[w] = timing{}
		for k, c := range convolutions {
			timings[w][c.name()] = seconds[k]
			progress.add()
		}
	}
	return timings, nil
}

// compile returns a trial of each convolution for each work, one work after the other. Some are nil after an error.
func compile(b compute.Backend, p Precision, all []work, progress *steps) ([]*trial, error) {
	convolutions := p.convolutions()
	trials := make([]*trial, len(all)*len(convolutions))
	failures := make([]error, len(trials))
	var compilations sync.WaitGroup
	cores := make(chan struct{}, runtime.NumCPU())
	for i := range trials {
		compilations.Go(func() {
			cores <- struct{}{}
			defer func() { <-cores }()
			w := all[i/len(convolutions)]
			trials[i], failures[i] = newTrial(b, p, convolutions[i%len(convolutions)], w.side(), w.side(), w.in, w.out)
			progress.add()
		})
	}
	compilations.Wait()
	return trials, errors.Join(failures...)
}

// race runs trials of one work in turn, so that whatever else the machine does slows all of them alike, and returns the
// least seconds of each.
func race(b compute.Backend, trials []*trial) ([]float64, error) {
	x, err := wave(b, trials[0].x)
	if err != nil {
		return nil, err
	}
	defer x.MustFinalizeAll()
	kernels := make([]*tensors.Tensor, len(trials))
	for i, t := range trials {
		if kernels[i], err = wave(b, t.kernel); err != nil {
			return nil, err
		}
		defer kernels[i].MustFinalizeAll()
	}
	least := make([]float64, len(trials))
	var total float64
	for run := -1; run < fewestRuns || run < mostRuns && total < enough*float64(len(trials)); run++ {
		for i, t := range trials {
			seconds, err := t.seconds(x, kernels[i])
			switch {
			case err != nil:
				return nil, err
			case run < 0: // to warm up
				continue
			case run == 0:
				least[i] = seconds
			}
			least[i] = min(least[i], seconds)
			total += seconds
		}
	}
	return least, nil
}

// steps counts what has been done, from several goroutines.
type steps struct {
	total  int
	report func(done, total int)

	mu   sync.Mutex
	done int
}

func (s *steps) add() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done++
	s.report(s.done, s.total)
}
