package serving

import (
	"net/http"
	"testing"
)

func TestBearer(t *testing.T) {
	for header, want := range map[string]string{
		"Bearer abc": "abc", "bearer abc": "abc", "Bearer ": "", "Bearer": "", "": "", "abc": "", "Basic abc": "", "Bearer  abc": " abc", "Bearerabc": "",
	} {
		if got := Bearer(&http.Request{Header: http.Header{"Authorization": {header}}}); got != want {
			t.Errorf("%q: got %q, want %q", header, got, want)
		}
	}
}
