package sweep

import (
	"strings"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/tracker"
)

// Label writes the values of the settings that are searched, as a caption of a trial: "style_weight 12.5, pooling avg".
func (f *File) Label(params tracker.Params) string {
	var words []string
	for i, active := range f.Search.Active(params) {
		if name := f.Search[i].Name; active {
			words = append(words, name+" "+format.Rounded(params[name], 4))
		}
	}
	return strings.Join(words, ", ")
}
