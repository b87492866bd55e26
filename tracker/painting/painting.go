// Package painting joins the tracker and stylelib, which know nothing of each other: it reads a sweep's file with the
// settings that paintings have ([Parse]), paints a sweep's trials ([Painter]), and makes a job of a recorded run again
// ([Again]).
package painting

import (
	"path/filepath"

	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/setting"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// Schema is what a sweep of paintings may fix and search, and what it may minimise.
func Schema() sweep.Schema {
	return sweep.Schema{
		Settings: append(stylelib.Settings(),
			setting.Setting{Name: tracker.RoleContent, Kind: setting.Text, Usage: "the photograph: a `FILE` or sample:NAME"},
			setting.Setting{Name: tracker.RoleStyle, Kind: setting.Text, Usage: "the painting: a `FILE` or sample:NAME"}),
		Parameters: map[string]string{
			tracker.RoleContent: tracker.RoleContent + "_picture", tracker.RoleStyle: tracker.RoleStyle + "_picture",
		},
		Terms: []string{loss.ContentName, loss.StyleName, loss.TotalVariationName},
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
