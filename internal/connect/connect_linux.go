package connect

import (
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// unanswered bounds the time for which what was sent may be unanswered.
func unanswered(most time.Duration) func(network, address string, c syscall.RawConn) error {
	return func(network, _ string, c syscall.RawConn) error {
		if !strings.HasPrefix(network, "tcp") {
			return nil
		}
		var err error
		if failed := c.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(most.Milliseconds()))
		}); failed != nil {
			return failed
		}
		return err
	}
}
