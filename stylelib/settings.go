package stylelib

import (
	"fmt"
	"math"
	"strings"

	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/setting"
	"github.com/gouache-art/gouache/stylelib/vgg"
)

// jobSetting is a setting and the part of a job that holds its value.
type jobSetting struct {
	setting.Setting
	get func(*Job) any        // nil if the job has no such value
	set func(*Job, any) error // of a value that the setting accepts
}

// settings lists the settings. The preset comes first, since it determines the default values of
// others.
var settings = []jobSetting{
	word("preset", "`NAME` of the objective", loss.Gouache().Name, presetNames(),
		func(j *Job) string { return j.Preset.Name },
		func(j *Job, v string) (err error) { j.Preset, err = loss.LookupPreset(v); return err }),
	whole("size", "longer side of the result in `PIXELS`", int64(DefaultSize), MinSize, MaxSize, func(j *Job) *int { return &j.Size }),
	whole("iterations", "`NUMBER` of iterations of the optimiser, at all scales together", int64(DefaultIterations), 1, MaxIterations,
		func(j *Job) *int { return &j.Iterations }),
	whole("scales", "`NUMBER` of sizes to paint coarse to fine, √2 apart; 1 paints at full size from the start, 0 begins near 128 pixels", int64(0), 0, MaxIterations,
		func(j *Job) *int { return &j.Scales }),
	word("init", "`WHAT` to start from", "content", []string{"content", "noise"}, startName,
		func(j *Job, v string) error { j.Noise, j.Start = v == "noise", nil; return nil }),
	{
		Setting: setting.Setting{Name: "seed", Kind: setting.Int, Usage: "seed of random numbers, a whole `NUMBER`", Default: int64(0)},
		get:     func(j *Job) any { return j.Seed },
		set:     func(j *Job, v any) error { j.Seed = v.(int64); return nil },
	},
	word("pooling", "`KIND` of pooling between the network's blocks", "", vgg.Poolings,
		func(j *Job) string { return string(j.Preset.Pooling) },
		func(j *Job, v string) (err error) { j.Preset.Pooling, err = vgg.ParsePooling(v); return err }),
	number("content_weight", "how much the photograph's content matters, a `NUMBER`", 0, math.MaxFloat64, func(p *loss.Preset) *float64 { return &p.ContentWeight }),
	number("style_weight", "how much the painting's style matters, a `NUMBER`", 0, math.MaxFloat64, func(p *loss.Preset) *float64 { return &p.StyleWeight }),
	number("tv_weight", "how much smoothness matters, a `NUMBER`", 0, math.MaxFloat64, func(p *loss.Preset) *float64 { return &p.TVWeight }),
	layers("content_layer", "`LAYER` whose features are the content, or several, separated by commas (default: the preset's)",
		func(p *loss.Preset) *[]string { return &p.ContentLayers }),
	layers("style_layers", "`LAYERS` whose statistics are the style, separated by commas (default: the preset's)",
		func(p *loss.Preset) *[]string { return &p.StyleLayers }),
	number("style_falloff", "how much each of the style layers counts beside the one before, a `NUMBER`", 1e-6, 1e6,
		func(p *loss.Preset) *float64 { return &p.StyleFalloff }),
	whole("margin", "`PIXELS` painted beyond each edge and cut off in the end (default: the preset's)", nil, 0, loss.MaxMargin,
		func(j *Job) *int { return &j.Preset.Margin }),
}

// Settings lists the settings of a job, the preset first. They are the flags of the command line,
// the keys of sweep files and the parameters in the records of runs.
func Settings() []setting.Setting {
	list := make([]setting.Setting, len(settings))
	for i, s := range settings {
		list[i] = s.Setting
	}
	return list
}

// Set sets settings by name, with underscores or hyphens. Values are typed as package setting says:
// an integer, a float64 or a string. A preset is set first, so that the other values replace its
// own. After an error the job may have changed in part.
func (j *Job) Set(values map[string]any) error {
	named := map[string]any{}
	for name, v := range values {
		s, err := setting.Lookup(Settings(), name)
		if err != nil {
			return ofKind(ErrJob, err)
		}
		named[s.Name] = v
	}
	if j.Preset.IsZero() {
		j.Preset = loss.Gouache()
	}
	for _, s := range settings {
		v, given := named[s.Name]
		if !given {
			continue
		}
		v, err := s.Value(v)
		if err == nil {
			err = s.set(j, v)
		}
		if err != nil {
			return ofKind(ErrJob, err)
		}
	}
	return nil
}

