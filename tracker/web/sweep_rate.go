package web

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/rating"
)

// rateView is what the page shows on which people judge a sweep's pictures.
type rateView struct {
	*study
	Tab      string
	Waits    waits
	Pair     *shownPair // nil while there are not two pictures
	Rater    string
	Undo     int64 // the judgement that can be taken back, or 0
	ReadOnly bool
}

// shownPair is what somebody is shown: two pictures and nothing of how they were made.
type shownPair struct {
	Left  shownPicture `json:"left"`
	Right shownPicture `json:"right"`
}

type shownPicture struct {
	Key  string `json:"key"` // stands for the run; see ballot
	Hash string `json:"hash"`
}

// rate shows two pictures. The query may have rater, and undo, a judgement that can be taken back.
func (s *server) rate(w http.ResponseWriter, r *http.Request) error {
	st, err := s.study(r)
	if err != nil {
		return err
	}
	undo, err := number(r.URL.Query(), "undo", 0, 0, lastStep)
	if err != nil {
		return err
	}
	v := rateView{study: st, Tab: "rate", Rater: r.URL.Query().Get("rater"), Undo: int64(undo), ReadOnly: s.options.ReadOnly}
	if v.Pair, v.Waits, err = st.nextPair(v.Rater); err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "sweep-rate.html", page{Title: "Rate " + st.Name, Nav: "sweeps", Data: v})
}

// pairAnswer is what the page's scripts are told.
type pairAnswer struct {
	Pair     *shownPair `json:"pair"`
	Waits    waits      `json:"waits"`
	Progress string     `json:"progress"`
	Judged   int64      `json:"judged,omitempty"` // the judgement that was just kept
}

// pair answers with the next pair for the query's rater.
func (s *server) pair(w http.ResponseWriter, r *http.Request) error {
	return s.answerPair(w, r, r.URL.Query().Get("rater"), 0)
}

func (s *server) answerPair(w http.ResponseWriter, r *http.Request, rater string, judged int64) error {
	st, err := s.study(r)
	if err != nil {
		return err
	}
	a := pairAnswer{Judged: judged}
	if a.Pair, a.Waits, err = st.nextPair(rater); err != nil {
		return err
	}
	a.Progress = a.Waits.Progress()
	b, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return writeJSON(w, b)
}

// nextPair chooses two pictures, or none while there are fewer.
func (st *study) nextPair(rater string) (*shownPair, waits, error) {
	b, err := st.ballot()
	if err != nil {
		return nil, waits{}, err
	}
	progress := b.waits(st)
	if len(b.runs) < 2 {
		return nil, progress, nil
	}
	scores, err := rating.Fit(len(b.runs), b.comparisons, rating.Options{})
	if err != nil {
		return nil, progress, err
	}
	random := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	p, err := rating.Next(scores, b.comparisons, random, rating.NextOptions{Rater: rater})
	if err != nil {
		return nil, progress, err
	}
	return &shownPair{b.picture(p.Left), b.picture(p.Right)}, progress, nil
}

func (b *ballot) picture(item int) shownPicture {
	return shownPicture{b.key(item), b.runs[item].Picture}
}

// judge keeps a judgement: left and right, keys of pictures, verdict, and rater if somebody says who. Scripts, which
// accept JSON, are answered with the next pair, others with the way to it.
func (s *server) judge(w http.ResponseWriter, r *http.Request) error {
	form, st, err := s.studyForm(w, r)
	if err != nil {
		return err
	}
	b, err := st.ballot()
	if err != nil {
		return err
	}
	left, err := b.find(form.Get("left"))
	if err != nil {
		return err
	}
	right, err := b.find(form.Get("right"))
	if err != nil {
		return err
	}
	rater := strings.TrimSpace(form.Get("rater"))
	kept, err := s.store.AddJudgement(r.Context(), tracker.Judgement{
		Left: b.runs[left].ID, Right: b.runs[right].ID, Verdict: tracker.Verdict(form.Get("verdict")), Rater: rater,
	})
	if err != nil {
		return err
	}
	if acceptsJSON(r) {
		return s.answerPair(w, r, rater, kept.ID)
	}
	query := url.Values{"undo": {strconv.FormatInt(kept.ID, 10)}}
	if rater != "" {
		query.Set("rater", rater)
	}
	http.Redirect(w, r, st.Path("rate")+"?"+query.Encode(), http.StatusSeeOther)
	return nil
}

// takeBack deletes a judgement of the sweep.
func (s *server) takeBack(w http.ResponseWriter, r *http.Request) error {
	form, st, err := s.studyForm(w, r)
	if err != nil {
		return err
	}
	id, err := number(form, "judgement", 0, 1, lastStep)
	if err != nil {
		return err
	}
	for _, j := range st.Judgements {
		if j.ID != int64(id) {
			continue
		}
		if err := s.store.DeleteJudgement(r.Context(), j.ID); err != nil {
			return err
		}
		if acceptsJSON(r) {
			return s.answerPair(w, r, j.Rater, 0)
		}
		http.Redirect(w, r, st.Path("rate"), http.StatusSeeOther)
		return nil
	}
	return tracker.Errorf(tracker.CodeNotFound, "there is no judgement %d of this sweep: it was taken back already, or a run of it deleted", id)
}

// studyForm reads the form that a request brings, and the sweep that it names.
func (s *server) studyForm(w http.ResponseWriter, r *http.Request) (url.Values, *study, error) {
	form, err := readForm(w, r)
	if err != nil {
		return nil, nil, err
	}
	st, err := s.study(r)
	return form, st, err
}

func acceptsJSON(r *http.Request) bool { return r.Header.Get("Accept") == "application/json" }
