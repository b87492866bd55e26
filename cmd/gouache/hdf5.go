//go:build !nohdf5

package main

import "github.com/gouache-art/gouache/weights/h5"

// hdf5Version returns the version of libhdf5 that is built in.
func hdf5Version() (version string, ok bool) { return h5.Version(), true }
