package sweep

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gouache-art/gouache/internal/suggest"
	"github.com/gouache-art/gouache/stylelib/setting"
	"github.com/gouache-art/gouache/tracker"
)

// stylize has settings like those of gouache stylize.
var stylize = Schema{
	Settings: []setting.Setting{
		{Name: "size", Kind: setting.Int, Min: 64, Max: 16384},
		{Name: "iterations", Kind: setting.Int, Min: 1, Max: 100_000},
		{Name: "scales", Kind: setting.Int, Min: 1, Max: 100},
		{Name: "seed", Kind: setting.Int},
		{Name: "content_weight", Kind: setting.Float, Max: math.Inf(1)},
		{Name: "style_weight", Kind: setting.Float, Max: math.Inf(1)},
		{Name: "tv_weight", Kind: setting.Float, Max: math.Inf(1)},
		{Name: "preset", Kind: setting.Text, Choices: []string{"gouache", "neural-style", "article"}},
		{Name: "pooling", Kind: setting.Text, Choices: []string{"max", "avg"}},
		{Name: "init", Kind: setting.Text},
		{Name: "content_layer", Kind: setting.Text, Check: func(v any) error {
			if known := []string{"block4_conv1", "block4_conv2"}; !slices.Contains(known, v.(string)) {
				return suggest.Unknown("layer", v.(string), known)
			}
			return nil
		}},
		{Name: "device", Kind: setting.Text, Choices: []string{"auto", "cpu", "cuda"}},
		{Name: "content", Kind: setting.Text},
		{Name: "style", Kind: setting.Text},
		{Name: "mirror", Kind: setting.Bool},
	},
	Terms: []string{"content", "style", "tv"},
}

func parse(text string) (*File, error) { return Parse([]byte(text), "night.yaml", stylize) }

