package sweep

import (
	"bytes"
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
)

// Parse reads a sweep's file. filename is where it was read from. The error has CodeInvalid and a
// line for each mistake, in the order of the file, such as
//
//	night.yaml:7:3: unknown key "style_wieght": did you mean "style_weight"?
func Parse(text []byte, filename string, schema Schema) (*File, error) {
	p := &fileParser{mistakes: mistakes{path: filename}, schema: schema}
	if body, ok := p.parse(text); ok {
		p.read(body)
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	p.file.Path, p.file.Text = filename, bytes.Clone(text)
	return &p.file, nil
}

// fileParser turns a document into a File, and finds all that is wrong with it.
type fileParser struct {
	mistakes
	schema Schema
	doc    document
	keys   map[string]*token.Token // of the document
	search map[string]*token.Token // the keys of its search
	file   File
	broken []string // dimensions with mistakes
}

func (p *fileParser) read(body mapping) {
	d, f := &p.doc, &p.file
	p.keys = body.keys
	others := p.decodeFields(body.entries, d)
	*f = File{
		Name: p.line("name", d.Name), Content: p.line("content", d.Content), Styles: p.styles(d.Style),
		Weights: p.line("weights", d.Weights), Device: p.line("device", d.Device), Fixed: p.fixed(others),
		Trials:     p.count("trials", d.Trials, 0, 1, maxTrials),
		Parallel:   p.count("parallel", d.Parallel, defaultParallel, 1, maxParallel),
		Retries:    p.count("retries", d.Retries, defaultRetries, 0, maxRetries),
		Checkpoint: p.interval(d.Checkpoint),
		Minimise:   p.objective(d.Minimise),
		Prune:      p.prune(d.Prune),
		Sampler:    d.Sampler.name,
	}
	seed := p.options("sampler", d.Sampler, samplerOptions()).Seed
	f.Seed = int64(p.count("seed", seed, 0, -1<<53, 1<<53))
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
		if p.keys[required.name] == nil && p.search[required.name] == nil {
			p.add(beginning, "%s is missing: %s", required.name, required.what)
		}
	}
	if len(p.list) == 0 {
		p.checkWhole()
	}
}

// line checks one line of text, which may also be a setting's value.
func (p *fileParser) line(name string, s scalar) string {
	const most = 200 // bytes, as in the tracker
	if s.at != nil && (strings.TrimSpace(s.text) == "" || len(s.text) > most || strings.ContainsFunc(s.text, unicode.IsControl)) {
		p.add(s.at, "%s is one line of at most %d bytes", name, most)
	} else if set, err := setting.Lookup(p.schema.Settings, name); err == nil && s.at != nil {
		p.typed(set, s)
	}
	return s.text
}

// styles reads paintings, each FILE or FILE:WEIGHT.
func (p *fileParser) styles(s scalars) (styles []Style) {
	for _, one := range s.list {
		file, weight, err := filename.Weighted(filepath.Dir(p.path), p.line("style", one))
		if err != nil {
			p.add(one.at, "%v", err)
		}
		styles = append(styles, Style{file, weight})
	}
	return styles
}

// fixed reads the settings that all trials share, and finds keys that are none.
func (p *fileParser) fixed(entries []entry) tracker.Params {
	fixed := tracker.Params{}
	for _, e := range entries {
		set, err := setting.Lookup(p.schema.Settings, e.name)
		if err != nil && e.name == "seed" {
			p.add(e.key, "unknown key %q: the sampler's is written sampler: {random: {seed: 7}}", e.name)
			continue
		} else if err != nil {
			keys := keysOf(&p.doc)
			settings := slices.DeleteFunc(p.schema.names(), func(name string) bool { return slices.Contains(keys, name) })
			p.add(e.key, "%v", suggest.Unknown("key", e.name, slices.Concat(keys, settings)))
			continue
		}
		var s scalar
		if p.decode(e.name, e.value, &s) {
			for _, v := range p.typed(set, s) {
				fixed[e.name] = v
			}
		}
	}
	return fixed
}

