package main

import (
	"os"
	"slices"
	"syscall"
)

// tuneAllocator starts the program anew, as the same process, with the variable that glibc reads when a process starts,
// if the command computes and the person has not set the variable. Where that cannot be done, all goes on without.
func tuneAllocator(args []string) {
	computing := []string{"stylize", "score", "features", "sweep", "bench"}
	if len(args) < 2 || !slices.Contains(computing, args[1]) {
		return
	}
	if _, set := os.LookupEnv("GLIBC_TUNABLES"); set {
		return
	}
	if path, err := os.Executable(); err == nil {
		_ = syscall.Exec(path, args, append(os.Environ(), "GLIBC_TUNABLES="+glibcTunables))
	}
}
