package trackertest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

func testPaging(t *testing.T, store tracker.Store) {
	var want []string
	for i := range 7 {
		create(t, store, tracker.NewRun{Name: fmt.Sprint(i)})
		want = append([]string{fmt.Sprint(i)}, want...) // the latest first
	}
	for offset := range 8 {
		page := must(store.Runs(t.Context(), tracker.RunQuery{Offset: offset, Limit: 3}))(t)
		var got []string
		for _, r := range page.Runs {
			got = append(got, r.Name)
		}
		wantList(t, fmt.Sprint("from ", offset), got, want[offset:min(offset+3, 7)])
		wantEqual(t, "the total", page.Total, 7)
	}
}

// examples adds the runs of testFilters and testSort.
func examples(t *testing.T, store tracker.Store) {
	for _, n := range []tracker.NewRun{
		{Name: "a", Experiment: "Night", Params: tracker.Params{"style_weight": 10, "pooling": "avg"}, Tags: []string{"good", "to show"}, Note: "Snow's first"},
		{Name: "b", Experiment: "night", Params: tracker.Params{"style_weight": 100.5, "pooling": "max", "noise": true}},
		{Name: "c", Experiment: "day", Params: tracker.Params{"style_weight": "60", "pooling": "avg", "seed": int64(1)<<60 + 1}, Tags: []string{"good"}},
		{Name: `d'"%_\`, Params: tracker.Params{"x": -1}},
	} {
		run := create(t, store, n)
		if n.Name < "d" {
			appendPoints(t, store, run.ID, "total", tracker.Point{Step: 1, Value: float64(10 * len(n.Params))})
		}
		if n.Name == "b" {
			addPicture(t, store, run.ID, tracker.NewPicture{Role: tracker.RoleStyle, Name: "Whiskers.png", Data: Picture(t, 1)})
			addPicture(t, store, run.ID, tracker.NewPicture{Role: tracker.RoleResult, Name: "result.png", Data: Picture(t, 2)})
		}
		finish(t, store, run.ID)
	}
}

func testFilters(t *testing.T, store tracker.Store) {
	examples(t, store)
	year := time.Now().Year()
	for _, test := range []struct {
		filter string
		want   string // names, sorted
	}{
		{"", "abcd"},
		{"style_weight > 50", "b"}, // a string is no number
		{"style_weight>5 && pooling==avg", "a"},
		{"style_weight = 100.5", "b"},
		{"style_weight == 60", "c"},
		{"style_weight != 10", "bcd"}, // also where there is none
		{"!(style_weight == 10)", "bcd"},
		{"pooling == avg || noise == true", "abc"},
		{"seed == 1152921504606846977", "c"},
		{"seed > 1152921504606846976", "c"},
		{"seed >= 1152921504606846978", ""},
		{"x < 0", "d"},
		{"x>=-1", "d"},
		{"total <= 20", "a"},
		{"metric.total > 20", "bc"},
		{"param.pooling == max", "b"},
		{"experiment == night", "b"},
		{"experiment ~ NIGHT", "ab"},
		{"experiment !~ night", "cd"},
		{"experiment ^= ni", "ab"},
		{"experiment $= 'ght'", "ab"},
		{"experiment == ''", "d"},
		{"experiment ~ ''", "abcd"},
		{"tag == good", "ac"},
		{"tag != good", "bd"},
		{"tag == 'to show' || tag == good", "ac"},
		{`name ~ '%'`, "d"},
		{`name == "d'\"%_\\"`, "d"},
		{"status == finished && rating == 0", "abcd"},
		{"duration >= 0 && duration < 3600", "abcd"},
		{fmt.Sprintf("started >= %d-01-01", year-1), "abcd"},
		{fmt.Sprintf("started < %d-01-01", year-1), ""},
		{"started == 2001-02-03", ""},
		{"!(tag == good && !(name == a))", "abd"},
		{"SNOW", "a"},
		{"snow's", "a"},
		{"nigh", "ab"},
		{"nigh good", "a"},
		{"good pooling == avg || 'to sh'", "ac"},
		{"good !day", "a"},
		{"whiskers", "b"},
		{"whiskers.png max", ""}, // a setting is no name
		{"avg", ""},
		{"result", ""},
	} {
		var want []string
		for _, letter := range test.want {
			want = append(want, strings.Replace(string(letter), "d", `d'"%_\`, 1))
		}
		wantList(t, test.filter, list(t, store, test.filter, "name"), want)
	}
	wantCode(t, errorOf(tracker.ParseFilter("name ~ x' || y")), tracker.CodeInvalid)
}

func testUnknownNames(t *testing.T, store tracker.Store) {
	create(t, store, tracker.NewRun{Params: tracker.Params{"style_weight": 1}})
	for _, text := range []string{"style-weight > 1", "name == a && stile_weight < 2", "param.style > 1", "metric.style_weight > 1", "started > soon"} {
		f := must(tracker.ParseFilter(text))(t)
		wantCode(t, errorOf(store.Runs(t.Context(), tracker.RunQuery{Filter: f})), tracker.CodeInvalid)
	}
	wantCode(t, errorOf(store.Runs(t.Context(), tracker.RunQuery{Sort: tracker.Sort{{Name: "style"}}})), tracker.CodeInvalid)
	names := must(store.Names(t.Context()))(t)
	wantList(t, "parameters", names.Params, []string{"style_weight"})
}

