package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/stylelib/setting"
	"github.com/gouache-art/gouache/tracker"
)

// paintPages are the form that queues paintings, and what a run's page has of it.
type paintPages struct{ *frame }

// canPaint reports whether the pages offer to paint.
func (o *Options) canPaint() bool { return o.Desk != nil && !o.ReadOnly }

// The settings that the form shows by themselves. The others are in one list.
var (
	mainSettings = []string{"strength", "size", "iterations"}
	lookSettings = []string{"colour", "palette", "stroke", "freedom", "smooth"}
)

// maxPhotographs is how many paintings a form queues at most.
const maxPhotographs = 50

// field is a setting in a form.
type field struct {
	setting.Setting
	Text, Error string
}

// Label is the setting's name for people.
func (f field) Label() string { return strings.ReplaceAll(f.Name, "_", " ") }

// Number reports whether the value is a number.
func (f field) Number() bool { return f.Kind == setting.Int || f.Kind == setting.Float }

// Hint says what the setting is, without the marks that flags need.
func (f field) Hint() string {
	text, _, _ := strings.Cut(f.Usage, " (default")
	for before, rest, ok := strings.Cut(text, "`"); ok; before, rest, ok = strings.Cut(text, "`") {
		word, after, _ := strings.Cut(rest, "`")
		text = before + strings.ToLower(word) + after
	}
	return sentence(text)
}

// Usual is the value of a setting that is not set.
func (f field) Usual() string {
	if f.Default == nil {
		return "automatic"
	}
	return format.Value(f.Default)
}

// Step is how finely a number can be chosen.
func (f field) Step() string {
	if f.Kind == setting.Int {
		return "1"
	}
	return "any"
}

// Bounds are the least and the greatest value, or "".
func (f field) Bounds() (bounds struct{ Min, Max string }) {
	if f.Min != 0 || f.Max != 0 {
		bounds.Min, bounds.Max = format.Value(f.Min), format.Value(f.Max)
	}
	return bounds
}

// weightsField is the choice of a network's weights. A form never names a file: those of the run that it is filled in from
// are sameWeights.
type weightsField struct {
	Sets        []tracker.WeightSet
	Text, Error string
	own         string // the run's, if they have no name that is known
}

const sameWeights = "same"

func newWeightsField(sets []tracker.WeightSet, texts url.Values, from *tracker.Run) weightsField {
	f := weightsField{Sets: sets, Text: texts.Get("weights")}
	known := func(name string) bool {
		return slices.ContainsFunc(sets, func(s tracker.WeightSet) bool { return s.Name == name })
	}
	if from != nil {
		name := from.Provenance.Weights
		if name != "" && !known(name) {
			f.own, name = name, sameWeights
		}
		if !texts.Has("weights") {
			f.Text = name
		}
	}
	if f.Text != "" && !known(f.Text) && !(f.Text == sameWeights && f.own != "") {
		f.Error = fmt.Sprintf("there are no weights %.40q: choose one of the list", f.Text)
	}
	return f
}

// Own is what the weights of the run are called that have no name.
func (f weightsField) Own() string {
	if f.own == "" {
		return ""
	}
	return filepath.Base(f.own)
}

// value is what is recorded: "" for the best that a worker has.
func (f weightsField) value() string {
	if f.Text == sameWeights {
		return f.own
	}
	return f.Text
}

// paintView is the form.
type paintView struct {
	From        *tracker.Run // that it was filled in from, or nil
	Content     well
	Style       well
	Paintings   []paintedWith // the paintings that are chosen
	Protect     well
	Strokes     well
	Init        well
	Main        map[string]*field
	Look        map[string]*field
	Others      []*field
	Weights     weightsField
	Queue       queueFields
	Name        string
	Experiment  string
	Error       string // about all of it
	Estimate    *tracker.Estimate
	Queued      int        // by this form, if another of its pictures could not be
	Sweep       *sweepForm // nil if the form is that of one painting
	Photographs int
	NoWorker    string // the command that starts one, if none is at work
	wells       map[string]*well
	fields      map[string]*field
}

// paintedWith is a painting that is chosen, and where it is painted.
type paintedWith struct {
	pick
	Weight, WeightError string
	Region, Part        well
}

// Total is what all the photographs take.
func (v *paintView) Total() time.Duration {
	return v.Estimate.Time * time.Duration(max(v.Photographs, 1))
}

