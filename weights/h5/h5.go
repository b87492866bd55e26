// Package h5 lets package weights read .h5 files (HDF5), as Keras writes them. It is imported for its effect:
//
//	import _ "github.com/gouache-art/gouache/weights/h5"
//
// It needs cgo and the C library libhdf5 (Debian: libhdf5-dev), through gonum.org/v1/hdf5. A program without it
// reads .safetensors only.
//
// # Files are not trusted
//
// libhdf5 1.10.8, which Debian 12 has, dies of 2 in 400 damaged files and never returns from 1. No file is therefore
// opened in the program's own process: the program starts itself again, once a file, and this package's init function
// turns that child into a reader of one file, before main. The child's death, or its end by a limit, is an error here.
// This works in every program that imports the package, in tests and in notebooks, too. The init functions of packages
// that Go initialises before this one run in the child as well; what they print is discarded.
//
// The child may use 5 s of the processor and 1 GiB of memory above what it begins with (on Linux only). It writes no
// files, has no HDF5 plugins whatever HDF5_PLUGIN_PATH says, follows no links to other files and refuses datasets whose
// numbers are in other files. It ends with the program, or with the context that the file was opened with. It has the
// user's rights otherwise.
//
// A reader in Go was the other choice. Keras's files use old and new groups, chunks, three filters and attributes in
// heaps: some thousands of lines, for a format that Gouache's own does not need. A child protects against every mistake
// of the library that is there, and costs 20 ms a file.
package h5

import (
	"context"
	"fmt"
	"os"

	"gonum.org/v1/hdf5"

	"github.com/gouache-art/gouache/weights"
)

func init() {
	if os.Getenv(childVariable) != "" {
		os.Exit(child())
	}
	weights.RegisterFormat("hdf5", "\x89HDF\r\n\x1a\n", func(ctx context.Context, path string) (weights.Container, error) {
		return open(ctx, path)
	})
}

// Version returns the version of the C library, for example "1.10.8".
func Version() string {
	v, err := hdf5.LibVersion()
	if err != nil {
		return "of an unknown version"
	}
	return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Release)
}
