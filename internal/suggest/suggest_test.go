package suggest

import (
	"strings"
	"testing"
)

func TestUnknown(t *testing.T) {
	known := []string{"gouache", "neural-style", "article"}
	for name, want := range map[string]string{
		"guache":       `unknown preset "guache": did you mean "gouache"? There are gouache, neural-style, article`,
		"Neural_Style": `unknown preset "Neural_Style": did you mean "neural-style"? There are gouache, neural-style, article`,
		"picasso":      `unknown preset "picasso": there are gouache, neural-style, article`,
		"":             `unknown preset "": there are gouache, neural-style, article`,
	} {
		if got := Unknown("preset", name, known).Error(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestManyKnownNames(t *testing.T) {
	known := strings.Fields(strings.Repeat("a ", 19) + "night b c")
	want := `unknown sweep "nihgt": did you mean "night"? There are ` + strings.Repeat("a, ", 19) + "night and 2 more"
	if got := Unknown("sweep", "nihgt", known).Error(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestNearest(t *testing.T) {
	for _, c := range []struct {
		name, want string
		known      []string
	}{
		{"block4_conv9", "block4_conv1", []string{"block1_conv1", "block4_conv1", "block4_conv2"}},
		{"mx", "max", []string{"avg", "max"}},
		{"éclat", "eclat", []string{"eclat"}},
		{"x", "", []string{"abc"}},
		{"x", "", nil},
	} {
		if got := Nearest(c.name, c.known); got != c.want {
			t.Errorf("Nearest(%q, %q) = %q, want %q", c.name, c.known, got, c.want)
		}
	}
}
