package web

import "net/http"

func (s *server) compare(w http.ResponseWriter, r *http.Request) error {
	return s.render(w, http.StatusOK, "compare.html", page{Title: "Compare", Nav: "compare"})
}
