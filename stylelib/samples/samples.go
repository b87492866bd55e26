// Package samples holds pictures to try Gouache with: photographs in the public domain, and style pictures that a program
// of the project painted. Users name them as sample:NAME wherever a picture is expected.
package samples

import (
	"embed"
	"path"
	"slices"

	"github.com/gouache-art/gouache/internal/suggest"
)

//go:embed pictures/*.jpg
var pictures embed.FS

// The kinds of samples.
const (
	Photograph = "photograph" // a content
	Style      = "style"      // a style
)

// Sample describes one of the pictures.
type Sample struct {
	Name    string
	Kind    string // Photograph or Style
	Title   string
	Credit  string
	License string
}

const (
	cc0     = "CC0 1.0"
	painter = "Painted by Gouache's own program"
	project = "Apache-2.0"
)

var all = []Sample{
	{"chelsea", Photograph, "Chelsea the cat", "Stefan van der Walt, by way of scikit-image", cc0},
	{"coffee", Photograph, "A cup of coffee", "Rachel Michetti, courtesy of Pikolo Espresso Bar, by way of scikit-image", cc0},
	{"rocket", Photograph, "Falcon 9 with DSCOVR at Cape Canaveral", "SpaceX, by way of scikit-image", cc0},
	{"swirl", Style, "Night over a lake, in oil", painter, project},
	{"woodcut", Style, "Waves before a mountain, a print from four blocks", painter, project},
	{"glass", Style, "Sun over a valley, in stained glass", painter, project},
	{"watercolour", Style, "Anemones in a meadow, in watercolour", painter, project},
}

// List returns the samples: photographs first, then style pictures.
func List() []Sample { return slices.Clone(all) }

// Names returns the names of the samples, in the order of List.
func Names() []string {
	names := make([]string, len(all))
	for i, s := range all {
		names[i] = s.Name
	}
	return names
}

// Open returns the file of a sample, a JPEG. The error for an unknown name suggests the nearest.
func Open(name string) ([]byte, error) {
	if names := Names(); !slices.Contains(names, name) {
		return nil, suggest.Unknown("sample", name, names)
	}
	return pictures.ReadFile(path.Join("pictures", name+".jpg"))
}
