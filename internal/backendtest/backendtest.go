// Package backendtest is for tests that run on a device.
package backendtest

import (
	"fmt"
	"os"
)

// Opened returns the backend that was opened, for a variable of a test package:
//
//	var device = backendtest.Opened(backend.Open(context.Background(), backend.Options{Device: backend.CPU}))
//
// Without a backend no test of the package can run: Opened prints the error and ends the process.
func Opened[Backend any](b Backend, err error) Backend {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return b
}
