package picture

import (
	"fmt"
	"image/color"
	"strconv"
	"strings"

	"golang.org/x/image/colornames"

	"github.com/gouache-art/gouache/internal/suggest"
)

// Colour is red, green and blue in grey levels of 0 to 255, as in Pix.
type Colour [3]float32

// White is the colour of paper.
var White = Colour{255, 255, 255}

// ParseColour reads a colour: a name of CSS, such as white or beige, or six hexadecimal digits of red, green and blue,
// such as f5f5dc, with or without a # before them.
func ParseColour(text string) (Colour, error) {
	name := strings.ToLower(strings.TrimSpace(text))
	digits := strings.TrimPrefix(name, "#")
	named, ok := colornames.Map[name]
	if n, err := strconv.ParseUint(digits, 16, 32); err == nil && len(digits) == 6 && !ok {
		named, ok = color.RGBA{R: uint8(n >> 16), G: uint8(n >> 8), B: uint8(n)}, true
	}
	if !ok {
		advice := ""
		if near := suggest.Nearest(name, colornames.Names); near != "" {
			advice = fmt.Sprintf("did you mean %q, or ", near)
		}
		return Colour{}, fmt.Errorf("%q is no colour: %sgive a name such as white, or six hexadecimal digits such as f5f5dc", text, advice)
	}
	return Colour{float32(named.R), float32(named.G), float32(named.B)}, nil
}

// On returns the picture laid on a background: opaque, and the background alone where it is transparent. The colours
// are mixed gamma-encoded, as browsers do. A picture without alpha is returned as it is.
func (p *Picture) On(background Colour) *Picture {
	if p.Alpha == nil {
		return p
	}
	laid := blank(p.Width, p.Height)
	parallel(p.Height, func(from, to int) {
		for i := from * p.Width; i < to*p.Width; i++ {
			opacity := clamped(p.Alpha[i]) / 255
			for c := range 3 {
				laid.Pix[3*i+c] = p.Pix[3*i+c]*opacity + background[c]*(1-opacity)
			}
		}
	})
	return laid
}
