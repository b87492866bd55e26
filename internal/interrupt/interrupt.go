// Package interrupt ends a program's work when a person or the system asks for it.
package interrupt

import (
	"context"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Code is the exit code of a program that was interrupted.
const Code = 130

// hangUp is how long after a signal a SIGHUP belongs to it. When a terminal closes, its shell and the kernel both send one, and
// systemd may send one after SIGTERM.
const hangUp = 2 * time.Second

// Context returns a context that ends at the first SIGINT (Ctrl-C), SIGTERM, SIGHUP (a terminal that closes, an ssh that
// drops), SIGUSR1 or SIGUSR2, with which schedulers of clusters warn that the time of a job ends. The second one ends the
// process at once with [Code], after the functions of [OnExit], unless it is a warning, which may come more than once.
// SIGHUP, SIGUSR1 and SIGUSR2 that were ignored when the process began, as by nohup, stay ignored.
//
// Until stop is called, standard output and standard error that nobody reads any more do not end the process either:
// writing to them fails with EPIPE.
func Context(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	for _, s := range append(warnings, syscall.SIGHUP) {
		if !signal.Ignored(s) {
			signals = append(signals, s)
		}
	}
	arrived, pipes, done := make(chan os.Signal, 8), make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(arrived, signals...)
	signal.Notify(pipes, syscall.SIGPIPE) // not Ignore, which programs that this one starts would inherit
	go func() {
		var first time.Time
		for {
			select {
			case s := <-arrived:
				switch {
				case first.IsZero():
					first = time.Now()
					cancel()
				case slices.Contains(warnings, s), s == syscall.SIGHUP && time.Since(first) <= hangUp:
				default:
					exit(Code)
				}
			case <-done:
				return
			}
		}
	}()
	return ctx, sync.OnceFunc(func() {
		signal.Stop(arrived)
		signal.Stop(pipes)
		close(done)
		cancel()
	})
}

var exits struct {
	sync.Mutex
	last  int
	calls map[int]func()
}

// OnExit has a function called before a second signal ends the process, for example one that removes a temporary file.
// forget takes that back.
func OnExit(f func()) (forget func()) {
	exits.Lock()
	defer exits.Unlock()
	if exits.calls == nil {
		exits.calls = map[int]func(){}
	}
	exits.last++
	key := exits.last
	exits.calls[key] = f
	return func() {
		exits.Lock()
		defer exits.Unlock()
		delete(exits.calls, key)
	}
}

// exit ends the process. It keeps the lock, so that nothing new begins that would have to be undone.
func exit(code int) {
	exits.Lock()
	for _, f := range exits.calls {
		f()
	}
	os.Exit(code)
}
