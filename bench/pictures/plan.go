package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/gouache-art/gouache/internal/filename"
	"github.com/gouache-art/gouache/internal/suggest"
	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/picture"
)

// plan is a file that says which pairs are painted by which contenders.
type plan struct {
	// Name is the experiment of all paintings.
	Name string `yaml:"name"`
	// Size is the longer side of the results, in pixels.
	Size int `yaml:"size"`
	// Weights and Device are the contenders' that have settings, as on the command line.
	Weights    string      `yaml:"weights"`
	Device     string      `yaml:"device"`
	Pairs      []pair      `yaml:"pairs"`
	Contenders []contender `yaml:"contenders"`

	dir string // of the file, which commands run in and pictures' names are relative to
}

// pair is a photograph and a painting: files, or sample:NAME.
type pair struct {
	Name    string `yaml:"name"`
	Content string `yaml:"content"`
	Style   string `yaml:"style"`
}

// contender makes a picture of each pair in one of three ways.
type contender struct {
	Name string `yaml:"name" json:"-"`
	// Settings are those of a job by name, for Gouache. An empty map is the default.
	Settings map[string]any `yaml:"settings" json:"settings,omitempty"`
	// Objective changes fields of the preset, named as [loss.Preset] names them, for what no setting reaches.
	Objective map[string]any `yaml:"objective" json:"objective,omitempty"`
	// Command is another program and its arguments, in which {pair}, {content}, {style}, {size},
	// {weights}, {seconds} and {out} are replaced. It writes a picture to {out}. {weights} is a
	// .safetensors file of the plan's weights.
	Command []string `yaml:"command" json:"command,omitempty"`
	// SecondsOf is the contender whose wall time on the same pair replaces {seconds}.
	SecondsOf string `yaml:"seconds_of" json:"seconds_of,omitempty"`
	// Picture is the file of a picture that exists already, in which {pair} is replaced.
	Picture string `yaml:"picture" json:"picture,omitempty"`
}

// readPlan reads a plan and finds its mistakes. Pictures are looked for in the folder first, unless
// that is empty, and then in the plan's own. A size other than 0 replaces the plan's.
func readPlan(path, pictures string, size int) (*plan, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	p := &plan{dir: filepath.Dir(path)}
	if err := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict()).Decode(p); err != nil {
		return nil, fmt.Errorf("%s: %s", path, yaml.FormatError(err, false, true))
	}
	p.Size = cmp.Or(size, p.Size, stylelib.DefaultSize)
	for i := range p.Pairs {
		for _, name := range []*string{&p.Pairs[i].Content, &p.Pairs[i].Style} {
			in := filename.Resolve(pictures, *name)
			if _, err := os.Stat(in); pictures == "" || err != nil {
				in = filename.Resolve(p.dir, *name)
			}
			*name = in
		}
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// validName is a name that may be part of a file's name.
var validName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)

func (p *plan) check() error {
	if p.Name == "" || len(p.Pairs) == 0 || len(p.Contenders) == 0 {
		return errors.New("a plan has a name, pairs and contenders")
	}
	var pairs, contenders []string
	for _, q := range p.Pairs {
		switch {
		case !validName.MatchString(q.Name) || slices.Contains(pairs, q.Name):
			return fmt.Errorf("the pair %q needs a name of letters, digits, dots and hyphens that no other pair has", q.Name)
		case q.Content == "" || q.Style == "":
			return fmt.Errorf("the pair %s needs a content and a style", q.Name)
		}
		pairs = append(pairs, q.Name)
	}
	for _, c := range p.Contenders {
		if !validName.MatchString(c.Name) || slices.Contains(contenders, c.Name) {
			return fmt.Errorf("the contender %q needs a name of letters, digits, dots and hyphens that no other contender has", c.Name)
		}
		if err := p.checkContender(c, contenders); err != nil {
			return fmt.Errorf("contender %s: %w", c.Name, err)
		}
		contenders = append(contenders, c.Name)
	}
	return nil
}

