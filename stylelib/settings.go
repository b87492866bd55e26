package stylelib

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/optimize"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/setting"
	"github.com/gouache-art/gouache/stylelib/vgg"
)

// jobSetting is a setting and the part of a job that holds its value.
type jobSetting struct {
	setting.Setting
	field func(*Job) any // a pointer to an int, int64, float64, *float64, string or list of strings
}

// settings lists the settings. The preset comes first, since it determines the default values of others.
func settings() []jobSetting {
	const fromPreset = " (default: the preset's)"
	gouache := loss.Gouache()
	number := func(name, usage string, least, most, value float64) setting.Setting {
		return decimal(name, usage+fmt.Sprintf(", a `NUMBER` (default: the preset's, %v for %s)", value, gouache.Name), least, most)
	}
	var presets []string
	for _, p := range loss.Presets() {
		presets = append(presets, p.Name)
	}
	pooling := word("pooling", "`KIND` of pooling between the network's blocks", vgg.Poolings, nil)
	pooling.Usage += fromPreset
	list := []jobSetting{
		{word("preset", "`NAME` of the objective", presets, gouache.Name), func(j *Job) any { return &j.Preset.Name }},
		{whole("size", "longer side of the result in `PIXELS`", MinSize, MaxSize, int64(DefaultSize)),
			func(j *Job) any { return &j.Size }},
		{whole("iterations", "`NUMBER` of iterations of the optimiser, at all scales together",
			1, MaxIterations, int64(DefaultIterations)), func(j *Job) any { return &j.Iterations }},
		{whole("scales", "`NUMBER` of sizes to paint coarse to fine; "+
			"1 paints at full size from the start, 0 begins near the size given by coarsest", 0, MaxIterations, int64(0)),
			func(j *Job) any { return &j.Scales }},
		{word("init", "`WHAT` to start from", []string{"content", "noise"}, "content"), startName},
		{whole("seed", "seed of random numbers, a whole `NUMBER`", 0, 0, int64(0)), func(j *Job) any { return &j.Seed }},
		{background(), func(j *Job) any { return &j.Background }},
		{pooling, func(j *Job) any { return (*string)(&j.Preset.Pooling) }},
	}
	list = append(list, controls()...)
	list = append(list, optimizerSettings()...)
	for _, c := range loss.Components() {
		list = append(list, jobSetting{
			number(c.Name+"_weight", c.Usage, 0, loss.MaxWeight, *c.Weight(&gouache)),
			func(j *Job) any { return c.Weight(&j.Preset) },
		})
	}
	return append(list, []jobSetting{
		{layers("content_layer", "`LAYER` whose features are the content, or several, separated by commas"+fromPreset),
			func(j *Job) any { return &j.Preset.ContentLayers }},
		{layers("style_layers", "`LAYERS` whose statistics are the style, separated by commas"+fromPreset),
			func(j *Job) any { return &j.Preset.StyleLayers }},
		{number("style_falloff", "how much each of the style layers counts beside the one before", 1e-6, 1e6, gouache.StyleFalloff),
			func(j *Job) any { return &j.Preset.StyleFalloff }},
		{number("content_falloff", "how much the content counts at each scale beside the next larger one", 1e-3, 1e3, cmp.Or(gouache.ContentFalloff, 1)),
			func(j *Job) any { return &j.Preset.ContentFalloff }},
		{number("scale_factor", "ratio of the sizes of two scales", loss.MinScaleFactor, loss.MaxScaleFactor, cmp.Or(gouache.ScaleFactor, math.Sqrt2)),
			func(j *Job) any { return &j.Preset.ScaleFactor }},
		{whole("coarsest", "longer side in `PIXELS` near which painting begins"+fromPreset, 1, MaxSize, nil),
			func(j *Job) any { return &j.Preset.Coarsest }},
		{whole("margin", "`PIXELS` painted beyond each edge and cut off in the end"+fromPreset, 0, loss.MaxMargin, nil),
			func(j *Job) any { return &j.Preset.Margin }},
	}...)
}

// word returns a setting that is one of several words.
func word(name, usage string, choices []string, value any) setting.Setting {
	last := len(choices) - 1
	usage += ": " + strings.Join(choices[:last], ", ") + " or " + choices[last]
	return setting.Setting{Name: name, Kind: setting.Text, Usage: usage, Choices: choices, Default: value}
}

func decimal(name, usage string, least, most float64) setting.Setting {
	return setting.Setting{Name: name, Kind: setting.Float, Usage: usage, Min: least, Max: most}
}

func whole(name, usage string, least, most float64, value any) setting.Setting {
	return setting.Setting{Name: name, Kind: setting.Int, Usage: usage, Min: least, Max: most, Default: value}
}

// layers returns a setting that names layers in one string, separated by commas.
func layers(name, usage string) setting.Setting {
	s := setting.Setting{Name: name, Kind: setting.Text, Usage: usage}
	s.Check = func(v any) error {
		if err := loss.CheckLayers(splitLayers(v.(string))); err != nil {
			return fmt.Errorf("%s: %w", s.Flag(), err)
		}
		return nil
	}
	return s
}

