//go:build unix

package diskcache

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// own returns an error unless the folder is this user's and only this user may write to it.
func own(folder string) error {
	var is unix.Stat_t
	if err := unix.Stat(folder, &is); err != nil {
		return &os.PathError{Op: "stat", Path: folder, Err: err}
	}
	if int(is.Uid) != os.Geteuid() || is.Mode&0o022 != 0 {
		return fmt.Errorf("%s is not used as a cache: it must be yours, and others must not write to it (chmod 700)", folder)
	}
	return nil
}