// typed returns values of a setting, all different.
func (p *fileParser) typed(set setting.Setting, list ...scalar) (values []any) {
	for _, s := range list {
		v, err := s.as(set)
		switch {
		case err != nil:
			p.add(s.at, "%v", err)
		case slices.ContainsFunc(values, func(other any) bool { return sameValue(v, other) }):
			p.add(s.at, "%v is here twice", v)
		default:
			values = append(values, v)
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
		p.add(s.at, "%s is a whole number from %d to %d, not %q", name, least, most, s.text)
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
	if x, ok := s.value.(float64); ok {
		d, err = time.Duration(x*float64(time.Second)), nil
	}
	if err != nil || d < 0 || d > 24*time.Hour || (d > 0 && d < time.Second) {
		p.add(s.at, "checkpoint is a time from 1s to 24h such as 30s, or 0 for never, not %q", s.text)
	}
	return d
}

func (p *fileParser) objective(s scalar) Objective {
	if s.at == nil {
		return Objective{}
	}
	o, err := ParseObjective(p.line("minimise", s), p.schema.Terms)
	if err != nil {
		p.add(s.at, "minimise: %v", err)
	}
	return o
}

// options are those of all samplers and rules of pruning.
type options struct {
	Seed   scalar `yaml:"seed"`
	After  scalar `yaml:"after"`
	Trials scalar `yaml:"trials"`
	Factor scalar `yaml:"factor"`
}

var pruneOptions = map[string][]string{median: {"after", "trials"}, halving: {"after", "factor"}}

func samplerOptions() map[string][]string {
	known := map[string][]string{}
	for _, name := range Samplers() {
		known[name] = []string{"seed"}
	}
	return known
}

// options decodes the options of a name. known has the names, and the options of each.
func (p *fileParser) options(key string, o option, known map[string][]string) (list options) {
	names := slices.Sorted(maps.Keys(known))
	switch {
	case o.at == nil:
	case o.name == "":
		p.add(o.at, "%s is one of %s, or one of them with options, such as {%s: {…}}", key, strings.Join(names, ", "), names[0])
	case known[o.name] == nil:
		p.add(o.at, "%v", suggest.Unknown(key, o.name, names))
	default:
		for _, e := range o.options.entries {
			if slices.Contains(known[o.name], e.name) {
				p.decodeFields([]entry{e}, &list)
			} else {
				p.add(e.key, "%v", suggest.Unknown("option of "+o.name, e.name, known[o.name]))
			}
		}
	}
	return list
}

func (p *fileParser) prune(o option) *PruneRule {
	options := p.options("prune", o, pruneOptions)
	if o.at == nil {
		return nil
	}
	return &PruneRule{
		Kind:   o.name,
		After:  int64(p.count("after", options.After, 1, 1, maxAfter)),
		Trials: p.count("trials", options.Trials, 5, 1, maxTrials), // as in Optuna and goptuna
		Factor: p.count("factor", options.Factor, 4, 2, maxTrials), // likewise
	}
}

// readSearch reads the search space.
func (p *fileParser) readSearch() {
	search := p.doc.Search
	if search.at == nil {
		return
	}
	p.search = search.keys
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
		d := p.dimension(set, e)
		p.file.Search = append(p.file.Search, d)
		if len(p.list) > before {
			p.broken = append(p.broken, d.Name)
		}
	}
}

// dimension reads a setting that is searched: a list, or the long form.
func (p *fileParser) dimension(set setting.Setting, e entry) Dimension {
	d := Dimension{Name: p.schema.parameter(set.Name), Kind: set.Kind}
	var o searched
	if _, list := e.value.(*ast.SequenceNode); list {
		p.decode(e.name, e.value, &o.Values)
		d.Values = p.typed(set, o.Values.list...)
		return d
	}
	if !isMapping(e.value) {
		p.add(start(e.value), "%s is searched over a list, such as [%s, …], or a range; a fixed value stands outside of search",
			e.name, e.value)
		return d
	}
	var m mapping
	p.decode(e.name, e.value, &m)
	for _, other := range p.decodeFields(m.entries, &o) {
		p.add(other.key, "%v", suggest.Unknown("key", other.name, keysOf(&o)))
	}
	switch list, linear, log := o.Values.at != nil, o.Linear.at != nil, o.Log.at != nil; {
	case list && !linear && !log:
		d.Values = p.typed(set, o.Values.list...)
		if o.Steps.at != nil {
			p.add(o.Steps.at, "steps divide a range, and %s is a list", d.Name)
		}
	case linear && !list && !log:
		p.readRange(&d, set, o.Linear, o.Steps)
	case log && !list && !linear:
		d.Log = true
		p.readRange(&d, set, o.Log, o.Steps)
	default:
		p.add(e.key, "%s needs one of values, linear and log, such as {linear: [1, 10]}", d.Name)
		return d
	}
	for _, c := range o.When.entries {
		p.readCondition(&d, c)
	}
	return d
}

// readRange reads the ends of a range and the number of its steps.
func (p *fileParser) readRange(d *Dimension, set setting.Setting, s scalars, steps scalar) {
	if d.Kind != setting.Int && d.Kind != setting.Float {
		p.add(s.at, "%s is %s and has no ranges: list its values", d.Name, d.Kind)
		return
	}
	if len(s.list) != 2 {
		p.add(s.at, "a range is two numbers, such as [1, 10]")
		return
	}
	var ends [2]float64
	for i, one := range s.list {
		v, err := one.as(set)
		if err != nil {
			p.add(one.at, "%v", err)
			return
		}
		ends[i], _ = number(v)
	}
	switch {
	case !(ends[0] < ends[1]):
		p.add(s.at, "the range of %s is empty: its second end must be more than its first", d.Name)
		return
	case d.Log && ends[0] <= 0:
		p.add(s.at, "a logarithmic range begins above 0, and that of %s at %v", d.Name, ends[0])
		return
	case math.IsInf(ends[1]-ends[0], 0):
		p.add(s.at, "the range of %s is too wide", d.Name)
		return
	}
	d.Low, d.High = ends[0], ends[1]
	d.Steps = p.count("steps", steps, 0, 2, maxSteps)
	for i := 1; i < d.Steps; i++ {
		if sameValue(d.value(i-1), d.value(i)) {
			p.add(steps.at, "%d steps are too many for %s: two of them are %v", d.Steps, d.Name, d.value(i))
			return
		}
	}
}

// readCondition reads a condition of a dimension, on a fixed setting or an earlier dimension.
func (p *fileParser) readCondition(d *Dimension, e entry) {
	set, err := setting.Lookup(p.schema.Settings, e.name)
	if err != nil {
		p.add(e.key, "%v", err)
		return
	}
	var list scalars
	p.decode(e.name, e.value, &list)
	c := Condition{p.schema.parameter(set.Name), p.typed(set, list.list...)}
	if len(c.Values) == 0 {
		return
	}
	if fixed, ok := p.fixedValue(e.name); ok {
		if !slices.ContainsFunc(c.Values, func(v any) bool { return sameValue(v, fixed) }) {
			p.add(e.key, "%s would never be searched: %s is fixed, and is %v", d.Name, e.name, fixed)
		}
		return
	}
	on := p.file.Search.find(c.Name)
	switch {
	case c.Name == d.Name:
		p.add(e.key, "%s cannot depend on itself", d.Name)
	case on == nil && p.search[e.name] != nil:
		p.add(e.key, "%s depends on %s, which comes later: write it below", d.Name, c.Name)
	case on == nil:
		p.add(e.key, "%s depends on %s, which is neither fixed nor searched: write a line such as %s: %v",
			d.Name, c.Name, c.Name, c.Values[0])
	case slices.Contains(p.broken, c.Name): // its own mistakes are reported
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
		if name, never := p.file.Search.contradiction(*d); never {
			p.add(e.key, "%s would never be searched: what it depends on needs another %s", d.Name, name)
		}
	}
}

// fixedValue returns the value of a setting that is fixed.
func (p *fileParser) fixedValue(name string) (any, bool) {
	switch v, ok := p.file.Fixed[name]; {
	case ok:
		return v, true
	case name == "content" && p.doc.Content.at != nil:
		return p.doc.Content.text, true
	case name == "device" && p.doc.Device.at != nil:
		return p.doc.Device.text, true
	case name == "style" && len(p.doc.Style.list) == 1:
		return p.doc.Style.list[0].text, true
	}
	return nil, false
}

// find returns the dimension with a name, or nil.
func (s Space) find(name string) *Dimension {
	for i := range s {
		if s[i].Name == name {
			return &s[i]
		}
	}
	return nil
}

// contradiction finds a dimension that has no value left under the conditions of d and of the
// dimensions they name.
func (s Space) contradiction(d Dimension) (name string, found bool) {
	left := make(map[string][]any)
	pending := slices.Clone(d.When)
	for len(pending) > 0 {
		c := pending[0]
		pending = pending[1:]
		values, seen := left[c.Name]
		if !seen {
			values = c.Values
			pending = append(pending, s.find(c.Name).When...)
		}
		values = slices.DeleteFunc(slices.Clone(values), func(v any) bool {
			return !slices.ContainsFunc(c.Values, func(w any) bool { return sameValue(v, w) })
		})
		if left[c.Name] = values; len(values) == 0 {
			return c.Name, true
		}
	}
	return "", false
}

// checkWhole finds mistakes that concern several parts of a file, when each part has none of its
// own.
func (p *fileParser) checkWhole() {
	f, d := &p.file, &p.doc
	if f.Minimise.IsRating() {
		f.Ratings = p.count("ratings", d.Ratings, DefaultRatings, 1, maxRatings)
	} else if d.Ratings.at != nil {
		p.add(p.keys["ratings"], "ratings say how often a trial is compared, and count only with minimise: rating")
	}
	if f.Minimise.IsZero() && kinds[f.Sampler].Learns {
		p.add(d.Sampler.at, "%s needs to know what to minimise: add a line such as minimise: content + style, or minimise: rating", f.Sampler)
	}
	if f.Prune != nil && (f.Minimise.IsZero() || f.Minimise.IsRating()) {
		p.add(p.keys["prune"], "pruning compares trials by their losses: minimise must be a sum of terms")
	}
	weight := slices.IndexFunc(f.Search, func(d Dimension) bool { return strings.HasSuffix(d.Name, "_weight") })
	if weight >= 0 && slices.Contains(f.Minimise.Terms(), wordTotal) {
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

func (s Schema) names() []string {
	var names []string
	for _, set := range s.Settings {
		names = append(names, set.Name)
	}
	return names
}

// parameter returns the name of the parameter that trials record a setting as.
func (s Schema) parameter(name string) string {
	if p, ok := s.Parameters[name]; ok {
		return p
	}
	return name
}
