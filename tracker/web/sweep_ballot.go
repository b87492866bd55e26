package web

import (
	"strconv"
	"strings"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/rating"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// ballot is what people are asked to compare: the trials that finished, were not pruned and have a picture.
type ballot struct {
	runs        []*tracker.Run
	comparisons []rating.Comparison
	counts      []int // of comparisons, by run
}

func (st *study) ballot() (*ballot, error) {
	b := &ballot{}
	items := map[string]int{}
	for _, run := range st.Runs {
		if stateOf(run) == string(tracker.StatusFinished) && run.Picture != "" {
			items[run.ID] = len(b.runs)
			b.runs = append(b.runs, run)
		}
	}
	if len(b.runs) == 0 {
		return b, nil
	}
	b.comparisons = sweep.Comparisons(st.Judgements, items)
	var err error
	b.counts, err = rating.Counts(len(b.runs), b.comparisons)
	return b, err
}

// key names a picture without telling anything of its run: by its hash, and where several runs came to the same
// picture, by which of them it is.
func (b *ballot) key(item int) string {
	hash, n := b.runs[item].Picture, 0
	for _, run := range b.runs[:item] {
		if run.Picture == hash {
			n++
		}
	}
	if n == 0 {
		return hash
	}
	return hash + "." + strconv.Itoa(n)
}

// find returns the item of a key.
func (b *ballot) find(key string) (int, error) {
	hash, _, _ := strings.Cut(key, ".")
	for item, run := range b.runs {
		if run.Picture == hash && b.key(item) == key {
			return item, nil
		}
	}
	return 0, tracker.Errorf(tracker.CodeConflict, "a picture that was shown is gone or has changed: load the page again for another pair")
}

// waits is how far people are with judging.
type waits struct {
	Judgements int  `json:"judgements"`
	Pictures   int  `json:"pictures"`
	Ready      int  `json:"ready"` // pictures that were compared often enough
	Least      int  `json:"least"` // how often that is
	More       int  `json:"more"`  // about how many judgements are missing
	Rated      bool `json:"rated"` // whether a sampler waits for them
}

func (st *study) waits() (waits, error) {
	b, err := st.ballot()
	if err != nil {
		return waits{}, err
	}
	return b.waits(st), nil
}

func (b *ballot) waits(st *study) waits {
	w := waits{Judgements: len(b.comparisons), Pictures: len(b.runs), Least: st.least(), Rated: st.Rated()}
	missing := 0
	for _, n := range b.counts {
		missing += max(w.Least-n, 0)
		if n >= w.Least {
			w.Ready++
		}
	}
	w.More = (missing + 1) / 2 // each judgement is of two pictures
	return w
}

// Progress says how far people are.
func (w waits) Progress() string {
	text := format.Count(w.Judgements, "judgement", "judgements") + "; each picture " + strconv.Itoa(w.Least) + " or more: " +
		strconv.Itoa(w.Ready) + " of " + strconv.Itoa(w.Pictures)
	switch {
	case w.Pictures < 2 || w.More > 0 || !w.Rated:
		return text
	}
	return text + ". The sampler has what it needs; more judgements make the scores surer"
}