// Masked reports whether a picture beside photographs and paintings is chosen, or wrong.
func (v *paintView) Masked() bool {
	for name, w := range v.wells {
		if !slices.Contains(many, name) && (len(w.Picks) > 0 || w.Error != "") {
			return true
		}
	}
	return slices.ContainsFunc(v.Paintings, func(p paintedWith) bool { return p.WeightError != "" })
}

// Detailed reports whether one of the other settings is set, or wrong.
func (v *paintView) Detailed() bool {
	return v.Weights.Error != "" || v.Queue.set() || slices.ContainsFunc(v.Others, func(f *field) bool { return f.Text != "" || f.Error != "" })
}

// form shows the form. The query may have from, the id of a run to fill it in from, and start, if the run's result is
// what the painting starts from.
func (s paintPages) form(w http.ResponseWriter, r *http.Request) error {
	return s.newForm(w, r, &paintView{})
}

func (s paintPages) newForm(w http.ResponseWriter, r *http.Request, v *paintView) error {
	if !s.options.canPaint() {
		return s.cannot()
	}
	form := &paintForm{texts: url.Values{}, wells: map[string]*well{}}
	if from := r.URL.Query().Get("from"); from != "" {
		run, err := s.fill(r.Context(), form, from, r.URL.Query().Has("start"))
		if err != nil {
			return err
		}
		v.From = run
	}
	if err := s.complete(r.Context(), v, form); err != nil {
		return err
	}
	return s.show(w, http.StatusOK, v)
}

func (s paintPages) cannot() error {
	if s.options.ReadOnly {
		return errReadOnly
	}
	return tracker.Errorf(tracker.CodeNotFound, "this view cannot paint")
}

func (s paintPages) show(w http.ResponseWriter, status int, v *paintView) error {
	if v.Sweep != nil {
		return s.render(w, status, "sweep-new.html", page{Title: "New sweep", Nav: "sweeps", Data: v})
	}
	return s.render(w, status, "paint.html", page{Title: "Paint", Nav: "paint", Data: v})
}

// fill fills a form in from a run.
func (s paintPages) fill(ctx context.Context, form *paintForm, ref string, start bool) (*tracker.Run, error) {
	run, pictures, err := s.runWithPictures(ctx, ref)
	if err != nil {
		return nil, err
	}
	inputs, frames, _ := sortPictures(pictures)
	params, err := s.options.Desk.Fill(run, inputs)
	if err != nil {
		return nil, tracker.Errorf(tracker.CodeInvalid, "run %s cannot be painted again: %w", run.Name, err)
	}
	for name, v := range params {
		form.texts.Set("set."+name, format.Value(v))
	}
	if run.Experiment != "" {
		form.texts.Set("experiment", run.Experiment)
	}
	keys := form.fillPictures(inputs)
	mix, _ := run.Params["style_mix"].(string)
	for i, weight := range strings.Split(mix, ":") {
		if i < len(keys) && mix != "" {
			form.texts.Set("weight."+keys[i], weight)
		}
	}
	if start && len(frames) > 0 {
		last := frames[len(frames)-1]
		form.put(tracker.RoleInit, pick{Key: last.Hash, Name: cmp.Or(last.Name, run.Name), Width: last.Width, Height: last.Height, On: true})
	}
	return run, nil
}

// submit takes the form. What do says is whether it is painted, or only looked at.
func (s paintPages) submit(w http.ResponseWriter, r *http.Request) error {
	return s.take(w, r, &paintView{})
}

