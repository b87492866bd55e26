//go:build !unix

package stylelib

// PeakMemory returns the most memory that this process has had at once, in bytes, or 0 if the system does not say.
func PeakMemory() int64 { return 0 }
