//go:build unix

package terminal

import (
	"time"

	"golang.org/x/sys/unix"
)

// readUntil reads what a terminal has to say next, or returns nothing if that does not come before a time.
func readUntil(terminal int, end time.Time) []byte {
	for {
		ready, err := unix.Poll([]unix.PollFd{{Fd: int32(terminal), Events: unix.POLLIN}}, int(time.Until(end).Milliseconds()))
		if err == unix.EINTR {
			continue
		}
		if err != nil || ready < 1 {
			return nil
		}
		buffer := make([]byte, 64)
		n, err := unix.Read(terminal, buffer)
		if err != nil || n < 1 {
			return nil
		}
		return buffer[:n]
	}
}

// windowSize returns a terminal's size in cells and in pixels, 0 for what is unknown.
func windowSize(terminal int) (columns, rows, width, height int) {
	size, err := unix.IoctlGetWinsize(terminal, unix.TIOCGWINSZ)
	if err != nil {
		return 0, 0, 0, 0
	}
	return int(size.Col), int(size.Row), int(size.Xpixel), int(size.Ypixel)
}
