package web

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/tracker"
)

type runView struct {
	Run          *tracker.Run
	Again        string // the command that makes it again, or ""
	Planned      int64  // steps, 0 if unknown
	Progress     *progress
	Inputs       []tracker.Picture
	Frames       []tracker.Picture // the positions of the slider
	Shown        int               // the index of the frame that is shown first
	Others       []tracker.Picture
	Files        []tracker.File
	Settings     []fact
	Final        []fact
	Facts        []fact
	Newer, Older string // addresses, or ""
	List         string // address of the list that the user came from
	Self         string // address of the page
	Filter       string
	Cursor       tracker.Cursor
	ReadOnly     bool
	Work         *work // nil if nothing can be done
}

// run shows one run. The beginning of an id redirects to the full one.
func (s runPages) run(w http.ResponseWriter, r *http.Request) error {
	ctx, query := r.Context(), r.URL.Query()
	id, err := s.store.Find(ctx, r.PathValue("id"))
	if err != nil {
		return err
	}
	if id != r.PathValue("id") {
		http.Redirect(w, r, runAddress(id, query.Get("filter")), http.StatusSeeOther)
		return nil
	}
	v, err := s.newRunView(ctx, id, query.Get("filter"))
	if err != nil {
		return err
	}
	if v.Shown, err = number(query, "frame", v.LastFrame(), 0, v.LastFrame()); err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "run.html", page{Title: v.Run.Name, Nav: "runs", Data: v})
}

func (s runPages) newRunView(ctx context.Context, id, filter string) (*runView, error) {
	now, err := s.now(ctx) // before the run is read, so that no change is missed
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
	v := &runView{
		Run: run, Again: s.again(run), Planned: plannedSteps(run), Settings: facts(run.Params, format.Value), Final: facts(run.Final, rounded), Facts: origin(run),
		List: listing{Filter: filter, Page: 1, Length: defaultLength}.Address(), Self: runAddress(id, filter), Filter: filter, Cursor: now, ReadOnly: s.options.ReadOnly,
	}
	v.Inputs, v.Frames, v.Others = sortPictures(pictures)
	if v.Files, err = s.store.Files(ctx, id); err != nil {
		return nil, err
	}
	if v.Progress, err = s.progress(ctx, run); err != nil {
		return nil, err
	}
	if v.Work, err = s.newWork(ctx, run, pictures); err != nil {
		return nil, err
	}
	if v.Newer, err = s.neighbour(ctx, filter, tracker.Greater, id); err != nil {
		return nil, err
	}
	v.Older, err = s.neighbour(ctx, filter, tracker.Less, id)
	return v, err
}

// Foreign reports whether the command may be another store's words, and anything. A store that is
// opened where it lies can say whatever it likes, but a container has another host's name: so a
// command that only paints is taken for the user's own.
func (v *runView) Foreign() bool {
	p := v.Run.Provenance
	paints := len(p.Command) > 1 && filepath.Base(p.Command[0]) == "gouache" && slices.Contains([]string{"stylize", "sweep"}, p.Command[1])
	host, err := os.Hostname()
	return p.Imported || (err != nil || v.Run.Process.Host != host) && !paints
}

// Before is the photograph of a run that has no picture yet, or nil.
func (v *runView) Before() *tracker.Picture {
	i := slices.IndexFunc(v.Inputs, func(p tracker.Picture) bool { return p.Role == tracker.RoleContent })
	if i < 0 || v.Run.Status.Ended() {
		return nil
	}
	return &v.Inputs[i]
}

// Blank says why there is no picture.
func (v *runView) Blank() string {
	switch v.Run.Status {
	case tracker.StatusRunning:
		return "No picture yet: the first snapshot comes soon."
	case tracker.StatusQueued:
		return "It waits for a worker: nothing has been painted yet."
	case tracker.StatusFailed:
		return "It failed before there was a picture."
	case tracker.StatusInterrupted:
		return "It was interrupted before there was a picture."
	}
	return "It has no picture."
}

// again returns the program's command that makes the run again, or "".
func (s runPages) again(run *tracker.Run) string {
	if s.options.Again == nil {
		return ""
	}
	return s.options.Again(run)
}

// LastFrame is the index of the last frame.
func (v *runView) LastFrame() int { return max(len(v.Frames)-1, 0) }

// Frame is the address of the page with another frame.
func (v *runView) Frame(i int) string {
	query := url.Values{"frame": {strconv.Itoa(i)}}
	if v.Filter != "" {
		query.Set("filter", v.Filter)
	}
	return "/runs/" + v.Run.ID + "?" + query.Encode()
}

