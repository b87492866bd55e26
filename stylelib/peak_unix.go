//go:build unix

package stylelib

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// PeakMemory returns the maximum resident memory of this process so far, in bytes, or 0 if it is unknown.
func PeakMemory() int64 {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		return usage.Maxrss // bytes there, and KiB everywhere else
	}
	return usage.Maxrss << 10
}
