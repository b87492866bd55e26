package sweep

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gouache-art/gouache/stylelib/setting"
	"github.com/gouache-art/gouache/tracker"
)

// TestCheck: each value for which a trial would fail has a line, wherever it is in a list, and a range fails at its ends.
func TestCheck(t *testing.T) {
	f, err := parse(`name: n
content: c.jpg
style: s.jpg
sampler: random
trials: 3
iterations: 10
search:
  preset: [article, gouache, neural-style]
  tv_weight: [0.5, 2, 1]
  scales: {linear: [1, 20]}
  size: {values: [64, 512], when: {preset: [gouache, article]}}
`)
	if err != nil {
		t.Fatal(err)
	}
	tried := map[string]int{}
	err = f.Check(func(a Assignment) error {
		tried[fmt.Sprint(a.Params)]++
		size, has := a.Params["size"]
		if has && a.Params["preset"] == "neural-style" {
			t.Errorf("tried: %v", a.Params)
		}
		switch {
		case a.Params["preset"] == "article" && a.Params["tv_weight"] == 2.0:
			return errors.New("article has no tv")
		case a.Params["scales"] == int64(20) && a.Params["iterations"] == int64(10):
			return errors.New("20 scales are out of range")
		case size == int64(512) && a.Params["preset"] == "gouache":
			return errors.New("too large")
		}
		return nil
	})
	const want = `night.yaml:9:20: article has no tv (with preset article, tv_weight 2)
night.yaml:10:24: 20 scales are out of range (with iterations 10, scales 20)
night.yaml:11:23: too large (with preset gouache, size 512)`
	if tracker.ErrorCode(err) != tracker.CodeInvalid || err.Error() != want {
		t.Errorf("got  %v\nwant %v", err, want)
	}
	if err := f.Check(func(Assignment) error { return errors.New("nothing works") }); err.Error() != "night.yaml:2:10: nothing works" {
		t.Errorf("what the settings do not change: %v", err)
	}
	f.Fixed["seed"] = strings.Repeat("x", 5000) // what a store would not take
	if err := f.Check(func(Assignment) error { return nil }); tracker.ErrorCode(err) != tracker.CodeInvalid {
		t.Errorf("a parameter that cannot be recorded: %v", err)
	}
	for name, want := range map[string]string{"content": "2:10", "style": "3:8", "iterations": "6:13", "nothing": "1:1"} {
		if err := f.Mistake(name, nil, errors.New("no")); err.Error() != "night.yaml:"+want+": no" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCheckPictures: a searched picture that is wrong is found by trying the others.
func TestCheckPictures(t *testing.T) {
	schema := stylize
	schema.Parameters = map[string]string{"content": contentPicture, "style": stylePicture}
	f, err := Parse([]byte("name: n\nstyle: s.jpg\nsampler: grid\nsearch:\n  content: [wide.jpg, narrow.jpg]\n  size: [64, 512]\n"), "n.yaml", schema)
	if err != nil {
		t.Fatal(err)
	}
	err = f.Check(func(a Assignment) error {
		if a.Content == "narrow.jpg" && a.Params["size"] == int64(64) {
			return errors.New("too narrow")
		}
		return nil
	})
	if want := "n.yaml:6:10: too narrow (with content_picture narrow.jpg, size 64)"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %v", err, want)
	}
}

// TestCombinations: all of them if they are few, and all pairs if they are many, within the bound.
func TestCombinations(t *testing.T) {
	list := func(name string, n int) Dimension {
		d := Dimension{Name: name, Kind: setting.Text}
		for i := range n {
			d.Values = append(d.Values, fmt.Sprint(name, i))
		}
		return d
	}
	small := Space{
		list("a", 2),
		{Name: "b", Kind: setting.Int, Low: 1, High: 9},
		{Name: "c", Kind: setting.Float, Low: 0.5, High: 2, When: []Condition{{"b", []any{int64(3)}}}},
	}
	want := map[string]bool{}
	for _, a := range []string{"a0", "a1"} {
		want[fmt.Sprint(tracker.Params{"a": a, "b": int64(1)})] = true
		want[fmt.Sprint(tracker.Params{"a": a, "b": int64(9)})] = true
		want[fmt.Sprint(tracker.Params{"a": a, "b": int64(3), "c": 0.5})] = true
		want[fmt.Sprint(tracker.Params{"a": a, "b": int64(3), "c": 2.0})] = true
	}
	got := map[string]bool{}
	for _, p := range small.combinations(100) {
		got[fmt.Sprint(p)] = true
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	numbers := Dimension{Name: "n", Kind: setting.Int}
	for i := range 1000 {
		numbers.Values = append(numbers.Values, int64((i*37+5)%1000))
	}
	ends := Space{list("a", 3), numbers, numbers}
	ends[2].Name = "m"
	if got := ends.combinations(100); len(got) != 3*2*2 {
		t.Errorf("%d combinations of the ends of two lists of numbers and three words", len(got))
	}
	var many Space
	for i := range 12 {
		many = append(many, list(fmt.Sprint("d", i, "_"), 3))
	}
	pairs := map[string]bool{}
	combinations := many.combinations(10_000)
	for _, p := range combinations {
		for i, a := range many {
			for _, b := range many[:i] {
				pairs[fmt.Sprint(p[a.Name], p[b.Name])] = true
			}
		}
	}
	if n := 12 * 11 / 2 * 9; len(pairs) != n || len(combinations) > 2000 {
		t.Errorf("%d pairs in %d combinations, want %d", len(pairs), len(combinations), n)
	}
	var huge Space
	for i := range maxDimensions {
		huge = append(huge, list(fmt.Sprint("d", i, "_"), 50))
	}
	began := time.Now()
	if n := len(huge.combinations(10_000)); n != 10_000 || time.Since(began) > 10*time.Second {
		t.Errorf("%d combinations in %v", n, time.Since(began))
	}
}

// TestParseNone: none, ~ and null mean the same.
func TestParseNone(t *testing.T) {
	for _, word := range []string{"none", "~", "null", "Null", "'none'", ""} {
		f, err := parse(minimal("sampler: grid\nweights: " + word + "\ndevice: " + word + "\nprune: " + word + "\nminimise: " + word +
			"\ntrials: " + word + "\nretries: " + word + "\ncheckpoint: " + word + "\n"))
		if err != nil {
			t.Errorf("%q: %v", word, err)
		} else if f.Weights != "" || f.Device != "" || f.Prune != nil || !f.Minimise.IsZero() || f.Trials != 0 || f.Retries != 0 || f.Checkpoint != 0 {
			t.Errorf("%q: %+v", word, f)
		}
		for _, key := range []string{"size", "content", "name", "sampler"} {
			if _, err := parse(minimal(key + ": " + word + "\n")); key != "content" && key != "name" && err == nil || strings.Trim(word, "noe'") != "" && err == nil {
				t.Errorf("%s: %q is taken", key, word)
			}
		}
	}
}

// TestParseOctal: a number that begins with 0 is refused where a number is meant, whatever it would be.
func TestParseOctal(t *testing.T) {
	for _, number := range []string{"010", "+010", "-010", "08", "00", "0_1", "007"} {
		for _, lines := range []string{
			"size: " + number, "search: {size: [" + number + "]}", "search: {tv_weight: {linear: [" + number + ", 20]}}",
			"sampler: {random: {seed: " + number + "}}", "parallel: " + number, "checkpoint: " + number, "style_weight: " + number,
		} {
			if _, err := parse(minimal(lines)); err == nil || !strings.Contains(err.Error(), "without a 0 before it: some take "+number+" for octal") {
				t.Errorf("%s: %v", lines, err)
			}
		}
	}
	f, err := parse(minimal("name: 007\nsearch: {seed: [0, 10, 0x10, 0o11], tv_weight: [0.5, 0, 0e1]}"))
	if err == nil || !strings.Contains(err.Error(), "0 is here twice") {
		t.Errorf("%+v, %v", f, err)
	}
	if f, err = parse(minimal("name: 007\nsearch: {seed: [0, 10, 0x10, 0o11], tv_weight: [0.5, 0]}")); err != nil || f.Name != "007" ||
		!reflect.DeepEqual(f.Search[0].Values, []any{int64(0), int64(10), int64(16), int64(9)}) {
		t.Errorf("%+v, %v", f, err)
	}
}

// TestParsePaths: paths are as long as the system allows, and names as the tracker does.
func TestParsePaths(t *testing.T) {
	long := strings.Repeat("/folder", 580) + "/長い.jpg" // 4072 bytes
	f, err := parse(minimal("content: " + long + "\nstyle: [" + long + "]\nweights: " + long + "\n"))
	if err != nil || f.Content != long || f.Styles[0].File != long || f.Weights != long {
		t.Errorf("a long path: %v", err)
	}
	if f, err = parse(minimal("content: \"a\\nb\\x1b.jpg\"\n")); err != nil || f.Content != "a\nb\x1b.jpg" {
		t.Errorf("a path with control characters: %v", err)
	}
	for _, lines := range []string{
		"content: " + strings.Repeat("x", 4097), "name: " + strings.Repeat("x", 201), "name: \"a\\nb\"", "name: \"a\\u202eb\"", "content: \"a\\0b\"",
	} {
		if _, err := parse(minimal(lines)); err == nil {
			t.Errorf("%.40s is taken", lines)
		}
	}
	if _, err := parse(minimal("style: [a.jpg:0, b.jpg:0]")); err == nil || !strings.Contains(err.Error(), "each style is weighted 0") {
		t.Errorf("styles that all weigh nothing: %v", err)
	}
}

// TestParseIsBounded: no file keeps the parser busy. Without the bounds some of these take half a minute.
func TestParseIsBounded(t *testing.T) {
	fill := func(unit string) string { return strings.Repeat(unit, maxFile/len(unit)) }
	for _, unit := range []string{"a:\r", "a:\n", "\n", "\r\n", "- ", "{a: ", "[a,", "a,", "'", "\\", "\t", "#\n", "a: b\n", "|\n", "---\n"} {
		for name, text := range map[string]string{
			"": fill(unit), "k: ": "k: " + fill(unit), "k: {": "k: {" + fill(unit) + "}", "k: [": "k: [" + fill(unit) + "]",
			"k: \"": "k: \"" + fill(unit) + "\"", "k: |": "k: |\n  " + fill(unit),
		} {
			began := time.Now()
			if _, err := parse(text); err == nil || time.Since(began) > 5*time.Second {
				t.Errorf("%s and many of %q: %v, %v", name, unit, time.Since(began), err)
			}
		}
	}
	if _, err := parse("\ufeff" + minimal("")); err != nil {
		t.Errorf("a byte order mark: %v", err)
	}
	if _, err := parse(strings.ReplaceAll(minimal(""), "\n", "\r")); err == nil || !strings.Contains(err.Error(), "carriage return") {
		t.Errorf("carriage returns alone: %v", err)
	}
}