func (s paintPages) take(w http.ResponseWriter, r *http.Request, v *paintView) error {
	if !s.options.canPaint() {
		return s.cannot()
	}
	form, err := s.read(w, r)
	if err != nil {
		return err
	}
	if from := form.texts.Get("from"); from != "" {
		if v.From, err = s.store.Run(r.Context(), from); err != nil && tracker.ErrorCode(err) != tracker.CodeNotFound {
			return err
		}
	}
	if err := s.complete(r.Context(), v, form); err != nil {
		return err
	}
	if form.texts.Get("do") != "paint" {
		return s.show(w, http.StatusOK, v)
	}
	next, err := s.begin(r.Context(), v)
	if err != nil {
		return err
	}
	if next == "" {
		return s.show(w, http.StatusBadRequest, v)
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}

// begin queues what the form says, and returns the address of what comes of it, or "" if the form has a mistake, which it
// then shows.
func (s paintPages) begin(ctx context.Context, v *paintView) (address string, err error) {
	if v.Sweep != nil {
		return s.beginSweep(ctx, v)
	}
	first, err := s.enqueue(ctx, v)
	if first == nil || err != nil {
		return "", err
	}
	return runAddress(first.ID, ""), nil
}

// complete makes what the page shows of a form.
func (s paintPages) complete(ctx context.Context, v *paintView, form *paintForm) error {
	samples, err := s.shelf.samples()
	if err != nil {
		return err
	}
	for _, p := range samples {
		form.offer(p.Role, pick{Key: p.Hash, Name: p.Name, Width: p.Width, Height: p.Height})
	}
	v.wells = form.wells
	for name, w := range map[string]*well{
		tracker.RoleContent: &v.Content, tracker.RoleStyle: &v.Style, tracker.RoleProtect: &v.Protect, tracker.RoleStrokes: &v.Strokes, tracker.RoleInit: &v.Init,
	} {
		*w = form.legended(name)
	}
	if v.Sweep != nil {
		v.Content.Hint, v.Style.Hint = "Several are tried one after the other.", "Several are tried one after the other, or mixed."
	}
	v.Photographs = len(v.Content.chosen())
	for _, p := range v.Style.chosen() {
		with := paintedWith{
			pick: p, Weight: form.texts.Get("weight." + p.Key),
			Region: form.legended(tracker.RoleRegion + "." + p.Key), Part: form.legended(tracker.RolePart + "." + p.Key),
		}
		if n, err := strconv.ParseFloat(cmp.Or(with.Weight, "1"), 64); err != nil || !(n >= 0 && n <= 1e6) {
			with.WeightError = "the weight must be a number from 0 up, such as 0.5"
		}
		v.Paintings = append(v.Paintings, with)
	}
	v.Name, v.Experiment = form.texts.Get("name"), form.texts.Get("experiment")
	v.Weights = newWeightsField(s.options.Desk.Weights(), form.texts, v.From)
	v.Queue = newQueueFields(s.options.Desk.Devices(), form.texts, v.From)
	v.readFields(s.options.Desk.Settings(), form.texts)
	if v.Sweep != nil {
		return s.plan(ctx, v, form.texts)
	}
	return s.estimate(ctx, v)
}

// readFields reads the texts of the settings.
func (v *paintView) readFields(settings []setting.Setting, texts url.Values) {
	v.Main, v.Look, v.fields = map[string]*field{}, map[string]*field{}, map[string]*field{}
	for _, set := range settings {
		f := &field{Setting: set, Text: texts.Get("set." + set.Name)}
		if f.Text != "" {
			if _, err := set.Parse(f.Text); err != nil {
				f.Error = err.Error()
			}
		}
		v.fields[set.Name] = f
		switch {
		case slices.Contains(mainSettings, set.Name):
			v.Main[set.Name] = f
		case slices.Contains(lookSettings, set.Name):
			v.Look[set.Name] = f
		default:
			v.Others = append(v.Others, f)
		}
	}
}

// params are the parameters of the form, without those that are wrong.
func (v *paintView) params() tracker.Params {
	params := tracker.Params{}
	for name, f := range v.fields {
		if value, err := f.Parse(f.Text); f.Text != "" && err == nil && value != f.Default {
			params[name] = value
		}
	}
	return params
}

// inputs calls add with the pictures that a photograph is painted from.
func (v *paintView) inputs(photograph pick, add func(role string, step int, p pick) error) error {
	if err := add(tracker.RoleContent, 0, photograph); err != nil {
		return err
	}
	each := func(role string, step int, w well) error {
		for _, p := range w.chosen() {
			if err := add(role, step, p); err != nil {
				return err
			}
		}
		return nil
	}
	for i, p := range v.Paintings {
		if err := cmp.Or(add(tracker.RoleStyle, i, p.pick), each(tracker.RoleRegion, i, p.Region), each(tracker.RolePart, i, p.Part)); err != nil {
			return err
		}
	}
	return cmp.Or(each(tracker.RoleProtect, 0, v.Protect), each(tracker.RoleStrokes, 0, v.Strokes), each(tracker.RoleInit, 0, v.Init))
}

// estimate says what the painting takes. The largest of several photographs is estimated.
func (s paintPages) estimate(ctx context.Context, v *paintView) error {
	if err := s.lookForWorker(ctx, v); err != nil {
		return err
	}
	estimate, err := s.options.Desk.Estimator(ctx)
	if err != nil {
		return err
	}
	e, err := estimate(v.params(), v.sketched())
	if tracker.ErrorCode(err) == tracker.CodeInvalid {
		v.Error = err.Error()
		return nil
	}
	if err == nil && e.TooMuch != "" {
		v.fields["size"].Error = e.TooMuch
	}
	v.Estimate = e
	return err
}

func (s paintPages) lookForWorker(ctx context.Context, v *paintView) error {
	workers, err := s.store.Workers(ctx)
	if err == nil && !someWork(workers) {
		v.NoWorker = s.options.WorkerCommand
	}
	return err
}

// sketched returns the sizes of the pictures of the photograph that takes longest, if there is one.
func (v *paintView) sketched() (inputs []tracker.Picture) {
	photographs := v.Content.chosen()
	slices.SortFunc(photographs, func(a, b pick) int { return cmp.Compare(shape(a), shape(b)) })
	if len(photographs) > 0 {
		_ = v.inputs(photographs[0], func(role string, step int, p pick) error { // add has no error
			inputs = append(inputs, tracker.Picture{Role: role, Step: int64(step), Hash: p.Hash(), Width: p.Width, Height: p.Height})
			return nil
		})
	}
	return inputs
}

// shape is how far a picture is from a square, which has the most pixels of all pictures of a size.
func shape(p pick) float64 {
	return float64(max(p.Width, p.Height)) / float64(max(1, min(p.Width, p.Height)))
}

// enqueue queues a run for each photograph, and returns the first. With a mistake, which the form then shows, it returns
// nil.
func (s paintPages) enqueue(ctx context.Context, v *paintView) (first *tracker.Run, err error) {
	if v.lacks(maxPhotographs) || v.faulty() {
		return nil, nil
	}
	photographs := v.Content.chosen()
	for i, p := range photographs {
		n, err := s.newRun(ctx, v, p)
		var run *tracker.Run
		if err == nil {
			run, err = s.options.Desk.Enqueue(ctx, n)
		}
		if code := tracker.ErrorCode(err); code == tracker.CodeInvalid || code == tracker.CodeNotFound {
			v.Error, v.Queued = err.Error(), i
			if len(photographs) > 1 {
				v.Error = p.Label() + ": " + v.Error
			}
			for k := range v.Content.Picks { // so that what is queued is not queued again
				v.Content.Picks[k].On = slices.Contains(photographs[i:], v.Content.Picks[k])
			}
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if first == nil {
			first = run
		}
	}
	return first, nil
}

// lacks reports whether pictures are missing, or too many, and says so.
func (v *paintView) lacks(most int) bool {
	switch n := len(v.Content.chosen()); {
	case n == 0:
		v.Content.Error = cmp.Or(v.Content.Error, "Choose a photograph.")
	case n > most:
		v.Content.Error = "Choose at most " + format.Count(most, "photograph", "photographs") + "."
	}
	if len(v.Paintings) == 0 {
		v.Style.Error = cmp.Or(v.Style.Error, "Choose a painting.")
	}
	return v.Content.Error != "" || v.Style.Error != ""
}

// faulty reports whether something in the form is wrong.
func (v *paintView) faulty() bool {
	if v.Error != "" || v.Content.Error != "" || v.Style.Error != "" || v.Weights.Error != "" || v.Queue.faulty() {
		return true
	}
	for _, w := range v.wells {
		if w.Error != "" {
			return true
		}
	}
	for _, f := range v.fields {
		if f.Error != "" {
			return true
		}
	}
	return slices.ContainsFunc(v.Paintings, func(p paintedWith) bool { return p.WeightError != "" })
}

// newRun returns what is queued for a photograph.
func (s paintPages) newRun(ctx context.Context, v *paintView, photograph pick) (tracker.NewRun, error) {
	n := tracker.NewRun{Experiment: v.Experiment, Name: v.Name, Params: v.params(), Needs: v.Queue.Device, Priority: v.Queue.priority}
	if len(v.Paintings) > 1 {
		var mix []string
		for _, p := range v.Paintings {
			mix = append(mix, cmp.Or(p.Weight, "1"))
		}
		n.Params["style_mix"] = strings.Join(mix, ":")
	}
	n.Provenance.Weights = v.Weights.value()
	if n.Name == "" {
		n.Name = tracker.NameFrom(stem(photograph) + " – " + stem(v.Paintings[0].pick))
	}
	err := v.inputs(photograph, func(role string, step int, p pick) error {
		data, err := s.shelf.read(ctx, p.Hash())
		if err != nil {
			return err
		}
		n.AddInputOf(int64(step), role, p.Name, "", data)
		return nil
	})
	return n, err
}
