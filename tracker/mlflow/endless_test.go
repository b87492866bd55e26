package mlflow

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/tracker"
)

// TestEndless: lists that a server never ends, and lists that are longer in memory than in JSON, are refused.
func TestEndless(t *testing.T) {
	entries := map[string]string{
		"experiments/search":  `"experiments": [{}]`,
		"runs/search":         `"runs": [{"data": {"metrics": [{}]}}]`,
		"artifacts/list":      `"files": [{"is_dir": true}]`,
		"metrics/get-history": `"metrics": [{}]`,
	}
	long := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		entry := entries[strings.TrimPrefix(r.URL.Path, apiPath)]
		if long {
			entry = strings.Replace(entry, "{}", "{}"+strings.Repeat(",{}", maxPart), 1)
			entry = strings.Replace(entry, `{"is_dir": true}`, `{}`+strings.Repeat(",{}", maxPart), 1)
		}
		fmt.Fprintf(w, `{%s, "next_page_token": "again"}`, entry)
	}))
	defer server.Close()
	client, err := NewClient("mlflow+" + server.URL)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	lists := map[string]func(l *listing) error{
		"experiments": func(l *listing) error { _, err := l.experiments(ctx); return err },
		"runs":        func(l *listing) error { _, err := l.searchRuns(ctx, []string{"1"}, ""); return err },
		"artifacts":   func(l *listing) error { _, err := l.artifacts(ctx, "1", ""); return err },
		"history":     func(l *listing) error { _, err := l.history(ctx, "1", "total"); return err },
	}
	for _, long = range []bool{false, true} {
		for name, list := range lists {
			l := client.listing()
			if !long {
				l.left = 20_000
			}
			err := list(l)
			if !long && tracker.ErrorCode(err) != tracker.CodeInvalid || long && (err == nil || !strings.Contains(err.Error(), "entries")) {
				t.Errorf("%s, long %v: %v", name, long, err)
			}
		}
	}
}