// File is the address of one of the run's files. It has the hash in it, since files are replaced.
func (v *runView) File(f tracker.File) string {
	return (&url.URL{Path: "/runs/" + v.Run.ID + "/files/" + f.Hash + "/" + f.Name}).EscapedPath()
}

// Alike is the address of the runs with the same value of a field.
func (v *runView) Alike(name, value string) string {
	return listAddress(tracker.Where(name, tracker.Equal, value))
}

// AlikeIn is the address of the runs with the same value of a setting, even if a metric or a field
// has the same name.
func (v *runView) AlikeIn(setting, value string) string {
	if _, ok := v.Run.Final[setting]; ok || slices.Contains(tracker.Fields(), setting) {
		setting = "param." + setting
	}
	return v.Alike(setting, value)
}

// neighbour returns the address of the run nearest to id whose id is greater or less and that
// passes a filter; "" if there is none. With an invalid filter there is none: the list, not this
// page, reports what is wrong with it.
func (s runPages) neighbour(ctx context.Context, filter string, side tracker.Op, id string) (string, error) {
	typed, err := tracker.ParseFilter(filter)
	if err != nil {
		return "", nil
	}
	beyond := tracker.All(typed, tracker.Where("id", side, id))
	order := tracker.Sort{{Name: "id", Descending: side == tracker.Less}}
	found, err := s.store.Runs(ctx, tracker.RunQuery{Filter: beyond, Sort: order, Limit: 1})
	if tracker.ErrorCode(err) == tracker.CodeInvalid || err == nil && len(found.Runs) == 0 {
		return "", nil
	} else if err != nil {
		return "", err
	}
	return runAddress(found.Runs[0].ID, filter), nil
}

func facts[V any](values map[string]V, text func(any) string) []fact {
	var list []fact
	for _, name := range slices.Sorted(maps.Keys(values)) {
		list = append(list, fact{name, text(values[name])})
	}
	return list
}

// update changes a run's name, note, rating and tags, whichever of name, note, rating, tag and
// untag the form has. Beside note it may have note_by, the name of who writes it.
func (s runPages) update(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(w, r)
	if err != nil {
		return err
	}
	id, err := s.store.Find(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	u := tracker.Update{Tag: splitList(form["tag"]), Untag: form["untag"]}
	if form.Has("name") {
		name := strings.TrimSpace(form.Get("name"))
		u.Name = &name
	}
	if form.Has("note") {
		note := strings.TrimSpace(strings.ReplaceAll(form.Get("note"), "\r\n", "\n"))
		u.Note, u.NoteBy = &note, strings.TrimSpace(form.Get("note_by"))
	}
	if form.Has("rating") {
		rating, err := number(form, "rating", 0, 0, 5)
		if err != nil {
			return err
		}
		u.Rating = &rating
	}
	if _, err := s.store.UpdateRun(r.Context(), id, u); err != nil {
		return err
	}
	http.Redirect(w, r, runAddress(id, r.URL.Query().Get("filter")), http.StatusSeeOther)
	return nil
}

type fact struct{ Name, Text string }

// origin is a run's provenance, except its command.
func origin(run *tracker.Run) []fact {
	p := run.Provenance
	seed := ""
	if p.Seed != nil {
		seed = strconv.FormatInt(*p.Seed, 10)
	}
	memory := ""
	if p.PeakMemory > 0 {
		memory = format.Bytes(p.PeakMemory)
	}
	host := run.Process.Host
	if host != "" {
		host += ", process " + strconv.Itoa(run.Process.PID)
	}
	var list []fact
	for _, f := range []fact{
		{"id", run.ID}, {"weights", p.Weights}, {"weights' SHA-256", p.WeightsSHA256}, {"network", p.Network}, {"device", p.Device}, {"seed", seed},
		{"peak memory", memory}, {"folder", p.Dir}, {"host", host}, {"version", p.Version}, {"commit", p.Commit}, {"Go", p.Go}, {"platform", p.Platform},
		{"XLA", p.XLA},
	} {
		if f.Text != "" {
			list = append(list, f)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Labels)) {
		const most = 300 // letters; MLflow keeps JSON of many kB in some
		text := terminal.Cut(p.Labels[name], most)
		if text != p.Labels[name] {
			text += "…"
		}
		list = append(list, fact{name, text})
	}
	return list
}
