// Package suggest writes the error for a name that is not known: it names the nearest that is, and lists the others.
package suggest

import (
	"fmt"
	"strings"

	"github.com/agnivade/levenshtein"
)

// maxListed is the most known names that an error lists.
const maxListed = 20

// Unknown returns the error for a name that is none of the known ones. It suggests the nearest one if that is near
// enough to be meant, and lists them, the first 20 if there are more. kind says what the name is for, such as "preset".
func Unknown(kind, name string, known []string) error {
	list := strings.Join(known[:min(len(known), maxListed)], ", ")
	if more := len(known) - maxListed; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	if near := Nearest(name, known); near != "" {
		return fmt.Errorf("unknown %s %q: did you mean %q? There are %s", kind, name, near, list)
	}
	return fmt.Errorf("unknown %s %q: there are %s", kind, name, list)
}

// Nearest returns the known name that needs the fewest letters changed to become name, or "" when even that one needs
// more than a third of its letters changed.
func Nearest(name string, known []string) string {
	best, fewest := "", 0
	for _, k := range known {
		distance := levenshtein.ComputeDistance(strings.ToLower(name), strings.ToLower(k))
		if distance <= max(1, (len([]rune(k))+1)/3) && (best == "" || distance < fewest) {
			best, fewest = k, distance
		}
	}
	return best
}
