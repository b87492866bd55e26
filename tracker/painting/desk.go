package painting

import (
	"context"
	"errors"
	"maps"
	"math"
	"reflect"
	"strings"

	"github.com/gouache-art/gouache/internal/filename"
	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/backend"
	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/samples"
	"github.com/gouache-art/gouache/stylelib/setting"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/weights"
)

// Desk takes paintings that people ask for in forms, for the pages of package web. The parameters of a form are settings
// of a job, and strength, which stands for several of them; see [stylelib.Job.SetStrength].
type Desk struct{ Store tracker.Store }

// strength is the name of a setting of forms and sweeps that no job has.
const strength = "strength"

var strengthSetting = setting.Setting{
	Name: strength, Kind: setting.Float, Min: stylelib.Subtle, Max: stylelib.Strong, Default: stylelib.Medium,
	Usage: "`STRENGTH` of the style, from 0, subtle, to 1, strong; stands for " + strings.Join(stylelib.StrengthSettings, ", ") + ", unless they are given",
	Sets:  stylelib.StrengthSettings,
}

// Settings returns the settings that a form may have: strength, and those of a job.
func (Desk) Settings() []setting.Setting {
	return append([]setting.Setting{strengthSetting}, stylelib.Settings()...)
}

// Weights returns the sets of weights that a form may choose: those with a name that are on this machine, or can be fetched.
func (Desk) Weights() (list []tracker.WeightSet) {
	for _, s := range weights.Sources() {
		if s.Make == nil {
			_, here := weights.Cached(s, weights.Options{})
			list = append(list, tracker.WeightSet{Name: s.Name, Description: s.Description, Bytes: s.Size, Here: here})
		}
	}
	return list
}

// Devices returns the kinds of devices that a painting may need.
func (Desk) Devices() []string { return []string{string(backend.CPU), string(backend.CUDA)} }

// Samples returns the pictures that come with the program, with their roles.
func (Desk) Samples() (list []tracker.NewPicture, err error) {
	for _, s := range samples.List() {
		role := tracker.RoleContent
		if s.Kind == samples.Style {
			role = tracker.RoleStyle
		}
		name := filename.SamplePrefix + s.Name
		data, err := samples.Open(s.Name)
		if err != nil {
			return nil, err
		}
		list = append(list, tracker.NewPicture{Role: role, Name: name, Source: name, Data: data})
	}
	return list, nil
}

// CheckPicture returns what is wrong with the file of a picture, as [picture.Load] says it; name is for the error. It
// decodes the file, after it has checked its format and size.
func (Desk) CheckPicture(ctx context.Context, name string, data []byte) error {
	_, err := picture.Decode(ctx, name, data)
	return invalid(err)
}

// Fill returns the parameters of a form that paints a run again: those that are not the default. inputs are the run's,
// of which the sizes are enough. The error has CodeInvalid and says why it cannot be painted again.
func (Desk) Fill(run *tracker.Run, inputs []tracker.Picture) (tracker.Params, error) {
	recorded, err := repeatable(run)
	if err != nil {
		return nil, err
	}
	job, err := sketch(recorded, inputs)
	if err != nil {
		return nil, err
	}
	usual := job
	usual.Scales = 0
	if scales, err := usual.Recorded(); err == nil && scales["scales"] == int64(job.Scales) {
		recorded["scales"] = int64(0)
	}
	form := tracker.Params{}
	base := stylelib.Job{}
	for _, name := range []string{"preset", "colour"} { // which strength depends on
		if v, ok := recorded[name]; ok {
			form[name] = v
		}
	}
	if err := base.Set(form); err != nil {
		return nil, invalid(err)
	}
	weight, _ := recorded["style_weight"].(float64)
	usualWeight, _ := base.Settings()["style_weight"].(float64)
	form[strength] = math.Round(100*stylelib.StrengthOf(weight, usualWeight)) / 100
	if err := base.SetStrength(form[strength].(float64)); err != nil {
		return nil, invalid(err)
	}
	for name, usual := range base.Settings() {
		if v, ok := recorded[name]; ok && !same(v, usual) {
			form[name] = v
		}
	}
	for name, usual := range map[string]any{"preset": (stylelib.Job{}).Settings()["preset"], "colour": stylelib.Colours[0], strength: stylelib.Medium} {
		if same(form[name], usual) {
			delete(form, name)
		}
	}
	return form, nil
}

