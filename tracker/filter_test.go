package tracker_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

var testNames = &tracker.Names{Params: []string{"both", "pooling", "style_weight"}, Metrics: []string{"both", "total"}}

// resolveText parses and resolves a filter.
func resolveText(text string) (tracker.Expr, error) {
	f, err := tracker.ParseFilter(text)
	if err != nil {
		return nil, err
	}
	return f.Resolve(testNames)
}

func TestFilterErrors(t *testing.T) {
	for _, test := range []struct{ filter, want string }{
		{"é == 1 && total & 5", "at letter 17"},
		{"total >", "it ends where there should be a word, a number or a text in quotes after >"},
		{"night > 5", `at letter 1 of ` + "`night > 5`" + `: unknown name "night"`},
		{"(total > 5", "at letter 1 of `(total > 5`: nothing closes this parenthesis"},
		{"total > 5)", `there is ")"`},
		{"name == 'a", "at letter 9 of `name == 'a`: nothing closes this quote"},
		{"& total", `there is "&"`},
		{"'total' > 5", "at letter 1 of `'total' > 5`: 'total' is in quotes: the name of a parameter, metric or field stands before > without them"},
		{"salt & pepper", `there is "&" where there should be && or ||`},
		{"stile_weight > 5", `at letter 1 of ` + "`stile_weight > 5`" + `: unknown name "stile_weight": did you mean "style_weight"?`},
		{"total > 1 && style-weight > 5", `at letter 14 of ` + "`total > 1 && style-weight > 5`" + `: unknown name "style-weight": did you mean "style_weight"?`},
		{"metric.pooling == avg", `unknown metric "pooling": there are both, total`},
		{"both > 1", "both is a parameter and a metric: write param.both or metric.both"},
		{"started > yesterday", "started is a time: write it as 2026-11-24"},
		{"started ~ 2026", "it cannot be compared with ~"},
		{strings.Repeat("(", 200) + "total>1" + strings.Repeat(")", 200), "more than 100 nested"},
		{strings.Repeat("!", 200) + "total>1", "more than 100 nested"},
		{strings.Repeat("total>1&&", 200) + "total>1", "more than 100 comparisons"},
		{strings.Repeat("a ", 200), "more than 100 comparisons and words"},
		{"name == '" + strings.Repeat("x", 5000) + "'", "at most 4096"},
		{"name == \xff", "UTF-8"},
	} {
		_, err := resolveText(test.filter)
		if tracker.ErrorCode(err) != tracker.CodeInvalid || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s\ngives %v,\nwant  %s", test.filter, err, test.want)
		}
	}
}

