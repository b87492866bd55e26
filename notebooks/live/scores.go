package live

import (
	"cmp"
	"context"
	"fmt"
	"html"
	"slices"
	"strconv"
	"strings"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/rating"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// Scores shows what people's judgements say of a sweep: how strong each compared trial is, the strongest first,
// what each value of a setting adds to that, both with 95% intervals, and how consistent people are; see package rating
// for the model. While there are no judgements it says where to make some.
func Scores(ctx context.Context, store tracker.Store, file *sweep.File) error {
	trials, err := Trials(ctx, store, file)
	if err != nil {
		return err
	}
	judgements, err := store.Judgements(ctx, tracker.JudgementQuery{Sweep: file.Name})
	if err != nil {
		return err
	}
	p := newPoll(file, trials, judgements)
	if len(p.comparisons) == 0 {
		text := "nobody has compared two pictures of the sweep " + file.Name +
			" yet: start gouache ui and choose Rate on the sweep's page"
		show("<p>"+html.EscapeString(text)+"</p>", text)
		return nil
	}
	s := &sheet{}
	s.line("%s: strengths after %d comparisons; 1 more means to be preferred 73 times in 100, ties left aside",
		file.Name, len(p.comparisons))
	if err := p.strengths(ctx, store, s); err != nil {
		return err
	}
	if err := p.effects(s); err != nil {
		return err
	}
	s.line("%s", p.consistency())
	show(s.page.String(), strings.TrimSpace(s.text.String()))
	return nil
}

// scoredSide is the longer side of a picture among scores, in CSS pixels.
const scoredSide = 96

// strengths adds the table of trials.
func (p *poll) strengths(ctx context.Context, store tracker.PictureReader, s *sheet) error {
	fitted, err := rating.Fit(len(p.trials), p.comparisons, rating.Options{})
	if err != nil {
		return err
	}
	counts, err := rating.Counts(len(p.trials), p.comparisons)
	if err != nil {
		return err
	}
	order := make([]int, len(p.trials))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(fitted.Strengths[b].Value, fitted.Strengths[a].Value)
	})
	reach := reachOf(fitted.Strengths)
	s.table(markup(""), "trial", "settings", "comparisons", "strength", "95% interval", markup(""))
	for _, i := range order {
		run := p.trials[i].Run
		m, err := runPicture(ctx, store, run)
		if err != nil {
			return err
		}
		picture := markup("")
		if m != nil {
			picture = markup(trialTag(m, scoredSide, fmt.Sprintf("trial %d", run.Trial)))
		}
		e := fitted.Strengths[i]
		s.row(picture, strconv.Itoa(run.Trial), p.file.Label(run.Params),
			strconv.Itoa(counts[i]), signed(e.Value), ends(e), reach.bar(e))
	}
	s.end()
	return nil
}

// effects adds the table of settings' values.
func (p *poll) effects(s *sheet) error {
	items, err := p.labels()
	if err != nil {
		return err
	}
	fitted, err := rating.FitEffects(items, p.comparisons, rating.Options{})
	if err != nil {
		return err
	}
	if len(fitted.Parameters) == 0 {
		s.line("no setting has two values among the trials that were compared")
		return nil
	}
	var all []rating.Estimate
	for _, parameter := range fitted.Parameters {
		for _, v := range parameter.Values {
			all = append(all, v.Estimate)
		}
	}
	reach := reachOf(all)
	s.line("what a value adds to a trial's strength, all else being equal; "+
		"what else sets trials apart has a standard deviation of %.3g", fitted.Residual)
	s.table("setting", "value", "trials", "adds", "95% interval", markup(""))
	for _, parameter := range fitted.Parameters {
		name := parameter.Name
		if len(parameter.Aliases) > 0 {
			name += " (changes only together with " + strings.Join(parameter.Aliases, ", ") + ")"
		}
		for _, v := range parameter.Values {
			s.row(name, v.Label, strconv.Itoa(v.Items), signed(v.Value), ends(v.Estimate), reach.bar(v.Estimate))
		}
	}
	s.end()
	return nil
}
