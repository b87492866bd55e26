package sweep

import (
	"strconv"
	"strings"

	"github.com/gouache-art/gouache/tracker"
)

// Label writes the values of the settings that are searched, as a caption of a trial: "style_weight 12.5, pooling avg".
func (f *File) Label(params tracker.Params) string {
	var words []string
	for i, active := range f.Search.Active(params) {
		if name := f.Search[i].Name; active {
			words = append(words, name+" "+ShortValue(params[name]))
		}
	}
	return strings.Join(words, ", ")
}

// ShortValue writes a parameter's value for people, a number with four significant digits.
func ShortValue(v any) string {
	if x, ok := v.(float64); ok {
		return strconv.FormatFloat(x, 'g', 4, 64)
	}
	return tracker.FormatValue(v)
}