func TestMatchTime(t *testing.T) {
	r := &tracker.Run{StartedAt: time.Date(2026, 11, 24, 18, 30, 5, 0, time.Local)}
	for text, want := range map[string]bool{
		"started == 2026-11-24":            true,
		"started == 2026-11-23":            false,
		"started != 2026-11-24":            false,
		"started >= 2026-11-24":            true,
		"started > 2026-11-24":             false,
		"started <= 2026-11-24":            true,
		"started < 2026-11-24":             false,
		"started < 2026-11-25":             true,
		"started == 2026-11-24T18:30":      true,
		"started == '2026-11-24 18:30:05'": true,
		"started > '2026-11-24 18:30:04'":  true,
		"started == 2026-11-24T18:31":      false,
		"ended > 2000-01-01":               false, // it has not ended
		"ended != 2000-01-01":              true,
	} {
		e, err := resolveText(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if got := trackertest.Match(e, r); got != want {
			t.Errorf("%s is %v, want %v", text, got, want)
		}
	}
}

func TestPrecedence(t *testing.T) {
	r := &tracker.Run{Params: tracker.Params{"pooling": "avg", "style_weight": int64(5)}, Final: tracker.Metrics{"total": 1}}
	for text, want := range map[string]bool{
		"pooling==avg || pooling==max && total>5":          true,
		"(pooling==avg || pooling==max) && total>5":        false,
		"!pooling==max && style_weight==5":                 true,
		"!(pooling==max || total==1)":                      false,
		"!!pooling==avg":                                   true,
		"  pooling  ==\tavg\n&& style_weight == +5.0":      true,
		"pooling==\"a\\vg\" && style_weight=5 && total>-1": true,
	} {
		e, err := resolveText(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if got := trackertest.Match(e, r); got != want {
			t.Errorf("%s is %v, want %v", text, got, want)
		}
	}
}

// TestBuiltFilters builds filters, writes them and parses the result.
func TestBuiltFilters(t *testing.T) {
	typed, err := tracker.ParseFilter("size>3 || rating = 5")
	if err != nil {
		t.Fatal(err)
	}
	both, err := tracker.ParseFilter(` a==1 && !b == "it's" `)
	if err != nil {
		t.Fatal(err)
	}
	neither, err := tracker.ParseFilter("!(size>3 || rating = 5)")
	if err != nil {
		t.Fatal(err)
	}
	twice, err := tracker.ParseFilter("!(!(a == 1 || b == 1))")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 24, 18, 30, 5, 123456000, time.FixedZone("", 3600))
	for _, test := range []struct {
		built *tracker.Filter
		want  string
	}{
		{nil, ""},
		{tracker.All(), ""},
		{tracker.All(nil, nil), ""},
		{tracker.Any(), ""},
		{tracker.Any(tracker.Where("a", tracker.Equal, 1), nil), ""},
		{tracker.Where("sweep", tracker.Equal, "night"), "sweep == night"},
		{tracker.Where("sweep", tracker.Equal, ""), `sweep == ""`},
		{tracker.Where("name", tracker.Contains, `to "show" \ &&`), `name ~ "to \"show\" \\ &&"`},
		{tracker.Where("trial", tracker.Greater, 0), "trial > 0"},
		{tracker.Where("x", tracker.LessEqual, -1.5e300), "x <= -1.5e+300"},
		{tracker.Where("x", tracker.Equal, true), "x == true"},
		{tracker.Where("status", tracker.NotEqual, tracker.StatusFailed), "status != failed"},
		{tracker.Where("started", tracker.Less, at), "started < \"2026-11-24T17:30:05.123456Z\""},
		{typed, "size>3 || rating = 5"},
		{tracker.All(typed), "size>3 || rating = 5"},
		{tracker.All(nil, typed, tracker.Where("trial", tracker.Greater, 0)), "(size>3 || rating = 5) && trial > 0"},
		{tracker.All(tracker.Where("x", tracker.Equal, 1), both), `x == 1 && a==1 && !(b == "it's")`},
		{tracker.All(tracker.All(tracker.Where("a", tracker.Equal, 1), tracker.Where("b", tracker.Equal, 2)), tracker.Where("c", tracker.Equal, 3)), "a == 1 && b == 2 && c == 3"},
		{tracker.Any(typed, tracker.Where("c", tracker.Equal, 3), tracker.All(tracker.Where("a", tracker.Equal, 1), tracker.Where("b", tracker.Equal, 2))), "size>3 || rating = 5 || c == 3 || a == 1 && b == 2"},
		{tracker.All(neither, twice), "!(size>3 || rating = 5) && !!(a == 1 || b == 1)"},
	} {
		got := test.built.String()
		if got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
		parsed, err := tracker.ParseFilter(got)
		if err != nil {
			t.Errorf("%s: %v", got, err)
			continue
		}
		x, err := test.built.Resolve(&tracker.Names{})
		if err != nil {
			t.Errorf("%s: %v", got, err)
		}
		y, err := parsed.Resolve(&tracker.Names{})
		if err != nil {
			t.Errorf("%s: %v", got, err)
		}
		if !reflect.DeepEqual(plain(x), plain(y)) {
			t.Errorf("%s is read as another filter", got)
		}
	}
	for _, f := range []*tracker.Filter{tracker.Where("stile_weight", tracker.Equal, 1), tracker.Where("name", tracker.Equal, "a\x00b"), tracker.Where("name", tracker.Equal, "\xff"), tracker.Where("started", tracker.Less, "soon")} {
		if _, err := f.Resolve(testNames); tracker.ErrorCode(err) != tracker.CodeInvalid {
			t.Errorf("%s: the error is %v", f, err)
		}
	}
}

// plain is an expression without its comparisons' positions in a text.
func plain(e tracker.Expr) any {
	list := func(list []tracker.Expr) []any {
		var all []any
		for _, e := range list {
			all = append(all, plain(e))
		}
		return all
	}
	switch e := e.(type) {
	case nil:
		return nil
	case tracker.And:
		return []any{"and", list(e)}
	case tracker.Or:
		return []any{"or", list(e)}
	case tracker.Not:
		return []any{"not", plain(e.X)}
	}
	if w, ok := e.(*tracker.Word); ok {
		return w.Text
	}
	c := e.(*tracker.Comparison)
	return []any{c.Operand, c.Op, c.Literal}
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]any{
		"50": int64(50), "-1": int64(-1), "0.5": 0.5, "1e3": 1e3, "9223372036854775808": 9223372036854775808.0,
		"true": nil, "avg": nil, "": nil, "inf": nil, "nan": nil, "0x10": nil, "1e999": nil, "1_000": nil,
	} {
		if c, _ := tracker.Where("x", tracker.Equal, text).Comparison(); c.Literal.Number != want {
			t.Errorf("%q is the number %#v, want %#v", text, c.Literal.Number, want)
		}
	}
}

