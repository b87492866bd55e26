package web

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/tracker"
)

type comparePage struct{ *frame }

// offered is how many of the latest runs are shown to choose from.
const offered = 60

// compare shows two to twelve runs side by side. The query has run, or id as in the form of the
// Runs page: ids or beginnings of ids, separated by commas; and step, the iteration to show. The
// page's scripts keep more in it. If the runs cannot be compared, or choose is given, the page
// offers runs to choose from.
func (s comparePage) compare(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	ids, err := s.someRuns(r.Context(), splitList(append(query["run"], query["id"]...)))
	if err != nil || len(ids) == 0 || query.Has("choose") {
		return s.chooseRuns(w, r, ids, err)
	}
	if len(ids) == 1 {
		return s.chooseRuns(w, r, ids, tracker.Errorf(tracker.CodeInvalid, "one run alone cannot be compared: tick at least one more"))
	}
	contrast, err := tracker.NewContrast(r.Context(), s.store, ids)
	if err != nil {
		return s.chooseRuns(w, r, ids, err)
	}
	frames := make([][]snapshot, len(ids))
	for i, id := range ids {
		if frames[i], err = s.snapshots(r.Context(), id); err != nil {
			return err
		}
	}
	step, err := number(query, "step", lastStep, 0, lastStep)
	if err != nil {
		return s.chooseRuns(w, r, ids, err)
	}
	title := "Compare " + format.Count(len(ids), "run", "runs")
	return s.render(w, http.StatusOK, "compare.html", page{Title: title, Nav: "compare", Data: newComparison(contrast, frames, int64(step))})
}

// chooseView is what is offered to choose from.
type chooseView struct {
	Runs  []tracker.Run
	ids   []string // of those that were requested
	Total int      // runs in the store
	Error string   // why the requested runs are not compared
}

// Chosen reports whether a run was requested.
func (v chooseView) Chosen(id string) bool { return slices.Contains(v.ids, id) }

// chooseRuns offers the latest runs, below those that were requested. reason may be nil.
func (s comparePage) chooseRuns(w http.ResponseWriter, r *http.Request, ids []string, reason error) error {
	data := chooseView{ids: ids}
	status := http.StatusOK
	if reason != nil {
		if status = s.status(r, reason); status == http.StatusInternalServerError || status == http.StatusServiceUnavailable {
			return reason
		}
		data.Error = reason.Error()
	}
	latest, err := s.store.Runs(r.Context(), tracker.RunQuery{Limit: offered})
	if err != nil {
		return err
	}
	data.Total = latest.Total
	for _, id := range ids[:min(len(ids), maxIDs)] {
		run, err := s.store.Run(r.Context(), id)
		if err != nil {
			return err
		}
		data.Runs = append(data.Runs, *run)
	}
	for _, run := range latest.Runs {
		if !slices.Contains(ids, run.ID) {
			data.Runs = append(data.Runs, run)
		}
	}
	return s.render(w, status, "compare-choose.html", page{Title: "Compare", Nav: "compare", Data: data})
}

// compareURL is the address at which runs are compared.
func compareURL(ids []string, more ...string) string {
	query := url.Values{"run": ids}
	for _, name := range more {
		query.Set(name, "1")
	}
	return "/compare?" + query.Encode()
}

// lastStep is a step at which every run shows its final picture.
const lastStep = math.MaxInt

// mostDiffering is how many of the differing settings are below a picture; the table has all.
const mostDiffering = 6

type comparison struct {
	Contrast         *tracker.Contrast
	Columns          []column
	Contents, Styles []pinned
	Sizes            string // a sentence, if the pictures have different sizes
	Shared           []fact // inputs and parameters that all runs have in common
	Choose           string // the address at which other runs are chosen
	Scene            scene
}

type column struct {
	Run      *tracker.Run
	Number   int       // from 1
	Swatch   string    // the classes of its colour, which is also its curve's
	Shown    *snapshot // nil if it has no picture yet
	Settings []fact
	Without  string // the address of the comparison without it
}

// pinned is a picture that runs began with, and the numbers of the runs if not all did.
type pinned struct {
	Picture tracker.Picture
	Of      []int
}

// scene is what the scripts need.
type scene struct {
	Runs     []actor    `json:"runs"`
	Contents []snapshot `json:"contents"`
	Steps    []int64    `json:"steps"` // at which any run has a picture
	Metrics  []metric   `json:"metrics"`
}

type actor struct {
	ID     string     `json:"id"`
	Name   string     `json:"name"`
	Number int        `json:"number"`
	Frames []snapshot `json:"frames"`
}

type metric struct {
	Name string `json:"name"`
	Note string `json:"note"` // on what its values do not say
}

