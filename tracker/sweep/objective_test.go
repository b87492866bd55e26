package sweep

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/tracker"
)

var terms = []string{"content", "style", "tv", "my-own.term"}

func TestParseObjective(t *testing.T) {
	for _, c := range []struct {
		text, written string // written is the text in its canonical form, if that is another
		metrics       []string
		value         float64 // with losses of 2, 8, 32, … that began at half of that
	}{
		{text: "content", metrics: []string{"loss.content"}, value: 2},
		{text: "content + style", metrics: []string{"loss.content", "loss.style"}, value: 10},
		{text: " 0.5*content+2 * style ", written: "0.5*content + 2*style", metrics: []string{"loss.content", "loss.style"}, value: 17},
		{text: "relative( style )", written: "relative(style)", metrics: []string{"loss.style"}, value: 2},
		{text: "1e+1*relative(style) + 1E-1*tv + style", written: "10*relative(style) + 0.1*tv + style",
			metrics: []string{"loss.style", "loss.tv"}, value: 31.2},
		{text: "total", metrics: []string{"total"}, value: 512},
		{text: "1e3*my-own.term", written: "1000*my-own.term", metrics: []string{"loss.my-own.term"}, value: 128_000},
	} {
		o, err := ParseObjective(c.text, terms)
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		if c.written == "" {
			c.written = c.text
		}
		if o.String() != c.written || !reflect.DeepEqual(o.Metrics(), c.metrics) || o.IsRating() || o.IsZero() {
			t.Errorf("%q: got %q of %v", c.text, o, o.Metrics())
		}
		values := map[string]float64{"loss.content": 2, "loss.style": 8, "loss.tv": 32, "loss.my-own.term": 128, "total": 512}
		got := o.Eval(func(name string) (first, now float64, ok bool) {
			v, ok := values[name]
			return v / 2, v, ok
		})
		if math.Abs(got-c.value) > 1e-12*c.value { // some roundings
			t.Errorf("%q: got %v, want %v", c.text, got, c.value)
		}
	}
	o, err := ParseObjective(" rating ", terms)
	if err != nil || !o.IsRating() || o.String() != "rating" || o.Metrics() != nil {
		t.Errorf("rating: got %+v, %v", o, err)
	}
	if (Objective{}).IsZero() == false || !math.IsNaN(Objective{}.Eval(nil)) {
		t.Error("the zero Objective has a value")
	}
}

func TestParseObjectiveMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "a term is missing",
		"content +":                       "a term is missing",
		"2*":                              "a term is missing",
		"relative()":                      "a term is missing",
		"content + stlye":                 `unknown term "stlye": did you mean "style"?`,
		"loss.content":                    `unknown term "loss.content": there are content, style, tv, my-own.term, total, rating`,
		"relative(style":                  `unknown term "relative(style"`,
		"0*content":                       `the factor "0" of "0*content": it must be a number above 0`,
		"-1*content":                      "it must be a number above 0",
		"x*content":                       `the factor "x"`,
		"inf*content":                     "it must be a number above 0",
		"2*3*content":                     `unknown term "3*content"`,
		"rating + style":                  "rating cannot be part of a sum",
		"content - style":                 `unknown term "content - style"`,
		strings.Repeat("tv+", 100) + "tv": "101 terms are too many",
	} {
		o, err := ParseObjective(text, terms)
		if tracker.ErrorCode(err) != tracker.CodeInvalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, %v, want %s", text, o, err, want)
		}
	}
}

func TestObjectiveWithoutValue(t *testing.T) {
	o, err := ParseObjective("content + relative(style)", terms)
	if err != nil {
		t.Fatal(err)
	}
	for name, metric := range map[string]func(string) (float64, float64, bool){
		"a metric is missing":    func(name string) (float64, float64, bool) { return 1, 1, name != "loss.style" },
		"the first value is 0":   func(string) (float64, float64, bool) { return 0, 1, true },
		"the value is no number": func(string) (float64, float64, bool) { return 1, math.NaN(), true },
	} {
		if got := o.Eval(metric); !math.IsNaN(got) {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func FuzzParseObjective(f *testing.F) {
	for _, text := range []string{
		"rating", "0.5*content + 2*relative(style)", "1e+1*total+tv", "1E+", "e+e", "relative(relative(tv))",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, err := ParseObjective(text, terms)
		if err != nil {
			return
		}
		again, err := ParseObjective(o.String(), terms)
		if err != nil || !reflect.DeepEqual(o, again) {
			t.Errorf("%q is written %q, which is read as %+v, %v", text, o, again, err)
		}
		if got := o.Eval(func(string) (float64, float64, bool) { return 1, 1, true }); !o.IsRating() && !(got > 0) {
			t.Errorf("%q has the value %v", text, got)
		}
	})
}
