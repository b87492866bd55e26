package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/gouache-art/gouache/stylelib/setting"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// sweepForm is what the form has beside that of one painting if it begins a sweep.
type sweepForm struct {
	Sampler, Trials, Minimise string
	Rows                      []searchRow
	Mixed                     bool   // several paintings are mixed, and not tried one after the other
	Text                      string // the file that the form stands for
	Planned                   int    // trials
	Searchable                []string
}

// Samplers are the samplers that there are.
func (*sweepForm) Samplers() []string { return sweep.Samplers() }

// Objectives are examples of what can be minimised.
func (*sweepForm) Objectives() []string { return []string{"rating", "content + style"} }

// searchRow is a setting that is searched, over a list or over a range.
type searchRow struct {
	Name, Values, Spacing, Steps string
	set                          setting.Setting // of that name
}

// spacings are how the values of a row are meant.
var spacings = []string{"list", "linear", "log"}

// Spacings are how the values of a row can be meant.
func (searchRow) Spacings() []string { return spacings }

// Choices are all values that the setting can have, if they are few words.
func (r searchRow) Choices() []string {
	if r.set.Kind == setting.Bool {
		return []string{"false", "true"}
	}
	return r.set.Choices
}

// Has reports whether a choice is among the values.
func (r searchRow) Has(choice string) bool { return slices.Contains(r.split(), choice) }

// Number reports whether the values are numbers, which can be those of a range.
func (r searchRow) Number() bool {
	return r.Name == "" || r.set.Kind == setting.Int || r.set.Kind == setting.Float
}

// Hint says which values there are.
func (r searchRow) Hint() string {
	bounds := field{Setting: r.set}.Bounds()
	switch {
	case r.Name == "":
		return ""
	case !r.Number():
		return "with semicolons between them"
	case bounds.Max == "":
		return "numbers, with commas between them"
	}
	return "from " + bounds.Min + " to " + bounds.Max
}

// split returns the values. Only words can have commas.
func (r searchRow) split() (values []string) {
	separator := ";"
	if r.Number() || r.Choices() != nil {
		separator = ","
	}
	for text := range strings.SplitSeq(r.Values, separator) {
		if text = strings.TrimSpace(text); text != "" {
			values = append(values, text)
		}
	}
	return values
}

// fits reports whether all values can be those of the setting.
func (r searchRow) fits() bool {
	return !slices.ContainsFunc(r.split(), func(text string) bool { _, err := r.set.Parse(text); return err != nil })
}

// suggested returns a row with values that are worth trying.
func suggested(set setting.Setting) searchRow {
	r := searchRow{Name: set.Name, Spacing: "list", set: set}
	usual, isNumber := setting.Number(set.Default)
	switch choices := r.Choices(); {
	case choices != nil:
		r.Values = strings.Join(choices, ", ")
	case set.Name == "style_weight":
		r.Values, r.Spacing = "1, 30", "log"
	case set.Name == "strength":
		r.Values, r.Spacing = "0, 1", "linear"
	case isNumber && usual != 0:
		half, double := max(usual/2, set.Min), min(2*usual, set.Max)
		if set.Kind == setting.Int {
			half = math.Round(half)
		}
		r.Values = fmt.Sprintf("%v, %v, %v", half, usual, double)
	}
	return r
}

// maxSearched is how many settings a form can search.
const maxSearched = 12

// newSweep shows the form that begins a sweep. The query may have from, as that of a painting.
func (s paintPages) newSweep(w http.ResponseWriter, r *http.Request) error {
	return s.newForm(w, r, &paintView{Sweep: &sweepForm{}})
}

func (s paintPages) submitSweep(w http.ResponseWriter, r *http.Request) error {
	return s.take(w, r, &paintView{Sweep: &sweepForm{}})
}

// plan reads the part of the form that is about the sweep, and says what it takes. A mistake is the form's.
func (s paintPages) plan(ctx context.Context, v *paintView, texts url.Values) error {
	f := v.Sweep
	if err := f.read(s.options.Desk.Settings(), texts); err != nil {
		return err
	}
	weighted := slices.ContainsFunc(v.Paintings, func(p paintedWith) bool { return p.Weight != "" })
	f.Mixed = f.Mixed || weighted && !texts.Has("paintings") // as the run that it is filled in from
	v.Name = cmp.Or(v.Name, v.sweepName())
	if err := s.lookForWorker(ctx, v); err != nil {
		return err
	}
	var err error
	if f.Text, err = s.sweepText(v); err == nil {
		err = v.checkMasks()
	}
	if err == nil && v.Photographs > 0 && len(v.Paintings) > 0 && v.searches() {
		err = s.estimateSweep(ctx, v)
	}
	if tracker.ErrorCode(err) == tracker.CodeInvalid {
		v.Error = err.Error()
		return nil
	}
	return err
}

