package live

import (
	"fmt"
	"html"
	"image"
	"slices"
	"strings"

	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/stylelib/picture"
)

// Captioned is a picture with a line of text below it.
type Captioned struct {
	Image   image.Image
	Caption string
}

// Caption gives a picture a caption.
func Caption(p *picture.Picture, format string, args ...any) Captioned {
	return Captioned{p.Image(), fmt.Sprintf(format, args...)}
}

// Grid shows pictures in rows of the given number of columns, each with its caption.
func Grid(columns int, pictures ...Captioned) {
	columns = max(1, columns)
	side := min(shownSide, 960/columns) // 960 pixels are what JupyterLab has beside its file browser
	var cells []string
	var text strings.Builder
	for _, p := range pictures {
		cells = append(cells, figure(smallTag(p.Image, side, p.Caption), p.Caption))
		fmt.Fprintln(&text, describe(p))
	}
	show(inRows(columns, cells), strings.TrimSpace(text.String()))
}

// inRows lays out cells, which are HTML, in rows of the given number of columns.
func inRows(columns int, cells []string) string {
	if len(cells) == 0 {
		return ""
	}
	var page strings.Builder
	page.WriteString(`<table style="border:none">`)
	for row := range slices.Chunk(cells, columns) {
		page.WriteString(`<tr style="background:none">`)
		for _, cell := range row {
			fmt.Fprintf(&page, `<td style="text-align:left;vertical-align:top">%s</td>`, cell)
		}
		page.WriteString(`</tr>`)
	}
	page.WriteString(`</table>`)
	return page.String()
}

func describe(p Captioned) string {
	b := p.Image.Bounds()
	return strings.TrimSpace(terminal.Sprintf("a picture of %d×%d pixels: %s", b.Dx(), b.Dy(), p.Caption))
}

// Show shows one picture, with a caption that may be empty.
func Show(p *picture.Picture, caption string) { Grid(1, Caption(p, "%s", caption)) }

// Swipe lays one picture over another of the same shape: a line between them can be dragged. It needs styles only, and is
// then dragged by its lower corner; in JupyterLab the pointer may be anywhere. If a notebook's host removes the styles, one
// picture is below the other.
func Swipe(left, right Captioned) {
	page, text := swipe(left, right)
	show(page, text)
	enhance()
}

func swipe(left, right Captioned) (page, text string) {
	b := left.Image.Bounds()
	width := min(b.Dx(), shownSide)
	height := width * b.Dy() / max(1, b.Dx())
	layer := func(c Captioned) string {
		return pictureTag(shrink(c.Image, 2*shownSide), width, c.Caption, "max-width:none;display:block;margin:0")
	}
	page = fmt.Sprintf(`<div class="gouache-swipe" style="position:relative;width:%dpx;height:%dpx;cursor:ew-resize">%s`+
		`<div style="position:absolute;top:0;left:0;width:50%%;height:100%%;max-width:100%%;max-height:100%%;min-height:100%%;overflow:hidden;resize:horizontal;border-right:2px solid #ffffff">%s</div></div>`+
		`<p>left: %s; right: %s. Drag the line, or its lower corner.</p>`,
		width, height, layer(right), layer(left), html.EscapeString(left.Caption), html.EscapeString(right.Caption))
	return page, "left: " + describe(left) + "\nright: " + describe(right)
}

// Mask gives a mask a caption. It is shown as a grey picture: white counts in full.
func Mask(m *picture.Mask, caption string) Captioned { return Captioned{m.Image(), caption} }
