//go:build unix

package atomicfile

import (
	"os"

	"golang.org/x/sys/unix"
)

// openPlain are the flags with which neither a link is followed nor a FIFO waited for.
const openPlain = unix.O_NOFOLLOW | unix.O_NONBLOCK

// writable returns an error if this process may not write to a file.
func writable(file string) error { return unix.Access(file, unix.W_OK) }

// isOutput says whether a descriptor was passed to this process for writing. Descriptors that the process opened itself all
// close on exec; they are no output of the user's.
func isOutput(descriptor int) bool {
	mode, err := unix.FcntlInt(uintptr(descriptor), unix.F_GETFL, 0)
	flags, _ := unix.FcntlInt(uintptr(descriptor), unix.F_GETFD, 0)
	return err == nil && mode&unix.O_ACCMODE != unix.O_RDONLY && (descriptor <= 2 || flags&unix.FD_CLOEXEC == 0)
}

// lock locks a file until it is closed, or returns an error at once, as when another process has locked it.
func lock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }
