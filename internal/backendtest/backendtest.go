// Package backendtest opens the device that tests run on.
package backendtest

import (
	"context"
	"fmt"
	"os"

	"github.com/gouache-art/gouache/stylelib/backend"
)

// CPU opens XLA's CPU device, for a variable of a test package. If that fails, it prints why and ends the
// process, since no test can run.
func CPU() *backend.Backend {
	b, err := backend.Open(context.Background(), backend.Options{Device: backend.CPU})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return b
}
