// Package serving is what the program's servers share.
package serving

import (
	"net/http"
	"strings"
	"time"
)

// Bounds on the time of a transfer: a grace, and then the time that its bytes take at the least rate, in bytes a second.
// The slowest line that people paint over is faster, and no client holds a connection for ever.
const (
	Grace   = 30 * time.Second
	minRate = 16 << 10
)

// Pace returns the time that a transfer of that size may take, besides its Grace.
func Pace(bytes int64) time.Duration { return time.Duration(bytes/minRate) * time.Second }

// Bearer returns the token that a request has in its header, or "".
func Bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return token
}