func background() setting.Setting {
	return setting.Setting{
		Name: "background", Kind: setting.Text, Default: DefaultBackground,
		Usage: "`COLOUR` behind transparent parts of pictures: a name such as white, or six hexadecimal digits",
		Check: func(v any) error {
			if _, err := picture.ParseColour(v.(string)); err != nil {
				return fmt.Errorf("background: %w", err)
			}
			return nil
		},
	}
}

func splitLayers(names string) []string {
	list := strings.Split(names, ",")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return list
}

// startName returns the name of what a job starts from. A picture has none here.
func startName(j *Job) any {
	name := "content"
	if j.Noise {
		name = "noise"
	} else if j.Start != nil {
		name = ""
	}
	return &name
}

// get returns the setting's value in a job, or nil if the job has none.
func (s jobSetting) get(j *Job) any {
	switch p := s.field(j).(type) {
	case *int:
		return int64(*p)
	case *int64:
		return *p
	case *float64:
		if *p != 0 || s.Min == 0 {
			return *p
		}
	case **float64:
		if *p != nil {
			return **p
		}
	case *string:
		if *p != "" {
			return *p
		}
	case *[]string:
		if len(*p) > 0 {
			return strings.Join(*p, ",")
		}
	}
	return nil
}

// set sets a value that the setting accepts.
func (s jobSetting) set(j *Job, v any) (err error) {
	switch s.Name {
	case "preset":
		j.Preset, err = loss.LookupPreset(v.(string))
		return err
	case "init":
		j.Noise, j.Start = v == "noise", nil
		return nil
	case "content_layer":
		j.Preset.ContentShares = nil // they are those of the preset's layers
	case "optimizer":
		if method := optimize.Method(v.(string)); method != cmp.Or(j.Preset.Optimizer, optimize.LBFGS) {
			j.Preset.Optimizer, j.Preset.StepSize, j.Preset.Averaging = method, 0, 0 // the others are another optimiser's
		}
		return nil
	case "style_falloff":
		if n := j.Preset.Normalization; n == loss.Means || n == loss.Sums {
			return fmt.Errorf("style-falloff: the preset %s has none", j.Preset.Name)
		}
	}
	switch p := s.field(j).(type) {
	case *int:
		*p = int(v.(int64))
	case *int64:
		*p = v.(int64)
	case *float64:
		*p = v.(float64)
	case **float64:
		*p = new(v.(float64))
	case *string:
		*p = v.(string)
	case *[]string:
		*p = splitLayers(v.(string))
	}
	return nil
}

// Settings lists the settings of a job, the preset first. They are the flags of the command line,
// the keys of sweep files and the parameters in the records of runs.
func Settings() []setting.Setting {
	var list []setting.Setting
	for _, s := range settings() {
		list = append(list, s.Setting)
	}
	return list
}

// Set sets settings by name, with underscores or hyphens. Values are typed as package setting says:
// an integer, a float64 or a string. A preset is set first, so that the other values replace its
// own. After an error the job may have changed in part.
func (j *Job) Set(values map[string]any) error {
	named, known := map[string]any{}, Settings()
	for name, v := range values {
		s, err := setting.Lookup(known, name)
		if err != nil {
			return ofKind(ErrJob, err)
		}
		named[s.Name] = v
	}
	if j.Preset.IsZero() {
		j.Preset = loss.Gouache()
	}
	for _, s := range settings() {
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

// checkSettings returns an error for a setting that is out of bounds. The name of the preset can be any.
func (j Job) checkSettings() error {
	for _, s := range settings() {
		if v := s.get(&j); v != nil && s.Name != "preset" {
			if _, err := s.Value(v); err != nil {
				return err
			}
		}
	}
	return nil
}

// Recorded returns what the record of a run says of the job: its settings as they turn out, such as the number of
// scales, with init picture for one that starts from a picture, and the weights of several styles as style_mix, such as
// 1:0.5. Its error is that of [Job.Check].
func (j Job) Recorded() (map[string]any, error) {
	j, err := j.withDefaults()
	if err != nil {
		return nil, ofKind(ErrJob, err)
	}
	return j.recorded(), nil
}

// recorded is Recorded of a job that was checked.
func (j Job) recorded() map[string]any {
	values := j.Settings()
	values["scales"] = int64(sizes(j.stages()))
	if j.Start != nil {
		values["init"] = "picture"
	}
	if !slices.ContainsFunc(j.pictures(), func(p *picture.Picture) bool { return p.Alpha != nil }) {
		delete(values, "background") // it shows nowhere
	}
	if len(j.Styles) > 1 {
		var mix []string
		for _, s := range j.Styles {
			mix = append(mix, fmt.Sprint(s.Weight))
		}
		values["style_mix"] = strings.Join(mix, ":")
	}
	return values
}

// Settings returns the job's settings by name, defaults included. [Job.Set] accepts them.
func (j Job) Settings() map[string]any {
	j = j.filled()
	values := map[string]any{}
	for _, s := range settings() {
		if v := s.get(&j); v != nil {
			values[s.Name] = v
		}
	}
	return values
}
