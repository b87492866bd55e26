package live

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	gosync "sync"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/dom"
	"github.com/janpfeifer/gonb/gonbui/protocol"
	"golang.org/x/image/draw"

	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/tracker"
)

// The notebook, or what tests replace it with.
var (
	inNotebook           = gonbui.IsNotebook
	send                 = gonbui.SendData
	printed    io.Writer = os.Stdout
)

// show puts HTML into the cell's output, with plain text for readers without HTML. Outside a
// notebook it prints the text.
func show(page, text string) {
	update("", page, text)
	sync()
}

// update is show for an output that is renewed: it replaces the output of the same id.
func update(id, page, text string) {
	text = terminal.Text(text)
	if !inNotebook {
		fmt.Fprintln(printed, text)
		return
	}
	send(&protocol.DisplayData{
		Data:      map[protocol.MIMEType]any{protocol.MIMETextHTML: page, protocol.MIMETextPlain: text},
		DisplayID: id,
	})
}

// sync waits until the notebook has received what was sent. A process that ends sooner loses it.
func sync() {
	if gonbui.IsNotebook && gonbui.Error() == nil {
		gonbui.Sync()
	}
}

// served reports whether the notebook is open in a page of a Jupyter server, where scripts can talk to the kernel. The
// server sets this variable for the kernels of notebooks. Programs that run notebooks do not, nor does VS Code by itself.
var served = os.Getenv("JPY_SESSION_NAME") != ""

//go:embed enhance.js
var enhancements string

// enhance lets the pointer drag the lines of swipes and read the values of charts, until the page is loaded again. The
// script is not saved. (It is run by an output that is emptied at once: dom.TransientJavascript.)
var enhance = gosync.OnceFunc(func() {
	if inNotebook && served {
		dom.TransientJavascript(enhancements)
	}
})

// shownSide is the longer side of a picture that is shown, in pixels at most: 512 pixels as JPEG
// make 40 to 80 kB of a notebook.
const shownSide = 512

// jpegQuality keeps brush strokes free of blocks; 95, which files get, makes notebooks twice as
// large.
const jpegQuality = 88

// shrink returns the image with neither side longer than side.
func shrink(m image.Image, side int) image.Image {
	b := m.Bounds()
	longer := max(b.Dx(), b.Dy())
	if longer <= side {
		return m
	}
	small := image.NewNRGBA(image.Rect(0, 0, max(1, b.Dx()*side/longer), max(1, b.Dy()*side/longer)))
	draw.ApproxBiLinear.Scale(small, small.Bounds(), m, b, draw.Src, nil)
	return small
}

// spaced is the style of pictures that are side by side.
const spaced = "display:inline-block;vertical-align:top;margin:0 16px 8px 0"

// pictureTag returns an image as an element of HTML, width CSS pixels wide.
func pictureTag(m image.Image, width int, alt, style string) string {
	var data bytes.Buffer
	kind := "jpeg"
	err := jpeg.Encode(&data, m, &jpeg.Options{Quality: jpegQuality})
	if opaque, ok := m.(interface{ Opaque() bool }); ok && !opaque.Opaque() {
		data.Reset()
		kind, err = "png", png.Encode(&data, m)
	}
	if err != nil { // in memory, both fail only for an image with a side of more than 65535 pixels
		return html.EscapeString(err.Error())
	}
	return imageTag("image/"+kind, data.Bytes(), width, alt, style)
}

// smallTag is a picture at most side CSS pixels wide or high, and sharp on a screen with two pixels
// per CSS pixel.
func smallTag(m image.Image, side int, alt string) string {
	return pictureTag(shrink(m, 2*side), shrink(m, side).Bounds().Dx(), alt, "")
}

// runTag is smallTag of a run's picture, or "" if it has none.
func runTag(ctx context.Context, store tracker.PictureReader, run *tracker.Run, side int, alt string) (string, error) {
	return storedTag(ctx, store, run, 2*side, func(m image.Image) string { return smallTag(m, side, alt) })
}

// storedTag returns what tag makes of a run's picture, with neither side longer than side. One that
// cannot be shown is replaced by the reason: others can.
func storedTag(ctx context.Context, store tracker.PictureReader, run *tracker.Run, side int, tag func(image.Image) string) (string, error) {
	m, err := runPicture(ctx, store, run, side)
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		return `<i>` + html.EscapeString(err.Error()) + `</i>`, nil
	case m == nil:
		return "", nil
	}
	return tag(m), nil
}

// figure is a picture's element, which may be "", above its caption.
func figure(tag, caption string) string {
	if tag != "" {
		tag += "<br>"
	}
	return tag + html.EscapeString(caption)
}

func imageTag(mime string, data []byte, width int, alt, style string) string {
	return fmt.Sprintf(`<img src="data:%s;base64,%s" width="%d" alt="%s" style="%s">`,
		mime, base64.StdEncoding.EncodeToString(data), width, html.EscapeString(alt), style)
}
