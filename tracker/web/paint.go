package web

import (
	"cmp"
	"context"
	"errors"
	"io"
	"mime/multipart"
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
	"github.com/gouache-art/gouache/tracker/sweep"
)

// Desk is what pages need to have something painted; see [painting.Desk]. The parameters of a form are values of its
// Settings. Errors of CodeInvalid are shown to users.
type Desk interface {
	// Settings are those that a form may have. The names of the first ones are known to the page.
	Settings() []setting.Setting
	// Samples are the pictures that come with the program, with their roles.
	Samples() ([]tracker.NewPicture, error)
	// CheckPicture returns what is wrong with a picture's file; name is for the error.
	CheckPicture(ctx context.Context, name string, data []byte) error
	// Fill returns the parameters of a form that paints a run again, or why it cannot be.
	Fill(run *tracker.Run, inputs []tracker.Picture) (tracker.Params, error)
	// Estimate returns what it takes to paint pictures, of which only the roles and sizes are known.
	Estimate(ctx context.Context, params tracker.Params, inputs []tracker.Picture) (*tracker.Estimate, error)
	// Enqueue queues a run with the parameters of a form.
	Enqueue(ctx context.Context, n tracker.NewRun) (*tracker.Run, error)
	// Again queues a run once more, with some parameters changed.
	Again(ctx context.Context, run *tracker.Run, changes tracker.Params) (*tracker.Run, error)
	// Plain returns the parameters of a form as the file of a sweep has them.
	Plain(params tracker.Params) (tracker.Params, error)
	// ReadSweep reads the file that a sweep's record holds.
	ReadSweep(*tracker.Sweep) (*sweep.File, error)
	// Begin adds a sweep, from which workers then take trials. inputs are the pictures that its file names, but for samples.
	Begin(ctx context.Context, text, name, experiment string, inputs []tracker.NewPicture) (*tracker.Sweep, error)
	// Left returns how long a running run still takes, or 0.
	Left(ctx context.Context, run *tracker.Run, inputs []tracker.Picture) (time.Duration, error)
}

// paintPages are the form that queues paintings, and what a run's page has of it.
type paintPages struct{ *frame }

// canPaint reports whether the pages offer to paint.
func (o *Options) canPaint() bool { return o.Desk != nil && !o.ReadOnly }

// The settings that the form shows by themselves. The others are in one list.
var (
	mainSettings = []string{"strength", "size", "iterations"}
	lookSettings = []string{"colour", "palette", "stroke", "freedom", "smooth"}
)

// many are the fields of pictures that take several. Others take one.
var many = []string{tracker.RoleContent, tracker.RoleStyle}

// maxPhotographs is how many paintings a form queues at most.
const maxPhotographs = 50

// pick is a picture in a form.
type pick struct {
	Key           string // its hash, with -2 and so on for one that is there again
	Name          string
	Width, Height int
	On            bool
}

func (p pick) Hash() string {
	hash, _, _ := strings.Cut(p.Key, "-")
	return hash
}

// Value is what the form sends.
func (p pick) Value() string { return p.Key + " " + p.Name }

// Label is the name as people are shown it.
func (p pick) Label() string { return strings.TrimPrefix(p.Name, "sample:") }

// well is a field of pictures.
type well struct {
	Name         string // of the field; its files are NAME.file
	Legend, Hint string
	Picks        []pick
	Error        string
}

// Many reports whether the field takes several pictures.
func (w well) Many() bool { return slices.Contains(many, w.Name) }

// ID is for the markup.
func (w well) ID() string { return "well-" + strings.ReplaceAll(w.Name, ".", "-") }

// complain adds an error, which begins with the name of a file.
func (w *well) complain(text string) { w.Error = strings.TrimSpace(w.Error + " " + text + ".") }

// chosen are the pictures that count.
func (w well) chosen() []pick {
	return slices.DeleteFunc(slices.Clone(w.Picks), func(p pick) bool { return !p.On })
}

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
	return slices.ContainsFunc(v.Others, func(f *field) bool { return f.Text != "" || f.Error != "" })
}

// paintForm is what a browser has sent: the texts, and the pictures by the fields' names.
type paintForm struct {
	texts url.Values
	wells map[string]*well
}

func (f *paintForm) well(name string) *well {
	if f.wells[name] == nil {
		f.wells[name] = &well{Name: name}
	}
	return f.wells[name]
}