func testSort(t *testing.T, store tracker.Store) {
	examples(t, store)
	d := `d'"%_\`
	for _, test := range []struct {
		sort string
		want []string
	}{
		{"", []string{d, "c", "b", "a"}},
		{"started", []string{"a", "b", "c", d}},
		{"-name", []string{d, "c", "b", "a"}},
		{"style_weight", []string{"a", "b", "c", d}}, // numbers, texts, nothing
		{"-style_weight", []string{"c", "b", "a", d}},
		{"pooling,-total", []string{"c", "a", "b", d}},
		{"total,name", []string{"a", "b", "c", d}},
		{"-total,name", []string{"b", "c", "a", d}},
	} {
		wantList(t, test.sort, list(t, store, "", test.sort), test.want)
	}
	wantCode(t, errorOf(store.Runs(t.Context(), tracker.RunQuery{Sort: tracker.Sort{{Name: "tag"}}})), tracker.CodeInvalid)
}

func testGroups(t *testing.T, store tracker.Store) {
	for _, n := range []tracker.NewRun{
		{Name: "1", Experiment: "a", Sweep: "s"}, {Name: "2", Experiment: "b"}, {Name: "3", Experiment: "a", Sweep: "s"}, {Name: "4"},
	} {
		run := create(t, store, n)
		if n.Name != "3" {
			finish(t, store, run.ID)
		}
	}
	var got []string
	for _, g := range must(store.Groups(t.Context(), tracker.ByExperiment))(t) {
		got = append(got, fmt.Sprintf("%s %d %d %s", g.Name, g.Runs, g.Statuses[tracker.StatusFinished], g.Latest.Name))
	}
	wantList(t, "experiments", got, []string{" 1 1 4", "a 2 1 3", "b 1 1 2"})
	groups := must(store.Groups(t.Context(), tracker.BySweep))(t)
	bad := len(groups) != 1 || groups[0].Name != "s" || groups[0].Runs != 2 || groups[0].Experiment != "a"
	failIf(t, bad, "sweeps: %+v", groups)
}

// testRandomFilters compares the answers of the store with those of Match and compareRuns, for random runs.
func testRandomFilters(t *testing.T, store tracker.Store) {
	random := rand.New(rand.NewPCG(4, 4))
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	values := []any{0, 1, 2, -1, 1.5, 1e300, int64(1)<<60 + 1, float64(1 << 60), "a", "A", "ab", "", "1", "é", true, false}
	for range 40 {
		n := tracker.NewRun{Name: pick("a", "ab", "B"), Experiment: pick("", "x", "xy"), Params: tracker.Params{}}
		for _, name := range []string{"p", "q"} {
			if random.IntN(3) > 0 {
				n.Params[name] = values[random.IntN(len(values))]
			}
		}
		for _, tag := range []string{"a", "b", "1"} {
			if random.IntN(2) == 0 {
				n.Tags = append(n.Tags, tag)
			}
		}
		run := create(t, store, n)
		if random.IntN(4) > 0 {
			appendPoints(t, store, run.ID, "m", tracker.Point{Step: 1, Value: finals[random.IntN(len(finals))]})
		}
	}
	all := must(store.Runs(t.Context(), tracker.RunQuery{}))(t)
	names := must(store.Names(t.Context()))(t)
	var expression func(depth int) string
	expression = func(depth int) string {
		switch n := random.IntN(7); {
		case depth == 0 || n < 2:
			return pick("p", "q", "m", "name", "experiment", "tag", "rating", "status", "trial") + " " +
				pick("==", "!=", "<", "<=", ">", ">=", "~", "!~", "^=", "$=") + " " +
				pick("0", "1", "2", "-1", "1.5", "1e300", "1152921504606846977", "1152921504606846976", "a", "A", "ab", "''", "é", "true", "running", "x")
		case n == 2:
			return "!(" + expression(depth-1) + ")"
		case n == 3:
			return pick("a", "B", "x", "é", "1", "''")
		case n < 6:
			return "(" + expression(depth-1) + pick(" && ", " ") + expression(depth-1) + ")"
		}
		return expression(depth-1) + " || " + expression(depth-1)
	}
	for range 400 {
		compareWithMatch(t, store, names, all.Runs, expression(3), pick("", "p", "-p", "m,-p", "-m", "experiment,q", "-name,m", "-status"))
	}
}

var finals = []float64{0, 1, -1, 1.5, 1e300, 2}

func compareWithMatch(t *testing.T, store tracker.Store, names *tracker.Names, all []tracker.Run, filter, order string) {
	t.Helper()
	f := must(tracker.ParseFilter(filter))(t)
	s := must(tracker.ParseSort(order))(t)
	condition := must(f.Resolve(names))(t)
	resolved := must(s.Resolve(names))(t)
	var want []string
	sorted := slices.Clone(all)
	slices.SortFunc(sorted, func(a, b tracker.Run) int { return compareRuns(resolved, &a, &b) })
	for _, r := range sorted {
		if Match(condition, &r) {
			want = append(want, r.ID)
		}
	}
	page := must(store.Runs(t.Context(), tracker.RunQuery{Filter: f, Sort: s}))(t)
	var got []string
	for _, r := range page.Runs {
		got = append(got, r.ID)
	}
	wantList(t, filter+" sorted by "+order, got, want)
}
