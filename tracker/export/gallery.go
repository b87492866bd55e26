package export

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/tracker"
)

// GalleryOptions configures a gallery. The zero value is ready to use.
type GalleryOptions struct {
	Title string // the default is the experiment that the runs have in common
	// LongerSide bounds the longer side of results, in pixels, to keep the file small: larger ones
	// are reduced, and all are JPEGs unless the original file is smaller. 0 keeps the files.
	LongerSide int
	Version    string // of this program, for the foot of the page
	// Again returns the command that paints a run again, for a shell, or "" for the one that the run says made it. It may
	// be nil.
	Again func(*tracker.Run) string
	// Warn is called with the error of each picture that cannot be shown, for example because its
	// file is missing. The page shows the error in its place.
	Warn func(error)
}

// inputSide bounds the longer side of inputs, which are shown for comparison, in pixels.
const inputSide = 640

// Gallery writes one HTML file with the runs' pictures, the settings in which they differ, their
// last values, curves, notes, and the commands that make them again. It opens from disk in any
// browser and loads nothing from the network; a Content-Security-Policy forbids it. A picture that
// several runs share is embedded once. A TIFF is embedded as a PNG.
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

type gallery struct {
	ctx      context.Context
	out      *bufio.Writer
	reader   tracker.Reader
	options  GalleryOptions
	entries  []entry
	contrast *tracker.Contrast
	embedded map[string]string // the names of the runs whose results are in the page so far, by the ids of the pictures
}

//go:embed gallery.html gallery.css gallery.js
var files embed.FS

// pieces are parsed when the first gallery is written, not when the program starts.
var pieces = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{"stars": format.Stars, "duration": format.Duration, "when": when}).ParseFS(files, "gallery.html"))
})

