package terminal

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi/sixel"
)

func TestGraphicsOf(t *testing.T) {
	for env, want := range map[string]Graphics{
		"": NoGraphics, "TERM=xterm-256color": NoGraphics, "TERM=xterm-kitty": Kitty, "TERM=xterm-256color TERM_PROGRAM=iTerm.app": ITerm2,
		"TERM=xterm-256color LC_TERMINAL=iTerm2": ITerm2, "TERM_PROGRAM=WezTerm": ITerm2, "TERM=xterm-ghostty": Kitty, "KONSOLE_VERSION=220401": Kitty,
		"TERM=tmux-256color KITTY_WINDOW_ID=1": NoGraphics, "TERM=xterm-kitty TMUX=/tmp/tmux": NoGraphics, "TERM=screen TERM_PROGRAM=WezTerm": NoGraphics,
		"TERM_PROGRAM=vscode": NoGraphics, "TERM=linux": NoGraphics,
	} {
		got := graphicsOf(func(name string) string {
			for pair := range strings.FieldsSeq(env) {
				if value, ok := strings.CutPrefix(pair, name+"="); ok {
					return value
				}
			}
			return ""
		})
		if got != want {
			t.Errorf("%s: %q, want %q", env, got, want)
		}
	}
	for answer, want := range map[string]bool{
		"\x1b[?62;4;6c": true, "\x1b[?4c": false, "\x1b[?64;14;44c": false, "": false, "typed\x1b[?1;2;4c": true, "\x1b[?62;4": false,
	} {
		if got := hasSixel(answer); got != want {
			t.Errorf("%q: sixel %v", answer, got)
		}
	}
}

// TestNoGraphics: what is no terminal is sent nothing.
func TestNoGraphics(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if way := NewWriter(w).Graphics(); way != NoGraphics {
		t.Errorf("a pipe draws %s", way)
	}
	w.Close()
	if sent, err := io.ReadAll(r); err != nil || len(sent) > 0 {
		t.Errorf("it was sent %q, %v", sent, err)
	}
}

// TestEncode: each way holds the picture.
func TestEncode(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 12, 6))
	for i := range m.Pix {
		m.Pix[i] = 255
	}
	m.Set(3, 2, color.NRGBA{255, 0, 0, 255})
	decodePNG := func(text string) (image.Image, error) {
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, err
		}
		return png.Decode(bytes.NewReader(data))
	}
	for way, c := range map[Graphics]struct {
		first, last string
		decode      func(text string) (image.Image, error)
	}{
		Kitty:  {"\x1b_G", "\x1b\\", func(text string) (image.Image, error) { return decodePNG(text[strings.Index(text, ";")+1:]) }},
		ITerm2: {"\x1b]1337;File=", "\x07", func(text string) (image.Image, error) { return decodePNG(text[strings.Index(text, ":")+1:]) }},
		Sixel: {"\x1bP0;1q", "\x1b\\", func(text string) (image.Image, error) {
			return new(sixel.Decoder).Decode(strings.NewReader(text))
		}},
	} {
		var b bytes.Buffer
		if err := encode(&b, way, m); err != nil {
			t.Fatal(err)
		}
		text, okFirst := strings.CutPrefix(b.String(), c.first)
		text, okLast := strings.CutSuffix(text, c.last)
		if !okFirst || !okLast {
			t.Errorf("%s: %.60q", way, b.String())
			continue
		}
		got, err := c.decode(text)
		if err != nil {
			t.Errorf("%s: %v in %.60q", way, err, text)
			continue
		}
		r, g, _, _ := got.At(3, 2).RGBA()
		if got.Bounds().Dx() != 12 || got.Bounds().Dy() != 6 || r < 0xf000 || g > 0x1000 {
			t.Errorf("%s: %v with red %d and green %d", way, got.Bounds(), r, g)
		}
	}
}
