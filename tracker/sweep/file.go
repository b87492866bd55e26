package sweep

import (
	"maps"
	"path/filepath"
	"strings"
	"time"

	"github.com/gouache-art/gouache/internal/filename"
	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/tracker"
)

// File is a sweep as its YAML file describes it; see the package's documentation for the format.
type File struct {
	Name string
	// Content and Styles are pictures as the file writes them; see [File.Resolve]. A field is empty
	// if the sweep searches over its pictures.
	Content string
	Styles  []Style
	// Protect is a mask of where the content counts more, and StrokesOf a painting that gives the strokes; "" for none.
	Protect, StrokesOf string
	Weights            string // "" leaves the choice to the program
	Device             string // likewise
	Priority           int    // of the trials in the queue; see tracker.MaxPriority
	// Fixed holds the settings that all trials share.
	Fixed  tracker.Params
	Search Space

	Sampler  string // one of Samplers
	Seed     int64  // of the sampler
	Trials   int    // at most; 0 for all points of a grid
	Parallel int    // trials to run at once
	Retries  int    // how often a failed trial is tried again
	// Checkpoint is the time between two checkpoints of a running trial. 0 saves none.
	Checkpoint time.Duration

	Minimise Objective  // the zero Objective if the file names none
	Prune    *PruneRule // nil if no trial is pruned
	// Ratings is how many comparisons a trial needs before its rating counts, or 0 if ratings are
	// not minimised.
	Ratings int

	Path string // where the file was read from
	Text []byte // as written

	places map[string][]place // of values, by the names that Mistake takes, in the file's order
}

// Needs returns the kind of device, such as cuda, that the trials have to be painted on, or "" for any.
func (f *File) Needs() string {
	if f.Device == "auto" {
		return ""
	}
	return f.Device
}

// Style is a painting and its weight in the mix of styles.
type Style struct {
	File   string
	Weight float64 // relative to the others' of its region
	// Region is a mask of where the style is painted, and Part one of what counts of it. Either may be empty: all.
	Region, Part string
}

// Assignment is what a trial is asked to do: what the file fixes and what the sampler chose. The
// record of the trial's run is made from it and never read back as one: it has base names of
// pictures, for example, which are no paths.
type Assignment struct {
	// Params are the settings, fixed and searched, by the names under which runs record them.
	Params tracker.Params
	// Content and Styles are the trial's pictures, as the file writes them; see [File.Resolve].
	Content string
	Styles  []Style
	// Protect and StrokesOf are those of the file.
	Protect, StrokesOf string
}

// The parameters that name a trial's pictures if a sweep searches over them.
const (
	contentPicture = tracker.RoleContent + "_picture"
	stylePicture   = tracker.RoleStyle + "_picture"
)

// Assign returns the assignment of a trial with these values of the searched settings: a sampler's,
// or all parameters that a run has recorded. Other values are ignored.
func (f *File) Assign(values tracker.Params) Assignment {
	a := Assignment{Params: tracker.Params{}, Content: f.Content, Styles: f.Styles, Protect: f.Protect, StrokesOf: f.StrokesOf}
	maps.Copy(a.Params, f.Fixed)
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
			a.Styles = []Style{{File: picture, Weight: 1}}
		}
	}
	return a
}

// The values of missing keys.
const (
	defaultParallel   = 1
	defaultRetries    = 1
	defaultCheckpoint = 30 * time.Second
	DefaultRatings    = 3
)

// Resolve returns the path of a picture that the file names: relative to the file's folder, or as
// it is if it is absolute or a sample's name, such as sample:swirl.
func (f *File) Resolve(name string) string {
	return filename.Resolve(filepath.Dir(f.Path), name)
}

// Label returns the values of the searched settings as a caption: "style_weight 12.5, pooling avg".
func (f *File) Label(params tracker.Params) string {
	var words []string
	for i, active := range f.Search.Active(params) {
		if name := f.Search[i].Name; active {
			words = append(words, name+" "+format.Rounded(params[name], 4))
		}
	}
	return strings.Join(words, ", ")
}
