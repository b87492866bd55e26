package web

import (
	"cmp"
	"net/http"

	"github.com/gouache-art/gouache/tracker"
)

// groupsView is what the pages of experiments and of sweeps show.
type groupsView struct {
	By     tracker.GroupBy
	Groups []group
}

// group is an experiment or a sweep.
type group struct {
	tracker.Group
	Title, Link string
	Statuses    []statusCount
}

// statusCount is how many of a group's runs have a status, and leads to them.
type statusCount struct {
	Status tracker.Status
	Runs   int
	Link   string
}

func (s *server) experiments(w http.ResponseWriter, r *http.Request) error {
	return s.groups(w, r, tracker.ByExperiment, page{Title: "Experiments", Nav: "experiments"})
}

func (s *server) sweeps(w http.ResponseWriter, r *http.Request) error {
	return s.groups(w, r, tracker.BySweep, page{Title: "Sweeps", Nav: "sweeps"})
}

// groups shows what runs belong to, the latest first.
func (s *server) groups(w http.ResponseWriter, r *http.Request, by tracker.GroupBy, p page) error {
	groups, err := s.store.Groups(r.Context(), by)
	if err != nil {
		return err
	}
	v := groupsView{By: by}
	for _, g := range groups {
		v.Groups = append(v.Groups, newGroup(g, by))
	}
	p.Data = v
	return s.render(w, http.StatusOK, "groups.html", p)
}

func newGroup(g tracker.Group, by tracker.GroupBy) group {
	filter := string(by) + " == " + tracker.QuoteText(g.Name)
	view := group{Group: g, Title: cmp.Or(g.Name, "without an experiment"), Link: listAddress(filter)}
	for _, status := range []tracker.Status{tracker.StatusRunning, tracker.StatusFinished, tracker.StatusInterrupted, tracker.StatusFailed} {
		if n := g.Statuses[status]; n > 0 {
			view.Statuses = append(view.Statuses, statusCount{status, n, listAddress(filter + " && status == " + string(status))})
		}
	}
	return view
}
