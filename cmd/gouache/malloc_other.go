//go:build !linux

package main

// tuneAllocator does nothing: glibc is Linux's.
func tuneAllocator([]string) {}
