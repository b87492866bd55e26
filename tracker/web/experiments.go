package web

import (
	"cmp"
	"net/http"

	"github.com/gouache-art/gouache/tracker"
)

// group is an experiment.
type group struct {
	Group       tracker.Group
	Title, Link string
	Statuses    []statusCount
}

// statusCount is how many of a group's runs have a status, with a link to them.
type statusCount struct {
	Status tracker.Status
	Runs   int
	Link   string
}

// experiments lists the experiments, the latest first.
func (s runPages) experiments(w http.ResponseWriter, r *http.Request) error {
	groups, err := s.store.Groups(r.Context(), tracker.ByExperiment)
	if err != nil {
		return err
	}
	var list []group
	for _, g := range groups {
		list = append(list, newGroup(g))
	}
	return s.render(w, http.StatusOK, "experiments.html", page{Title: "Experiments", Nav: "experiments", Data: list})
}

func newGroup(g tracker.Group) group {
	filter := tracker.Where("experiment", tracker.Equal, g.Name)
	view := group{Group: g, Title: cmp.Or(g.Name, "without an experiment"), Link: listAddress(filter)}
	for _, status := range tracker.Statuses {
		if n := g.Statuses[status]; n > 0 {
			view.Statuses = append(view.Statuses, statusCount{status, n, listAddress(tracker.All(filter, tracker.Where("status", tracker.Equal, status)))})
		}
	}
	return view
}
