package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gouache-art/gouache/tracker"
)

// maxChosen is how many runs can be changed, deleted or exported together. Tagging 10,000 takes SQLite about 20 s.
const maxChosen = tracker.MaxLimit

// chosen returns the runs that a form or a query names as run, or with all set, those that its filter finds, on whatever
// pages they are: at least one.
func (f *frame) chosen(ctx context.Context, values url.Values) ([]tracker.Run, error) {
	if values.Has("all") {
		filter, err := tracker.ParseFilter(values.Get("filter"))
		if err != nil {
			return nil, err
		}
		page, err := f.store.Runs(ctx, tracker.RunQuery{Filter: filter, Limit: maxChosen})
		if err != nil {
			return nil, err
		}
		if page.Total > maxChosen {
			return nil, tracker.Errorf(tracker.CodeInvalid, "%d runs pass the filter: narrow it down to %d at most", page.Total, maxChosen)
		}
		if page.Total == 0 {
			return nil, tracker.Errorf(tracker.CodeInvalid, "no run passes the filter any more")
		}
		return page.Runs, nil
	}
	refs := splitList(values["run"])
	if len(refs) == 0 {
		return nil, tracker.Errorf(tracker.CodeInvalid, "no run is chosen: tick the boxes before some")
	}
	ids, err := f.someRuns(ctx, refs)
	if err != nil {
		return nil, err
	}
	var runs []tracker.Run
	for _, id := range ids {
		run, err := f.store.Run(ctx, id)
		if err != nil {
			return nil, err
		}
		runs = append(runs, *run)
	}
	return runs, nil
}

func idsOf(runs []tracker.Run) []string {
	ids := make([]string, len(runs))
	for i, run := range runs {
		ids[i] = run.ID
	}
	return ids
}

// change rates or tags the chosen runs. do is rate, tag or untag, and rating or tag says with what.
func (s runPages) change(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(w, r)
	if err != nil {
		return err
	}
	var u tracker.Update
	switch tags := splitList(form["tag"]); form.Get("do") {
	case "rate":
		rating, err := number(form, "rating", 0, 0, 5)
		if err != nil {
			return err
		}
		u.Rating = &rating
	case "tag":
		u.Tag = tags
	case "untag":
		u.Untag = tags
	}
	if u.Rating == nil && len(u.Tag)+len(u.Untag) == 0 {
		return tracker.Errorf(tracker.CodeInvalid, "nothing is to be changed: type a tag, or choose a rating")
	}
	runs, err := s.chosen(r.Context(), form)
	if err != nil {
		return err
	}
	for _, id := range idsOf(runs) {
		if _, err := s.store.UpdateRun(r.Context(), id, u); err != nil {
			return err
		}
	}
	back := r.URL.Query()
	back.Set("changed", strconv.Itoa(len(runs)))
	http.Redirect(w, r, "/runs?"+back.Encode(), http.StatusSeeOther)
	return nil
}

type deleteView struct {
	Runs    []tracker.Run
	Running []tracker.Run // which are kept
	Freed   tracker.Deletion
	All     bool   // all that Filter finds
	Filter  string // with All
}

// mostListed is how many runs the page lists that asks whether to delete them.
const mostListed = 200

// Listed and More are the runs that are shown, and how many are not.
func (v *deleteView) Listed() []tracker.Run { return v.Runs[:min(len(v.Runs), mostListed)] }
func (v *deleteView) More() int             { return len(v.Runs) - len(v.Listed()) }

// These names the runs that the page asks about.
func (v *deleteView) These() string { return these(v.Runs) }

// these is a short text that other runs do not have.
func these(runs []tracker.Run) string {
	ids := idsOf(runs)
	slices.Sort(ids)
	sum := sha256.Sum256([]byte(strings.Join(ids, " ")))
	return hex.EncodeToString(sum[:12])
}

// newDeleteView separates the runs that can be deleted from those that are still running.
func (s runPages) newDeleteView(ctx context.Context, values url.Values) (*deleteView, error) {
	runs, err := s.chosen(ctx, values)
	if err != nil {
		return nil, err
	}
	v := &deleteView{All: values.Has("all"), Filter: values.Get("filter")}
	for _, run := range runs {
		if run.Status == tracker.StatusRunning {
			v.Running = append(v.Running, run)
		} else {
			v.Runs = append(v.Runs, run)
		}
	}
	return v, nil
}

func (s runPages) askDelete(w http.ResponseWriter, r *http.Request) error {
	if s.options.ReadOnly {
		return errReadOnly
	}
	v, err := s.newDeleteView(r.Context(), r.URL.Query())
	if err != nil {
		return err
	}
	if len(v.Runs) > 0 {
		freed, err := s.store.DeleteRuns(r.Context(), idsOf(v.Runs), tracker.DeleteOptions{Dry: true})
		if err != nil {
			return err
		}
		v.Freed = *freed
	}
	return s.render(w, http.StatusOK, "delete.html", page{Title: "Delete", Nav: "runs", Data: v})
}

// delete removes the runs that askDelete asked about. If the filter finds others by now, it removes none.
func (s runPages) delete(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(w, r)
	if err != nil {
		return err
	}
	v, err := s.newDeleteView(r.Context(), form)
	if err != nil {
		return err
	}
	ids := append(idsOf(v.Runs), idsOf(v.Running)...) // a running one is refused
	if v.All {
		if ids = idsOf(v.Runs); form.Get("these") != v.These() {
			return tracker.Errorf(tracker.CodeConflict, "the filter finds other runs than those that you were shown: nothing was deleted; go back and look again")
		}
	}
	freed, err := s.store.DeleteRuns(r.Context(), ids, tracker.DeleteOptions{})
	if err != nil {
		return err
	}
	said := url.Values{"deleted": {strconv.Itoa(freed.Runs)}, "freed": {strconv.FormatInt(freed.Bytes, 10)}}
	http.Redirect(w, r, "/runs?"+said.Encode(), http.StatusSeeOther)
	return nil
}
