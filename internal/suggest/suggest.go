// Package suggest writes the error for an unknown name: "did you mean …?", or the names that exist.
package suggest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// Unknown returns the error for a name that is not among the known ones. It suggests the nearest known name, or lists
// the known names if none is near. kind says what the name is for, for example "preset".
func Unknown(kind, name string, known []string) error {
	if near := Nearest(name, known); near != "" {
		return fmt.Errorf("unknown %s %q: did you mean %q?", kind, name, near)
	}
	const most = 24
	switch n := len(known); {
	case n == 0:
		return fmt.Errorf("unknown %s %q: there are none", kind, name)
	case n == 1:
		return fmt.Errorf("unknown %s %q: there is only %s", kind, name, known[0])
	case n > most:
		return fmt.Errorf("unknown %s %q: there are %s and %d more", kind, name, strings.Join(known[:most], ", "), n-most)
	}
	return fmt.Errorf("unknown %s %q: there are %s", kind, name, strings.Join(known, ", "))
}

// Nearest returns the known name that needs the fewest letters changed to become name, or "" if that is more than a
// third of its letters. Capitals count as small letters and hyphens as underscores. A known name with the same letters
// in another order is nearer than any with a letter changed: .pgn suggests .png.
func Nearest(name string, known []string) string {
	name = fold(name)
	best, fewest := "", 0.0
	for _, k := range known {
		folded := fold(k)
		distance := float64(levenshtein.ComputeDistance(name, folded))
		if distance > 0 && sorted(name) == sorted(folded) {
			distance = 0.5
		}
		if distance <= float64(max(1, (len([]rune(k))+1)/3)) && (best == "" || distance < fewest) {
			best, fewest = k, distance
		}
	}
	return best
}

func fold(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "_") }

func sorted(s string) string {
	letters := []rune(s)
	slices.Sort(letters)
	return string(letters)
}
