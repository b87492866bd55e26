package sweep

import (
	"bytes"
	"cmp"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/gouache-art/gouache/internal/filename"
	"github.com/gouache-art/gouache/internal/suggest"
	"github.com/gouache-art/gouache/stylelib/setting"
	"github.com/gouache-art/gouache/tracker"
)

// The bounds of a file's numbers.
const (
	maxTrials     = 100_000
	maxParallel   = 256
	maxRetries    = 100
	maxRatings    = 1000
	maxAfter      = 1 << 40 // of pruning, in a trial's steps
	maxDimensions = 100
	maxSteps      = 10_000 // of a range
	maxLine       = 200    // bytes, as in the tracker
	maxPath       = 4096   // bytes of a picture's or the weights' path
)

// Schema is what a sweep's file may name.
type Schema struct {
	// Settings may be fixed and searched. If content and style are among them, the trials are
	// paintings, and a file must name their pictures.
	Settings []setting.Setting
	// Parameters are the names under which trials record settings, where they are not the settings'
	// names.
	Parameters map[string]string
	// Terms are the loss terms that trials log, such as content and style.
	Terms []string
}

// parameter returns the name of the parameter that trials record a setting as.
func (s Schema) parameter(name string) string {
	if p, ok := s.Parameters[name]; ok {
		return p
	}
	return name
}