// write writes the page piece by piece, so that no more than one picture is held in memory.
func (g *gallery) write() error {
	if err := g.execute("top", g.top()); err != nil {
		return err
	}
	for i := range g.entries {
		card, err := g.card(i)
		if err != nil {
			return err
		}
		if err := g.execute("card", card); err != nil {
			return err
		}
		if err := g.writeMain(&g.entries[i]); err != nil {
			return err
		}
		if err := g.execute("facts", card); err != nil {
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
		panic(err) // the files are embedded
	}
	return string(data)
}

// policy allows the page to show embedded pictures and to run its one script, and nothing else.
func policy() string {
	hash := func(name string) string {
		sum := sha256.Sum256([]byte(asset(name)))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; img-src data:; style-src " + hash("gallery.css") + "; script-src " + hash("gallery.js") +
		"; base-uri 'none'; form-action 'none'"
}

// writeMain writes a run's result. A result that is already in the page is a link to it.
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
	// The picture is streamed, since a template would hold several copies of it in memory.
	escape := template.HTMLEscapeString
	fmt.Fprintf(g.out, `<img id="%s" alt="%s" width="%d" height="%d" decoding="async" src="data:%s;base64,`,
		escape(id), escape(alt), p.Width, p.Height, escape(s.mime))
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

type input struct {
	tracker.Picture
	Roles []string
	Runs  int
}

// ID names the picture in the page.
func (i *input) ID() string { return "i-" + i.Hash }

// Label is what the picture is called.
func (i *input) Label() string { return cmp.Or(i.Name, i.Hash[:min(len(i.Hash), 8)]) }

// writeInputs writes the inputs of all runs, each picture once. Cards refer to them.
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

// inputs returns the inputs of all runs, in the order of the runs.
func (g *gallery) inputs() []*input {
	var list []*input
	known := map[string]*input{}
	for i := range g.entries {
		var counted []string
		for _, p := range g.entries[i].inputs() {
			if known[p.Hash] == nil {
				known[p.Hash] = &input{Picture: p}
				list = append(list, known[p.Hash])
			}
			in := known[p.Hash]
			if !slices.Contains(in.Roles, p.Role) {
				in.Roles = append(in.Roles, p.Role)
			}
			if !slices.Contains(counted, p.Hash) {
				counted = append(counted, p.Hash)
				in.Runs++
			}
		}
	}
	return list
}

// top is the part of the page above the cards.
type top struct {
	Title, Policy, Dates string
	Style                template.CSS
	Runs                 int
	Common               []setting
	Metrics, Params      []string // what cards can be sorted by
}

func (g *gallery) top() top {
	t := top{
		Title: cmp.Or(g.options.Title, g.experiment(), "Runs"), Policy: policy(),
		Style: template.CSS(asset("gallery.css")), Runs: len(g.entries),
	}
	byStart := func(a, b entry) int { return a.StartedAt.Compare(b.StartedAt) }
	const day = "2 January 2006"
	t.Dates = slices.MinFunc(g.entries, byStart).StartedAt.Format(day)
	if until := slices.MaxFunc(g.entries, byStart).StartedAt.Format(day); until != t.Dates {
		t.Dates += " – " + until
	}
	if len(g.entries) > 1 {
		t.Common = settings(0, g.contrast.Common...)
	}
	t.Metrics = names(g.entries, func(e *entry) []string { return drawn(e.Final) })
	for _, row := range g.contrast.Differs {
		if row.Kind == tracker.ContrastParam {
			t.Params = append(t.Params, row.Name)
		}
	}
	return t
}

// experiment returns the experiment that all runs belong to, or "".
func (g *gallery) experiment() string {
	all := names(g.entries, func(e *entry) []string { return []string{e.Experiment} })
	if len(all) == 1 {
		return all[0]
	}
	return ""
}

type card struct {
	*tracker.Run
	Differs []setting
	Chart   *chart
	Finals  []final
	Inputs  []*input
	All     []setting // everything that is known, in a closed section
	Command command
	Mixed   bool // the runs belong to several experiments
}

// command makes a run again.
type command struct {
	Line, Dir string // Dir is where it was given, or ""
	Foreign   bool   // another store's words
}

type final struct {
	Name, Value, Exact string
	Color              int // of its line in the chart, or -1
}

func (g *gallery) card(run int) (*card, error) {
	e := &g.entries[run]
	c := &card{
		Run: &e.Run, Differs: g.differs(run), All: g.everything(run),
		Command: g.command(&e.Run), Mixed: g.experiment() == "",
	}
	for _, p := range e.inputs() {
		c.Inputs = append(c.Inputs, &input{Picture: p})
	}
	order := drawn(e.Final)
	if len(order) > 0 {
		curves, err := g.reader.Curves(g.ctx, e.ID, tracker.CurveQuery{Metrics: order, Points: chartPoints})
		if err != nil {
			return nil, err
		}
		c.Chart = newChart(curves, order)
	}
	for i, name := range order {
		f := final{name, format.Rounded(e.Final[name], 4), format.Value(e.Final[name]), -1}
		if c.Chart != nil && slices.ContainsFunc(c.Chart.Lines, func(l line) bool { return l.Color == i }) {
			f.Color = i
		}
		c.Finals = append(c.Finals, f)
	}
	return c, nil
}

// command returns the command that makes a run again.
func (g *gallery) command(run *tracker.Run) command {
	if g.options.Again != nil {
		if again := g.options.Again(run); again != "" {
			return command{Line: again}
		}
	}
	p := run.Provenance
	return command{p.CommandLine(), p.Dir, p.Imported}
}

// everything lists a run's parameters, provenance and last values.
func (g *gallery) everything(run int) []setting {
	e := &g.entries[run]
	list := slices.DeleteFunc(g.settings(run), func(s setting) bool { return s.Kind == tracker.ContrastProvenance })
	for _, c := range provenanceColumns {
		if text := c.cell(e); text != "" && c.name != "command" && e.Params[c.name] == nil {
			list = append(list, setting{Kind: tracker.ContrastProvenance, Name: c.name, Value: text})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.Final)) {
		list = append(list, setting{Kind: tracker.ContrastMetric, Name: "final." + name, Value: format.Value(e.Final[name])})
	}
	return list
}

// searchable is what the page's script searches and sorts a card by.
type searchable struct {
	Name    string         `json:"name"`
	Started int64          `json:"started"` // milliseconds since 1970
	Rating  int            `json:"rating"`
	Text    string         `json:"text"`
	Values  map[string]any `json:"values"` // by the names of the columns of CSV
}

func (g *gallery) searchable() []searchable {
	list := make([]searchable, 0, len(g.entries))
	for i := range g.entries {
		e := &g.entries[i]
		s := searchable{Name: e.Name, Started: e.StartedAt.UnixMilli(), Rating: e.Rating, Values: map[string]any{}}
		words := append([]string{e.Name, e.ID, e.Experiment, e.Sweep, string(e.Status), e.Reason, e.Note}, e.Tags...)
		for _, setting := range g.settings(i) {
			words = append(words, setting.Name+"="+setting.Value)
		}
		s.Text = strings.Join(words, "\n")
		for _, row := range g.contrast.Differs {
			if v := row.Values[i]; v != nil && row.Kind == tracker.ContrastParam {
				s.Values["param."+row.Name] = v
			}
		}
		for _, name := range drawn(e.Final) {
			if v := e.Final[name]; !math.IsNaN(v) && !math.IsInf(v, 0) { // JSON has no such numbers, and they belong last
				s.Values["final."+name] = v
			}
		}
		list = append(list, s)
	}
	return list
}

func when(t time.Time) string { return t.UTC().Format("2 Jan 2006 15:04 UTC") }

// setting is one parameter, input or part of the provenance of a run.
type setting struct {
	Kind        tracker.ContrastKind
	Name, Value string
}

// contrast compares all runs of a gallery, even more than tracker.MaxContrast.
func contrast(entries []entry) *tracker.Contrast {
	runs := make([]tracker.Run, len(entries))
	inputs := make([][]tracker.Picture, len(entries))
	for i := range entries {
		runs[i], inputs[i] = entries[i].Run, entries[i].inputs()
	}
	return tracker.ContrastOf(runs, inputs)
}

// settings returns what one run has in rows of a contrast.
func settings(run int, rows ...tracker.ContrastRow) []setting {
	var list []setting
	for _, row := range rows {
		if v := row.Values[run]; v != nil {
			list = append(list, setting{row.Kind, row.Name, format.Value(row.Distinct(v))})
		}
	}
	return list
}

// differs returns the settings in which a run differs from the others. If it is the only one, it
// returns its parameters.
func (g *gallery) differs(run int) []setting {
	if len(g.entries) > 1 {
		return settings(run, g.contrast.Differs...)
	}
	return slices.DeleteFunc(settings(run, g.contrast.Common...), func(s setting) bool { return s.Kind != tracker.ContrastParam })
}

// settings returns all settings of a run: inputs, parameters, and the parts of its provenance that
// change the result.
func (g *gallery) settings(run int) []setting {
	rows := slices.Concat(g.contrast.Differs, g.contrast.Common)
	slices.SortStableFunc(rows, func(a, b tracker.ContrastRow) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) // the names of the kinds are in that order
	})
	return settings(run, rows...)
}