// checkSettings returns an error for a setting that is out of bounds. The name of the preset can be
// any.
func (j Job) checkSettings() error {
	for _, s := range settings {
		if v := s.get(&j); v != nil && s.Name != "preset" {
			if _, err := s.Value(v); err != nil {
				return err
			}
		}
	}
	return nil
}

// Settings returns the job's settings by name, defaults included. [Job.Set] accepts them.
func (j Job) Settings() map[string]any {
	j = j.filled()
	values := map[string]any{}
	for _, s := range settings {
		if v := s.get(&j); v != nil {
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

func startName(j *Job) string {
	switch {
	case j.Noise:
		return "noise"
	case j.Start != nil:
		return "" // a picture has no name here
	}
	return "content"
}

// word returns a setting that is one of several words. An empty value means the preset's.
func word(name, usage, value string, choices []string, get func(*Job) string, set func(*Job, string) error) jobSetting {
	last := len(choices) - 1
	s := setting.Setting{
		Name: name, Kind: setting.Text, Choices: choices,
		Usage: usage + ": " + strings.Join(choices[:last], ", ") + " or " + choices[last],
	}
	if value == "" {
		s.Usage += " (default: the preset's)"
	} else {
		s.Default = value
	}
	return jobSetting{
		Setting: s,
		get: func(j *Job) any {
			if v := get(j); v != "" {
				return v
			}
			return nil
		},
		set: func(j *Job, v any) error { return set(j, v.(string)) },
	}
}

func whole(name, usage string, value any, least, most int, field func(*Job) *int) jobSetting {
	return jobSetting{
		Setting: setting.Setting{Name: name, Kind: setting.Int, Usage: usage, Default: value, Min: float64(least), Max: float64(most)},
		get:     func(j *Job) any { return int64(*field(j)) },
		set:     func(j *Job, v any) error { *field(j) = int(v.(int64)); return nil },
	}
}

// number returns a setting that is a number of the preset. If it must be positive, a preset with
// zero does not have it, and only one with relative normalization can have it.
func number(name, usage string, least, most float64, field func(*loss.Preset) *float64) jobSetting {
	preset := loss.Gouache()
	usage += fmt.Sprintf(" (default: the preset's, %v for %s)", *field(&preset), preset.Name)
	return jobSetting{
		Setting: setting.Setting{Name: name, Kind: setting.Float, Usage: usage, Min: least, Max: most},
		get: func(j *Job) any {
			if v := *field(&j.Preset); v != 0 || least == 0 {
				return v
			}
			return nil
		},
		set: func(j *Job, v any) error {
			if least > 0 && j.Preset.Normalization != loss.Relative {
				return fmt.Errorf("%s: the preset %s has none", strings.ReplaceAll(name, "_", "-"), j.Preset.Name)
			}
			*field(&j.Preset) = v.(float64)
			return nil
		},
	}
}

// layers returns a setting that names layers. Its value is one string, in which commas separate the
// names.
func layers(name, usage string, field func(*loss.Preset) *[]string) jobSetting {
	s := setting.Setting{Name: name, Kind: setting.Text, Usage: usage}
	s.Check = func(v any) error {
		if err := loss.CheckLayers(splitLayers(v.(string))); err != nil {
			return fmt.Errorf("%s: %w", s.Flag(), err)
		}
		return nil
	}
	return jobSetting{
		Setting: s,
		get: func(j *Job) any {
			if names := *field(&j.Preset); len(names) > 0 {
				return strings.Join(names, ",")
			}
			return nil
		},
		set: func(j *Job, v any) error { *field(&j.Preset) = splitLayers(v.(string)); return nil },
	}
}

func splitLayers(names string) []string {
	list := strings.Split(names, ",")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return list
}
