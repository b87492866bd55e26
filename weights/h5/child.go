package h5

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gouache-art/gouache/internal/tensorfile"
)

// childVariable makes a program a child. Its argument is the file, since file names are any bytes.
const childVariable = "GOUACHE_HDF5_CHILD"

// What the child inherits, in the order of exec.Cmd.ExtraFiles.
const (
	questionsFD = 3
	answersFD   = 4
)

// Limits of the child.
const (
	maxTime   = 5 * time.Second // of the processor: VGG19's 80 MB, deflated, take 0.6 s
	maxMemory = 1 << 30         // bytes above those at the beginning: a dataset that is read takes 256 MB at most
)

// child is all that the child does. It returns its exit code.
func child() int {
	// A thread-safe libhdf5, for example Debian's, keeps the switch that silences its errors for each thread.
	runtime.LockOSThread()
	_ = os.Unsetenv(childVariable)
	answers := os.NewFile(answersFD, "answers")
	if err := limit(maxTime, maxMemory); err != nil {
		_ = writeAnswer(answers, answer{Error: err.Error()}, nil)
		return 1
	}
	questions := make(chan question)
	go func() {
		decoder := json.NewDecoder(os.NewFile(questionsFD, "questions"))
		for {
			var q question
			if decoder.Decode(&q) != nil {
				os.Exit(0) // the program has closed the file, or has ended, even while libhdf5 is at work
			}
			questions <- q
		}
	}()
	if err := serve(os.Args[len(os.Args)-1], questions, answers); err != nil {
		return 1 // nobody is there to be told
	}
	return 0
}

// limit sets the limits, which the kernel enforces: of the processor's time, and of the memory on top of what is in use.
func limit(time time.Duration, memory uint64) error {
	limits := map[int]uint64{
		unix.RLIMIT_CPU:   uint64(time.Seconds()),
		unix.RLIMIT_CORE:  0,
		unix.RLIMIT_FSIZE: 0, // of files; pipes are none
	}
	// The race detector reserves terabytes at the start, so that the limit is what comes on top. Systems without
	// /proc do not enforce it anyway.
	if text, err := os.ReadFile("/proc/self/statm"); err == nil {
		var pages uint64
		if _, err := fmt.Sscan(string(text), &pages); err != nil {
			return fmt.Errorf("cannot tell the memory in use: %w", err)
		}
		limits[unix.RLIMIT_AS] = pages*uint64(os.Getpagesize()) + memory
	}
	for which, most := range limits {
		var is unix.Rlimit
		if err := unix.Getrlimit(which, &is); err != nil {
			return fmt.Errorf("cannot limit the process that reads HDF5: %w", err)
		}
		most = min(most, is.Max) // only root may raise it
		if err := unix.Setrlimit(which, &unix.Rlimit{Cur: most, Max: most}); err != nil {
			return fmt.Errorf("cannot limit the process that reads HDF5: %w", err)
		}
	}
	return nil
}

// serve answers questions until there are no more.
func serve(path string, questions <-chan question, answers io.Writer) error {
	var f *file
	err := guard(func() (err error) {
		if err = forbidPlugins(); err == nil {
			f, err = openFile(path)
		}
		return err
	})
	if err != nil {
		return writeAnswer(answers, answer{Error: err.Error()}, nil)
	}
	if err := writeAnswer(answers, answer{Tensors: f.tensors}, nil); err != nil {
		return err
	}
	for q := range questions {
		var a answer
		var numbers []byte
		err := guard(func() (err error) {
			if q.Attribute != nil {
				a.Values = f.attribute(q.Attribute.Group, q.Attribute.Name)
			} else {
				var sent tensorfile.Tensor
				numbers, sent, err = f.read(q.Read)
				a.Sent = sent.DType
			}
			return err
		})
		if err != nil {
			a, numbers = answer{Error: err.Error()}, nil
		}
		if err := writeAnswer(answers, a, numbers); err != nil {
			return err
		}
	}
	return nil
}

// guard makes an error of a panic of gonum's binding.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the file is damaged: HDF5 failed: %v", p)
		}
	}()
	return f()
}
