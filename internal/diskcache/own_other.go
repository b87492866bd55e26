//go:build !unix

package diskcache

import "fmt"

// own refuses every folder: who may write to it cannot be asked here, and the data may be code.
func own(folder string) error {
	return fmt.Errorf("%s is not used as a cache: only on Unix is it known who may write to it", folder)
}
