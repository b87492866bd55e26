package study

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/internal/plot"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/rating"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// Ballot is what people compare: the trials that finished, were not pruned and have a picture.
// Comparisons and counts name a trial by its index in Runs.
type Ballot struct {
	Runs        []*tracker.Run
	Comparisons []rating.Comparison
	Counts      []int // of comparisons, by run
	least       int   // comparisons that each run should have
	rated       bool
}

// Ballot returns the study's ballot.
func (s *Study) Ballot() (*Ballot, error) {
	b := &Ballot{least: cmp.Or(s.File.Ratings, sweep.DefaultRatings), rated: s.Rated()}
	items := map[string]int{}
	for _, run := range s.Runs {
		if State(run) == string(tracker.StatusFinished) && run.Picture != "" {
			items[run.ID] = len(b.Runs)
			b.Runs = append(b.Runs, run)
		}
	}
	if len(b.Runs) == 0 {
		return b, nil
	}
	b.Comparisons = sweep.Comparisons(s.Judgements, items)
	var err error
	b.Counts, err = rating.Counts(len(b.Runs), b.Comparisons)
	return b, err
}

// Bounds on what is fitted to judgements: the time grows with the third power of the number of
// pictures.
const (
	MaxPaired = 500  // pictures of which all pairs are weighed to choose the next one
	maxScored = 1000 // pictures with a strength
)

// Next chooses the pair whose comparison tells most. ok is false if there are fewer than two
// pictures. Of more than MaxPaired pictures it considers those that were compared least often.
func (b *Ballot) Next(rater string) (pair rating.Pair, ok bool, err error) {
	if len(b.Runs) < 2 {
		return pair, false, nil
	}
	items := b.byCount(func(x, y int) int { return cmp.Compare(b.Counts[x], b.Counts[y]) }, MaxPaired)
	some := b.only(items)
	scores, err := rating.Fit(len(some.Runs), some.Comparisons)
	if err != nil {
		return pair, false, err
	}
	random := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	pair, err = rating.Next(scores, some.Comparisons, random, rating.NextOptions{Rater: rater})
	if err != nil {
		return pair, false, err
	}
	pair.Left, pair.Right = items[pair.Left], items[pair.Right]
	return pair, true, nil
}

// byCount returns the items that come first in an order, n at most, by their index.
func (b *Ballot) byCount(order func(x, y int) int, n int) []int {
	items := make([]int, len(b.Runs))
	for i := range items {
		items[i] = i
	}
	slices.SortStableFunc(items, order)
	items = items[:min(len(items), n)]
	slices.Sort(items)
	return items
}

// only is the ballot of some items, and of the comparisons between them.
func (b *Ballot) only(items []int) *Ballot {
	some, place := &Ballot{}, map[int]int{}
	for k, item := range items {
		place[item] = k
		some.Runs, some.Counts = append(some.Runs, b.Runs[item]), append(some.Counts, b.Counts[item])
	}
	for _, c := range b.Comparisons {
		left, known := place[c.Left]
		right, both := place[c.Right]
		if c.Left, c.Right = left, right; known && both {
			some.Comparisons = append(some.Comparisons, c)
		}
	}
	return some
}

// Waits is how many judgements there are and how many are missing.
type Waits struct {
	Judgements int  `json:"judgements"`
	Pictures   int  `json:"pictures"`
	Ready      int  `json:"ready"` // pictures that were compared often enough
	Least      int  `json:"least"` // how often that is
	More       int  `json:"more"`  // about how many judgements are missing
	Rated      bool `json:"rated"` // whether a sampler waits for them
}

// Waits counts the judgements.
func (b *Ballot) Waits() Waits {
	w := Waits{Judgements: len(b.Comparisons), Pictures: len(b.Runs), Least: b.least, Rated: b.rated}
	missing := 0
	for _, n := range b.Counts {
		missing += max(w.Least-n, 0)
		if n >= w.Least {
			w.Ready++
		}
	}
	w.More = (missing + 1) / 2 // each judgement is of two pictures
	return w
}