func TestTerms(t *testing.T) {
	for text, want := range map[string][]string{
		"":                                 nil,
		"a==1":                             {"a==1"},
		"(a == 1 || b == 2)":               {"(a == 1 || b == 2)"},
		"(a==1||b==2) && (c == 3 && d==4)": {"a==1 || b==2", "c == 3", "d==4"},
		"cat 'first snow' c==3 || !it's":   {"cat 'first snow' c==3 || !it's"},
		"cat 'first snow' (c==3||it's)":    {"cat", "'first snow'", "c==3 || it's"},
	} {
		f, err := tracker.ParseFilter(text)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, term := range f.Terms() {
			got = append(got, term.String())
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
	if c, ok := tracker.Where("tag", tracker.Equal, "a").Comparison(); !ok || c.Name != "tag" || c.Op != tracker.Equal || c.Literal.Text != "a" {
		t.Errorf("got %+v, %v", c, ok)
	}
}

func TestEmptyStoreKnowsAnyName(t *testing.T) {
	f, err := tracker.ParseFilter("style_weight > 50")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Resolve(&tracker.Names{}); err != nil {
		t.Error(err)
	}
}

func TestParseSortErrors(t *testing.T) {
	for _, text := range []string{",", "a,,b", "-", strings.Repeat("a,", 20) + "a"} {
		if _, err := tracker.ParseSort(text); tracker.ErrorCode(err) != tracker.CodeInvalid {
			t.Errorf("%q: the error is %v", text, err)
		}
	}
}

// FuzzFilter looks for texts that make the parser panic, hang or fail with an error of the wrong
// kind.
func FuzzFilter(f *testing.F) {
	for _, text := range []string{"", "style_weight>50 && pooling==avg", "!(a~'b\\'c')||started>=2026-01-01", "\"", "((", "a\x00", "é!=ü", "a 'b c' !d"} {
		f.Add(text)
	}
	run := &tracker.Run{Params: tracker.Params{"pooling": true, "style_weight": 1.5}, Final: tracker.Metrics{"total": 2}, Tags: []string{"a"}}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := resolveText(text)
		if err != nil {
			if tracker.ErrorCode(err) != tracker.CodeInvalid {
				t.Errorf("%q: the error %v has the code %s", text, err, tracker.ErrorCode(err))
			}
			return
		}
		if trackertest.Match(e, run) == trackertest.Match(tracker.Not{e}, run) {
			t.Errorf("%q and its negation agree", text)
		}
	})
}
