package main

import (
	"context"
	"fmt"
	"image"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/gouache-art/gouache/internal/figures"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/rating"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// result is a painting that a store has.
type result struct {
	Pair      string         `json:"pair"`
	Contender string         `json:"contender"`
	Seconds   float64        `json:"seconds,omitempty"` // wall time; 0 if it is unknown
	Figures   figures.Values `json:"figures"`
	Run       string         `json:"run"`

	picture string // its hash
}

// results returns the finished paintings of a plan, by pair and contender in the plan's order.
func (p *plan) results(ctx context.Context, store tracker.RunReader) ([]result, error) {
	var list []result
	for _, q := range p.Pairs {
		runs, err := p.runs(ctx, store, q)
		if err != nil {
			return nil, err
		}
		for _, c := range p.Contenders {
			run := runs[c.Name]
			if run == nil || run.Status != tracker.StatusFinished {
				continue
			}
			r := result{Pair: q.Name, Contender: c.Name, Seconds: run.Final[wallSeconds], Figures: figures.Values{}, Run: run.ID, picture: run.Picture}
			for name, v := range run.Final {
				if name, ok := strings.CutPrefix(name, figurePrefix); ok {
					r.Figures[name] = v
				}
			}
			list = append(list, r)
		}
	}
	return list, nil
}

// load reads the picture of a result from the store.
func (r *result) load(ctx context.Context, store tracker.PictureReader) (image.Image, error) {
	file, err := store.OpenPicture(ctx, r.picture)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	m, _, err := image.Decode(file)
	if err != nil {
		return nil, fmt.Errorf("the picture of run %s: %w", r.Run, err)
	}
	return m, nil
}

// inputs reads the photograph and the painting of a pair.
func (q pair) inputs(ctx context.Context) (list [2]image.Image, err error) {
	for i, name := range []string{q.Content, q.Style} {
		p, err := picture.LoadContext(ctx, name)
		if err != nil {
			return list, err
		}
		list[i] = p.On(picture.White).Image()
	}
	return list, nil
}

// summary is what the results of a contender say together.
type summary struct {
	Contender string  `json:"contender"`
	Pictures  int     `json:"pictures"`
	Seconds   float64 `json:"seconds"` // the median, as are the figures; 0 if they are unknown
	Specks    float64 `json:"hi_ab"`
	Alien     float64 `json:"alien"`
	// Bands are how many of the flat areas' energies at 5, 10, 20 and 40 pixels, over all pictures,
	// are within a factor of two of the painting's.
	Bands    int `json:"bands_within_two"`
	AllBands int `json:"bands"`
	// Strength is what the judgements say of it, beside the others.
	Strength *rating.Estimate `json:"strength,omitempty"`
}

// summaries returns a summary of each contender.
func (p *plan) summaries(results []result) []summary {
	var list []summary
	for _, c := range p.Contenders {
		s := summary{Contender: c.Name}
		var seconds, specks, alien []float64
		for _, r := range results {
			if r.Contender != c.Name {
				continue
			}
			seconds, specks, alien = append(seconds, r.Seconds), append(specks, r.Figures["hi_ab"]), append(alien, r.Figures["alien"])
			for _, band := range []string{"band_5", "band_10", "band_20", "band_40"} {
				if math.Abs(math.Log2(r.Figures[band])) <= 1 {
					s.Bands++
				}
				s.AllBands++
			}
		}
		if s.Pictures = len(specks); s.Pictures > 0 {
			s.Seconds, s.Specks, s.Alien = median(seconds), median(specks), median(alien)
			list = append(list, s)
		}
	}
	return list
}

func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return stat.Mean(values[(n-1)/2:n/2+1], nil)
}

// tally counts how often one of two contenders was preferred.
type tally struct {
	Won  int `json:"won"`
	Tied int `json:"tied"`
	Lost int `json:"lost"`
}

// add counts a win, if the sign is positive, a loss or a tie.
func (t *tally) add(sign int) {
	switch {
	case sign > 0:
		t.Won++
	case sign < 0:
		t.Lost++
	default:
		t.Tied++
	}
}

func (t tally) String() string { return fmt.Sprintf("%d–%d–%d", t.Won, t.Tied, t.Lost) }

// preference is how one contender did beside another.
type preference struct {
	Contender  string `json:"contender"`
	Other      string `json:"other"`
	Judgements tally  `json:"judgements"`
	Pairs      tally  `json:"pairs"` // a pair goes to the one that won more of its judgements
}

// preferences counts the judgements of each two contenders, and adds strengths to the summaries.
func (p *plan) preferences(ctx context.Context, store sweep.Reader, results []result, summaries []summary) ([]preference, error) {
	items := map[string]int{} // contenders, by their runs
	for _, r := range results {
		items[r.Run] = slices.IndexFunc(summaries, func(s summary) bool { return s.Contender == r.Contender })
	}
	n := len(summaries)
	judgements, pairs := make([]tally, n*n), make([]tally, n*n)
	var all []rating.Comparison
	for _, q := range p.Pairs {
		made, err := store.Judgements(ctx, tracker.JudgementQuery{Sweep: p.sweep(q)})
		if err != nil {
			return nil, err
		}
		net := map[int]int{} // wins less losses
		for _, c := range sweep.Comparisons(made, items) {
			all = append(all, c)
			sign := map[rating.Outcome]int{rating.LeftWins: 1, rating.RightWins: -1}[c.Outcome]
			for k, sign := range map[int]int{c.Left*n + c.Right: sign, c.Right*n + c.Left: -sign} {
				judgements[k].add(sign)
				net[k] += sign
			}
		}
		for k, sign := range net {
			pairs[k].add(sign)
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	scores, err := rating.Fit(n, all)
	if err != nil {
		return nil, err
	}
	for i := range summaries {
		summaries[i].Strength = &scores.Strengths[i]
	}
	var list []preference
	for k, t := range judgements {
		if t != (tally{}) {
			list = append(list, preference{summaries[k/n].Contender, summaries[k%n].Contender, t, pairs[k]})
		}
	}
	return list, nil
}
