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
	kinds := map[setting.Kind]sweep.Kind{setting.Int: sweep.Int, setting.Float: sweep.Float, setting.Text: sweep.Text, setting.Bool: sweep.Truth}
	schema := sweep.Schema{Terms: []string{loss.ContentName, loss.StyleName, loss.TotalVariationName}}
	for _, s := range stylelib.Settings() {
		schema.Settings = append(schema.Settings, sweep.Setting{
			Name: s.Name, Kind: kinds[s.Kind], Choices: s.Choices, Min: s.Min, Max: s.Max, Doc: s.Usage,
			Check: func(v any) error { _, err := s.Value(v); return err },
		})
	}
	schema.Settings = append(schema.Settings,
		sweep.Setting{Name: tracker.RoleContent, Parameter: tracker.RoleContent + "_picture", Kind: sweep.Text, Doc: "the photograph: a FILE or sample:NAME"},
		sweep.Setting{Name: tracker.RoleStyle, Parameter: tracker.RoleStyle + "_picture", Kind: sweep.Text, Doc: "the painting: a FILE or sample:NAME"})
	return schema
}

// Parse reads the file of a sweep of paintings; see package sweep for the format.
func Parse(text []byte, filename string) (*sweep.File, error) {
	return sweep.Parse(text, filename, Schema())
}

// ReadSweep reads the file of a sweep that a store keeps.
func ReadSweep(s *tracker.Sweep) (*sweep.File, error) {
	return Parse([]byte(s.Text), filepath.Join(s.Dir, filepath.Base(s.Name)+".yaml")) // a name may have slashes
}
