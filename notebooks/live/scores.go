package live

import (
	"fmt"
	"html"
	"strconv"
	"strings"

	"github.com/gouache-art/gouache/internal/plot"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/rating"
	"github.com/gouache-art/gouache/tracker/study"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// Scores shows what people's judgements say about a sweep: how strong each compared trial is, the
// strongest first, what each value of a setting adds to that, both with 95% intervals, and how
// consistent people are; see package rating for the model. Without judgements it says where to make
// some.
func Scores(file *sweep.File) {
	st := Must(study.Read(Context(), Store(), file.Name, func(*tracker.Sweep) (*sweep.File, error) { return file, nil }))
	ballot := Must(st.Ballot())
	if len(ballot.Comparisons) == 0 {
		text := "no two pictures were compared in the sweep " + file.Name + " yet: start gouache ui and choose Rate on the sweep's page"
		show("<p>"+html.EscapeString(text)+"</p>", terminal.Line(text))
		return
	}
	scores := Must(st.Scores(ballot))
	s := &sheet{}
	s.line("%s: strengths after %d comparisons; 1 more means to be preferred 73 times in 100, ties left aside",
		file.Name, len(ballot.Comparisons))
	s.table("", markup(""), "trial", "settings", "comparisons", "strength", "95% interval", markup(""))
	for _, scored := range scores.Runs {
		picture := Must(runTag(Context(), Store(), scored.Run, scoredSide, fmt.Sprintf("trial %d", scored.Run.Trial)))
		e := scored.Strength
		s.row(markup(picture), strconv.Itoa(scored.Run.Trial), file.Label(scored.Run.Params), strconv.Itoa(scored.Count),
			study.Signed(e.Value), study.Interval(e), bar(scores.Axis, e))
	}
	s.end()
	effects(s, scores)
	s.line("%s", consistency(scores.Consistency))
	s.show()
}

// scoredSide is the longer side of a picture among scores, in CSS pixels.
const scoredSide = 96

func effects(s *sheet, scores *study.Scores) {
	if len(scores.Effects.Parameters) == 0 {
		s.line("no setting has two values among the trials that were compared")
		return
	}
	s.line("what a value adds to a trial's strength, all else being equal; "+
		"what else sets trials apart has a standard deviation of %.3g", scores.Effects.Residual)
	s.table("", "setting", "value", "trials", "adds", "95% interval", markup(""))
	for _, parameter := range scores.Effects.Parameters {
		name := parameter.Name
		if len(parameter.Aliases) > 0 {
			name += " (changes only together with " + strings.Join(parameter.Aliases, ", ") + ")"
		}
		for _, v := range parameter.Values {
			s.row(name, v.Label, strconv.Itoa(v.Items), study.Signed(v.Value), study.Interval(v.Estimate), bar(scores.EffectAxis, v.Estimate))
		}
	}
	s.end()
}

func consistency(all rating.Share) string {
	if all.Of == 0 {
		return "no pair was shown twice yet, which would tell how consistent people are"
	}
	return fmt.Sprintf("consistency: of %d answers to a pair seen again, %d were as before, %.0f%% (95%% interval %.0f%% to %.0f%%)",
		all.Of, all.Count, 100*all.Value, 100*all.Low, 100*all.High)
}

// The size of a drawn interval, in CSS pixels.
const barWidth, barHeight = 160, 14

// bar draws an interval, the most probable value in it, and 0.
func bar(axis plot.Axis, e rating.Estimate) markup {
	x := func(v float64) float64 { return 2 + (barWidth-4)*axis.Place(v) }
	svg := plot.Start(barWidth, barHeight) +
		fmt.Sprintf(`<path d="M%.1f 0V%d" stroke="%s" stroke-opacity=".8"/>`, x(0), barHeight, plot.Ink) +
		fmt.Sprintf(`<rect x="%.1f" y="5.5" width="%.1f" height="3" rx="1.5" fill="%s"/>`, x(e.Low), x(e.High)-x(e.Low), plot.Colour(0)) +
		fmt.Sprintf(`<circle cx="%.1f" cy="7" r="4" fill="%s"/></svg>`, x(e.Value), plot.Colour(0))
	return markup(imageTag("image/svg+xml", []byte(svg), barWidth, study.Signed(e.Value)+", "+study.Interval(e), "max-width:none"))
}
