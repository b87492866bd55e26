package live

import (
	"fmt"
	"strconv"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/rating"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// poll is what people said of a sweep's trials.
type poll struct {
	file        *sweep.File
	trials      []sweep.Ranked // those that were compared: the others tell nothing
	comparisons []rating.Comparison
}

func newPoll(file *sweep.File, trials []sweep.Ranked, judgements []tracker.Judgement) *poll {
	p := &poll{file: file}
	all, compared := map[string]int{}, map[string]int{}
	for i, r := range trials {
		all[r.Run.ID] = i
	}
	for _, c := range sweep.Comparisons(judgements, all) {
		for _, r := range []sweep.Ranked{trials[c.Left], trials[c.Right]} {
			if _, known := compared[r.Run.ID]; !known {
				compared[r.Run.ID] = len(p.trials)
				p.trials = append(p.trials, r)
			}
		}
	}
	p.comparisons = sweep.Comparisons(judgements, compared)
	return p
}

// effectBins is how many values of a numeric setting have an effect of their own: few comparisons tell little of many.
const effectBins = 6

// labels returns the trials' values by setting, numbers in bins.
func (p *poll) labels() ([]map[string]string, error) {
	items := make([]map[string]string, len(p.trials))
	for i := range items {
		items[i] = map[string]string{}
	}
	for k, d := range p.file.Search {
		var of []int // the trials that have the setting
		var texts []string
		var numbers []float64
		for i, r := range p.trials {
			if !p.file.Search.Active(r.Run.Params)[k] {
				continue
			}
			text := format.Rounded(r.Run.Params[d.Name], 4)
			of, texts = append(of, i), append(texts, text)
			if x, err := strconv.ParseFloat(text, 64); err == nil { // of four digits, as it is written elsewhere
				numbers = append(numbers, x)
			}
		}
		if (d.Kind == sweep.Int || d.Kind == sweep.Float) && len(numbers) == len(of) {
			var err error
			if texts, err = rating.Bins(numbers, effectBins); err != nil {
				return nil, err
			}
		}
		for n, i := range of {
			items[i][d.Name] = texts[n]
		}
	}
	return items, nil
}

// consistency says how often people answered as before.
func (p *poll) consistency() string {
	all, _ := rating.Consistency(p.comparisons)
	if all.Of == 0 {
		return "nobody was shown a pair twice yet, which would tell how consistent people are"
	}
	const text = "consistency: of %d answers to a pair seen again, %d were as before, %.0f%% (95%% interval %.0f%% to %.0f%%)"
	return fmt.Sprintf(text,
		all.Of, all.Count, 100*all.Value, 100*all.Low, 100*all.High)
}
