package tracker_test

import (
	"encoding/json"
	"fmt"
	"image"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sqlite"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// contender is a run to compare.
type contender struct {
	name            string
	params          tracker.Params
	content, style  int // numbers of pictures
	styleName       string
	provenance      tracker.Provenance
	total           float64
	status          tracker.Status
	withoutMetrics  bool
	withoutPictures bool
}

// fair is a run that is fair to compare with another fair one.
func fair(name string, change func(c *contender)) contender {
	seed := int64(7)
	c := contender{
		name: name, content: 1, style: 2, styleName: "style.jpg", total: 3, status: tracker.StatusFinished,
		params:     tracker.Params{"size": 512, "iterations": 90, "style_weight": 50, "pooling": "avg", "seed": 7},
		provenance: tracker.Provenance{Version: "v1", Commit: "abc", Seed: &seed, Weights: "vgg19"},
	}
	if change != nil {
		change(&c)
	}
	return c
}

// contrast records runs and compares them.
func contrast(t *testing.T, list ...contender) *tracker.Contrast {
	t.Helper()
	store := newStore(t)
	c, err := tracker.NewContrast(t.Context(), store, record(t, store, list...))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newStore(t *testing.T) tracker.Store {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "store"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

func record(t *testing.T, store tracker.Store, list ...contender) []string {
	t.Helper()
	var ids []string
	for _, c := range list {
		n := tracker.NewRun{Name: c.name, Params: c.params, Provenance: c.provenance}
		if !c.withoutPictures {
			n.Inputs = []tracker.NewPicture{
				{Role: tracker.RoleContent, Name: "me.jpg", Data: trackertest.Picture(t, c.content)},
				{Role: tracker.RoleStyle, Name: c.styleName, Data: trackertest.Picture(t, c.style)},
			}
		}
		run, err := tracker.Start(t.Context(), store, n)
		if err != nil {
			t.Fatal(err)
		}
		if !c.withoutMetrics {
			if err := run.Log(1, tracker.Metrics{"total": c.total}); err != nil {
				t.Fatal(err)
			}
		}
		if err := run.LogPicture(t.Context(), tracker.RoleResult, 1, image.NewGray(image.Rect(0, 0, 2, 2))); err != nil {
			t.Fatal(err)
		}
		if c.status != tracker.StatusRunning {
			if err := run.Finish(t.Context(), tracker.Outcome{Status: c.status}); err != nil {
				t.Fatal(err)
			}
		} else {
			t.Cleanup(func() { run.Finish(t.Context(), tracker.Outcome{Status: tracker.StatusFinished}) })
		}
		ids = append(ids, run.ID())
	}
	return ids
}

// rows writes what differs as name: value | value.
func rows(list []tracker.ContrastRow) []string {
	var texts []string
	for _, r := range list {
		var values []string
		for _, v := range r.Values {
			values = append(values, format.Value(v))
		}
		texts = append(texts, fmt.Sprintf("%s %s: %s", r.Kind, r.Name, strings.Join(values, " | ")))
	}
	return texts
}

func TestContrastDiffers(t *testing.T) {
	other := tracker.Provenance{Version: "v1", Commit: "def"}
	for _, test := range []struct {
		name  string
		other func(c *contender)
		want  []string
	}{
		{"nothing", nil, nil},
		{"a number", func(c *contender) { c.params["style_weight"] = 60 }, []string{"param style_weight: 50 | 60"}},
		{"the same number, as a float", func(c *contender) { c.params["style_weight"] = 50.0 }, nil},
		{"a number and the text of it", func(c *contender) { c.params["size"] = "512" }, []string{"param size: 512 | 512"}},
		{"what one lacks", func(c *contender) { delete(c.params, "pooling") }, []string{"param pooling: avg | –"}},
		{"another picture of the same name", func(c *contender) { c.style = 3 }, []string{"input style: style.jpg HASH | style.jpg HASH"}},
		{"the same picture under another name", func(c *contender) { c.styleName = "scream.jpg" }, nil},
		{"another picture", func(c *contender) { c.style, c.styleName = 3, "scream.jpg" }, []string{"input style: style.jpg | scream.jpg"}},
		{"a picture without a name", func(c *contender) { c.style, c.styleName = 3, "" }, []string{"input style: style.jpg | HASH"}},
		{"no pictures", func(c *contender) { c.withoutPictures = true }, []string{"input content: me.jpg | –", "input style: style.jpg | –"}},
		{"the program", func(c *contender) { c.provenance = other }, []string{"provenance commit: abc | def"}},
		{"an unknown program", func(c *contender) { c.provenance.Commit = "" }, []string{"provenance commit: abc | –"}},
		{"a result alone", func(c *contender) { c.total = 9 }, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := contrast(t, fair("one", nil), fair("two", test.other))
			got := rows(c.Differs)
			for i := range got {
				for _, inputs := range c.Inputs {
					for _, p := range inputs {
						got[i] = strings.ReplaceAll(got[i], p.Hash[:8], "HASH")
					}
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("what differs is %q, not %q", got, test.want)
			}
		})
	}
}

func TestContrastLargeNumbers(t *testing.T) {
	// As float64s these are one number.
	c := contrast(t, fair("one", func(c *contender) { c.params["seed"] = int64(1<<53 + 1) }), fair("two", func(c *contender) { c.params["seed"] = int64(1 << 53) }))
	if got := rows(c.Differs); !slices.Equal(got, []string{"param seed: 9007199254740993 | 9007199254740992"}) {
		t.Errorf("what differs is %q", got)
	}
}

func TestContrastUnfair(t *testing.T) {
	for _, test := range []struct {
		name  string
		other func(c *contender)
		want  []string
	}{
		{"fair", func(c *contender) { c.params["style_weight"] = 60 }, nil},
		{"another style", func(c *contender) { c.style = 3 }, nil},
		{"another content", func(c *contender) { c.content = 3 }, []string{"they repaint different content pictures"}},
		{"another size", func(c *contender) { c.params["size"] = 256 }, []string{"their pictures have different sizes (512, 256)"}},
		{"the same size, as a float", func(c *contender) { c.params["size"] = 512.0 }, nil},
		{"an unknown size", func(c *contender) { delete(c.params, "size") }, []string{"their pictures have different sizes (512, –)"}},
		{"another seed", func(c *contender) { c.params["seed"] = 8 }, []string{"they began with different seeds (7, 8)"}},
		{"the same seed, told elsewhere", func(c *contender) { delete(c.params, "seed") }, nil},
		{"another budget", func(c *contender) { c.params["iterations"] = 40 }, []string{"they had different numbers of iterations to spend (90, 40)"}},
		{"other weights", func(c *contender) { c.provenance.Weights = "vgg16-hed" }, []string{"they were painted with different weights (vgg19, vgg16-hed)"}},
		{"failed", func(c *contender) { c.status = tracker.StatusFailed }, []string{"two is failed: its picture is not what its settings lead to"}},
		{"running", func(c *contender) { c.status = tracker.StatusRunning }, []string{"two is running: its picture is not what its settings lead to"}},
		{"two things", func(c *contender) { c.content, c.status = 3, tracker.StatusInterrupted },
			[]string{"they repaint different content pictures", "two is interrupted: its picture is not what its settings lead to"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := contrast(t, fair("one", nil), fair("two", test.other)).Unfair; !slices.Equal(got, test.want) {
				t.Errorf("the reasons are %q, not %q", got, test.want)
			}
		})
	}
}

func TestContrastFinal(t *testing.T) {
	c := contrast(t, fair("one", nil), fair("two", func(c *contender) { c.total = math.NaN() }), fair("three", func(c *contender) { c.withoutMetrics = true }))
	if got := rows(c.Final); !slices.Equal(got, []string{"metric total: 3 | NaN | –"}) || c.Final[0].Same {
		t.Errorf("the final values are %q, same: %v", got, c.Final[0].Same)
	}
	text, err := json.Marshal(c.Final)
	if err != nil || string(text) != `[{"name":"total","kind":"metric","values":[3,"NaN",null],"same":false}]` {
		t.Errorf("their JSON is %s, %v", text, err)
	}
	nan := func(c *contender) { c.total = math.NaN() }
	if c := contrast(t, fair("one", nan), fair("two", nan)); !c.Final[0].Same {
		t.Error("NaN and NaN are said to differ")
	}
}

func TestContrastInputs(t *testing.T) {
	c := contrast(t, fair("one", nil), fair("two", nil))
	for i, inputs := range c.Inputs {
		var roles []string
		for _, p := range inputs {
			roles = append(roles, p.Role)
		}
		if want := []string{tracker.RoleContent, tracker.RoleStyle}; !slices.Equal(roles, want) { // and not the result
			t.Errorf("the inputs of run %d are %q, not %q", i, roles, want)
		}
	}
	if len(c.Runs) != 2 || c.Runs[0].Name != "one" || c.Runs[1].Name != "two" {
		t.Errorf("the runs are %v", c.Runs)
	}
}

func TestContrastInvalid(t *testing.T) {
	store := newStore(t)
	var list []contender
	for i := range tracker.MaxContrast + 1 {
		list = append(list, fair(fmt.Sprint(i), nil))
	}
	ids := record(t, store, list...)
	if _, err := tracker.NewContrast(t.Context(), store, ids[1:]); err != nil {
		t.Errorf("%d runs: %v", tracker.MaxContrast, err)
	}
	for _, test := range []struct {
		ids  []string
		code tracker.Code
		text string
	}{
		{nil, tracker.CodeInvalid, "there are 0 runs to compare: choose 2 to 12"},
		{ids[:1], tracker.CodeInvalid, "there are 1 runs to compare: choose 2 to 12"},
		{ids, tracker.CodeInvalid, "there are 13 runs to compare: choose 2 to 12"},
		{[]string{ids[0], ids[1], ids[0]}, tracker.CodeInvalid, "run " + ids[0] + " is named twice: choose different runs to compare"},
		{[]string{ids[0], strings.Repeat("0", len(ids[0]))}, tracker.CodeNotFound, "there is no run"},
	} {
		_, err := tracker.NewContrast(t.Context(), store, test.ids)
		if tracker.ErrorCode(err) != test.code || !strings.Contains(fmt.Sprint(err), test.text) {
			t.Errorf("%d runs: the error is %v (%s), not %q (%s)", len(test.ids), err, tracker.ErrorCode(err), test.text, test.code)
		}
	}
}

// TestDistinct: a string and a number that are written alike differ.
func TestDistinct(t *testing.T) {
	row := tracker.ContrastRow{Values: []any{"0.1", 0.1, "x", nil, true, "true"}}
	want := []any{`"0.1"`, 0.1, "x", nil, true, `"true"`}
	for i, v := range row.Values {
		if got := row.Distinct(v); got != want[i] {
			t.Errorf("%#v becomes %#v, want %#v", v, got, want[i])
		}
	}
}
