//go:build !unix

package interrupt

import "os"

// warnings are none: the system has no such signals.
var warnings []os.Signal
