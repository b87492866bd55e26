package web

import (
	"cmp"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

// many are the fields of pictures that take several. Others take one.
var many = []string{tracker.RoleContent, tracker.RoleStyle}

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

// read reads a form with its files, which go onto the shelf.
func (s paintPages) read(w http.ResponseWriter, r *http.Request) (*paintForm, error) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(uploadTime))
	_ = control.SetWriteDeadline(time.Now().Add(uploadTime + answerTime))
	r.Body = http.MaxBytesReader(w, r.Body, maxUpload)
	if _, params, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil {
		r.Body = newPartNames(r.Body, params["boundary"])
	}
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

// stem is a picture's name without its extension.
func stem(p pick) string { return strings.TrimSuffix(p.Label(), filepath.Ext(p.Label())) }