func newComparison(c *tracker.Contrast, frames [][]snapshot, step int64) *comparison {
	v := &comparison{Contrast: c, Contents: pin(c, tracker.RoleContent), Styles: pin(c, tracker.RoleStyle), Sizes: sizes(frames)}
	v.Scene = scene{Contents: []snapshot{}, Steps: []int64{}, Metrics: []metric{}}
	var ids []string
	for i := range c.Runs {
		ids = append(ids, c.Runs[i].ID)
	}
	v.Choose = compareURL(ids, "choose")
	for i := range c.Runs {
		run := &c.Runs[i]
		v.Columns = append(v.Columns, column{
			Run: run, Number: i + 1, Swatch: swatch(i), Shown: frameAt(frames[i], step), Settings: differing(c, i),
			Without: compareURL(slices.Delete(slices.Clone(ids), i, i+1)),
		})
		v.Scene.Runs = append(v.Scene.Runs, actor{run.ID, run.Name, i + 1, frames[i]})
		for _, f := range frames[i] {
			v.Scene.Steps = append(v.Scene.Steps, f.Step)
		}
	}
	slices.Sort(v.Scene.Steps)
	v.Scene.Steps = slices.Compact(v.Scene.Steps)
	for _, p := range v.Contents {
		v.Scene.Contents = append(v.Scene.Contents, snapshot{Hash: p.Picture.Hash, Width: p.Picture.Width, Height: p.Picture.Height})
	}
	for _, r := range c.Final {
		v.Scene.Metrics = append(v.Scene.Metrics, metric{r.Name, v.Note(r)})
	}
	for _, r := range c.Common {
		if r.Kind != tracker.ContrastProvenance {
			v.Shared = append(v.Shared, fact{r.Name, rounded(r.Values[0])})
		}
	}
	return v
}

// frameAt returns the latest of a run's frames at a step or before it.
func frameAt(frames []snapshot, step int64) *snapshot {
	for i := len(frames) - 1; i >= 0; i-- {
		if frames[i].Step <= step {
			return &frames[i]
		}
	}
	return nil
}

// swatch returns the classes of a run's colour, as curves.js gives them to the series of the same
// number.
func swatch(i int) string {
	const colours = 6
	class := "curve-" + strconv.Itoa(i%colours+1)
	if i >= colours {
		class += " dashed"
	}
	return class
}

// pin returns each picture of a role once.
func pin(c *tracker.Contrast, role string) []pinned {
	var list []pinned
	for run, pictures := range c.Inputs {
		for _, p := range pictures {
			if p.Role != role {
				continue
			}
			i := slices.IndexFunc(list, func(known pinned) bool { return known.Picture.Hash == p.Hash })
			if i < 0 {
				i = len(list)
				list = append(list, pinned{Picture: p})
			}
			if !slices.Contains(list[i].Of, run+1) {
				list[i].Of = append(list[i].Of, run+1)
			}
		}
	}
	for i := range list {
		if len(list[i].Of) == len(c.Runs) {
			list[i].Of = nil
		}
	}
	return list
}

// sizes explains how pictures of different sizes are shown; it is "" if they have one size.
func sizes(frames [][]snapshot) string {
	var texts []string
	for _, list := range frames {
		if f := frameAt(list, lastStep); f != nil {
			if text := fmt.Sprintf("%d × %d", f.Width, f.Height); !slices.Contains(texts, text) {
				texts = append(texts, text)
			}
		}
	}
	if len(texts) < 2 {
		return ""
	}
	if len(texts) > 4 {
		texts = append(texts[:3], fmt.Sprintf("and %d others", len(texts)-3))
	}
	return "The pictures have different sizes (" + strings.Join(texts, ", ") +
		"): they are aligned by the fraction of the picture, and 100 % shows the widest at its true pixels."
}

// differing lists what distinguishes a run: its settings that differ.
func differing(c *tracker.Contrast, run int) []fact {
	var list []fact
	for _, r := range c.Differs {
		if r.Kind != tracker.ContrastProvenance && len(list) < mostDiffering {
			list = append(list, fact{r.Name, rounded(r.Distinct(r.Values[run]))})
		}
	}
	return list
}

// Short writes a value of a row. The beginning of a hash is unique enough.
func (*comparison) Short(r tracker.ContrastRow, value any) string {
	text := rounded(r.Distinct(value))
	if r.Kind != tracker.ContrastProvenance || len(text) < 40 || strings.ContainsAny(text, " ./") {
		return text
	}
	return text[:12] + "…"
}

// IsLeast reports whether a value is the least of its row, unless all are equal or cannot be
// compared. For everything that a Stylize logs, less is better.
func (v *comparison) IsLeast(r tracker.ContrastRow, value any) bool {
	least, most := math.Inf(1), math.Inf(-1)
	for _, v := range r.Values {
		if f, ok := v.(float64); ok && !math.IsNaN(f) {
			least, most = min(least, f), max(most, f)
		}
	}
	return value == least && least < most && v.Note(r) == ""
}

// Note explains why the values of a metric cannot be compared: they contain weights that differ;
// see tracker.Unweighted.
func (v *comparison) Note(metric tracker.ContrastRow) string {
	for _, r := range v.Contrast.Differs {
		term, isWeight := strings.CutSuffix(r.Name, "_weight")
		if r.Kind != tracker.ContrastParam || !isWeight {
			continue
		}
		switch metric.Name {
		case term:
			return fmt.Sprintf("not comparable: it holds %s, which differs; compare %s", r.Name, tracker.Unweighted(term))
		case "total":
			return fmt.Sprintf("not comparable: it holds %s, which differs", r.Name)
		}
	}
	return ""
}

// Wide is how many columns the table has.
func (v *comparison) Wide() int { return len(v.Columns) + 1 }
