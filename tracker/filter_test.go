package tracker

import (
	"strings"
	"testing"
	"time"
)

var testNames = &Names{Params: []string{"both", "pooling", "style_weight"}, Metrics: []string{"both", "total"}}

// resolveText parses and resolves a filter.
func resolveText(text string) (Expr, error) {
	f, err := ParseFilter(text)
	if err != nil {
		return nil, err
	}
	return f.Resolve(testNames)
}

func TestFilterErrors(t *testing.T) {
	for _, test := range []struct{ filter, want string }{
		{"style_weight", "at letter 13 of `style_weight`: it ends where there should be one of =="},
		{"é == 1 && total ? 5", "at letter 17"},
		{"total >", "it ends where there should be a word, a number or a text in quotes after >"},
		{"total > 5 pooling == avg", `at letter 11 of `},
		{"(total > 5", "at letter 1 of `(total > 5`: nothing closes this parenthesis"},
		{"total > 5)", `there is ")"`},
		{"name == 'a", "at letter 9 of `name == 'a`: nothing closes this quote"},
		{"& total", `there is "&"`},
		{"'total' > 5", `the name of a parameter, metric or field`},
		{"stile_weight > 5", `at letter 1 of ` + "`stile_weight > 5`" + `: unknown name "stile_weight": did you mean style_weight?`},
		{"total > 1 && style-weight > 5", `at letter 14 of ` + "`total > 1 && style-weight > 5`" + `: unknown name "style-weight": did you mean style_weight?`},
		{"metric.pooling == avg", `unknown metric "pooling": there are both, total`},
		{"both > 1", "both is a parameter and a metric: write param.both or metric.both"},
		{"started > yesterday", "started is a time: write it as 2026-11-24"},
		{"started ~ 2026", "it cannot be compared with ~"},
		{strings.Repeat("(", 200) + "total>1" + strings.Repeat(")", 200), "more than 100 nested"},
		{strings.Repeat("!", 200) + "total>1", "more than 100 nested"},
		{strings.Repeat("total>1&&", 200) + "total>1", "more than 100 comparisons"},
		{"name == '" + strings.Repeat("x", 5000) + "'", "at most 4096"},
		{"name == \xff", "UTF-8"},
	} {
		_, err := resolveText(test.filter)
		if ErrorCode(err) != CodeInvalid || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s\ngives %v,\nwant  %s", test.filter, err, test.want)
		}
	}
}

func TestMatchTime(t *testing.T) {
	r := &Run{StartedAt: time.Date(2026, 11, 24, 18, 30, 5, 0, time.Local)}
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
		} else if got := Match(e, r); got != want {
			t.Errorf("%s is %v, want %v", text, got, want)
		}
	}
}

func TestPrecedence(t *testing.T) {
	r := &Run{Params: Params{"pooling": "avg", "style_weight": int64(5)}, Final: Metrics{"total": 1}}
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
		} else if got := Match(e, r); got != want {
			t.Errorf("%s is %v, want %v", text, got, want)
		}
	}
}

func TestEmptyStoreKnowsAnyName(t *testing.T) {
	f, err := ParseFilter("style_weight > 50")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Resolve(&Names{}); err != nil {
		t.Error(err)
	}
}

func TestParseSortErrors(t *testing.T) {
	for _, text := range []string{",", "a,,b", "-", strings.Repeat("a,", 20) + "a"} {
		if _, err := ParseSort(text); ErrorCode(err) != CodeInvalid {
			t.Errorf("%q: the error is %v", text, err)
		}
	}
}

// FuzzFilter looks for texts that make the parser panic, take for ever, or fail with an error of the wrong kind.
func FuzzFilter(f *testing.F) {
	for _, text := range []string{"", "style_weight>50 && pooling==avg", "!(a~'b\\'c')||started>=2026-01-01", "\"", "((", "a\x00", "é!=ü"} {
		f.Add(text)
	}
	run := &Run{Params: Params{"pooling": true, "style_weight": 1.5}, Final: Metrics{"total": 2}, Tags: []string{"a"}}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := resolveText(text)
		if err != nil {
			if ErrorCode(err) != CodeInvalid {
				t.Errorf("%q: the error %v has the code %s", text, err, ErrorCode(err))
			}
			return
		}
		if Match(e, run) == Match(Not{e}, run) {
			t.Errorf("%q and its negation agree", text)
		}
	})
}
