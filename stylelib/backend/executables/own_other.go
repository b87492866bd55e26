//go:build !unix

package executables

import "fmt"

// own refuses every folder: who may write to it cannot be asked here, and an executable is code.
func own(folder string) error {
	return fmt.Errorf("%s is not used for executables: only on Unix is it known who may write to it", folder)
}
