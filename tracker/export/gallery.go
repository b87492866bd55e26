package export

import (
	"bufio"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"sync"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/tracker"
)

// GalleryOptions say what a gallery is like. The zero value suits.
type GalleryOptions struct {
	Title string // the default is the experiment that the runs have in common
	// LongerSide bounds the pictures that runs came to, in pixels, to keep the file small: larger ones are reduced, and
	// all are JPEGs unless their file is smaller. 0 keeps them as they are.
	LongerSide int
	Version    string // of this program, for the foot of the page
	// Warn is told of each picture that cannot be shown, because its file is missing say. The page says so in its place.
	Warn func(error)
}

// inputSide bounds the pictures that runs began with, which are there for comparison, in pixels.
const inputSide = 640

// Gallery writes one HTML file with the runs' pictures, the settings in which they differ, their last values, curves,
// notes, and the commands that make them again. It opens from disk in any browser and asks the network for nothing; a
// Content-Security-Policy forbids it to. Each picture is in it once, whichever runs share it; a TIFF is there as a PNG.
func Gallery(ctx context.Context, w io.Writer, reader tracker.Reader, ids []string, o GalleryOptions) error {
	if o.LongerSide < 0 {
		return tracker.Errorf(tracker.CodeInvalid, "a longer side of %d pixels: choose 1 or more, or 0 to keep pictures as they are", o.LongerSide)
	}
	entries, err := collect(ctx, reader, ids)
	if err != nil {
		return err
	}
	g := &gallery{
		ctx: ctx, out: bufio.NewWriter(sink{w}), reader: reader, options: o, entries: entries,
		contrast: contrast(entries), embedded: map[string]string{},
	}
	if err := g.write(); err != nil {
		return err
	}
	return g.out.Flush()
}

// gallery is a page that is being written.
type gallery struct {
	ctx      context.Context
	out      *bufio.Writer
	reader   tracker.Reader
	options  GalleryOptions
	entries  []entry
	contrast *tracker.Contrast
	embedded map[string]string // by the ids of pictures in the page so far, the run that came to them
}

//go:embed gallery.html gallery.css gallery.js
var files embed.FS

// pieces are read when a gallery is made, not whenever the program starts.
var pieces = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{"stars": format.Stars, "duration": format.Duration, "when": when}).ParseFS(files, "gallery.html"))
})

// write writes the page piece by piece, so that no more than one picture is held in memory.
func (g *gallery) write() error {
	if err := g.execute("top", g.top()); err != nil {
		return err
	}
	for i := range g.entries {
		if err := g.writeCard(i); err != nil {
			return err
		}
	}
	if err := g.writeInputs(); err != nil {
		return err
	}
	return g.execute("bottom", map[string]any{"Runs": g.searchable(), "Script": template.JS(asset("gallery.js")), "Version": g.options.Version})
}

func (g *gallery) execute(piece string, data any) error {
	return pieces().ExecuteTemplate(g.out, piece, data)
}

func asset(name string) string {
	data, err := files.ReadFile(name)
	if err != nil {
		panic(err) // it is compiled in
	}
	return string(data)
}

// policy lets the page show pictures that are in it and run the one script that is, and nothing else.
func policy() string {
	hash := func(name string) string {
		sum := sha256.Sum256([]byte(asset(name)))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; img-src data:; style-src " + hash("gallery.css") + "; script-src " + hash("gallery.js") +
		"; base-uri 'none'; form-action 'none'"
}

func (g *gallery) writeCard(run int) error {
	card, err := g.card(run)
	if err != nil {
		return err
	}
	if err := g.execute("card", card); err != nil {
		return err
	}
	if err := g.writeMain(&g.entries[run]); err != nil {
		return err
	}
	return g.execute("facts", card)
}

// writeMain writes what a run came to. The file of a run that is made again is the same, and refers to the first.
func (g *gallery) writeMain(e *entry) error {
	p := e.main()
	if p == nil {
		return g.execute("none", e.Status)
	}
	id := "p-" + p.Hash
	if name, known := g.embedded[id]; known {
		return g.execute("again", map[string]string{"ID": id, "Name": name})
	}
	ok, err := g.writePicture(id, e.Name, p, g.options.LongerSide)
	if ok {
		g.embedded[id] = e.Name
	}
	return err
}

// writePicture writes a picture, or the reason why it cannot be shown.
func (g *gallery) writePicture(id, alt string, p *tracker.Picture, longer int) (ok bool, err error) {
	s, err := show(g.ctx, g.reader, p, longer)
	if code := tracker.ErrorCode(err); code == tracker.CodeNotFound || code == tracker.CodeInvalid {
		if g.options.Warn != nil {
			g.options.Warn(tracker.Errorf(code, "%s, picture %s is not shown: %w", alt, p.Role, err))
		}
		return false, g.execute("unshown", err.Error())
	}
	if err != nil {
		return false, err
	}
	defer s.Close()
	// The picture is streamed past the template, which would hold it in memory several times over.
	fmt.Fprintf(g.out, `<img id="%s" alt="%s" width="%d" height="%d" decoding="async" src="data:%s;base64,`,
		id, template.HTMLEscapeString(alt), p.Width, p.Height, s.mime)
	encoder := base64.NewEncoder(base64.StdEncoding, g.out)
	if _, err := io.Copy(encoder, s); err != nil {
		return false, err
	}
	if err := encoder.Close(); err != nil {
		return false, err
	}
	_, err = g.out.WriteString(`">`)
	return true, err
}

// input is a picture that runs began with.
type input struct {
	tracker.Picture
	Roles []string
	Runs  int
}

// ID names the picture in the page.
func (i *input) ID() string { return "i-" + i.Hash }

// Label is what the picture is called.
func (i *input) Label() string { return label(&i.Picture) }

// writeInputs writes what the runs began with, each picture once: cards refer to them.
func (g *gallery) writeInputs() error {
	inputs := g.inputs()
	if err := g.execute("inputs", len(inputs)); err != nil {
		return err
	}
	side := inputSide
	if g.options.LongerSide > 0 {
		side = min(side, g.options.LongerSide)
	}
	for _, i := range inputs {
		if err := g.execute("input", i); err != nil {
			return err
		}
		if _, err := g.writePicture(i.ID(), i.Label(), &i.Picture, side); err != nil {
			return err
		}
		if err := g.execute("caption", i); err != nil {
			return err
		}
	}
	return nil
}

// inputs returns what the runs began with, in the order of the runs.
func (g *gallery) inputs() []*input {
	var list []*input
	known := map[string]*input{}
	for i := range g.entries {
		counted := map[string]bool{}
		for _, p := range g.entries[i].inputs() {
			if known[p.Hash] == nil {
				known[p.Hash] = &input{Picture: p}
				list = append(list, known[p.Hash])
			}
			in := known[p.Hash]
			if !slices.Contains(in.Roles, p.Role) {
				in.Roles = append(in.Roles, p.Role)
			}
			if !counted[p.Hash] {
				counted[p.Hash] = true
				in.Runs++
			}
		}
	}
	return list
}
