// Package connect opens connections that end with an error once the other machine has been silent for a while. A cable
// that is pulled out says nothing: without that, who waits for an answer waits for two and a half minutes, and who sends
// tries for a quarter of an hour.
package connect

import (
	"net"
	"time"
)

// silence is how long nothing may come of another machine that has been asked, or sent anything. Its system answers, also
// while its programs are busy.
const silence = 30 * time.Second

// Dialer returns a dialer that has an error when a connection is not there after timeout. Its connections, by TCP, end
// with an error when nothing has come of the other machine's system for half a minute.
func Dialer(timeout time.Duration) *net.Dialer { return dialer(timeout, silence) }

func dialer(timeout, silence time.Duration) *net.Dialer {
	return &net.Dialer{
		Timeout: timeout,
		// These ask the other system while nothing is sent.
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: silence / 3, Interval: silence / 6, Count: 4},
		Control:         unanswered(silence),
	}
}
