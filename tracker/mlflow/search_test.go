package mlflow

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gouache-art/gouache/tracker"
)

func TestReadFilter(t *testing.T) {
	for text, want := range map[string]condition{
		"metrics.loss<1":                       {kind: kindMetric, key: "loss", op: "<", text: "1", number: 1},
		" METRIC.`a b` >= -1.5e3 ":             {kind: kindMetric, key: "a b", op: ">=", text: "-1.5e3", number: -1500},
		`params."x.y" = 'it is'`:               {kind: kindParam, key: "x.y", op: "=", text: "it is", isText: true},
		`tags.mlflow.user like "%a%"`:          {kind: kindTag, key: "mlflow.user", op: "LIKE", text: "%a%", isText: true},
		"tag.x is not null":                    {kind: kindTag, key: "x", op: "IS NOT"},
		"status != 'FAILED'":                   {kind: kindAttribute, key: "status", op: "!=", text: "FAILED", isText: true},
		"attributes.`Run name` ilike 'A'":      {kind: kindAttribute, key: "Run name", op: "ILIKE", text: "A", isText: true},
		"params.x = 'a AND tags.y = ''":        {},
		"params.x = ''":                        {kind: kindParam, key: "x", op: "=", isText: true},
		"params.x = ' and tags.y '":            {kind: kindParam, key: "x", op: "=", text: " and tags.y ", isText: true},
		"params.x = '\"; DROP TABLE runs; --'": {kind: kindParam, key: "x", op: "=", text: `"; DROP TABLE runs; --`, isText: true},
	} {
		got, err := readFilter(text, checkRuns)
		if want.kind == "" {
			if err == nil {
				t.Errorf("%s is read as %+v", text, got)
			}
			continue
		}
		if err != nil || len(got) != 1 || got[0].kind != want.kind || got[0].key != want.key || got[0].op != want.op || got[0].text != want.text ||
			got[0].number != want.number || got[0].isText != want.isText {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	if got, err := readFilter("run_id IN ('a', 'b') AND run_id NOT IN ('c')", checkRuns); err != nil || len(got) != 2 || len(got[0].list) != 2 || got[1].op != "NOT IN" {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{
		"metrics", "metrics.", "metrics.x", "metrics.x <", "metrics.x < 1 metrics.y < 2", "metrics.x < 1 OR metrics.y < 2", "(metrics.x < 1)", "metrics.x < 1 AND",
		"AND metrics.x < 1", "metrics.x < NaN", "metrics.x < 1e999", "metrics.x LIKE 'a'", "params.x < 'a'", "params.x = 1", "tags.x IS", "tags.x IS 3", "tags.x NOT NULL",
		"run_id IN", "run_id IN ()", "run_id IN ('a'", "run_id IN ('a' 'b')", "run_id IN (1)", "params.x IN ('a')", "datasets.name = 'x'", "colour = 'red'",
		"params.'x' = 'a'", "params.`x = 'a'", "'", "`", "\"", "params.x = 'a", "\x00", "params.x = 'a\xff'", strings.Repeat("metrics.x < 1 AND ", 200) + "metrics.x < 1",
		"params.x = '" + strings.Repeat("x", maxFilter) + "'",
	} {
		got, err := readFilter(bad, checkRuns)
		if refused, ok := err.(*refusal); !ok || refused.Code != codeInvalid {
			t.Errorf("%.60q: %+v, %v", bad, got, err)
		}
	}
}

// FuzzLike compares like with a regular expression.
func FuzzLike(f *testing.F) {
	for _, s := range []string{"", "%", "_", "a%b_c", "%é%", "__", "%_%", "%%a", "a%", "100%"} {
		f.Add("aébc", s)
		f.Add("100%", s)
	}
	f.Fuzz(func(t *testing.T, text, pattern string) {
		if !utf8.ValidString(text) || !utf8.ValidString(pattern) || len(pattern) > 100 {
			t.Skip()
		}
		expression := strings.NewReplacer("%", ".*", "_", ".").Replace(regexp.QuoteMeta(pattern))
		if want := regexp.MustCompile(`(?s)^(?:` + expression + `)$`).MatchString(text); like(text, pattern) != want {
			t.Errorf("%q is like %q: %v", text, pattern, !want)
		}
	})
}

// FuzzReadFilter: whatever is sent is read or refused.
func FuzzReadFilter(f *testing.F) {
	for _, s := range []string{"metrics.`a b` >= 1 AND tags.x LIKE '%a'", "run_id IN ('a','b')", "params.x IS NOT NULL", "'", "a.b.c=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := readFilter(text, checkRuns)
		if err != nil && err.(*refusal).Code != codeInvalid {
			t.Error(err)
		}
		run := &tracker.Run{}
		for _, c := range list {
			c.holds(run, nil)
			c.narrow(&tracker.Names{})
		}
	})
}

// TestValues: a parameter reads back as the text that was logged, whatever it is kept as.
func TestValues(t *testing.T) {
	for text, want := range map[string]any{
		"1": int64(1), "-7": int64(-7), "0.1": 0.1, "1.0": 1.0, "1e-05": 1e-05, "1e+16": 1e16, "1234567.5": 1234567.5, "True": true, "False": false,
		"01": "01", "1e-3": "1e-3", "1.50": "1.50", "+1": "+1", "true": "true", "nan": "nan", "inf": "inf", "Inf": "Inf", "NaN": "NaN", "+Inf": "+Inf", "": "",
		"0x10": "0x10", "1_000": "1_000", "9223372036854775808": "9223372036854775808", " 1": " 1",
	} {
		got := valueFor(text)
		if textOf(got) != text {
			t.Errorf("%q reads back as %q", text, textOf(got))
		}
		if got != want {
			t.Errorf("%q is kept as %#v, want %#v", text, got, want)
		}
	}
}

// TestExperimentID: the id of an experiment is its name's, and no other text is one.
func TestExperimentID(t *testing.T) {
	for _, name := range []string{"", "night", "größe / 2", strings.Repeat("x", 200)} {
		id := experimentID(name)
		if got, err := experimentName(id); got != name || err != nil {
			t.Errorf("%q has the id %s, which is %q, %v", name, id, got, err)
		}
	}
	for _, bad := range []string{"", "1", "x", "night", "x====", "xbmlnaHQ=", "xAA", "../x", "x" + strings.Repeat("bm", 2000)} {
		if name, err := experimentName(bad); err == nil {
			t.Errorf("%q is the experiment %q", bad, name)
		}
	}
}
