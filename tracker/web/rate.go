package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/study"
)

// rateView is what the page shows on which people judge a sweep's pictures.
type rateView struct {
	Sweep    sweepView
	Pair     *shownPair // nil while there are fewer than two pictures
	Rater    string
	Undo     int64 // the judgement that can be taken back, or 0
	ReadOnly bool
	Bounded  int // how many pictures are considered, 0 for all
}

// shownPair is two pictures to compare, with nothing about how they were made.
type shownPair struct {
	Left  shownPicture `json:"left"`
	Right shownPicture `json:"right"`
}

type shownPicture struct {
	Key  string `json:"key"` // means the run; see pictureKey
	Hash string `json:"hash"`
}

// pictureKey names a run's picture without saying anything about the run: by its hash, and if
// several runs have the same picture, by which of them it is.
func pictureKey(b *study.Ballot, item int) string {
	hash, n := b.Runs[item].Picture, 0
	for _, run := range b.Runs[:item] {
		if run.Picture == hash {
			n++
		}
	}
	if n == 0 {
		return hash
	}
	return hash + "." + strconv.Itoa(n)
}

// findPicture returns the item of a key.
func findPicture(b *study.Ballot, name string) (int, error) {
	hash, _, _ := strings.Cut(name, ".")
	for item, run := range b.Runs {
		if run.Picture == hash && pictureKey(b, item) == name {
			return item, nil
		}
	}
	return 0, tracker.Errorf(tracker.CodeConflict, "a picture that was shown is gone or has changed: load the page again for another pair")
}

// rate shows two pictures. The query may have rater, and undo, a judgement that can be taken back.
func (s sweepPages) rate(w http.ResponseWriter, r *http.Request) error {
	sw, err := s.read(r, "rate")
	if err != nil {
		return err
	}
	undo, err := number(r.URL.Query(), "undo", 0, 0, lastStep)
	if err != nil {
		return err
	}
	v := rateView{Sweep: sw, Rater: r.URL.Query().Get("rater"), Undo: int64(undo), ReadOnly: s.options.ReadOnly}
	if v.Pair, v.Sweep.Waits, err = nextPair(sw.Study, v.Rater); err != nil {
		return err
	}
	if v.Sweep.Waits.Pictures > study.MaxPaired {
		v.Bounded = study.MaxPaired
	}
	return s.render(w, http.StatusOK, "sweep-rate.html", page{Title: "Rate " + sw.Name, Nav: "sweeps", Data: v})
}

// nextPair chooses two pictures, or none while there are fewer.
func nextPair(st *study.Study, rater string) (*shownPair, study.Waits, error) {
	b, err := st.Ballot()
	if err != nil {
		return nil, study.Waits{}, err
	}
	p, ok, err := b.Next(rater)
	if err != nil || !ok {
		return nil, b.Waits(), err
	}
	picture := func(item int) shownPicture { return shownPicture{pictureKey(b, item), b.Runs[item].Picture} }
	return &shownPair{picture(p.Left), picture(p.Right)}, b.Waits(), nil
}

type pairAnswer struct {
	Pair     *shownPair  `json:"pair"`
	Waits    study.Waits `json:"waits"`
	Progress string      `json:"progress"`
	Judged   int64       `json:"judged,omitempty"` // the judgement that was just stored
}

func (s sweepPages) pair(w http.ResponseWriter, r *http.Request) error {
	return s.answerPair(w, r, r.URL.Query().Get("rater"), 0)
}

func (s sweepPages) answerPair(w http.ResponseWriter, r *http.Request, rater string, judged int64) error {
	sw, err := s.read(r, "")
	if err != nil {
		return err
	}
	a := pairAnswer{Judged: judged}
	if a.Pair, a.Waits, err = nextPair(sw.Study, rater); err != nil {
		return err
	}
	a.Progress = a.Waits.Progress()
	return writeJSON(w, a)
}

// judge stores a judgement: left and right, keys of pictures, verdict, and rater, which may be
// empty. Scripts, which accept JSON, receive the next pair, others a redirect to it.
func (s sweepPages) judge(w http.ResponseWriter, r *http.Request) error {
	form, st, err := s.studyForm(w, r)
	if err != nil {
		return err
	}
	b, err := st.Ballot()
	if err != nil {
		return err
	}
	left, err := findPicture(b, form.Get("left"))
	if err != nil {
		return err
	}
	right, err := findPicture(b, form.Get("right"))
	if err != nil {
		return err
	}
	rater := strings.TrimSpace(form.Get("rater"))
	kept, err := s.store.AddJudgement(r.Context(), tracker.Judgement{
		Left: b.Runs[left].ID, Right: b.Runs[right].ID, Verdict: tracker.Verdict(form.Get("verdict")), Rater: rater,
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

func (s sweepPages) takeBack(w http.ResponseWriter, r *http.Request) error {
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

func (s sweepPages) studyForm(w http.ResponseWriter, r *http.Request) (url.Values, sweepView, error) {
	form, err := readForm(w, r)
	if err != nil {
		return nil, sweepView{}, err
	}
	st, err := s.read(r, "")
	return form, st, err
}

func acceptsJSON(r *http.Request) bool { return r.Header.Get("Accept") == "application/json" }
