package terminal

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mattn/go-sixel"
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

// decoders read pictures as terminals do that are not those of the encoders' library.
var decoders = map[Graphics]func(text string) (image.Image, error){
	// https://sw.kovidgoyal.net/kitty/graphics-protocol: chunks of at most 4096 bytes, of which the first says it all.
	Kitty: func(text string) (image.Image, error) {
		var data strings.Builder
		chunks := regexp.MustCompile(`^\x1b_G([^;]*);([A-Za-z0-9+/=]*)\x1b\\`)
		for more := true; more; {
			m := chunks.FindStringSubmatch(text)
			if m == nil || len(m[2]) > 4096 {
				return nil, fmt.Errorf("no chunk in %.60q", text)
			}
			keys := strings.Split(m[1], ",")
			if data.Len() == 0 && (!slices.Contains(keys, "a=T") || !slices.Contains(keys, "f=100") || !slices.Contains(keys, "q=2")) {
				return nil, fmt.Errorf("the first chunk says %q", m[1])
			}
			more = slices.Contains(keys, "m=1")
			if more && len(m[2])%4 != 0 {
				return nil, fmt.Errorf("a chunk of %d bytes", len(m[2]))
			}
			data.WriteString(m[2])
			text = text[len(m[0]):]
		}
		return decodePNG(data.String(), text)
	},
	// https://iterm2.com/documentation-images.html
	ITerm2: func(text string) (image.Image, error) {
		m := regexp.MustCompile(`^\x1b]1337;File=([^:]*):([^\x07]*)\x07`).FindStringSubmatch(text)
		if m == nil || !slices.Contains(strings.Split(m[1], ";"), "inline=1") {
			return nil, fmt.Errorf("no file in %.60q", text)
		}
		return decodePNG(m[2], text[len(m[0]):])
	},
	Sixel: func(text string) (m image.Image, err error) {
		err = sixel.NewDecoder(strings.NewReader(text)).Decode(&m)
		return m, err
	},
}

func decodePNG(text, rest string) (image.Image, error) {
	if rest != "" {
		return nil, fmt.Errorf("%.60q follows", rest)
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	return png.Decode(bytes.NewReader(data))
}

// TestEncode: each way draws the picture, in one piece or several. Sixel has 256 colours.
func TestEncode(t *testing.T) {
	for _, size := range []image.Point{{12, 6}, {211, 97}} {
		m := image.NewNRGBA(image.Rectangle{Max: size})
		for y := range size.Y {
			for x := range size.X {
				m.Set(x, y, color.NRGBA{uint8(255 * x / size.X), uint8(255 * y / size.Y), uint8(13*x*y) / 4, 255})
			}
		}
		for way, decode := range decoders {
			var b bytes.Buffer
			if err := encode(&b, way, m); err != nil {
				t.Fatal(err)
			}
			got, err := decode(b.String())
			if err != nil {
				t.Errorf("%s: %v", way, err)
				continue
			}
			if got.Bounds().Size() != size {
				t.Errorf("%s: %v, want %v", way, got.Bounds(), size)
				continue
			}
			var off float64
			for y := range size.Y {
				for x := range size.X {
					a, b := color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA), color.NRGBAModel.Convert(got.At(x, y)).(color.NRGBA)
					off += math.Abs(float64(a.R)-float64(b.R)) + math.Abs(float64(a.G)-float64(b.G)) + math.Abs(float64(a.B)-float64(b.B))
				}
			}
			off /= float64(3 * size.X * size.Y)
			if most := map[Graphics]float64{Sixel: 8}[way]; off > most {
				t.Errorf("%s: the colours are off by %.1f levels on average, at most %v", way, off, most)
			}
		}
	}
}
