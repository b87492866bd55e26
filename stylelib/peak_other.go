//go:build !unix

package stylelib

// PeakMemory returns the maximum resident memory of this process so far, in bytes, or 0 if it is unknown.
func PeakMemory() int64 { return 0 }
