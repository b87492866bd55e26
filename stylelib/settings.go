package stylelib

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gouache-art/gouache/internal/suggest"
	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/vgg"
)

// Setting is a setting of a [Job] that has a name: on the command line, in a sweep's file, and in the records of a run.
type Setting struct {
	Name  string // as on the command line, with hyphens
	Kind  SettingKind
	Usage string // what it is, in a line; the word for its value is in backquotes
	// Default is the value it has unless it is set, as text; "" where that is the preset's matter.
	Default  string
	Choices  []string // of a Word: all values that there are
	Min, Max float64  // of numbers, inclusive

	get func(*Job) string
	set func(*Job, string) error
}

// SettingKind says what values a setting takes.
type SettingKind string

// The kinds of settings.
const (
	WholeNumber SettingKind = "a whole number"
	Number      SettingKind = "a number"
	Word        SettingKind = "one of several words"
	Layers      SettingKind = "names of layers, separated by commas"
)

// Check says what is wrong with a value.
func (s Setting) Check(value string) error { return s.set(&Job{Preset: loss.Gouache()}, value) }

// settings is the one list of names. The preset comes first: it decides what the others begin with.
var settings = []Setting{
	word("preset", "`NAME` of the objective", loss.Gouache().Name, presetNames(),
		func(j *Job) string { return j.Preset.Name },
		func(j *Job, v string) (err error) { j.Preset, err = loss.LookupPreset(v); return err }),
	whole("size", "longer side of the result in `PIXELS`", strconv.Itoa(DefaultSize), MinSize, MaxSize, func(j *Job) *int { return &j.Size }),
	whole("iterations", "`NUMBER` of iterations of the optimiser, at all scales together", strconv.Itoa(DefaultIterations), 1, MaxIterations,
		func(j *Job) *int { return &j.Iterations }),
	whole("scales", "`NUMBER` of sizes to paint coarse to fine, √2 apart; 1 paints at full size from the start, 0 begins near 128 pixels", "0", 0, MaxIterations,
		func(j *Job) *int { return &j.Scales }),
	word("init", "`WHAT` to start from", "content", []string{"content", "noise"}, initOf, setInit),
	{
		Name: "seed", Kind: WholeNumber, Usage: "seed of random numbers, a whole `NUMBER`", Default: "0", Min: math.MinInt64, Max: math.MaxInt64,
		get: func(j *Job) string { return strconv.FormatInt(j.Seed, 10) },
		set: func(j *Job, v string) (err error) { j.Seed, err = parseWhole("seed", v); return err },
	},
	word("pooling", "`KIND` of pooling between the network's blocks", "", vgg.Poolings,
		func(j *Job) string { return string(j.Preset.Pooling) },
		func(j *Job, v string) (err error) { j.Preset.Pooling, err = vgg.ParsePooling(v); return err }),
	number("content-weight", "how much the photograph's content matters, a `NUMBER`", 0, math.MaxFloat64, func(p *loss.Preset) *float64 { return &p.ContentWeight }),
	number("style-weight", "how much the painting's style matters, a `NUMBER`", 0, math.MaxFloat64, func(p *loss.Preset) *float64 { return &p.StyleWeight }),
	number("tv-weight", "how much smoothness matters, a `NUMBER`", 0, math.MaxFloat64, func(p *loss.Preset) *float64 { return &p.TVWeight }),
	layers("content-layer", "`LAYER` whose features are the content, or several, separated by commas (default: the preset's)",
		func(p *loss.Preset) *[]string { return &p.ContentLayers }),
	layers("style-layers", "`LAYERS` whose statistics are the style, separated by commas (default: the preset's)",
		func(p *loss.Preset) *[]string { return &p.StyleLayers }),
	number("style-falloff", "how much each of the style layers counts beside the one before, a `NUMBER`", 1e-6, 1e6,
		func(p *loss.Preset) *float64 { return &p.StyleFalloff }),
	whole("margin", "`PIXELS` painted beyond each edge and cut off in the end (default: the preset's)", "", 0, loss.MaxMargin,
		func(j *Job) *int { return &j.Preset.Margin }),
}

// Settings lists the settings that a job has, the preset first.
func Settings() []Setting { return slices.Clone(settings) }

// LookupSetting finds a setting by its name, with hyphens or with underscores.
func LookupSetting(name string) (Setting, error) {
	var known []string
	for _, s := range settings {
		if s.Name == strings.ReplaceAll(name, "_", "-") {
			return s, nil
		}
		known = append(known, s.Name)
	}
	return Setting{}, suggest.Unknown("setting", name, known)
}

