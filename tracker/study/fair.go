package study

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/tracker"
)

// yardsticks are the settings that losses are measured with. Another value of one is another yardstick: with the same
// picture the loss is another one.
var yardsticks = []string{
	"preset", "pooling", "content_layer", "style_layers", "style_falloff", "content_picture", "style_picture", "colour", "palette", "stroke",
}

// mostListed is how many values of a setting a sentence names.
const mostListed = 4

// Unfair are sentences on why the trials' pictures do not show the effect of their other settings, as for
// [tracker.Contrast], and on why the least objective need not be the best picture. It is empty if neither is so.
func (s *Study) Unfair() (list []string) {
	if len(s.values("content_picture")) > 1 {
		list = append(list, "they repaint different content pictures")
	}
	painted := slices.DeleteFunc(slices.Clone(s.Runs), func(run *tracker.Run) bool { return run.Picture == "" })
	for reason, values := range tracker.Unlike(painted) {
		list = append(list, fmt.Sprintf("%s (%s)", reason, listed(distinctValues(values))))
	}
	if s.Rated() || s.File.Minimise.IsZero() {
		return list
	}
	var measured []string
	for _, name := range yardsticks {
		if len(s.values(name)) > 1 {
			measured = append(measured, name)
		}
	}
	if len(measured) > 0 {
		list = append(list, fmt.Sprintf("%s does not compare between values of %s: its lowest value need not be the best picture",
			s.Objective(), strings.Join(measured, ", ")))
	}
	return list
}

// values are those of a setting that trials have, each once.
func (s *Study) values(name string) []any {
	var values []any
	for _, run := range s.Runs {
		values = append(values, run.Params[name])
	}
	return given(distinctValues(values))
}

// listed names values, the first few of many.
func listed(values []any) string {
	var texts []string
	for _, v := range values[:min(len(values), mostListed)] {
		texts = append(texts, format.Value(v))
	}
	if more := len(values) - mostListed; more > 0 {
		texts = append(texts, fmt.Sprintf("and %d others", more))
	}
	return strings.Join(texts, ", ")
}
