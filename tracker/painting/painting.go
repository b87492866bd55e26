// Package painting connects the tracker and stylelib, which do not import each other. It reads the
// files of sweeps with the settings of paintings ([Parse]), paints the trials of a sweep
// ([Painter]), and returns the job of a recorded run ([Again]).
package painting

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gouache-art/gouache/internal/filename"
	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/setting"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// Schema returns the settings that a sweep of paintings may fix and search, and the terms that it
// may minimise.
func Schema() sweep.Schema {
	return sweep.Schema{
		Settings: append(stylelib.Settings(),
			setting.Setting{Name: tracker.RoleContent, Kind: setting.Text, Usage: "the photograph: a `FILE` or sample:NAME"},
			setting.Setting{Name: tracker.RoleStyle, Kind: setting.Text, Usage: "the painting: a `FILE` or sample:NAME"}),
		Parameters: map[string]string{
			tracker.RoleContent: tracker.RoleContent + "_picture", tracker.RoleStyle: tracker.RoleStyle + "_picture",
		},
		Terms: loss.TermNames(),
	}
}

// Parse reads the file of a sweep of paintings; see package sweep for the format.
func Parse(text []byte, filename string) (*sweep.File, error) {
	return sweep.Parse(text, filename, Schema())
}

// ReadSweep reads the file of a sweep that a store keeps. The store's name for it counts, since a sweep that was
// imported may have got another one than its file says.
func ReadSweep(s *tracker.Sweep) (*sweep.File, error) {
	file, err := Parse([]byte(s.Text), filepath.Join(s.Dir, filepath.Base(s.Name)+".yaml")) // a name may have slashes
	if err != nil {
		return nil, err
	}
	file.Name = s.Name
	return file, nil
}

// Again returns the job of a recorded run, with its pictures from the store and its settings. With
// the same weights on the same machine it paints the same picture, to the byte.
func Again(ctx context.Context, store tracker.PictureReader, run *tracker.Run) (job stylelib.Job, err error) {
	values := settings(run.Params)
	for _, name := range []string{"preset", "size", "iterations", "scales", "style_weight"} {
		if _, ok := values[name]; !ok {
			return job, fmt.Errorf("run %s does not say its %s: it was not recorded whole", run.ID, name)
		}
	}
	if firstDefault(run.Params) {
		values["preset"] = loss.Gouache1().Name
	}
	if values["init"] == "picture" { // it is among the inputs
		delete(values, "init")
	}
	if err := job.Set(values); err != nil {
		return job, fmt.Errorf("run %s: %w", run.ID, err)
	}
	return job, addInputs(ctx, store, run, &job)
}

// firstDefault reports whether a run was painted with the default of the first version. No preset had a tone then.
func firstDefault(params tracker.Params) bool {
	_, hasTone := params["tone_weight"]
	return params["preset"] == loss.Gouache().Name && !hasTone
}

// AsBegun makes a sweep continue with the weights and the preset that its trials began with, if its file names none: the
// defaults may have changed.
func AsBegun(ctx context.Context, store tracker.RunReader, file *sweep.File) error {
	runs, err := sweep.Trials(ctx, store, file.Name)
	if err != nil || len(runs) == 0 {
		return err
	}
	if file.Weights == "" {
		file.Weights = runs[0].Provenance.Weights
	}
	searched := slices.ContainsFunc(file.Search, func(d sweep.Dimension) bool { return d.Name == "preset" })
	if _, fixed := file.Fixed["preset"]; !fixed && !searched && firstDefault(runs[0].Params) {
		file.Fixed["preset"] = loss.Gouache1().Name
	}
	return nil
}

// settings returns the parameters that are settings of a job, by the settings' names.
func settings(params tracker.Params) map[string]any {
	values := map[string]any{}
	for _, s := range stylelib.Settings() {
		if v, ok := params[s.Name]; ok {
			values[s.Name] = v
		}
	}
	return values
}

// addInputs loads the inputs of a run. Styles are in the order of their steps.
func addInputs(ctx context.Context, store tracker.PictureReader, run *tracker.Run, job *stylelib.Job) error {
	inputs, err := store.Pictures(ctx, run.ID, tracker.PictureQuery{Roles: tracker.InputRoles})
	if err != nil {
		return err
	}
	mix, _ := run.Params["style_mix"].(string)
	weights := strings.Split(mix, ":") // one empty string if there is one style
	regions, parts := map[int64]*picture.Mask{}, map[int64]*picture.Mask{}
	for _, in := range inputs {
		p, err := loadInput(ctx, store, in)
		if err != nil {
			return err
		}
		switch in.Role {
		case tracker.RoleContent:
			job.Content = p
		case tracker.RoleStyle:
			style := stylelib.Style{Picture: p}
			if n := len(job.Styles); n < len(weights) {
				style.Weight, _ = strconv.ParseFloat(weights[n], 64)
			}
			job.Styles = append(job.Styles, style)
		case tracker.RoleInit:
			job.Start = p
		case tracker.RoleStrokes:
			job.StrokesOf = p
		case tracker.RoleProtect:
			job.Protect = p.Mask()
		case tracker.RoleRegion:
			regions[in.Step] = p.Mask()
		case tracker.RolePart:
			parts[in.Step] = p.Mask()
		}
	}
	for i := range job.Styles {
		job.Styles[i].Region, job.Styles[i].Part = regions[int64(i)], parts[int64(i)]
	}
	if job.Content == nil || len(job.Styles) == 0 {
		return fmt.Errorf("run %s was recorded without its photograph or painting: it cannot be painted again", run.ID)
	}
	return nil
}

// Kept returns a function for [Painter] that finds pictures among those that a sweep's trials have kept: a sweep that was
// imported from another machine can then be continued without its folder.
func Kept(store tracker.Reader, name string) func(ctx context.Context, path string) ([]byte, error) {
	return func(ctx context.Context, path string) ([]byte, error) {
		runs, err := sweep.Trials(ctx, store, name)
		if err != nil {
			return nil, err
		}
		source := filename.Absolute(path)
		for _, run := range runs {
			inputs, err := store.Pictures(ctx, run.ID, tracker.PictureQuery{Roles: tracker.InputRoles})
			if err != nil {
				return nil, err
			}
			for _, in := range inputs {
				if in.Source == source {
					return readInput(ctx, store, in)
				}
			}
		}
		return nil, nil
	}
}

func readInput(ctx context.Context, store tracker.PictureReader, in tracker.Picture) ([]byte, error) {
	file, err := store.OpenPicture(ctx, in.Hash)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", in.Name, err)
	}
	return data, nil
}

func loadInput(ctx context.Context, store tracker.PictureReader, in tracker.Picture) (*picture.Picture, error) {
	data, err := readInput(ctx, store, in)
	if err != nil {
		return nil, err
	}
	return picture.Decode(ctx, in.Name, data)
}
