package filename

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Style is a painting as users name it: FILE, FILE:WEIGHT, FILE:WEIGHT@REGION or FILE:WEIGHT@REGION@PART.
type Style struct {
	File   string
	Weight float64 // relative to the others'; 1 if none is given
	// Region is a mask of the result, where this painting is used, and Part a mask of the painting itself. Either is
	// empty for all of it.
	Region, Part string
}

// ParseStyle reads a style, with files relative to folder. Names of files may have the sign @ in them: of all ways to
// read the text, it takes the one whose names are most likely files' names, and of those the one with the fewest masks.
// A file that exists is the likeliest. Of the others, those are that have an extension and no sign.
func ParseStyle(folder, text string) (Style, error) {
	best, least := reading{text}, math.MaxInt
	for _, r := range readings(text) {
		if odd := r.odd(folder); odd < least {
			best, least = r, odd
		}
	}
	switch {
	case best[0] == "" && text != "":
		return Style{}, fmt.Errorf("%s: no painting is before the @: write FILE@REGION", text)
	case strings.HasSuffix(text, "@") && !strings.HasSuffix(cmp.Or(best[2], best[1], best[0]), "@"):
		return Style{}, fmt.Errorf("%s: no mask follows the last @: write FILE@REGION, FILE@REGION@PART or FILE@@PART, or leave the @ out", text)
	}
	return best.style(folder)
}

// reading is one way to divide a text: the painting with its weight, and the masks.
type reading [3]string

func readings(text string) []reading {
	parts := strings.Split(text, "@")
	join := func(from, to int) string { return strings.Join(parts[from:to], "@") }
	list := []reading{{text}}
	n := len(parts)
	for i := n - 1; i >= 1; i-- {
		list = append(list, reading{join(0, i), join(i, n)})
	}
	for i := n - 2; i >= 1; i-- {
		for j := n - 1; j > i; j-- {
			list = append(list, reading{join(0, i), join(i, j), join(j, n)})
		}
	}
	return list
}

func (r reading) style(folder string) (s Style, err error) {
	s = Style{Region: r[1], Part: r[2]}
	s.File, s.Weight, err = Weighted(folder, r[0])
	return s, err
}

// odd returns how unlikely it is that the names are files' names; zero if all exist.
func (r reading) odd(folder string) (odd int) {
	for i, name := range r {
		if name == "" {
			continue
		}
		if i == 0 {
			if file, _, err := Weighted(folder, name); err == nil {
				name = file
			}
		}
		signs := strings.Count(name, "@")
		if _, err := os.Stat(Resolve(folder, name)); err == nil || isSample(name) && signs == 0 {
			continue
		}
		odd += 1 + 2*signs
		if ext := filepath.Ext(name); ext == "" || strings.Contains(ext, "@") {
			odd += 2
		}
	}
	return odd
}

// Absolute returns the style with names that mean the same in every folder.
func (s Style) Absolute() Style {
	s.File = Absolute(s.File)
	for _, mask := range []*string{&s.Region, &s.Part} {
		if *mask != "" {
			*mask = Absolute(*mask)
		}
	}
	return s
}

// String returns the text that ParseStyle reads.
func (s Style) String() string {
	text := s.File
	if s.Weight != 1 {
		text += ":" + strconv.FormatFloat(s.Weight, 'g', -1, 64)
	}
	switch {
	case s.Part != "":
		text += "@" + s.Region + "@" + s.Part
	case s.Region != "":
		text += "@" + s.Region
	}
	return text
}

// CheckWeights returns an error if all styles of a region are weighted 0.
func CheckWeights(styles []Style) error {
	most := map[string]float64{}
	for _, s := range styles {
		most[s.Region] = max(most[s.Region], s.Weight)
	}
	for _, s := range styles {
		switch {
		case most[s.Region] > 0:
		case len(most) == 1:
			return errors.New("each style is weighted 0: give one of them a weight above 0")
		case s.Region == "":
			return errors.New("each style without a region is weighted 0: give one of them a weight above 0, or leave them out")
		default:
			return fmt.Errorf("each style of the region %s is weighted 0: give one of them a weight above 0, or leave them out", s.Region)
		}
	}
	return nil
}