// TestParseDesign reads the file that the design document shows.
func TestParseDesign(t *testing.T) {
	const text = `name: night-over-tubingen
content: tubingen.jpg          # paths are relative to the file; sample:NAME works too
style: starry_night.jpg
size: 256
iterations: 150
sampler: tpe                   # grid, random, sobol, tpe, cmaes
trials: 40                     # a grid needs none
search:
  style_weight: {log: [1, 1000]}
  content_layer: [block4_conv1, block4_conv2]
  pooling: [max, avg]
minimise: content + style      # terms, or: rating
prune: {median: {after: 40}}
`
	got, err := parse(text)
	if err != nil {
		t.Fatal(err)
	}
	want := &File{
		Name: "night-over-tubingen", Content: "tubingen.jpg", Styles: []Style{{File: "starry_night.jpg", Weight: 1}},
		Fixed: tracker.Params{"size": int64(256), "iterations": int64(150)},
		Search: Space{
			{Name: "style_weight", Kind: setting.Float, Low: 1, High: 1000, Log: true},
			{Name: "content_layer", Kind: setting.Text, Values: []any{"block4_conv1", "block4_conv2"}},
			{Name: "pooling", Kind: setting.Text, Values: []any{"max", "avg"}},
		},
		Sampler: "tpe", Trials: 40, Parallel: 1, Retries: 1, Checkpoint: 30 * time.Second,
		Minimise: Objective{parts: []part{{1, "content", false}, {1, "style", false}}},
		Prune:    &PruneRule{Kind: median, After: 40, Trials: 5, Factor: 4},
		Path:     "night.yaml", Text: []byte(text),
	}
	got.places = nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestParseEverything(t *testing.T) {
	got, err := parse(`# A sweep with all that there is.
name: 2024
content: sample:chelsea
style:
  - a.jpg
  - b.jpg:2.5
  - sample:swirl
  - "sample:glass:0"
  - c.jpg:2@sky.png
  - c.jpg@@frame.png
  - picture: sample:swirl
    region: me.png
  - {picture: a.jpg, weight: 0.5, region: sky.png, part: frame.png}
protect: face.png
strokes-of: d.jpg
weights: vgg19
device: cpu
priority: -5
seed: 7
mirror: true
style-weight: 1e2
checkpoint: 2m
parallel: 3
retries: 0
ratings: 5
trials: 12
sampler: {sobol: {seed: -4}}
minimise: rating
search:
  preset: [gouache, article]
  scales: {linear: [1, 4]}
  tv_weight:
    log: [0.001, 10]
    steps: 5
    when:
      preset: gouache
      seed: [6, 7]
  content_layer: {values: [block4_conv2], when: {scales: [2, 3], preset: [gouache, article]}}
`)
	if err != nil {
		t.Fatal(err)
	}
	want := Space{
		{Name: "preset", Kind: setting.Text, Values: []any{"gouache", "article"}},
		{Name: "scales", Kind: setting.Int, Low: 1, High: 4},
		{Name: "tv_weight", Kind: setting.Float, Low: 0.001, High: 10, Log: true, Steps: 5, When: []Condition{{"preset", []any{"gouache"}}}},
		{Name: "content_layer", Kind: setting.Text, Values: []any{"block4_conv2"}, When: []Condition{
			{"scales", []any{int64(2), int64(3)}}, {"preset", []any{"gouache", "article"}},
		}},
	}
	if !reflect.DeepEqual(got.Search, want) {
		t.Errorf("search: got  %+v\nwant %+v", got.Search, want)
	}
	got.Search, got.Text = nil, nil
	rest := &File{
		Name: "2024", Content: "sample:chelsea", Styles: []Style{
			{"a.jpg", 1, "", ""}, {"b.jpg", 2.5, "", ""}, {"sample:swirl", 1, "", ""}, {"sample:glass", 0, "", ""},
			{"c.jpg", 2, "sky.png", ""}, {"c.jpg", 1, "", "frame.png"}, {"sample:swirl", 1, "me.png", ""}, {"a.jpg", 0.5, "sky.png", "frame.png"},
		},
		Protect: "face.png", StrokesOf: "d.jpg", Weights: "vgg19", Device: "cpu", Priority: -5, Fixed: tracker.Params{"seed": int64(7), "mirror": true, "style_weight": 100.0},
		Sampler: "sobol", Seed: -4, Trials: 12, Parallel: 3, Checkpoint: 2 * time.Minute, Ratings: 5,
		Minimise: Objective{rating: true}, Path: "night.yaml",
	}
	got.places = nil
	if !reflect.DeepEqual(got, rest) {
		t.Errorf("got  %+v\nwant %+v", got, rest)
	}
}

// minimal is a file without mistakes, less the lines that a test gives.
func minimal(lines string) string {
	var b strings.Builder
	for _, line := range []string{
		"name: n", "content: c.jpg", "style: s.jpg", "sampler: random", "trials: 3", "search: {pooling: [max, avg]}",
	} {
		key, _, _ := strings.Cut(line, ":")
		if !strings.Contains("\n"+lines, "\n"+key+":") {
			b.WriteString(line + "\n")
		}
	}
	return b.String() + lines
}

// TestParseMistakes gives each mistake in a file that has no other. In want, the line is counted
// from the first line that is the test's own.
func TestParseMistakes(t *testing.T) {
	for _, c := range []struct{ lines, want string }{
		{"style_wieght: 3", `1:1: unknown key "style_wieght": did you mean "style_weight"?`},
		{"minimize: content", `1:1: unknown key "minimize": did you mean "minimise"?`},
		{"quux: 3", `1:1: unknown key "quux": there are name, content, style, protect, strokes_of, weights, device, priority, search, sampler, trials, parallel, retries, checkpoint, minimise, prune, ratings, size, iterations, scales, seed, content_weight, style_weight, tv_weight and 5 more`},
		{"size: 256\nsize: 512", "2:1: size is here twice: it is in line 7 already"},
		{"tv_weight: 1\ntv-weight: 1", "2:1: tv_weight is here twice: it is in line 7 already"},
		{"size:", "1:1: size has no value"},
		{"size: large", `1:7: size is large: it must be a whole number`},
		{"size: 2.5", `1:7: size is 2.5: it must be a whole number`},
		{"size: 20", "1:7: size is 20: choose 64 to 16384"},
		{"style_weight: -1", "1:15: style-weight is -1: it must be 0 or more"},
		{"style_weight: .inf", `1:15: style-weight is +Inf: it must be a finite number`},
		{"style_weight: [1, 2]", "1:15: one value is needed here, not a list, a mapping or null"},
		{"mirror: yes", `1:9: mirror is yes: it must be true or false`},
		{"preset: goauche", `1:9: preset: unknown value "goauche": did you mean "gouache"?`},
		{"preset: picasso", `1:9: preset: unknown value "picasso": there are gouache, neural-style, article`},
		{"content_layer: block4_conv3", `1:16: unknown layer "block4_conv3": did you mean "block4_conv1"?`},
		{"device: gpu", `1:9: device: unknown value "gpu": did you mean "cpu"?`},
		{"name: ''", "1:7: name is one line of at most 200 bytes"},
		{"style: []", "1:8: the list is empty: it needs a value"},
		{"style: a.jpg:-1", "1:8: the weight of a.jpg is -1: it must be a number from 0 up, such as 0.5"},
		{"style: {picture: a.jpg, weight: -1}", `1:33: the weight of a style is a number from 0 up, such as 0.5, not "-1"`},
		{"style: {picture: a.jpg, weight: much}", `1:33: the weight of a style is a number from 0 up, such as 0.5, not "much"`},
		{"style: {picture: a.jpg, regoin: b.png}", `1:25: unknown key of a style "regoin": did you mean "region"?`},
		{"style: {region: b.png}", "1:9: this style has no picture: add picture: FILE"},
		{"style: [a.jpg:0@b.png, a.jpg]", "1:8: each style of the region b.png is weighted 0: give one of them a weight above 0, or leave them out"},
		{"style: [[a.jpg]]", "1:9: one value is needed here, not a list, a mapping or null"},
		{"priority: 101", `1:11: priority is a whole number from -100 to 100, not "101"`},
		{"priority: -100.5", `1:11: priority is a whole number from -100 to 100, not "-100.5"`},
		{"parallel: 0", `1:11: parallel is a whole number from 1 to 256, not "0"`},
		{"checkpoint: soon", `1:13: checkpoint is a time from 1s to 24h such as 30s, or 0 for never, not "soon"`},
		{"sampler: randm", `1:10: unknown sampler "randm": did you mean "random"?`},
		{"sampler: {random: {sede: 3}}", `1:20: unknown option of random "sede": did you mean "seed"?`},
		{"sampler: {random: {seed: x}}", `1:26: seed is a whole number from -9007199254740992 to 9007199254740992, not "x"`},
		{"sampler: {random: {seed: 1}, tpe: {seed: 2}}", "1:10: sampler is one of cmaes, grid, random, sobol, tpe, or one of them with options, such as {cmaes: {…}}"},
		{"minimise: content + stlye", `1:11: minimise: unknown term "stlye": did you mean "style"?`},
		{"minimise: content + rating", "1:11: minimise: rating cannot be part of a sum: write rating alone"},
		{"minimise: content\nprune: {median: {before: 3}}", `2:18: unknown option of median "before": there are after, trials`},
		{"minimise: content\nprune: {halving: {factor: 1}}", `2:27: factor is a whole number from 2 to 100000, not "1"`},
		{"minimise: content\nprune: mdian", `2:8: unknown prune "mdian": did you mean "median"?`},
		{"minimise: rating\nprune: median", "2:1: pruning compares trials by their losses: minimise must be a sum of terms"},
		{"ratings: 3", "1:1: ratings say how often a trial is compared, and count only with minimise: rating"},
		{"sampler: tpe", "1:10: tpe needs to know what to minimise: add a line such as minimise: content + style, or minimise: rating"},
		{"search: {}", "1:9: search names 0 settings: 1 to 100 can be searched"},
		{"search: {poling: [max]}", `1:10: unknown setting "poling": did you mean "pooling"?`},
		{"search: {pooling: [max, avrg]}", `1:25: pooling: unknown value "avrg": did you mean "avg"?`},
		{"search: {pooling: [max, max]}", "1:25: max is here twice"},
		{"search: {size: [64, 64.0]}", "1:21: 64 is here twice"},
		{"search: {pooling: []}", "1:19: the list is empty: it needs a value"},
		{"search: {pooling: max}", `1:10: pooling is searched over a list or a range, such as [1, 3, 10], {linear: [1, 10]} or {log: [1, 10]}`},
		{"search: {pooling: {linear: [1, 2]}}", "1:28: pooling is a text and has no ranges: list its values"},
		{"search: {tv_weight: {linear: [1]}}", "1:30: a range is two numbers, such as [1, 10]"},
		{"search: {tv_weight: {linear: 1}}", "1:30: a range is two numbers, such as [1, 10]"},
		{"search: {tv_weight: {linear: [2, 2]}}", "1:34: 2 is here twice"},
		{"search: {tv_weight: {linear: [3, 2]}}", "1:30: tv_weight has no range from 3 to 2: the second end must be more than the first, and the first of log above 0"},
		{"search: {tv_weight: {log: [0, 2]}}", "1:27: tv_weight has no range from 0 to 2: the second end must be more than the first, and the first of log above 0"},
		{"search: {tv_weight: {log: [1, 2], linear: [1, 2]}}", "1:10: tv_weight is searched over a list or a range, such as [1, 3, 10], {linear: [1, 10]} or {log: [1, 10]}"},
		{"search: {tv_weight: {lgo: [1, 2]}}", "1:10: tv_weight is searched over a list or a range, such as [1, 3, 10], {linear: [1, 10]} or {log: [1, 10]}\n1:22: unknown key \"lgo\": did you mean \"log\"?"},
		{"search: {tv_weight: {values: [1, 2], steps: 2}}", "1:45: steps divide a range, and tv_weight is a list"},
		{"search: {size: {linear: [32, 128]}}", "1:26: size is 32: choose 64 to 16384"},
		{"search: {size: {linear: [64, 66], steps: 5}}", "1:42: 5 steps are too many for size: two of them are 65"},
		{"search: {size: {linear: [64, 66], steps: 1}}", `1:42: steps is a whole number from 2 to 10000, not "1"`},
		{"size: 64\nsearch: {size: [64]}", "2:10: size is searched here and fixed in line 6: it can be one of the two"},
		{"sampler: grid\nsearch: {tv_weight: {linear: [0, 1]}}", "2:10: grid needs to know how many values of tv_weight to try: add steps, such as {linear: [0, 1], steps: 5}"},
		{"sampler: grid\nsearch: {size: {linear: [64, 10064]}, iterations: {linear: [1, 1000]}}", "1:10: the grid has more than 1000000 points: search less, or choose another sampler"},
		{"sampler: cmaes\nminimise: content\nsearch: {size: [64, 128]}", "3:10: cmaes searches ranges of numbers only, and size is a list: choose another sampler: grid, random, sobol, tpe"},
		{"minimise: total\nsearch: {tv_weight: [1, 2]}", "1:11: total counts each term times its weight, and this sweep searches tv_weight: the least weight would win. Name the terms instead, such as content + style"},
		{"search: {pooling: {values: [max], when: {peset: article}}}", `1:42: unknown setting "peset": did you mean "preset"?`},
		{"search: {pooling: {values: [max], when: {preset: article}}}", "1:42: pooling depends on preset, which must be fixed, as in preset: article, or searched above pooling"},
		{"search: {pooling: {values: [max], when: {pooling: max}}}", "1:42: pooling depends on pooling, which must be fixed, as in pooling: max, or searched above pooling"},
		{"search: {pooling: {values: [max], when: preset}}", "1:41: a mapping of settings is needed here, such as {pooling: [max, avg]}"},
		{"preset: article\nsearch: {pooling: {values: [max], when: {preset: gouache}}}", "2:42: pooling would never be searched: preset is fixed, and is article"},
		{"search:\n  pooling: {values: [max], when: {size: 64}}\n  size: [64]", "2:35: pooling depends on size, which must be fixed, as in size: 64, or searched above pooling"},
		{"search:\n  size: [64]\n  pooling: {values: [max], when: {size: 65}}", "3:35: size never is 65: it is not among what is searched"},
		{"search:\n  tv_weight: {linear: [0, 1]}\n  pooling: {values: [max], when: {tv_weight: 1}}", "3:35: tv_weight is searched over a range without steps: no single value of it can be asked for"},
		{"search:\n  preset: [article, gouache]\n  size: {values: [64, 65], when: {preset: article}}\n  pooling: {values: [max], when: {size: 64, preset: gouache}}",
			"4:45: pooling would never be searched: what it depends on needs another preset"},
		{"size: &a 64", "1:7: anchors, aliases, merged keys, tags and directives are not read here: write the value alone"},
		{"size: !!int 64", "1:7: anchors, aliases, merged keys, tags and directives are not read here: write the value alone"},
		{"---\nname: m", "1:1: a second document begins here: a file describes one sweep"},
		{"size: [1", "1:7: this is not YAML: sequence end token ']' not found"},
	} {
		text := minimal(c.lines)
		offset := strings.Count(text[:strings.Index(text, c.lines)], "\n")
		var want []string
		for _, line := range strings.Split(c.want, "\n") {
			number, rest, _ := strings.Cut(line, ":")
			var n int
			fmt.Sscan(number, &n)
			want = append(want, fmt.Sprintf("night.yaml:%d:%s", n+offset, rest))
		}
		_, err := parse(text)
		if err == nil {
			t.Errorf("%s\nno error, want %s", c.lines, c.want)
			continue
		}
		if got := err.Error(); got != strings.Join(want, "\n") {
			t.Errorf("%s\ngot  %s\nwant %s", c.lines, got, strings.Join(want, "\n"))
		}
		if code := tracker.ErrorCode(err); code != tracker.CodeInvalid {
			t.Errorf("%s: code %s", c.lines, code)
		}
	}
}

func TestParseAllMistakesInOrder(t *testing.T) {
	_, err := parse("style: s.jpg\nsearch:\n  pooling: [mx]\n  size: {linear: [9, 8]}\nsampler: tp\n\ttrials: 3\n")
	if err == nil || !strings.Contains(err.Error(), "night.yaml:6:") {
		t.Errorf("a tab: %v", err)
	}
	_, err = parse("style: s.jpg\nsearch:\n  pooling: [mx]\n  siz: {linear: [9, 8]}\nsampler: tp\ntrials: many\n")
	want := `night.yaml:1:1: name is missing: what the sweep is called
night.yaml:1:1: content is missing: the photograph
night.yaml:3:13: pooling: unknown value "mx": did you mean "max"?
night.yaml:4:3: unknown setting "siz": did you mean "size"?
night.yaml:5:10: unknown sampler "tp": did you mean "tpe"?
night.yaml:6:9: trials is a whole number from 1 to 100000, not "many"`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestParseHugeAndDeep(t *testing.T) {
	for name, text := range map[string]string{
		"huge":          "name: " + strings.Repeat("x", maxFile),
		"flow":          "name: " + strings.Repeat("[", maxFile/2),
		"mappings":      strings.Repeat("{a: ", maxFile/8),
		"sequences":     strings.Repeat("- ", maxFile/3),
		"keys":          strings.Repeat("? ", maxFile/3),
		"indented":      deep(),
		"not UTF-8":     "name: \xff",
		"empty":         "",
		"only comments": "# nothing\n",
		"a list":        "- name",
	} {
		if f, err := parse(text); tracker.ErrorCode(err) != tracker.CodeInvalid {
			t.Errorf("%s: got %v, %v", name, f, err)
		}
	}
}

func deep() string {
	var b strings.Builder
	for i := range 300 {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

// TestParseLineEndings reads what Windows' editors write.
func TestParseLineEndings(t *testing.T) {
	if _, err := parse(strings.ReplaceAll(minimal(""), "\n", "\r\n")); err != nil {
		t.Error(err)
	}
}

func TestSearchedPictures(t *testing.T) {
	f, err := parse("name: n\ncontent: c.jpg\nsampler: grid\nsearch: {style: [a.jpg, sample:swirl, d:2, 'e: f']}\n")
	if err != nil {
		t.Fatal(err)
	}
	if want := []any{"a.jpg", "sample:swirl", "d:2", "e: f"}; f.Styles != nil || !reflect.DeepEqual(f.Search[0].Values, want) {
		t.Errorf("got %+v", f)
	}
	if _, err := parse("name: n\ncontent: c.jpg\nsampler: grid\nsearch: {style: [sample: swirl]}\n"); err == nil {
		t.Error("a mapping is taken for a text")
	}
}

// TestAssign: a continued run has the assignment that it began with, whatever else its record has.
// Names of pictures that are not searched are the file's, not the record's base names.
func TestAssign(t *testing.T) {
	schema := stylize
	schema.Parameters = map[string]string{"content": "content_picture", "style": "style_picture"}
	f, err := Parse([]byte(`
name: n
content: /elsewhere/photo.jpg
sampler: grid
size: 128
search:
  style: [a/x.jpg, /abs/x.jpg]
  preset: [gouache, article]
  tv_weight: {values: [1, 2], when: {preset: gouache}}
`), "sweeps/night.yaml", schema)
	if err != nil {
		t.Fatal(err)
	}
	record := tracker.Params{
		"content_picture": "photo.jpg", "style_picture": "/abs/x.jpg", "preset": "article", "tv_weight": 0.5, "size": int64(128), "margin": int64(4),
	}
	want := Assignment{
		Params:  tracker.Params{"style_picture": "/abs/x.jpg", "preset": "article", "size": int64(128)},
		Content: "/elsewhere/photo.jpg", Styles: []Style{{File: "/abs/x.jpg", Weight: 1}},
	}
	if got := f.Assign(record); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestResolve(t *testing.T) {
	f := &File{Path: "sweeps/night.yaml"}
	for name, want := range map[string]string{
		"a.jpg": "sweeps/a.jpg", "../a.jpg": "a.jpg", "/a.jpg": "/a.jpg", "sample:swirl": "sample:swirl",
	} {
		if got := f.Resolve(name); got != want {
			t.Errorf("Resolve(%q) = %q, want %q", name, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(minimal("style_weight: 3\nprune: median\nminimise: content"))
	f.Add(minimal("search:\n  size: {log: [64, 128], steps: 3, when: {mirror: true}}\nmirror: true\n"))
	f.Add("{name: n, search: {preset: [article, gouache], tv_weight: {linear: [0, 1], when: {preset: article}}}}")
	f.Add("a: &x [*x]\n--- !!map\n? [k]\n: |\n  text\n")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := parse(text)
		if err != nil {
			if tracker.ErrorCode(err) != tracker.CodeInvalid || errors.Unwrap(err) != nil && err.Error() == "" {
				t.Errorf("an error of another kind: %v", err)
			}
			return
		}
		sampler, err := NewSampler(file)
		if err != nil {
			t.Fatalf("no sampler: %v", err)
		}
		p, err := sampler.Ask(1, nil)
		if err != nil {
			t.Fatalf("no first trial: %v", err)
		}
		if _, err := p.Normal(); err != nil {
			t.Fatalf("parameters that no run takes: %v", err)
		}
		for i, active := range file.Search.Active(p) {
			d := &file.Search[i]
			if value, has := p[d.Name]; has != active {
				t.Errorf("%s is active: %v, and in the parameters: %v", d.Name, active, has)
			} else if _, _, ok := d.cell(value); has && !ok {
				t.Errorf("%s is %v, which is not searched", d.Name, value)
			}
		}
	})
}
