package sweep

import (
	"bytes"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/gouache-art/gouache/internal/suggest"
	"github.com/gouache-art/gouache/tracker"
)

// Bounds on a file's numbers.
const (
	maxTrials   = 100_000
	maxParallel = 256
	maxRetries  = 100
	maxRatings  = 1000
	maxSteps    = 1 << 40 // of a trial, for pruning
)

// fileKeys are the keys of a file that are no settings.
var fileKeys = []string{
	"name", "content", "style", "weights", "device", "search", "sampler", "trials", "parallel", "retries", "checkpoint",
	"minimise", "prune", "ratings",
}

// Parse reads a sweep's file. filename is where it was read from. An error has CodeInvalid and a line for each mistake,
// in the order of the file, such as
//
//	night.yaml:7:3: unknown key "style_wieght": did you mean "style_weight"?
func Parse(text []byte, filename string, schema Schema) (*File, error) {
	p := &fileParser{mistakes: mistakes{path: filename}, schema: schema, keys: map[string]entry{}}
	p.file = &File{
		Path: filename, Text: bytes.Clone(text), Fixed: tracker.Params{},
		Parallel: DefaultParallel, Retries: DefaultRetries, Checkpoint: DefaultCheckpoint,
	}
	if body := p.parseYAML(text); body != nil {
		p.parse(body)
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	return p.file, nil
}

// fileParser reads a file.
type fileParser struct {
	mistakes
	schema Schema
	file   *File
	keys   map[string]entry // of the file
	search map[string]entry // of its search
	broken []string         // settings in it that are not to be searched as they are written
}

func (p *fileParser) parse(body ast.Node) {
	for _, e := range p.entries(body, nil, "a sweep's file is a mapping: it begins with a line such as name: night") {
		p.keys[e.name] = e
	}
	p.readSettings()
	for name, read := range map[string]func(entry){
		"name":       func(e entry) { p.file.Name = p.text(e) },
		"content":    func(e entry) { p.file.Content = p.choice(e) },
		"style":      p.readStyles,
		"weights":    func(e entry) { p.file.Weights = p.choice(e) },
		"device":     func(e entry) { p.file.Device = p.choice(e) },
		"trials":     func(e entry) { p.file.Trials = p.count(e, 1, maxTrials) },
		"parallel":   func(e entry) { p.file.Parallel = p.count(e, 1, maxParallel) },
		"retries":    func(e entry) { p.file.Retries = p.count(e, 0, maxRetries) },
		"checkpoint": func(e entry) { p.file.Checkpoint = p.duration(e) },
		"minimise":   p.readObjective,
		"sampler":    p.readSampler,
		"prune":      p.readPrune,
	} {
		if e, ok := p.keys[name]; ok {
			read(e)
		}
	}
	p.readSearch()
	for _, required := range []struct{ name, what string }{
		{"name", "what the sweep is called"},
		{"content", "the photograph"},
		{"style", "the painting, or a list of paintings"},
		{"sampler", "one of " + strings.Join(Samplers(), ", ")},
		{"search", "the settings to search over"},
	} {
		picture := required.name == "content" || required.name == "style"
		if picture && p.setting(required.name) == nil {
			continue // the trials are no paintings
		}
		if _, searched := p.search[required.name]; !searched && p.lacks(required.name) {
			p.add(nil, "%s is missing: %s", required.name, required.what)
		}
	}
	if len(p.list) == 0 {
		p.checkWhole()
	}
}

func (p *fileParser) lacks(key string) bool {
	_, ok := p.keys[key]
	return !ok
}

// setting returns the setting of a name, or nil.
func (p *fileParser) setting(name string) *Setting {
	i := slices.IndexFunc(p.schema.Settings, func(s Setting) bool { return canonical(s.Name) == name })
	if i < 0 {
		return nil
	}
	return &p.schema.Settings[i]
}

func (p *fileParser) settingNames() []string {
	var names []string
	for _, s := range p.schema.Settings {
		names = append(names, canonical(s.Name))
	}
	return names
}

// readSettings reads the settings that are fixed, and finds keys that are nothing.
func (p *fileParser) readSettings() {
	for name, e := range p.keys {
		if slices.Contains(fileKeys, name) {
			continue
		}
		s := p.setting(name)
		switch {
		case s != nil:
			if v, ok := p.value(s, e.value, e.key); ok {
				p.file.Fixed[name] = v
			}
		case name == "seed":
			p.add(e.key, "unknown key %q: the sampler's is written sampler: {%s: {seed: 7}}", name, Samplers()[0])
		default:
			others := slices.DeleteFunc(p.settingNames(), func(name string) bool { return slices.Contains(fileKeys, name) })
			p.add(e.key, "%v", suggest.Unknown("key", name, slices.Concat(fileKeys, others)))
		}
	}
}

// choice reads a text that may also be a setting's value.
func (p *fileParser) choice(e entry) string {
	text := p.text(e)
	if s := p.setting(e.name); s != nil && text != "" {
		p.value(s, e.value, e.key)
	}
	return text
}

// readStyles reads a painting, or a list of them, each FILE or FILE:WEIGHT.
func (p *fileParser) readStyles(e entry) {
	nodes := []ast.Node{e.value}
	if seq, ok := e.value.(*ast.SequenceNode); ok {
		nodes = seq.Values
		if len(nodes) == 0 {
			p.add(seq.Start, "style has an empty list")
		}
	}
	for _, n := range nodes {
		style, err := ParseStyle(p.text(entry{name: e.name, key: e.key, value: n}))
		if err != nil {
			p.add(place(n, e.key), "%v", err)
		}
		p.file.Styles = append(p.file.Styles, style)
	}
}

func (p *fileParser) readObjective(e entry) {
	o, err := ParseObjective(p.text(e), p.schema.Terms)
	if err != nil {
		p.add(e.at(), "minimise: %v", err)
	}
	p.file.Minimise = o
}

func (p *fileParser) readSampler(e entry) {
	name, options := p.option(e, Samplers())
	for _, o := range options {
		if o.name != "seed" {
			p.add(o.key, "%v", suggest.Unknown("option of "+name, o.name, []string{"seed"}))
		} else if seed, ok := wholeNumber(o.value); ok {
			p.file.Seed = seed
		} else {
			p.add(o.at(), "seed is a whole number, not %s", written(o.value))
		}
	}
	p.file.Sampler = name
}

func (p *fileParser) readPrune(e entry) {
	name, options := p.option(e, PruneKinds())
	rule := &PruneRule{Kind: PruneKind(name), After: 1, Trials: DefaultMedianTrials, Factor: DefaultHalvingFactor}
	known := map[PruneKind][]string{Median: {"after", "trials"}, Halving: {"after", "factor"}}[rule.Kind]
	for _, o := range options {
		switch {
		case !slices.Contains(known, o.name):
			p.add(o.key, "%v", suggest.Unknown("option of "+name, o.name, known))
		case o.name == "after":
			rule.After = int64(p.count(o, 1, maxSteps))
		case o.name == "trials":
			rule.Trials = p.count(o, 1, maxTrials)
		case o.name == "factor":
			rule.Factor = p.count(o, 2, maxTrials)
		}
	}
	p.file.Prune = rule
}
