package terminal

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"image"
	"image/png"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/ansi/iterm2"
	"github.com/charmbracelet/x/ansi/kitty"
	"github.com/charmbracelet/x/ansi/sixel"
	"golang.org/x/term"
)

// Graphics is a way in which a terminal draws pictures.
type Graphics string

// The ways.
const (
	NoGraphics Graphics = ""
	Kitty      Graphics = "kitty"  // kitty, Ghostty, Konsole
	ITerm2     Graphics = "iTerm2" // iTerm2, WezTerm, mintty
	Sixel      Graphics = "sixel"  // foot, xterm -ti vt340, mlterm, Windows Terminal and others
)

// Graphics finds out how the terminal draws pictures. Two of the ways are known by the environment. For sixel it asks the
// terminal for its attributes, which every terminal answers, and waits for the answer.
func (t *Writer) Graphics() Graphics {
	if t.terminal == nil {
		return NoGraphics
	}
	if way := graphicsOf(os.Getenv); way != NoGraphics {
		return way
	}
	if hasSixel(ask(t.terminal, ansi.RequestPrimaryDeviceAttributes, "c")) {
		return Sixel
	}
	return NoGraphics
}

// graphicsOf tells the way by the environment. What is inside tmux or screen does not reach the terminal around it.
func graphicsOf(env func(string) string) Graphics {
	name, program := env("TERM"), cmp.Or(env("TERM_PROGRAM"), env("LC_TERMINAL"))
	switch {
	case env("TMUX") != "" || strings.HasPrefix(name, "screen") || strings.HasPrefix(name, "tmux"):
		return NoGraphics
	case name == "xterm-kitty" || name == "xterm-ghostty" || program == "ghostty" || env("KITTY_WINDOW_ID") != "" || env("KONSOLE_VERSION") != "":
		return Kitty
	case slices.Contains([]string{"iTerm.app", "iTerm2", "WezTerm", "mintty"}, program):
		return ITerm2
	}
	return NoGraphics
}

var attributes = regexp.MustCompile(`\x1b\[\?([0-9;]+)c`)

// hasSixel reads a terminal's answer: attribute 4 is sixel.
func hasSixel(answer string) bool {
	m := attributes.FindStringSubmatch(answer)
	return m != nil && slices.Contains(strings.Split(m[1], ";")[1:], "4")
}

// ask sends a request to a terminal and returns its answer up to a final byte, or what came within a second.
func ask(terminal *os.File, request, final string) string {
	fd := int(terminal.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return ""
	}
	defer term.Restore(fd, before)
	if _, err := io.WriteString(terminal, request); err != nil {
		return ""
	}
	var answer []byte
	for end := time.Now().Add(time.Second); !bytes.HasSuffix(answer, []byte(final)); {
		more := readUntil(fd, end)
		if len(more) == 0 {
			break
		}
		answer = append(answer, more...)
	}
	return string(answer)
}

// Draw draws a picture in one of the ways, below what has been written, in at most the terminal's width and about two
// thirds of its height. resize returns the picture in a size in pixels; pictures are made smaller only.
func (t *Writer) Draw(way Graphics, m image.Image, resize func(width, height int) image.Image) error {
	columns, rows, width, height := t.cells()
	most := image.Pt(columns*width, rows*height*2/3)
	size := m.Bounds().Size()
	if scale := min(1, float64(most.X)/float64(size.X), float64(most.Y)/float64(size.Y)); scale < 1 {
		size = image.Pt(max(int(scale*float64(size.X)), 1), max(int(scale*float64(size.Y)), 1))
		m = resize(size.X, size.Y)
	}
	var b bytes.Buffer
	err := encode(&b, way, m)
	if err == nil {
		b.WriteByte('\n')
		_, err = t.Raw().Write(b.Bytes())
	}
	return err
}

func encode(b *bytes.Buffer, way Graphics, m image.Image) error {
	switch way {
	case Kitty:
		return kitty.EncodeGraphics(b, m, &kitty.Options{Action: kitty.TransmitAndPut, Format: kitty.PNG, Transmission: kitty.Direct, Quiet: 2, Chunk: true})
	case ITerm2:
		var file bytes.Buffer
		if err := png.Encode(&file, m); err != nil {
			return err
		}
		data := base64.StdEncoding.EncodeToString(file.Bytes())
		b.WriteString(ansi.ITerm2(iterm2.File{Size: int64(file.Len()), Inline: true, Content: []byte(data)}))
		return nil
	}
	var payload bytes.Buffer
	if err := (&sixel.Encoder{}).Encode(&payload, m); err != nil {
		return err
	}
	b.WriteString(ansi.SixelGraphics(0, 1, 0, payload.Bytes()))
	return nil
}

// cells returns the terminal's size in cells, and that of a cell in pixels. Some terminals do not say the latter.
func (t *Writer) cells() (columns, rows, width, height int) {
	columns, rows, width, height = 80, 24, 8, 16
	if c, r, x, y := windowSize(int(t.terminal.Fd())); c > 0 && r > 0 {
		columns, rows = c, r
		if x > 0 && y > 0 {
			width, height = max(x/columns, 1), max(y/rows, 1)
		}
	}
	return columns, rows, width, height
}