// Parse reads a sweep's file. filename is where it was read from. The error has CodeInvalid and a
// line for each mistake, in the order of the file, such as
//
//	night.yaml:7:3: unknown key "style_wieght": did you mean "style_weight"?
func Parse(text []byte, filename string, schema Schema) (*File, error) {
	p := &fileParser{
		mistakes: mistakes{path: filename}, schema: schema,
		file:  File{Fixed: tracker.Params{}, Path: filename, Text: bytes.Clone(text), places: map[string][]place{}},
		given: map[string]any{}, allowed: map[string]values{},
	}
	if body := p.parse(text); body != nil {
		p.read(body)
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	return &p.file, nil
}

// fileParser turns a document into a File, and finds all that is wrong with it.
type fileParser struct {
	mistakes
	schema Schema
	doc    document
	keys   map[string]*token.Token // of the document
	file   File
	given  map[string]any // the values of settings that all trials share
	// allowed has the dimensions without mistakes, and the values that their conditions, and those
	// of the dimensions that these name, leave to other dimensions.
	allowed map[string]values
}

// values are those of settings.
type values map[string][]any

func (p *fileParser) read(body ast.Node) {
	d, f := &p.doc, &p.file
	var m mapping
	p.decode(body, &m)
	p.keys = m.keys
	others := p.decodeFields(m.entries, d)
	p.dropNone()
	f.Name, f.Content, f.Styles = p.line("name", d.Name), p.line("content", d.Content), p.styles()
	f.Protect, f.StrokesOf = p.line(tracker.RoleProtect, d.Protect), p.line(tracker.RoleStrokes, d.StrokesOf)
	f.Weights, f.Device = p.line("weights", d.Weights), p.line("device", d.Device)
	f.Priority = p.count("priority", d.Priority, 0, -tracker.MaxPriority, tracker.MaxPriority)
	p.readFixed(others)
	f.Trials = p.count("trials", d.Trials, 0, 1, maxTrials)
	f.Parallel = p.count("parallel", d.Parallel, defaultParallel, 1, maxParallel)
	f.Retries = p.count("retries", d.Retries, defaultRetries, 0, maxRetries)
	f.Checkpoint = p.interval(d.Checkpoint)
	if d.Minimise.at != nil {
		var err error
		if f.Minimise, err = ParseObjective(p.line("minimise", d.Minimise), p.schema.Terms); err != nil {
			p.add(d.Minimise.at, "minimise: %v", err)
		}
	}
	p.readSampler()
	p.readPrune()
	p.readSearch()
	for _, required := range []struct{ name, what string }{
		{"name", "what the sweep is called"},
		{"content", "the photograph"},
		{"style", "the painting, or a list of paintings"},
		{"sampler", "one of " + strings.Join(Samplers(), ", ")},
		{"search", "the settings to search over"},
	} {
		_, err := setting.Lookup(p.schema.Settings, required.name)
		if picture := required.name == "content" || required.name == "style"; picture && err != nil {
			continue // the trials are no paintings
		}
		if p.keys[required.name] == nil && d.Search.keys[required.name] == nil {
			p.add(beginning, "%s is missing: %s", required.name, required.what)
		}
	}
	if err := (&tracker.Sweep{Name: f.Name, Text: string(f.Text)}).Check(); err != nil && len(p.list) == 0 {
		p.add(d.Name.at, "%v", err)
	}
	if len(p.list) == 0 {
		p.checkWhole()
	}
}

// dropNone gives the keys whose value is none, ~ or null the meaning of that: no checkpoints, no retries, and for others
// that they are not there.
func (p *fileParser) dropNone() {
	d := &p.doc
	for _, s := range []*scalar{&d.Protect, &d.StrokesOf, &d.Weights, &d.Device, &d.Priority, &d.Minimise, &d.Trials} {
		if s.text == none {
			*s = scalar{}
		}
	}
	if d.Prune.name == none {
		d.Prune = choice{}
	}
	for name, s := range map[string]*scalar{"checkpoint": &d.Checkpoint, "retries": &d.Retries} {
		if at := p.keys[name]; at != nil && (s.at == nil || s.text == none) {
			*s = scalar{at: at, text: "0", value: 0.0}
		}
	}
}

// line checks one line of text, which may also be a setting's value.
func (p *fileParser) line(name string, s scalar) string {
	most, bad := maxLine, unicode.IsControl
	if name == "weights" || slices.Contains(tracker.InputRoles, name) {
		most, bad = maxPath, func(r rune) bool { return r == 0 } // whatever the file system allows
	}
	set, err := setting.Lookup(p.schema.Settings, name)
	switch {
	case s.at == nil:
	case strings.TrimSpace(s.text) == "" || len(s.text) > most || strings.ContainsFunc(s.text, bad):
		p.add(s.at, "%s is one line of at most %d bytes", name, most)
	case err == nil:
		p.typed(set, s)
		p.given[name] = s.text
	default:
		p.locate(name, s.text, s.at)
	}
	return s.text
}

// locate remembers where a value is.
func (p *fileParser) locate(name string, value any, at *token.Token) {
	if at != nil {
		p.file.places[name] = append(p.file.places[name], place{value, at})
	}
}

// styles reads paintings, each FILE:WEIGHT@REGION@PART or a mapping of these four.
func (p *fileParser) styles() (styles []Style) {
	before := len(p.list)
	var list []filename.Style
	for _, s := range p.doc.Style.styles {
		style := p.style(s)
		list, styles = append(list, style), append(styles, Style(style))
		p.locate(tracker.RoleStyle, style.File, s.at())
	}
	if len(styles) > 1 {
		delete(p.given, "style")
	}
	if err := filename.CheckWeights(list); err != nil && len(p.list) == before {
		p.add(p.doc.Style.at, "%v", err)
	}
	return styles
}

// style reads one of them.
func (p *fileParser) style(s style) filename.Style {
	if s.parts.at == nil {
		read, err := filename.ParseStyle(filepath.Dir(p.path), p.line("style", s.text))
		if err != nil {
			p.add(s.text.at, "%v", err)
		}
		p.locate(tracker.RoleRegion, read.Region, s.text.at)
		p.locate(tracker.RolePart, read.Part, s.text.at)
		return read
	}
	var d struct {
		Picture scalar `yaml:"picture"`
		Weight  scalar `yaml:"weight"`
		Region  scalar `yaml:"region"`
		Part    scalar `yaml:"part"`
	}
	p.decodeAll("key of a style", s.parts, &d)
	read := filename.Style{File: p.line("style", d.Picture), Weight: 1, Region: p.line(tracker.RoleRegion, d.Region), Part: p.line(tracker.RolePart, d.Part)}
	if s.parts.keys["picture"] == nil {
		p.add(s.parts.at, "this style has no picture: add picture: FILE")
	}
	if d.Weight.at != nil {
		var ok bool
		if read.Weight, ok = d.Weight.value.(float64); !ok || !(read.Weight >= 0) || math.IsInf(read.Weight, 0) {
			p.add(d.Weight.at, "the weight of a style is a number from 0 up, such as 0.5, not %q%s", d.Weight.text, d.Weight.hint())
		}
	}
	return read
}

// readFixed reads the settings that all trials share, and finds keys that do not exist.
func (p *fileParser) readFixed(entries []entry) {
	for _, e := range entries {
		set, err := setting.Lookup(p.schema.Settings, e.name)
		if err != nil {
			known := keysOf(&p.doc)
			for _, s := range p.schema.Settings {
				if !slices.Contains(known, s.Name) {
					known = append(known, s.Name)
				}
			}
			p.add(e.key, "%v", suggest.Unknown("key", e.name, known))
			continue
		}
		var s scalar
		p.decode(e.value, &s)
		for _, v := range p.typed(set, s) {
			p.file.Fixed[e.name], p.given[e.name] = v, v
		}
	}
}

// typed returns the values of a setting, all different.
func (p *fileParser) typed(set setting.Setting, list ...scalar) (values []any) {
	for _, s := range list {
		if s.at == nil {
			continue
		}
		v, err := s.as(set)
		switch {
		case err != nil:
			p.add(s.at, "%v", err)
		case containsValue(values, v):
			p.add(s.at, "%v is here twice", v)
		default:
			values = append(values, v)
			p.locate(p.schema.parameter(set.Name), v, s.at)
		}
	}
	return values
}

// count reads a whole number from least to most.
func (p *fileParser) count(name string, s scalar, missing, least, most int) int {
	if s.at == nil {
		return missing
	}
	x, ok := s.value.(float64)
	if !ok || x != math.Trunc(x) || x < float64(least) || x > float64(most) {
		p.add(s.at, "%s is a whole number from %d to %d, not %q%s", name, least, most, s.text, s.hint())
		return least
	}
	return int(x)
}

// interval reads a time such as 30s, or a number of seconds.
func (p *fileParser) interval(s scalar) time.Duration {
	if s.at == nil {
		return defaultCheckpoint
	}
	d, err := time.ParseDuration(s.text)
	if x, ok := s.value.(float64); ok && math.Abs(x) < 1e6 {
		d, err = time.Duration(x*float64(time.Second)), nil
	}
	if err != nil || d < 0 || d > 24*time.Hour || (d > 0 && d < time.Second) {
		p.add(s.at, "checkpoint is a time from 1s to 24h such as 30s, or 0 for never, not %q%s", s.text, s.hint())
	}
	return d
}

func (p *fileParser) readSampler() {
	var options struct {
		Seed scalar `yaml:"seed"`
	}
	known := map[string]any{}
	for _, name := range Samplers() {
		known[name] = &options
	}
	p.choose("sampler", p.doc.Sampler, known)
	p.file.Sampler = p.doc.Sampler.name
	p.file.Seed = int64(p.count("seed", options.Seed, 0, -1<<53, 1<<53))
}

func (p *fileParser) readPrune() {
	var m struct {
		After  scalar `yaml:"after"`
		Trials scalar `yaml:"trials"`
	}
	var h struct {
		After  scalar `yaml:"after"`
		Factor scalar `yaml:"factor"`
	}
	c := p.doc.Prune
	if c.at == nil {
		return
	}
	p.choose("prune", c, map[string]any{median: &m, halving: &h})
	after := m.After
	if c.name == halving {
		after = h.After
	}
	p.file.Prune = &PruneRule{
		Kind:   c.name,
		After:  int64(p.count("after", after, 1, 1, maxAfter)),
		Trials: p.count("trials", m.Trials, 5, 1, maxTrials), // as in Optuna and goptuna
		Factor: p.count("factor", h.Factor, 4, 2, maxTrials), // likewise
	}
}

// choose decodes the options of a choice. known has the names, and a struct for the options of each.
func (p *fileParser) choose(key string, c choice, known map[string]any) {
	names := slices.Sorted(maps.Keys(known))
	switch {
	case c.at == nil:
	case c.name == "":
		p.add(c.at, "%s is one of %s, or one of them with options, such as {%s: {…}}", key, strings.Join(names, ", "), names[0])
	case known[c.name] == nil:
		p.add(c.at, "%v", suggest.Unknown(key, c.name, names))
	default:
		p.decodeAll("option of "+c.name, c.options, known[c.name])
	}
}

// decodeAll decodes the values of a mapping into the fields of a struct. Other keys are mistakes.
func (p *fileParser) decodeAll(kind string, m mapping, into any) {
	for _, e := range p.decodeFields(m.entries, into) {
		p.add(e.key, "%v", suggest.Unknown(kind, e.name, keysOf(into)))
	}
}

// readSearch reads the search space.
func (p *fileParser) readSearch() {
	search := p.doc.Search
	if search.at == nil {
		return
	}
	if n := len(search.keys); n == 0 || n > maxDimensions {
		p.add(search.at, "search names %d settings: 1 to %d can be searched", n, maxDimensions)
		return
	}
	for _, e := range search.entries {
		set, err := setting.Lookup(p.schema.Settings, e.name)
		if err != nil {
			p.add(e.key, "%v", err)
			continue
		}
		if fixed := p.keys[e.name]; fixed != nil {
			p.add(e.key, "%s is searched here and fixed in line %d: it can be one of the two", e.name, fixed.Position.Line)
		}
		before := len(p.list)
		d, allowed := p.dimension(set, e)
		p.file.Search = append(p.file.Search, d)
		if len(p.list) == before {
			p.allowed[d.Name] = allowed
		}
	}
}

// dimension reads a setting that is searched, and the values that its conditions allow.
func (p *fileParser) dimension(set setting.Setting, e entry) (d Dimension, allowed values) {
	d = Dimension{Name: p.schema.parameter(set.Name), Kind: set.Kind}
	var o searched
	switch e.value.(type) {
	case *ast.SequenceNode:
		p.decode(e.value, &o.Values)
	case ast.MapNode:
		var long mapping
		p.decode(e.value, &long)
		p.decodeAll("key", long, &o)
	}
	switch list, linear, log := o.Values.at != nil, o.Linear.at != nil, o.Log.at != nil; {
	case list && !linear && !log:
		d.Values = p.typed(set, o.Values.scalars...)
		if o.Steps.at != nil {
			p.add(o.Steps.at, "steps divide a range, and %s is a list", d.Name)
		}
	case !list && linear != log:
		d.Log = log
		p.readRange(&d, set, slices.Concat(o.Linear.scalars, o.Log.scalars), o.Steps, cmp.Or(o.Linear.at, o.Log.at))
	default:
		p.add(e.key, "%s is searched over a list or a range, such as [1, 3, 10], {linear: [1, 10]} or {log: [1, 10]}", d.Name)
		return d, nil
	}
	allowed = values{}
	for _, c := range o.When.entries {
		p.readCondition(&d, c, allowed)
	}
	return d, allowed
}

// readRange reads the ends of a range and the number of its steps.
func (p *fileParser) readRange(d *Dimension, set setting.Setting, list []scalar, steps scalar, at *token.Token) {
	if d.Kind != setting.Int && d.Kind != setting.Float {
		p.add(at, "%s is %s and has no ranges: list its values", d.Name, d.Kind)
		return
	}
	if len(list) != 2 {
		p.add(at, "a range is two numbers, such as [1, 10]")
		return
	}
	ends := p.typed(set, list...)
	if len(ends) < 2 {
		return
	}
	d.Low, _ = setting.Number(ends[0])
	d.High, _ = setting.Number(ends[1])
	if d.Low > d.High || d.Log && d.Low <= 0 || math.IsInf(d.High-d.Low, 0) {
		p.add(at, "%s has no range from %v to %v: the second end must be more than the first, and the first of log above 0",
			d.Name, d.Low, d.High)
		return
	}
	d.Steps = p.count("steps", steps, 0, 2, maxSteps)
	for i := 1; i < d.Steps; i++ {
		if sameValue(d.value(i-1), d.value(i)) {
			p.add(steps.at, "%d steps are too many for %s: two of them are %v", d.Steps, d.Name, d.value(i))
			return
		}
	}
}

// readCondition reads a condition of a dimension, on a fixed setting or an earlier dimension. It
// narrows what the dimension's conditions allow.
func (p *fileParser) readCondition(d *Dimension, e entry, allowed values) {
	set, err := setting.Lookup(p.schema.Settings, e.name)
	if err != nil {
		p.add(e.key, "%v", err)
		return
	}
	var l list
	p.decode(e.value, &l)
	c := Condition{p.schema.parameter(set.Name), p.typed(set, l.scalars...)}
	if len(c.Values) == 0 {
		return
	}
	on, fixed := p.file.Search.find(c.Name), p.given[e.name]
	implied, sound := p.allowed[c.Name]
	switch {
	case fixed != nil && containsValue(c.Values, fixed):
	case fixed != nil:
		p.add(e.key, "%s would never be searched: %s is fixed, and is %v", d.Name, e.name, fixed)
	case on == nil:
		p.add(e.key, "%s depends on %s, which must be fixed, as in %s: %v, or searched above %s",
			d.Name, c.Name, c.Name, c.Values[0], d.Name)
	case !sound: // its own mistakes are reported
	case on.size() == 0:
		p.add(e.key, "%s is searched over a range without steps: no single value of it can be asked for", c.Name)
	default:
		for _, v := range c.Values {
			if _, _, ok := on.cell(v); !ok {
				p.add(e.key, "%s never is %v: it is not among what is searched", c.Name, v)
				return
			}
		}
		d.When = append(d.When, c)
		implied = maps.Clone(implied)
		implied[c.Name] = c.Values
		for _, name := range slices.Sorted(maps.Keys(implied)) {
			left := implied[name]
			if before, ok := allowed[name]; ok {
				left = slices.DeleteFunc(slices.Clone(left), func(v any) bool { return !containsValue(before, v) })
			}
			if allowed[name] = left; len(left) == 0 {
				p.add(e.key, "%s would never be searched: what it depends on needs another %s", d.Name, name)
				return
			}
		}
	}
}

// checkWhole finds mistakes that concern several parts of a file, when each part has none.
func (p *fileParser) checkWhole() {
	f, d := &p.file, &p.doc
	if f.Minimise.IsRating() {
		f.Ratings = p.count("ratings", d.Ratings, DefaultRatings, 1, maxRatings)
	} else if d.Ratings.at != nil {
		p.add(p.keys["ratings"], "ratings say how often a trial is compared, and count only with minimise: rating")
	}
	if f.Minimise.IsZero() && kinds[f.Sampler].Learns {
		p.add(d.Sampler.at, "%s needs to know what to minimise: add a line such as minimise: content + style, or minimise: rating",
			f.Sampler)
	}
	if f.Prune != nil && (f.Minimise.IsZero() || f.Minimise.IsRating()) {
		p.add(p.keys["prune"], "pruning compares trials by their losses: minimise must be a sum of terms")
	}
	weight := slices.IndexFunc(f.Search, func(d Dimension) bool { return strings.HasSuffix(d.Name, "_weight") })
	if weight >= 0 && slices.Contains(f.Minimise.Metrics(), wordTotal) {
		p.add(d.Minimise.at, "total counts each term times its weight, and this sweep searches %s: the least weight would win. "+
			"Name the terms instead, such as content + style", f.Search[weight].Name)
	}
	before := len(p.list)
	for i, e := range d.Search.entries {
		if err := kinds[f.Sampler].check(f.Sampler, &f.Search[i]); err != nil {
			p.add(e.key, "%v", err)
		}
	}
	if len(p.list) > before {
		return
	}
	switch s, err := NewSampler(f); {
	case err != nil:
		p.add(d.Sampler.at, "%v", err)
	case f.Trials == 0 && s.Points() == 0:
		p.add(d.Sampler.at, "trials is missing: %s has no end without it", f.Sampler)
	}
}