// Progress describes the judgements in a sentence without its full stop.
func (w Waits) Progress() string {
	text := fmt.Sprintf("%s; each picture %d or more: %d of %d", format.Count(w.Judgements, "judgement", "judgements"), w.Least, w.Ready, w.Pictures)
	if w.Pictures < 2 || w.More > 0 || !w.Rated {
		return text
	}
	return text + ". The sampler has what it needs; more judgements make the scores surer"
}

// Scores is what people's judgements say; see package rating for the model.
type Scores struct {
	Runs        []Scored // that were compared, the strongest first
	Unseen      int      // pictures that were not compared
	Omitted     int      // pictures that were compared less often than maxScored others
	Axis        plot.Axis
	Effects     *rating.Effects // of the settings' values
	EffectAxis  plot.Axis
	Ties        float64 // the share of ties between equals
	Sides       rating.Share
	Consistency rating.Share
	Raters      []Rater // by name
}

// Scored is a run with the strength of its picture.
type Scored struct {
	Run      *tracker.Run
	Rank     int // from 1
	Count    int // of comparisons
	Strength rating.Estimate
}

// Rater is how often one person answered as before.
type Rater struct {
	Name string
	rating.Share
}

// Scores fits the models to the judgements on a ballot, at least one of them. Pictures that were
// not compared are left out: they say nothing, and would only take time. Of more than maxScored
// pictures it takes those compared most often.
func (s *Study) Scores(all *Ballot) (*Scores, error) {
	items := all.byCount(func(x, y int) int { return cmp.Compare(all.Counts[y], all.Counts[x]) }, maxScored)
	items = slices.DeleteFunc(items, func(item int) bool { return all.Counts[item] == 0 })
	b := all.only(items)
	fitted, err := rating.Fit(len(b.Runs), b.Comparisons)
	if err != nil {
		return nil, err
	}
	scores := &Scores{Axis: reach(fitted.Strengths), Ties: fitted.Ties, Sides: rating.Sides(b.Comparisons)}
	for _, n := range all.Counts {
		if n == 0 {
			scores.Unseen++
		}
	}
	scores.Omitted = len(all.Runs) - len(b.Runs) - scores.Unseen
	for item, run := range b.Runs {
		scores.Runs = append(scores.Runs, Scored{Run: run, Count: b.Counts[item], Strength: fitted.Strengths[item]})
	}
	slices.SortStableFunc(scores.Runs, func(a, b Scored) int { return cmp.Compare(b.Strength.Value, a.Strength.Value) })
	for i := range scores.Runs {
		scores.Runs[i].Rank = i + 1
	}
	var raters map[string]rating.Share
	scores.Consistency, raters = rating.Consistency(b.Comparisons)
	for _, name := range slices.Sorted(maps.Keys(raters)) {
		scores.Raters = append(scores.Raters, Rater{name, raters[name]})
	}
	labels := make([]map[string]string, len(b.Runs))
	dimensions := s.Dimensions()
	for i, run := range b.Runs {
		labels[i] = map[string]string{}
		for k := range dimensions {
			if value, ok := run.Params[dimensions[k].Name]; ok {
				labels[i][dimensions[k].Name] = dimensions[k].label(value)
			}
		}
	}
	if scores.Effects, err = rating.FitEffects(labels, b.Comparisons); err != nil {
		return nil, err
	}
	var effects []rating.Estimate
	for _, p := range scores.Effects.Parameters {
		for _, v := range p.Values {
			effects = append(effects, v.Estimate)
		}
	}
	scores.EffectAxis = reach(effects)
	return scores, nil
}

// reach is an axis of all intervals and 0.
func reach(list []rating.Estimate) plot.Axis {
	ends := []float64{0}
	for _, e := range list {
		ends = append(ends, e.Low, e.High)
	}
	return plot.NewAxis(ends, false)
}

// Signed writes a strength with its sign, and 0 without one.
func Signed(x float64) string {
	if math.Abs(x) < 0.005 {
		return "0.00"
	}
	return strings.ReplaceAll(fmt.Sprintf("%+.2f", x), "-", "−")
}

// Interval writes the ends of an estimate's interval.
func Interval(e rating.Estimate) string { return Signed(e.Low) + " to " + Signed(e.High) }
