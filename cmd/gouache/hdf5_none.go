//go:build nohdf5

package main

// hdf5Version says that this program was built without libhdf5.
func hdf5Version() (version string, ok bool) { return "", false }
