// Package painting connects the tracker and stylelib, which do not import each other. It reads the
// files of sweeps with the settings of paintings ([Parse]), paints the trials of a sweep ([Painter]), returns the job of
// a recorded run ([Again]), queues jobs ([Enqueue]), and paints what is queued ([Worker]).
package painting

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/gouache-art/gouache/internal/filename"
	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/setting"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// Schema returns the settings that a sweep of paintings may fix and search, and the terms that it
// may minimise.
func Schema() sweep.Schema {
	return sweep.Schema{
		Settings: append(append([]setting.Setting{strengthSetting}, stylelib.Settings()...),
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
			inputs, err := store.Pictures(ctx, run.ID, tracker.PictureQuery{Roles: append([]string{tracker.RoleKept}, tracker.InputRoles...)})
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
