package weights

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		name   string
		reach  []string
		cached []string
		want   string // "" for an error
		reason string
	}{
		{"open network", []string{"vgg19", "vgg16", "vgg16-hed"}, nil, "vgg19", "fetched"},
		{"pip only", []string{"vgg16-hed"}, nil, "vgg16-hed", "vgg19 could not be fetched: unreachable: the server answered 404"},
		{"the best in the cache", nil, []string{"vgg16", "vgg16-hed"}, "vgg16", "in the cache"},
		{"a cached substitute", []string{"vgg19"}, []string{"vgg16-hed"}, "vgg16-hed", "in the cache"},
		{"nothing", nil, nil, "", "put it here as"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := serve(t, append(slices.Clone(c.reach), c.cached...)...)
			opts := Options{Dir: t.TempDir()}
			for _, name := range c.cached {
				if _, err := Fetch(t.Context(), name, opts); err != nil {
					t.Fatal(err)
				}
			}
			before := h.requests.Load()
			e, reason, err := Choose(t.Context(), opts)
			if (err == nil) != (c.want != "") || e.Name != c.want {
				t.Fatalf("chose %q, %v, want %q", e.Name, err, c.want)
			}
			if text := fmt.Sprint(reason, err); !strings.Contains(text, c.reason) {
				t.Errorf("%q does not mention %q", text, c.reason)
			}
			if err != nil {
				return
			}
			if _, ok := Cached(e, opts); !ok {
				t.Error("the chosen set is not in the cache")
			}
			if len(c.cached) > 0 && h.requests.Load() != before {
				t.Error("the network was asked although a set was in the cache")
			}
		})
	}
}

func TestChooseEndsWithContext(t *testing.T) {
	serve(t, "vgg16-hed")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if e, _, err := Choose(ctx, Options{Dir: t.TempDir()}); !errors.Is(err, context.Canceled) {
		t.Errorf("chose %q, %v, want context.Canceled", e.Name, err)
	}
}
