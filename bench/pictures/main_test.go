package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/internal/figures"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sqlite"
)

// execute runs a command line and returns what it prints.
func execute(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out, messages bytes.Buffer
	err := run(t.Context(), args, &out, &messages)
	return out.String(), err
}

// writePlan writes a plan of two small pairs and three contenders into a new folder.
func writePlan(t *testing.T) (dir, plan string) {
	t.Helper()
	dir = t.TempDir()
	for name, sample := range map[string]string{"cat.png": "sample:chelsea", "cup.png": "sample:coffee", "swirl.png": "sample:swirl"} {
		p, err := picture.Load(sample)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Resize(80, 72).Save(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, pair := range []string{"a", "b"} {
		if err := os.Link(filepath.Join(dir, "swirl.png"), filepath.Join(dir, pair+"-old.png")); err != nil {
			t.Fatal(err)
		}
	}
	plan = filepath.Join(dir, "plan.yaml")
	text := `name: night
size: 80
weights: random
device: cpu
pairs:
  - {name: a, content: cat.png, style: swirl.png}
  - {name: b, content: cup.png, style: swirl.png}
contenders:
  - name: gouache
    settings: {iterations: 2, scales: 1, style-layers: "block1_conv1", content_layer: block1_conv2}
  - {name: other, command: [sh, -c, 'test {size} = 80 && test {seconds} != "" && cp "$0" "$1"', "{content}", "{out}"], seconds_of: gouache}
  - {name: old, picture: "{pair}-old.png"}
`
	if err := os.WriteFile(plan, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return dir, plan
}

// TestPlan paints a plan, judges it blind, and reads the report.
func TestPlan(t *testing.T) {
	dir, plan := writePlan(t)
	store := "--store=" + filepath.Join(dir, "store")
	if _, err := execute(t, "paint", plan, store, "--contenders=other"); err == nil {
		t.Error("a contender painted as long as one that has not painted")
	}
	if _, err := execute(t, "paint", plan, store, "--size=70"); err == nil || !strings.Contains(err.Error(), "63") {
		t.Errorf("a picture of 70×63 pixels is too small to be measured, and the error is %v", err)
	}
	for range 2 { // the second time there is nothing to do
		if _, err := execute(t, "paint", plan, store); err != nil {
			t.Fatal(err)
		}
	}

	sitting := filepath.Join(dir, "sitting")
	if _, err := execute(t, "sitting", plan, sitting, store); err != nil {
		t.Fatal(err)
	}
	named := fillIn(t, plan, sitting, filepath.Join(dir, "store"))
	out, err := execute(t, "record", plan, sitting, store)
	if err != nil {
		t.Fatal(err)
	}
	for _, pair := range []string{"a", "b"} {
		if want := fmt.Sprintf("| %s | old > gouache = other | strokes / %s |", pair, named[pair]); !strings.Contains(out, want) {
			t.Errorf("%s is missing in the answers:\n%s", want, out)
		}
	}
	if _, err := execute(t, "record", plan, sitting, store); err == nil {
		t.Error("one sitting was recorded twice")
	}

	sheet := filepath.Join(dir, "sheet.jpg")
	out, err = execute(t, "report", plan, store, "--json", "--sheet="+sheet, "--cell=40")
	if err != nil {
		t.Fatal(err)
	}
	checkReport(t, out)
	m, err := picture.Load(sheet)
	if err != nil {
		t.Fatal(err)
	}
	if want := [2]int{6 + 5*46, 6 + 2*(18+36+6)}; [2]int{m.Width, m.Height} != want {
		t.Errorf("the sheet has %d×%d pixels, not %v", m.Width, m.Height, want)
	}
	if out, err = execute(t, "report", plan, store); err != nil || !strings.Contains(out, "| old | gouache | 2–0–0 | 2–0–0 |") {
		t.Errorf("%v: the report lacks a line:\n%s", err, out)
	}
}

// fillIn fills in a sitting's form: old is best, the others are equal. It returns the letters of
// old by pair.
func fillIn(t *testing.T, plan, dir, storeDir string) map[string]string {
	t.Helper()
	store, err := sqlite.Open(t.Context(), storeDir, sqlite.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	data, err := os.ReadFile(sitting{dir}.key())
	if err != nil {
		t.Fatal(err)
	}
	var key sealed
	if err := json.Unmarshal(data, &key); err != nil {
		t.Fatal(err)
	}
	form, best := "rater: first\nanswers:\n", map[string]string{}
	for pair, runs := range key {
		var rest []string
		for letter, id := range runs {
			run, err := store.Run(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if run.Sweep != "night-80-"+pair || run.Status != tracker.StatusFinished {
				t.Errorf("%s is a trial of %s, and %s", id, run.Sweep, run.Status)
			}
			if run.Params[contenderParam] == "old" {
				best[pair] = letter
			} else {
				rest = append(rest, strings.ToLower(letter))
			}
		}
		// As the words come in a map's order, equals are given in the order of the plan.
		if first, _ := store.Run(t.Context(), runs[strings.ToUpper(rest[0])]); first.Params[contenderParam] != "gouache" {
			rest[0], rest[1] = rest[1], rest[0]
		}
		form += fmt.Sprintf("  %s: {order: %s>%s, why: strokes | %s}\n", pair, best[pair], strings.Join(rest, " = "), best[pair])
	}
	if err := os.WriteFile(sitting{dir}.form(), []byte(form), 0o666); err != nil {
		t.Fatal(err)
	}
	return best
}

// checkReport checks the report that fillIn's answers lead to.
func checkReport(t *testing.T, text string) {
	t.Helper()
	var r report
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Results) != 6 || len(r.Summaries) != 3 || len(r.Preferences) != 6 {
		t.Fatalf("it has %d results, %d summaries and %d preferences", len(r.Results), len(r.Summaries), len(r.Preferences))
	}
	for _, one := range r.Results {
		if len(one.Figures) != len(figures.All) || (one.Seconds == 0) != (one.Contender == "old") {
			t.Errorf("%s by %s has %d figures and took %v s", one.Pair, one.Contender, len(one.Figures), one.Seconds)
		}
		// old is the painting itself, other the photograph.
		switch f := one.Figures; {
		case one.Contender == "old" && (f["hi_ab"] != 1 || f["palette"] != 0):
			t.Errorf("the painting differs from itself: %v", f)
		case one.Contender == "other" && f["ssim"] < 1-1e-9:
			t.Errorf("the photograph differs from itself: %v", f)
		}
	}
	if s := r.Summaries; s[2].Strength.Value <= s[0].Strength.Value || s[0].Strength.Value != s[1].Strength.Value || s[2].Specks != 1 {
		t.Errorf("the summaries are %+v", s)
	}
	want := preference{"gouache", "old", tally{Lost: 2}, tally{Lost: 2}}
	if r.Preferences[1] != want {
		t.Errorf("gouache beside old: %+v, not %+v", r.Preferences[1], want)
	}
}

func TestReadPlanMistakes(t *testing.T) {
	const pairs = "pairs: [{name: a, content: x.png, style: y.png}]\n"
	for _, c := range []struct{ text, want string }{
		{"name: n\n" + pairs, "contenders"},
		{"name: n\nsizes: 3\n" + pairs, "sizes"},
		{"name: n\npairs: [{name: a b, content: x, style: y}]\ncontenders: [{name: c, settings: {}}]", `"a b"`},
		{"name: n\n" + pairs + "contenders: [{name: c, settings: {}}, {name: c, settings: {}}]", `"c"`},
		{"name: n\n" + pairs + "contenders: [{name: c}]", "either"},
		{"name: n\n" + pairs + "contenders: [{name: c, settings: {}, picture: x}]", "either"},
		{"name: n\n" + pairs + "contenders: [{name: c, command: []}]", "either"},
		{"name: n\n" + pairs + "contenders: [{name: c, settings: {style_wieght: 3}}]", "style_weight"},
		{"name: n\n" + pairs + "contenders: [{name: c, settings: {style_weight: -3}}]", "style-weight"},
		{"name: n\n" + pairs + "contenders: [{name: c, settings: {}, objective: {TonWeight: 3}}]", "TonWeight"},
		{"name: n\n" + pairs + "contenders: [{name: c, picture: x, objective: {ToneWeight: 3}}]", "goes with settings"},
		{"name: n\n" + pairs + "contenders: [{name: c, settings: {}, objective: {ToneWeight: -3}}]", "tone"},
		{"name: n\nsize: 7\n" + pairs + "contenders: [{name: c, settings: {}}]", "size"},
		{"name: n\n" + pairs + "contenders: [{name: c, command: [x, '{seconds}']}]", "go together"},
		{"name: n\n" + pairs + "contenders: [{name: c, command: [x, '{weights}']}]", "which weights"},
		{"name: n\n" + pairs + "contenders: [{name: c, command: [x, '{seconds}'], seconds_of: d}]", "comes before"},
	} {
		path := filepath.Join(t.TempDir(), "plan.yaml")
		if err := os.WriteFile(path, []byte(c.text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := readPlan(path, "", 0); err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), path) {
			t.Errorf("%s\n\tgives the error %v, which says nothing of %s", c.text, err, c.want)
		}
	}
}

// TestShippedPlans checks the plans of this folder.
func TestShippedPlans(t *testing.T) {
	for _, name := range []string{"samples.yaml", "pairs.yaml", "controls.yaml"} {
		p, err := readPlan(name, "pictures", 384)
		if err != nil {
			t.Error(err)
		} else if p.Size != 384 || p.sweep(p.Pairs[0]) != p.Name+"-384-"+p.Pairs[0].Name {
			t.Errorf("%s: the size is %d and the first sweep %s", name, p.Size, p.sweep(p.Pairs[0]))
		}
	}
}

// TestPainted checks that a contender whose settings have changed is not taken for the one that
// painted.
func TestPainted(t *testing.T) {
	store, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	p := &plan{Name: "n", Size: 64}
	q, c := pair{Name: "a"}, contender{Name: "c", Settings: map[string]any{"iterations": 3}}
	for status, known := range map[tracker.Status]bool{tracker.StatusFailed: false, tracker.StatusFinished: true} {
		run, err := tracker.Start(t.Context(), store, tracker.NewRun{
			Sweep: p.sweep(q), Trial: 1, Params: tracker.Params{contenderParam: c.Name, planParam: p.text(c)},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := run.Finish(t.Context(), tracker.Outcome{Status: status}); err != nil {
			t.Fatal(err)
		}
		if got, err := p.painted(t.Context(), store, q, c); err != nil || got != known {
			t.Errorf("a painting that %s counts: %v, %v", status, got, err)
		}
		if known {
			other := contender{Name: "c", Settings: map[string]any{"iterations": 4}}
			if _, err := p.painted(t.Context(), store, q, other); err == nil {
				t.Error("other settings paint under the same name")
			}
			if _, err := store.DeleteRuns(t.Context(), []string{run.ID()}, tracker.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestReadOrder(t *testing.T) {
	runs := map[string]string{"A": "1", "B": "2", "C": "3"}
	o, err := readOrder(" c> A =b", 3)
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(o.judgements(runs, "me"))
	want := fmt.Sprint([]tracker.Judgement{
		{Left: "1", Right: "2", Verdict: tracker.Tie, Rater: "me"},
		{Left: "1", Right: "3", Verdict: tracker.RightBetter, Rater: "me"},
		{Left: "2", Right: "3", Verdict: tracker.RightBetter, Rater: "me"},
	})
	if got != want {
		t.Errorf("the judgements are %s, not %s", got, want)
	}
	for _, wrong := range []string{"", "A > B", "A > B > B", "A > B > D", "A > B > C > ", "A B C", "ABC"} {
		if o, err := readOrder(wrong, 3); err == nil {
			t.Errorf("%q is an order: %v", wrong, o)
		}
	}
}

// TestSheet checks that pictures of different shapes keep theirs.
func TestSheet(t *testing.T) {
	wide, high := image.NewGray(image.Rect(0, 0, 40, 20)), image.NewGray(image.Rect(0, 0, 10, 30))
	m := sheet{[][]labelled{{{"a", wide, 20}, {"b", high, 20}}, {{"c", wide, 40}}}}.draw()
	if want := image.Rect(0, 0, 6+26+26, 6+(18+60+6)+(18+20+6)); m.Rect != want {
		t.Errorf("the sheet is %v, not %v", m.Rect, want)
	}
	if r, _, _, _ := m.At(6+25, 6+18+5).RGBA(); r != 0xffff {
		t.Error("there is no gap between two pictures")
	}
}