// put adds a picture to a field, or takes it in place of the one that is there.
func (f *paintForm) put(name string, p pick) {
	w := f.well(name)
	if !w.Many() {
		w.Picks = nil
	}
	if i := slices.IndexFunc(w.Picks, func(o pick) bool { return o.Key == p.Key }); i >= 0 {
		w.Picks[i].On = w.Picks[i].On || p.On
		return
	}
	w.Picks = append(w.Picks, p)
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
	id, err := s.store.Find(ctx, ref)
	if err != nil {
		return nil, err
	}
	run, err := s.store.Run(ctx, id)
	if err != nil {
		return nil, err
	}
	pictures, err := s.store.Pictures(ctx, id, tracker.PictureQuery{})
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

// fillPictures adds the inputs of a run, and returns the keys of its styles.
func (f *paintForm) fillPictures(inputs []tracker.Picture) (styles []string) {
	inputs = slices.Clone(inputs)
	slices.SortStableFunc(inputs, func(a, b tracker.Picture) int { return cmp.Compare(a.Step, b.Step) })
	keys := map[int64]string{} // of styles by their steps
	for _, in := range inputs {
		p := pick{Key: in.Hash, Name: in.Name, Width: in.Width, Height: in.Height, On: true}
		if in.Role == tracker.RoleStyle {
			for n := 2; slices.Contains(styles, p.Key); n++ {
				p.Key = in.Hash + "-" + strconv.Itoa(n)
			}
			styles, keys[in.Step] = append(styles, p.Key), p.Key
		}
		switch in.Role {
		case tracker.RoleRegion, tracker.RolePart: // after the styles, whatever their order
		default:
			f.put(in.Role, p)
		}
	}
	for _, in := range inputs {
		if in.Role == tracker.RoleRegion || in.Role == tracker.RolePart {
			f.put(in.Role+"."+keys[in.Step], pick{Key: in.Hash, Name: in.Name, Width: in.Width, Height: in.Height, On: true})
		}
	}
	return styles
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

// read reads a form with its files, which go onto the shelf.
func (s paintPages) read(w http.ResponseWriter, r *http.Request) (*paintForm, error) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(uploadTime))
	_ = control.SetWriteDeadline(time.Now().Add(uploadTime + answerTime))
	r.Body = http.MaxBytesReader(w, r.Body, maxUpload)
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, tracker.Errorf(tracker.CodeInvalid, "the form cannot be read: %w", err)
	}
	form := &paintForm{texts: url.Values{}, wells: map[string]*well{}}
	texts := int64(maxBody) // bytes that are left for texts
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, uploadError(err)
		}
		if err := s.readPart(r.Context(), form, part, &texts); err != nil {
			return nil, uploadError(err)
		}
	}
	_ = control.SetReadDeadline(time.Time{})
	return form, form.lookAtAll(r.Context(), s.shelf)
}

// uploadError gives an error of the connection the code of a mistake.
func uploadError(err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return tracker.Errorf(tracker.CodeInvalid, "the pictures are larger than 1 GiB together: send fewer at once")
	case tracker.ErrorCode(err) == tracker.CodeInternal:
		return tracker.Errorf(tracker.CodeInvalid, "the form cannot be read: %w", err)
	}
	return err
}

func (s paintPages) readPart(ctx context.Context, form *paintForm, part *multipart.Part, left *int64) error {
	name := part.FormName()
	if well, isFile := strings.CutSuffix(name, ".file"); isFile {
		return s.readFile(ctx, form, well, part)
	}
	text, err := io.ReadAll(io.LimitReader(part, *left+1))
	if *left -= int64(len(text)); err == nil && *left < 0 {
		return tracker.Errorf(tracker.CodeInvalid, "the form has more than %d kB without its pictures", maxBody>>10)
	}
	form.texts.Add(name, strings.TrimSpace(string(text)))
	return err
}

func (s paintPages) readFile(ctx context.Context, form *paintForm, name string, part *multipart.Part) error {
	file := part.FileName()
	if file == "" { // no file was chosen
		return nil
	}
	if len(form.wells) > maxIDs {
		return tracker.Errorf(tracker.CodeInvalid, "the form has too many pictures")
	}
	p, err := s.shelf.add(ctx, filepath.Base(file), part)
	switch {
	case err == nil:
		form.put(name, pick{Key: p.Hash, Name: p.Name, On: true, Width: p.Width, Height: p.Height})
	case tracker.ErrorCode(err) == tracker.CodeInvalid:
		form.well(name).complain(err.Error())
	default:
		return err
	}
	return nil
}