func (v *paintView) sweepName() string {
	if photographs := v.Content.chosen(); len(photographs) > 0 && len(v.Paintings) > 0 {
		return tracker.NameFrom(stem(photographs[0]) + "-" + stem(v.Paintings[0].pick) + "-sweep")
	}
	return ""
}

func (f *sweepForm) read(settings []setting.Setting, texts url.Values) error {
	f.Sampler, f.Trials, f.Minimise = cmp.Or(texts.Get("sampler"), "random"), texts.Get("trials"), texts.Get("minimise")
	f.Mixed = texts.Get("paintings") == "mixed"
	if !texts.Has("trials") {
		f.Trials = "12"
	}
	for _, s := range settings {
		f.Searchable = append(f.Searchable, s.Name)
	}
	for i := range maxSearched {
		key := func(part string) string { return fmt.Sprintf("search.%d.%s", i, part) }
		at := func(part string) string { return strings.Join(texts[key(part)], ", ") }
		row := searchRow{Name: at("name"), Values: at("values"), Spacing: at("spacing"), Steps: at("steps")}
		had := at("had") // when the form was shown
		if row.Name == "" && (row.Values == "" || row.Values == had) {
			continue
		}
		if row.Name != "" {
			var err error
			if row.set, err = setting.Lookup(settings, row.Name); err != nil {
				return tracker.Errorf(tracker.CodeInvalid, "%w", err)
			}
		}
		if texts.Has(key("was")) && row.Name != at("was") && (row.Values == "" || row.Values == had || !row.fits()) { // another setting was chosen
			row = suggested(row.set)
		}
		f.Rows = append(f.Rows, row)
	}
	if len(f.Rows) == 0 && !texts.Has("search.0.name") {
		if set, err := setting.Lookup(settings, "style_weight"); err == nil {
			f.Rows = append(f.Rows, suggested(set))
		}
	}
	f.Rows = append(f.Rows, searchRow{})
	return nil
}

// searches reports whether something is searched: a setting, or the pictures.
func (v *paintView) searches() bool {
	return v.Photographs > 1 || v.apart() ||
		slices.ContainsFunc(v.Sweep.Rows, func(r searchRow) bool { return r.Name != "" && r.Values != "" })
}

// apart reports whether several paintings are tried one after the other.
func (v *paintView) apart() bool { return len(v.Paintings) > 1 && !v.Sweep.Mixed }

// sweepText returns the file that the form stands for.
func (s paintPages) sweepText(v *paintView) (string, error) {
	f, names := v.Sweep, v.fileNames()
	file := yaml.MapSlice{{Key: "name", Value: v.Name}}
	put := func(key string, value any) {
		if value != "" {
			file = append(file, yaml.MapItem{Key: key, Value: value})
		}
	}
	var contents, styles []any
	for _, p := range v.Content.chosen() {
		contents = append(contents, names[p.Hash()])
	}
	for _, p := range v.Paintings {
		styles = append(styles, v.style(p, names))
	}
	var search yaml.MapSlice
	for _, pictures := range []struct {
		key    string
		list   []any
		search bool
	}{{tracker.RoleContent, contents, len(contents) > 1}, {tracker.RoleStyle, styles, v.apart()}} {
		switch item := (yaml.MapItem{Key: pictures.key, Value: pictures.list}); {
		case pictures.search:
			search = append(search, item)
		case len(pictures.list) == 1:
			put(pictures.key, pictures.list[0])
		case len(pictures.list) > 1:
			put(pictures.key, pictures.list)
		}
	}
	for _, p := range v.Protect.chosen() {
		put("protect", names[p.Hash()])
	}
	for _, p := range v.Strokes.chosen() {
		put("strokes_of", names[p.Hash()])
	}
	put("weights", v.Weights.value())
	put("device", v.Queue.Device)
	if v.Queue.priority != 0 {
		put("priority", v.Queue.priority)
	}
	params, settings := v.params(), s.options.Desk.Settings()
	searched := map[string]bool{} // with the settings that follow one
	for _, set := range settings {
		if slices.ContainsFunc(f.Rows, func(r searchRow) bool { return r.Name == set.Name }) {
			for _, name := range slices.Concat(set.Sets, []string{set.Name}) {
				searched[name] = true
			}
		}
	}
	for _, set := range settings {
		if value, ok := params[set.Name]; ok && !searched[set.Name] {
			put(set.Name, value)
		}
	}
	put("sampler", f.Sampler)
	if f.Trials != "" {
		n, err := strconv.Atoi(f.Trials)
		if err != nil {
			return "", tracker.Errorf(tracker.CodeInvalid, "trials is %q: it must be a whole number", f.Trials)
		}
		put("trials", n)
	}
	rows, err := f.search()
	if err != nil {
		return "", err
	}
	if search = append(search, rows...); len(search) > 0 {
		put("search", search)
	}
	put("minimise", f.Minimise)
	text, err := yaml.MarshalWithOptions(file, yaml.Flow(false), yaml.IndentSequence(true))
	return string(text), err
}

