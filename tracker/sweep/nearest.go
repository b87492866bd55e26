package sweep

import (
	"fmt"
	"strings"

	"github.com/agnivade/levenshtein"
)

// unknown is the error for a name that is none of the known ones: with the nearest that is, or else with all.
func unknown(kind, name string, known []string) error {
	if near := nearest(name, known); near != "" {
		return fmt.Errorf("unknown %s %q: did you mean %q?", kind, name, near)
	}
	if len(known) == 1 {
		return fmt.Errorf("unknown %s %q: there is only %s", kind, name, known[0])
	}
	return fmt.Errorf("unknown %s %q: there are %s", kind, name, list(known))
}

// nearest returns the known name that needs the fewest letters changed, or "" if even that needs more than a third of
// its letters changed.
func nearest(name string, known []string) string {
	best, fewest := "", 0
	for _, k := range known {
		d := levenshtein.ComputeDistance(fold(name), fold(k))
		if d <= max(1, (len([]rune(k))+1)/3) && (best == "" || d < fewest) {
			best, fewest = k, d
		}
	}
	return best
}

func fold(name string) string { return strings.ToLower(canonical(name)) }

// list writes names one after the other, and of very many the first.
func list(names []string) string {
	const most = 24
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
