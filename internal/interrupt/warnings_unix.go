//go:build unix

package interrupt

import (
	"os"
	"syscall"
)

// warnings are the signals with which schedulers warn that they will end a program.
var warnings = []os.Signal{syscall.SIGUSR1, syscall.SIGUSR2}