// style returns a painting as the file has it.
func (v *paintView) style(p paintedWith, names map[string]string) any {
	style := yaml.MapSlice{{Key: "picture", Value: names[p.Hash()]}}
	if len(v.Paintings) > 1 && !v.apart() {
		weight, _ := strconv.ParseFloat(cmp.Or(p.Weight, "1"), 64)
		style = append(style, yaml.MapItem{Key: "weight", Value: weight})
	}
	for _, mask := range p.Region.chosen() {
		style = append(style, yaml.MapItem{Key: tracker.RoleRegion, Value: names[mask.Hash()]})
	}
	for _, mask := range p.Part.chosen() {
		style = append(style, yaml.MapItem{Key: tracker.RolePart, Value: names[mask.Hash()]})
	}
	if len(style) == 1 {
		return style[0].Value
	}
	return style
}

// search returns the settings that are searched, as the file has them.
func (f *sweepForm) search() (list yaml.MapSlice, err error) {
	for _, row := range f.Rows {
		if row.Name == "" || row.Values == "" {
			continue
		}
		var values []any
		for _, text := range row.split() {
			value, err := row.set.Parse(text)
			if err != nil {
				return nil, tracker.Errorf(tracker.CodeInvalid, "%w", err)
			}
			values = append(values, value)
		}
		if row.Spacing != "linear" && row.Spacing != "log" || !row.Number() {
			list = append(list, yaml.MapItem{Key: row.Name, Value: values})
			continue
		}
		ranged := yaml.MapSlice{{Key: row.Spacing, Value: values}}
		if row.Steps != "" {
			n, err := strconv.Atoi(row.Steps)
			if err != nil {
				return nil, tracker.Errorf(tracker.CodeInvalid, "the steps of %s are %q: they must be a whole number", row.Name, row.Steps)
			}
			ranged = append(ranged, yaml.MapItem{Key: "steps", Value: n})
		}
		list = append(list, yaml.MapItem{Key: row.Name, Value: ranged})
	}
	return list, nil
}

// fileNames returns how the file names the pictures of the form, by their hashes: a sample by its own name, others by
// their names, and a number where two have the same.
func (v *paintView) fileNames() map[string]string {
	names, taken := map[string]string{}, map[string]bool{}
	for _, role := range tracker.InputRoles {
		for _, well := range slices.Sorted(maps.Keys(v.wells)) {
			if well != role && !strings.HasPrefix(well, role+".") {
				continue
			}
			for _, p := range v.wells[well].chosen() {
				if names[p.Hash()] != "" {
					continue
				}
				name := strings.ReplaceAll(p.Name, "/", "-")
				for n := 2; taken[name]; n++ {
					name = fmt.Sprintf("%d-%s", n, strings.ReplaceAll(p.Name, "/", "-"))
				}
				names[p.Hash()], taken[name] = name, true
			}
		}
	}
	return names
}

// estimateSweep says what the trials take: those that are known before any has run stand for the others.
func (s paintPages) estimateSweep(ctx context.Context, v *paintView) error {
	file, err := s.options.Desk.ReadSweep(&tracker.Sweep{Name: v.Name, Text: v.Sweep.Text, Dir: "/"})
	if err != nil {
		return err
	}
	known, planned, err := sweep.Preview(file)
	if err != nil {
		return err
	}
	v.Sweep.Planned = planned
	estimate, err := s.options.Desk.Estimator(ctx)
	if err != nil {
		return err
	}
	known = known[:min(len(known), maxSketched)]
	inputs, all := v.sketched(), tracker.Estimate{}
	if v.apart() { // a trial has one
		inputs = slices.DeleteFunc(inputs, func(p tracker.Picture) bool { return p.Role == tracker.RoleStyle && p.Step > 0 })
	}
	for _, values := range known {
		params := file.Assign(values).Params
		maps.DeleteFunc(params, func(name string, _ any) bool { return strings.HasSuffix(name, "_picture") }) // which pictures they are
		e, err := estimate(params, inputs)
		if err != nil {
			return err
		}
		all.Time, all.Disk = all.Time+e.Time, all.Disk+e.Disk
		if e.Memory >= all.Memory {
			all.Memory, all.Free, all.Like, all.TooMuch = e.Memory, e.Free, e.Like, e.TooMuch
		}
	}
	if n := len(known); n > 0 {
		all.Time = time.Duration(float64(all.Time) * float64(planned) / float64(n))
		all.Disk = int64(float64(all.Disk) * float64(planned) / float64(n))
	}
	v.Estimate = &all
	return nil
}

