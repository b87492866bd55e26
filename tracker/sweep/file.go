package sweep

import (
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

// File is a sweep as its YAML file describes it; see the package's documentation for the format.
type File struct {
	Name string
	// Content and Styles are pictures as they are written; [File.Resolve] finds them. Where a sweep searches over one
	// of them, the field is empty and the trial's parameters name the picture.
	Content string
	Styles  []Style
	Weights string // "" if the file leaves the choice to the program
	Device  string // the same
	// Fixed are settings that all trials have in common.
	Fixed  tracker.Params
	Search Space

	Sampler  string // one of Samplers
	Seed     int64  // of the sampler
	Trials   int    // how many trials there are at most; 0 for all points of a grid
	Parallel int    // how many trials run at once
	Retries  int    // how often a trial that failed is tried again
	// Checkpoint is how often a trial that runs writes down its state, to go on from there. 0 is never.
	Checkpoint time.Duration

	Minimise Objective  // the zero Objective if the file names none
	Prune    *PruneRule // nil if no trial is ended before its time
	// Ratings is how many comparisons by people a trial needs before its rating counts, if ratings are what is
	// minimised, else 0.
	Ratings int

	Path string // where the file was read from
	Text []byte // as written
}

// Style is a painting, and how much of it goes into the mix.
type Style struct {
	File   string
	Weight float64 // relative to the others'
}

// ParseStyle reads FILE or FILE:WEIGHT. Without a weight, or where what follows the colon is no number, as in
// sample:swirl, it is 1. An error has CodeInvalid.
func ParseStyle(text string) (Style, error) {
	colon := strings.LastIndexByte(text, ':')
	if colon <= 0 {
		return Style{text, 1}, nil
	}
	weight, err := strconv.ParseFloat(text[colon+1:], 64)
	if err != nil {
		return Style{text, 1}, nil
	}
	if !(weight >= 0) || math.IsInf(weight, 0) {
		return Style{}, tracker.Errorf(tracker.CodeInvalid,
			"the weight of %s is %v: it must be a number from 0 up", text[:colon], weight)
	}
	return Style{text[:colon], weight}, nil
}

// Assignment is what a trial is asked to do: what the file fixes and what the sampler chose. What the trial's run records
// is made from it, and is never read back as one: a run keeps the base names of its pictures, say, which are no paths.
type Assignment struct {
	// Params are the settings, fixed and searched, by the names of parameters.
	Params tracker.Params
	// Content and Styles are the trial's pictures, as the file writes them; see [File.Resolve].
	Content string
	Styles  []Style
}

// The parameters that name a trial's pictures, where a sweep searches over them.
const (
	contentPicture = tracker.RoleContent + "_picture"
	stylePicture   = tracker.RoleStyle + "_picture"
)

// Assign returns the assignment of the trial that has these values of the settings that are searched. Other values do
// not count: those of the sampler will do, and all that a run has recorded.
func (f *File) Assign(values tracker.Params) Assignment {
	a := Assignment{Params: tracker.Params{}, Content: f.Content, Styles: f.Styles}
	for name, v := range f.Fixed {
		a.Params[name] = v
	}
	for i, active := range f.Search.Active(values) {
		name := f.Search[i].Name
		v, ok := values[name]
		if !active || !ok {
			continue
		}
		a.Params[name] = v
		switch picture, _ := v.(string); name {
		case contentPicture:
			a.Content = picture
		case stylePicture:
			a.Styles = []Style{{picture, 1}}
		}
	}
	return a
}

// Samplers are the names of the samplers.
func Samplers() []string { return []string{"grid", "random", "sobol", "tpe", "cmaes"} }

// What a file's missing keys mean.
const (
	DefaultParallel   = 1
	DefaultRetries    = 1
	DefaultCheckpoint = 30 * time.Second
	DefaultRatings    = 3
)

// Resolve returns where a picture of the sweep is: names of files are relative to the sweep's file, and names such as
// sample:swirl stay as they are.
func (f *File) Resolve(name string) string {
	if filepath.IsAbs(name) || strings.HasPrefix(name, "sample:") {
		return name
	}
	return filepath.Join(filepath.Dir(f.Path), name)
}
