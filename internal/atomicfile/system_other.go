//go:build !unix

package atomicfile

import (
	"errors"
	"os"
)

const openPlain = 0

// writable leaves it to the system to refuse the file.
func writable(string) error { return nil }

// isOutput knows standard output and standard error.
func isOutput(descriptor int) bool { return descriptor == 1 || descriptor == 2 }

// lock locks nothing: nobody removes what a killed process has left.
func lock(*os.File) error { return errors.ErrUnsupported }