// maxSketched is how many trials are estimated. The others take about as long.
const maxSketched = 12

// beginSweep begins the sweep of the form, and returns the address of its page.
func (s paintPages) beginSweep(ctx context.Context, v *paintView) (string, error) {
	missing := v.lacks(maxPhotographs)
	switch {
	case !v.searches():
		v.Error = cmp.Or(v.Error, "choose a setting and the values to try, or several pictures")
	case v.Estimate != nil:
		v.Error = cmp.Or(v.Error, v.Estimate.TooMuch)
	}
	if missing || v.faulty() {
		return "", nil
	}
	inputs, err := s.sweepInputs(ctx, v)
	if err != nil {
		return "", err
	}
	record, err := s.options.Desk.Begin(ctx, v.Sweep.Text, v.Name, cmp.Or(v.Experiment, v.Name), inputs)
	if code := tracker.ErrorCode(err); code == tracker.CodeInvalid || code == tracker.CodeConflict {
		v.Error = err.Error()
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return sweepPath(record.Name), nil
}

// checkMasks finds masks and weights that a sweep over pictures cannot have.
func (v *paintView) checkMasks() error {
	for _, p := range v.Paintings {
		if v.apart() && (p.Weight != "" || len(p.Region.chosen())+len(p.Part.chosen()) > 0) {
			return tracker.Errorf(tracker.CodeInvalid, "%s has a weight or a mask: have the paintings mixed, or take it away", p.Label())
		}
	}
	if v.Photographs > 1 && len(v.Protect.chosen()) > 0 {
		return tracker.Errorf(tracker.CodeInvalid, "the mask to protect belongs to one photograph: choose one, or no mask")
	}
	return nil
}

// sweepInputs returns the pictures of the form with the names that the file has for them.
func (s paintPages) sweepInputs(ctx context.Context, v *paintView) (inputs []tracker.NewPicture, err error) {
	names := v.fileNames()
	add := func(role string, step int, p pick) error {
		data, err := s.shelf.read(ctx, p.Hash())
		inputs = append(inputs, tracker.NewPicture{Role: role, Step: int64(step), Name: names[p.Hash()], Data: data})
		return err
	}
	photographs := v.Content.chosen()
	err = v.inputs(photographs[0], add)
	for _, p := range photographs[1:] {
		err = cmp.Or(err, add(tracker.RoleContent, 0, p))
	}
	if errors.Is(err, errForgotten) {
		err = tracker.Errorf(tracker.CodeInvalid, "%w", err)
	}
	return inputs, err
}

// activate begins, pauses or stops a sweep, as the form's do says: start, pause or stop. One that is stopped is paused, and
// its trials that run end with the best pictures that they have.
func (s sweepPages) activate(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(w, r)
	if err != nil {
		return err
	}
	do, name := form.Get("do"), sweepName(r.PathValue("name"))
	if !slices.Contains([]string{"start", "pause", "stop"}, do) {
		return tracker.Errorf(tracker.CodeInvalid, "do=%.40q: choose start, pause or stop", do)
	}
	if _, err := s.store.ActivateSweep(r.Context(), name, do == "start"); err != nil {
		return err
	}
	if do == "stop" {
		if err := s.stopTrials(r.Context(), name); err != nil {
			return err
		}
	}
	http.Redirect(w, r, sweepPath(name), http.StatusSeeOther)
	return nil
}

func (s sweepPages) stopTrials(ctx context.Context, name string) error {
	running := tracker.All(tracker.Where("sweep", tracker.Equal, name), tracker.Where("status", tracker.Equal, tracker.StatusRunning))
	runs, err := tracker.AllRuns(ctx, s.store, running, tracker.Sort{{Name: "id"}})
	if err != nil {
		return err
	}
	for _, run := range runs {
		if _, err := s.store.StopRun(ctx, run.ID); err != nil && tracker.ErrorCode(err) != tracker.CodeConflict { // it has ended meanwhile
			return err
		}
	}
	return nil
}

// sweepWork is what can be done with a sweep.
type sweepWork struct {
	Active, Done bool
	Best         *work // what can be done with the best trial, or nil
}

// newSweepWork returns what can be done with a sweep, or nil. best is its best trial, or nil.
func (s sweepPages) newSweepWork(ctx context.Context, v sweepView, best *tracker.Run) (*sweepWork, error) {
	if s.options.ReadOnly || v.Record == nil {
		return nil, nil
	}
	w := &sweepWork{Active: v.Record.Active, Done: v.Tally.Planned > 0 && v.Tally.Ended() >= v.Tally.Planned}
	if best == nil {
		return w, nil
	}
	pictures, err := s.store.Pictures(ctx, best.ID, tracker.PictureQuery{})
	if err != nil {
		return nil, err
	}
	w.Best, err = s.newWork(ctx, best, pictures)
	return w, err
}