// checkContender checks one contender; before are the names of those that paint before it.
func (p *plan) checkContender(c contender, before []string) error {
	ways := 0
	for _, given := range []bool{c.Settings != nil, c.Command != nil, c.Picture != ""} {
		if given {
			ways++
		}
	}
	switch {
	case ways != 1 || c.Command != nil && len(c.Command) == 0:
		return errors.New("it needs either settings (settings: {} for the default), a command or a picture")
	case c.uses("{weights}") && slices.Contains([]string{"", "auto"}, p.Weights):
		return errors.New("its command has {weights}: write in the plan which weights those are")
	case c.uses("{seconds}") != (c.SecondsOf != ""):
		return errors.New("{seconds} in the command and seconds_of go together")
	case c.SecondsOf != "" && !slices.Contains(before, c.SecondsOf):
		return fmt.Errorf("seconds_of: %w: it names one that comes before", suggest.Unknown("contender", c.SecondsOf, before))
	case c.Settings == nil && c.Objective != nil:
		return errors.New("objective goes with settings: write settings: {} for the default ones")
	case c.Settings == nil:
		return nil
	}
	// The pictures are not looked at yet: any will do.
	job, err := p.job(c, picture.Noise(p.Size, p.Size, 0), picture.Noise(64, 64, 0))
	if err != nil {
		return err
	}
	return job.Check()
}

// uses reports whether something is replaced in the contender's command.
func (c contender) uses(what string) bool {
	return slices.ContainsFunc(c.Command, func(arg string) bool { return strings.Contains(arg, what) })
}

// job returns what a contender with settings paints.
func (p *plan) job(c contender, content, style *picture.Picture) (job stylelib.Job, err error) {
	values := map[string]any{"size": p.Size}
	for name, v := range c.Settings {
		if v, ok := v.(uint64); ok {
			values[name] = int64(v)
			continue
		}
		values[name] = v
	}
	if err := job.Set(values); err != nil {
		return job, err
	}
	job.Content, job.Styles = content, []stylelib.Style{{Picture: style}}
	return job, change(&job.Preset, c.Objective)
}

// change sets fields of a preset by name.
func change(preset *loss.Preset, fields map[string]any) error {
	text, err := json.Marshal(fields)
	if err != nil {
		return fmt.Errorf("objective: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(preset); err != nil {
		return fmt.Errorf("objective: %s: choose fields of loss.Preset", strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// only returns the plan's pairs and contenders with the given names, or all of a kind without any.
func (p *plan) only(pairs, contenders []string) (*plan, error) {
	some := *p
	var err error
	if some.Pairs, err = chosen("pair", p.Pairs, pairs, func(q pair) string { return q.Name }); err != nil {
		return nil, err
	}
	some.Contenders, err = chosen("contender", p.Contenders, contenders, func(c contender) string { return c.Name })
	return &some, err
}

func chosen[T any](kind string, all []T, names []string, name func(T) string) ([]T, error) {
	if len(names) == 0 {
		return all, nil
	}
	var list []T
	for _, wanted := range names {
		i := slices.IndexFunc(all, func(v T) bool { return name(v) == wanted })
		if i < 0 {
			var known []string
			for _, v := range all {
				known = append(known, name(v))
			}
			return nil, suggest.Unknown(kind, wanted, known)
		}
		list = append(list, all[i])
	}
	return list, nil
}

// sweep is the name of the paintings of a pair in the store: a sweep of which each contender is a
// trial, so that they are judged on its page.
func (p *plan) sweep(q pair) string { return fmt.Sprintf("%s-%d-%s", p.Name, p.Size, q.Name) }

// text says all that decides how a contender paints at a size.
func (p *plan) text(c contender) string {
	data, err := json.Marshal(struct {
		Size int `json:"size"`
		contender
	}{p.Size, c})
	if err != nil {
		panic(err) // YAML gives what JSON can write
	}
	return string(data)
}