// same reports whether a form writes two values alike.
func same(a, b any) bool {
	x, isNumber := setting.Number(a)
	y, both := setting.Number(b)
	if isNumber && both {
		return math.Abs(x-y) <= 1e-9*max(math.Abs(x), math.Abs(y))
	}
	return reflect.DeepEqual(a, b)
}

// repeatable returns the settings that a run was painted with, or why it cannot be painted again.
func repeatable(run *tracker.Run) (map[string]any, error) {
	if err := CanRepeat(run); err != nil {
		return nil, invalid(err)
	}
	values := map[string]any{}
	for _, s := range stylelib.Settings() {
		v, ok := run.Params[s.Name]
		if !ok {
			continue
		}
		v, err := s.Value(v)
		switch {
		case err != nil && s.Name == "init": // a picture, which is among the inputs
		case err != nil:
			return nil, invalid(err)
		default:
			values[s.Name] = v
		}
	}
	if firstDefault(run.Params) {
		values["preset"] = loss.Gouache1().Name
	}
	return values, nil
}

// sketch returns a job that has only the sizes of its pictures, for what depends on nothing else.
func sketch(values map[string]any, inputs []tracker.Picture) (job stylelib.Job, err error) {
	values = maps.Clone(values)
	s, strong := values[strength].(float64)
	delete(values, strength)
	if err := setWithStrength(&job, values, s, strong); err != nil {
		return job, err
	}
	for _, in := range inputs {
		p := &picture.Picture{Width: in.Width, Height: in.Height}
		switch in.Role {
		case tracker.RoleContent:
			job.Content = p
		case tracker.RoleStyle:
			job.Styles = append(job.Styles, stylelib.Style{Picture: p})
		}
	}
	if len(job.Styles) == 0 {
		job.Styles = []stylelib.Style{{Picture: &picture.Picture{Width: 1, Height: 1}}}
	}
	return job, nil
}

// setWithStrength sets what a form says. A setting that it names counts more than what strength s says of it.
func setWithStrength(job *stylelib.Job, values map[string]any, s float64, strong bool) error {
	err := job.Set(values)
	if err == nil && strong {
		if err = job.SetStrength(s); err == nil {
			values = maps.Clone(values)
			delete(values, "preset") // which would begin anew
			err = job.Set(values)
		}
	}
	return invalid(err)
}

// Enqueue queues what a form asks for: n has its parameters, and its pictures as inputs. The error has CodeInvalid for a
// mistake of the form.
func (d Desk) Enqueue(ctx context.Context, n tracker.NewRun) (*tracker.Run, error) {
	s, strong := n.Params[strength].(float64)
	n.Params = maps.Clone(n.Params)
	delete(n.Params, strength)
	job, err := Job(ctx, n)
	if err == nil {
		err = setWithStrength(&job, settings(n.Params), s, strong)
	}
	if err != nil {
		return nil, invalid(err)
	}
	return d.enqueue(ctx, job, n)
}

// enqueue queues a job that fits into memory.
func (d Desk) enqueue(ctx context.Context, job stylelib.Job, n tracker.NewRun) (*tracker.Run, error) {
	room, err := d.room(ctx)
	if err == nil {
		err = room(job)
	}
	if err != nil {
		return nil, err
	}
	return Enqueue(ctx, d.Store, job, n)
}

// Again queues a run once more, for the same kind of device, with some settings changed. The error has CodeInvalid if it
// cannot be painted again.
func (d Desk) Again(ctx context.Context, run *tracker.Run, changes tracker.Params) (*tracker.Run, error) {
	if _, err := repeatable(run); err != nil {
		return nil, err
	}
	job, n, err := Repeat(ctx, d.Store, run, changes)
	if err != nil {
		return nil, invalid(err)
	}
	n.Needs = run.Needs
	return d.enqueue(ctx, job, n)
}

// invalid gives an error CodeInvalid, unless it has a code.
func invalid(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || tracker.ErrorCode(err) != tracker.CodeInternal {
		return err
	}
	return tracker.Errorf(tracker.CodeInvalid, "%w", err)
}
