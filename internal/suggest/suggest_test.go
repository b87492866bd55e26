package suggest

import (
	"fmt"
	"strings"
	"testing"
)

func TestUnknown(t *testing.T) {
	presets := []string{"gouache", "neural-style", "article"}
	var layers []string
	for i := range 30 {
		layers = append(layers, fmt.Sprintf("layer%d", i))
	}
	for _, c := range []struct {
		name  string
		known []string
		want  string
	}{
		{"guache", presets, `unknown thing "guache": did you mean "gouache"?`},
		{"Neural_Style", presets, `unknown thing "Neural_Style": did you mean "neural-style"?`},
		{"picasso", presets, `unknown thing "picasso": there are gouache, neural-style, article`},
		{"", presets, `unknown thing "": there are gouache, neural-style, article`},
		{"picasso", presets[:1], `unknown thing "picasso": there is only gouache`},
		{"picasso", nil, `unknown thing "picasso": there are none`},
		{"picasso", layers, `unknown thing "picasso": there are ` + strings.Join(layers[:24], ", ") + ` and 6 more`},
	} {
		if got := Unknown("thing", c.name, c.known).Error(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestNearest(t *testing.T) {
	for _, c := range []struct {
		name, want string
		known      []string
	}{
		{"block4_conv9", "block4_conv1", []string{"block1_conv1", "block4_conv1", "block4_conv2"}},
		{"mx", "max", []string{"avg", "max"}},
		{"mxa", "max", []string{"avg", "max"}},
		{".pgn", ".png", []string{".jpg", ".png"}},
		{".jepg", ".jpeg", []string{".jpg", ".jpeg"}},
		{"éclat", "eclat", []string{"eclat"}},
		{"ühße", "übße", []string{"übße"}}, // letters count, not bytes
		{"x", "", []string{"abc"}},
		{"x", "", nil},
	} {
		if got := Nearest(c.name, c.known); got != c.want {
			t.Errorf("Nearest(%q, %q) = %q, want %q", c.name, c.known, got, c.want)
		}
	}
}
