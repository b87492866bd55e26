// Package hugepages has glibc's allocator use huge pages, for programs that compute with XLA: it
// allocates its temporary buffers anew at each execution. An evaluation at 256×256 pixels then has a
// quarter of the page faults and takes 0.25 s instead of 0.28, at 512×512 1.05 instead of 1.10, with
// no more memory.
package hugepages

import (
	"os"
	"runtime"
	"syscall"
)

// The environment variable that glibc reads when a process starts, and its value for huge pages.
const (
	Variable = "GLIBC_TUNABLES"
	Value    = "glibc.malloc.hugetlb=1"
)

// Restart restarts the program, as the same process with the same arguments, with the variable. It
// returns where the user has set the variable, where the system is not Linux, and if it fails: the
// program then runs without.
func Restart() {
	if runtime.GOOS != "linux" {
		return
	}
	if _, set := os.LookupEnv(Variable); set {
		return
	}
	if path, err := os.Executable(); err == nil {
		_ = syscall.Exec(path, os.Args, append(os.Environ(), Variable+"="+Value))
	}
}
