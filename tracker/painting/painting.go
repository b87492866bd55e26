// Package painting connects the tracker and stylelib, which do not import each other. It reads the
// files of sweeps with the settings of paintings ([Parse]), paints the trials of a sweep
// ([Painter]), and returns the job of a recorded run ([Again]).
package painting

import (
	"path/filepath"

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

// ReadSweep reads the file of a sweep that a store keeps.
func ReadSweep(s *tracker.Sweep) (*sweep.File, error) {
	return Parse([]byte(s.Text), filepath.Join(s.Dir, filepath.Base(s.Name)+".yaml")) // a name may have slashes
}
