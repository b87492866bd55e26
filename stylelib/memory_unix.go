//go:build unix

package stylelib

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// PeakMemory returns the most memory that this process has had at once, in bytes, or 0 if the system does not say.
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