// Set sets settings by their names, with hyphens or with underscores, from text. The preset's default values give way
// to what is set beside it, in whatever order. On an error the job may have changed in part.
func (j *Job) Set(values map[string]string) error {
	for name := range values {
		if _, err := LookupSetting(name); err != nil {
			return err
		}
	}
	if j.Preset.Name == "" {
		j.Preset = loss.Gouache()
	}
	for _, s := range settings {
		for _, name := range []string{s.Name, strings.ReplaceAll(s.Name, "-", "_")} {
			text, given := values[name]
			if !given {
				continue
			}
			if err := s.set(j, text); err != nil {
				return err
			}
		}
	}
	return nil
}

// check says which setting is out of its bounds.
func (j Job) check() error {
	for _, s := range settings[1:] { // a program may give its preset a name of its own
		if v := s.get(&j); v != "" {
			if err := s.set(&j, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// Settings returns the job's settings as text by their names with hyphens: what [Job.Set] makes it of again.
func (j *Job) Settings() map[string]string {
	values := map[string]string{}
	for _, s := range settings {
		if v := s.get(j); v != "" {
			values[s.Name] = v
		}
	}
	return values
}

func presetNames() []string {
	var names []string
	for _, p := range loss.Presets() {
		names = append(names, p.Name)
	}
	return names
}

func initOf(j *Job) string {
	switch {
	case j.Noise:
		return "noise"
	case j.Start != nil:
		return "" // a picture, which has no name here
	}
	return "content"
}

func setInit(j *Job, v string) error {
	switch v {
	case "content", "noise":
		j.Noise, j.Start = v == "noise", nil
		return nil
	}
	return suggest.Unknown("start", v, []string{"content", "noise"})
}

func word(name, usage, value string, choices []string, get func(*Job) string, set func(*Job, string) error) Setting {
	last := len(choices) - 1
	usage += ": " + strings.Join(choices[:last], ", ") + " or " + choices[last]
	if value == "" {
		usage += " (default: the preset's)"
	}
	return Setting{
		Name: name, Kind: Word, Usage: usage, Default: value, Choices: choices, get: get,
		set: func(j *Job, text string) error {
			if err := set(j, text); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		},
	}
}

func whole(name, usage, value string, least, most int, field func(*Job) *int) Setting {
	return Setting{
		Name: name, Kind: WholeNumber, Usage: usage, Default: value, Min: float64(least), Max: float64(most),
		get: func(j *Job) string { return strconv.Itoa(*field(j)) },
		set: func(j *Job, text string) error {
			v, err := parseWhole(name, text)
			if err != nil {
				return err
			}
			if v < int64(least) || v > int64(most) {
				return fmt.Errorf("%s is %s: choose %d to %d", name, text, least, most)
			}
			*field(j) = int(v)
			return nil
		},
	}
}

func parseWhole(name, text string) (int64, error) {
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is %q: it must be a whole number", name, text)
	}
	return v, nil
}

// number is a setting of the preset. Where a preset has zero for something that must be positive, it has no such thing.
func number(name, usage string, least, most float64, field func(*loss.Preset) *float64) Setting {
	preset := loss.Gouache()
	usage += fmt.Sprintf(" (default: the preset's, %v for %s)", *field(&preset), preset.Name)
	return Setting{
		Name: name, Kind: Number, Usage: usage, Min: least, Max: most,
		get: func(j *Job) string {
			if v := *field(&j.Preset); v != 0 || least == 0 {
				return formatWeight(v)
			}
			return "" // the preset has no such thing
		},
		set: func(j *Job, text string) error {
			v, err := strconv.ParseFloat(text, 64)
			switch {
			case err != nil:
				return fmt.Errorf("%s is %q: it must be a number", name, text)
			case math.IsNaN(v) || v < 0 || v > math.MaxFloat64:
				return fmt.Errorf("%s is %s: it must be a number from 0 up", name, text)
			case v < least || v > most:
				return fmt.Errorf("%s is %s: choose %v to %v", name, text, least, most)
			case least > 0 && *field(&j.Preset) == 0:
				return fmt.Errorf("%s: the preset %s has none", name, j.Preset.Name)
			}
			*field(&j.Preset) = v
			return nil
		},
	}
}

func layers(name, usage string, field func(*loss.Preset) *[]string) Setting {
	return Setting{
		Name: name, Kind: Layers, Usage: usage,
		get: func(j *Job) string { return strings.Join(*field(&j.Preset), ",") },
		set: func(j *Job, text string) error {
			var names []string
			for layer := range strings.SplitSeq(text, ",") {
				layer = strings.TrimSpace(layer)
				if err := vgg.CheckLayer(layer); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				if slices.Contains(names, layer) {
					return fmt.Errorf("%s: %s is there twice", name, layer)
				}
				names = append(names, layer)
			}
			*field(&j.Preset) = names
			return nil
		},
	}
}
