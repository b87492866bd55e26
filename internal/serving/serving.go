// Package serving is what the program's servers share.
package serving

import (
	"net/http"
	"strings"
)

// Bearer returns the token that a request has in its header, or "".
func Bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return token
}
