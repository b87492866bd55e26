package h5

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gouache-art/gouache/internal/tensorfile"
	"github.com/gouache-art/gouache/weights"
)

// patience is how long the child may be silent: its time of the processor is bounded by far less, but a slow disk may
// take longer. It is a variable for tests.
var patience = time.Minute

// reader is an HDF5 file that a child reads.
type reader struct {
	ctx       context.Context
	child     *exec.Cmd
	questions *os.File
	answers   *os.File
	in        *bufio.Reader // of answers
	silent    atomic.Bool   // the child was ended because it said nothing
	err       error         // after the child's end
	tensors   []weights.Tensor
}

func open(ctx context.Context, path string) (*reader, error) {
	r, err := start(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("cannot start the process that reads HDF5: %w", err)
	}
	a, err := r.answer(func() error { return nil })
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	r.tensors = a.Tensors
	return r, nil
}

// start starts the child.
func start(ctx context.Context, path string) (*reader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if runtime.GOOS == "linux" {
		program = "/proc/self/exe" // even if the file was replaced since the program started
	}
	questionsIn, questions, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer questionsIn.Close()
	answers, answersOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, questions.Close())
	}
	defer answersOut.Close()
	child := exec.CommandContext(ctx, program)
	child.Args = []string{"gouache: reading HDF5", path}
	child.Env = childEnvironment(os.Environ())
	child.ExtraFiles = []*os.File{questionsIn, answersOut}
	child.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the program, whose context ends the child
	if err := child.Start(); err != nil {
		return nil, errors.Join(err, questions.Close(), answers.Close())
	}
	return &reader{ctx: ctx, child: child, questions: questions, answers: answers, in: bufio.NewReaderSize(answers, 1<<16)}, nil
}

// childEnvironment leaves out HDF5's variables, which name plugins, drivers and files to trace into. That for locks stays:
// some file systems have none.
func childEnvironment(environment []string) []string {
	kept := slices.DeleteFunc(environment, func(v string) bool {
		return strings.HasPrefix(v, "HDF5_") && !strings.HasPrefix(v, "HDF5_USE_FILE_LOCKING=")
	})
	return append(kept, childVariable+"=1")
}

// answer asks a question and returns the child's answer. An answer that is an error leaves the child as it is.
func (r *reader) answer(ask func() error) (a answer, err error) {
	if r.err != nil {
		return a, r.err
	}
	defer r.watch()()
	if err = ask(); err == nil {
		a, err = readAnswer(r.in)
	}
	if err != nil {
		return a, r.failed()
	}
	if a.Error != "" {
		return a, errors.New(a.Error)
	}
	return a, nil
}

// watch ends the child if it is silent for too long, until stop is called.
func (r *reader) watch() (stop func()) {
	timer := time.AfterFunc(patience, func() {
		r.silent.Store(true)
		_ = r.child.Process.Kill()
	})
	return func() { timer.Stop() }
}

// ask returns the answer to a question.
func (r *reader) ask(q question) (answer, error) {
	return r.answer(func() error { return json.NewEncoder(r.questions).Encode(q) })
}

// end waits for the child's end, once, and brings it about after a while.
func (r *reader) end(after time.Duration) {
	if r.child.ProcessState != nil {
		return
	}
	kill := time.AfterFunc(after, func() { _ = r.child.Process.Kill() })
	_ = r.child.Wait() // how it ended is in ProcessState
	kill.Stop()
	_ = r.questions.Close()
	_ = r.answers.Close()
}

// failed says why the child does not answer any more. It is ending by itself; one that has only closed its pipes, or
// writes nonsense, is made to.
func (r *reader) failed() error {
	r.end(time.Second)
	state := r.child.ProcessState
	switch {
	case r.ctx.Err() != nil:
		r.err = r.ctx.Err()
	case r.silent.Load():
		r.err = fmt.Errorf("HDF5 did not read it within %v", patience)
	case state.UserTime()+state.SystemTime() > maxTime-time.Second:
		r.err = fmt.Errorf("the file is damaged: HDF5 was still at it after %v of computing", maxTime)
	default:
		r.err = fmt.Errorf("the file is damaged: the process that reads it with HDF5 crashed (%v)", state)
	}
	return r.err
}

func (r *reader) Tensors() []weights.Tensor { return r.tensors }

// Attribute returns nil for an attribute that cannot be read.
func (r *reader) Attribute(group, name string) []string {
	a, err := r.ask(question{Attribute: &attributeName{group, name}})
	if err != nil {
		return nil
	}
	return a.Values
}

// Metadata returns Keras's versions.
func (r *reader) Metadata() map[string]string {
	metadata := map[string]string{}
	for _, name := range []string{"keras_version", "backend"} {
		if values := r.Attribute("", name); len(values) == 1 {
			metadata[name] = values[0]
		}
	}
	return metadata
}

func (r *reader) Read(i int) ([]float32, error) {
	t := r.tensors[i]
	n, err := count(t)
	if err != nil {
		return nil, err
	}
	a, err := r.ask(question{Read: i})
	if err != nil {
		return nil, err
	}
	sent := tensorfile.Tensor{DType: a.Sent, Shape: []int{n}}
	if a.Bytes != sent.Size() {
		return nil, fmt.Errorf("the file is damaged: HDF5 gave %d bytes of dataset %s, expected %d", a.Bytes, t.Name, sent.Size())
	}
	defer r.watch()()
	numbers, err := tensorfile.ReadFloats(r.in, sent)
	if err != nil {
		return nil, r.failed()
	}
	return numbers, nil
}

// Err returns why the child has ended.
func (r *reader) Err() error { return r.err }

// Close ends the child.
func (r *reader) Close() error {
	r.end(0)
	return nil
}
