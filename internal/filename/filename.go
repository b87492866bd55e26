// Package filename reads the names by which users refer to pictures: FILE or sample:NAME, a picture that comes with the
// program, and both with a weight, FILE:WEIGHT. A file whose name begins with sample: is written ./sample:NAME.
package filename

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// SamplePrefix begins the names of pictures that come with the program.
const SamplePrefix = "sample:"

// isSample says whether a name is that of a sample.
func isSample(name string) bool { return strings.HasPrefix(name, SamplePrefix) }

// Expand returns a path with the user's home for a ~ that begins it, as a shell does. A shell does not see the names in
// files, in most variables, and after --flag=. A file whose name begins with ~/ is written ./~/NAME. Where there is no
// home the path stays as it is.
func Expand(path string) string {
	rest, ok := strings.CutPrefix(path, "~")
	if !ok || rest != "" && rest[0] != filepath.Separator {
		return path
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return path
	}
	return filepath.Join(home, rest)
}

// Resolve returns the path of a file whose name is relative to folder. Samples' names stay as they are.
func Resolve(folder, name string) string {
	name = Expand(name)
	if filepath.IsAbs(name) || isSample(name) {
		return name
	}
	return filepath.Join(folder, name)
}

// Absolute returns a name that means the same in every folder.
func Absolute(name string) string {
	name = Expand(name)
	if isSample(name) {
		return name
	}
	if path, err := filepath.Abs(name); err == nil {
		return path
	}
	return name
}

// Weighted reads FILE or FILE:WEIGHT, with files relative to folder. The weight is 1 if there is none: if nothing like
// a number follows the last colon, as in sample:swirl, or if the whole is the name of a file.
func Weighted(folder, text string) (name string, weight float64, err error) {
	colon := strings.LastIndexByte(text, ':')
	if colon <= 0 {
		return text, 1, nil
	}
	if _, err := os.Stat(Resolve(folder, text)); err == nil {
		return text, 1, nil
	}
	given := text[colon+1:]
	weight, err = strconv.ParseFloat(given, 64)
	meant := strings.ContainsAny(given, "0123456789") && strings.Trim(given, "0123456789.,eE+-") == "" // such as 0,5
	if err != nil && !meant {
		return text, 1, nil
	}
	if err != nil || !(weight >= 0) || math.IsInf(weight, 0) {
		return "", 0, fmt.Errorf("the weight of %s is %s: it must be a number from 0 up, such as 0.5", text[:colon], given)
	}
	return text[:colon], weight, nil
}