// lookAtAll adds the pictures that the form names. Those that were uploaded with it come after them.
func (f *paintForm) lookAtAll(ctx context.Context, shelf *shelf) error {
	uploaded := f.wells
	f.wells = map[string]*well{}
	for _, role := range tracker.InputRoles {
		for name, values := range f.texts {
			if name != role && !strings.HasPrefix(name, role+".") {
				continue
			}
			if len(values) > maxIDs {
				return tracker.Errorf(tracker.CodeInvalid, "%d pictures are chosen: choose at most %d", len(values), maxIDs)
			}
			for _, value := range values {
				if err := f.lookAt(ctx, shelf, name, value); err != nil {
					return err
				}
			}
		}
	}
	for name, w := range uploaded {
		for _, p := range w.Picks {
			f.put(name, p)
		}
		f.well(name).Error = strings.TrimSpace(f.well(name).Error + " " + w.Error)
	}
	return nil
}

func (f *paintForm) lookAt(ctx context.Context, shelf *shelf, name, value string) error {
	key, label, _ := strings.Cut(value, " ")
	p := pick{Key: key, Name: tracker.NameFrom(label), On: true}
	if err := tracker.CheckHash(p.Hash()); err != nil {
		return err
	}
	at, err := shelf.look(ctx, p.Hash())
	if errors.Is(err, errForgotten) {
		f.well(name).complain(p.Label() + ": " + err.Error())
		return nil
	}
	p.Width, p.Height = at.Width, at.Height
	if err == nil {
		f.put(name, p)
	}
	return err
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
		v.Content.Hint = "One of them."
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
	v.readFields(s.options.Desk.Settings(), form.texts)
	if v.Sweep != nil {
		return s.plan(ctx, v, form.texts)
	}
	return s.estimate(ctx, v)
}

// legends say what the fields of pictures are for, by their roles.
var legends = map[string][2]string{
	tracker.RoleContent: {"Photograph", "Several become several paintings."},
	tracker.RoleStyle:   {"Painting", "Several are mixed."},
	tracker.RoleRegion:  {"Where it is painted", "a mask of the photograph"},
	tracker.RolePart:    {"What counts of it", "a mask of the painting"},
	tracker.RoleProtect: {"Protect", "a mask of the photograph: white stays closer to it, such as a face"},
	tracker.RoleStrokes: {"Strokes of", "another painting, in the colours of the first"},
	tracker.RoleInit:    {"Start from", "a picture in place of the photograph"},
}

// legended returns a field with what it is for.
func (f *paintForm) legended(name string) well {
	w := *f.well(name)
	role, _, _ := strings.Cut(name, ".")
	w.Legend, w.Hint = legends[role][0], legends[role][1]
	return w
}

// offer puts a picture that can be chosen behind the others, so that the offers are always in the same order.
func (f *paintForm) offer(name string, p pick) {
	w := f.well(name)
	if i := slices.IndexFunc(w.Picks, func(o pick) bool { return o.Key == p.Key }); i >= 0 {
		p = w.Picks[i]
		w.Picks = slices.Delete(w.Picks, i, i+1)
	}
	w.Picks = append(w.Picks, p)
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
	e, err := s.options.Desk.Estimate(ctx, v.params(), v.sketched())
	if tracker.ErrorCode(err) == tracker.CodeInvalid {
		v.Error = err.Error()
		return nil
	}
	v.Estimate = e
	return err
}

func (s paintPages) lookForWorker(ctx context.Context, v *paintView) error {
	workers, err := s.store.Workers(ctx)
	if err == nil && len(workers) == 0 {
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
	if v.Error != "" || v.Content.Error != "" || v.Style.Error != "" {
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
	n := tracker.NewRun{Experiment: v.Experiment, Name: v.Name, Params: v.params()}
	if len(v.Paintings) > 1 {
		var mix []string
		for _, p := range v.Paintings {
			mix = append(mix, cmp.Or(p.Weight, "1"))
		}
		n.Params["style_mix"] = strings.Join(mix, ":")
	}
	if v.From != nil {
		n.Provenance.Weights = v.From.Provenance.Weights
	}
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

// stem is a picture's name without its extension.
func stem(p pick) string { return strings.TrimSuffix(p.Label(), filepath.Ext(p.Label())) }
