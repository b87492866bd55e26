package web

import (
	"html"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/tracker"
)

var rowNames = regexp.MustCompile(`(?s)<th scope="row" class="name"><a href="[^"]*">([^<]*)</a>`)

// shownRuns returns the names of the runs in a table, from top to bottom.
func shownRuns(page string) []string {
	list := []string{}
	for _, m := range rowNames.FindAllStringSubmatch(page, -1) {
		list = append(list, m[1])
	}
	return list
}

func TestRuns(t *testing.T) {
	store := realStore(t)
	h := handle(t, store, Options{})
	for _, c := range []struct {
		query url.Values
		want  []string
	}{
		{url.Values{"filter": {"experiment == woodcut"}}, []string{"too much", "whiskers stay", "a light touch"}},
		{url.Values{"filter": {"experiment == woodcut"}, "sort": {"style_weight"}}, []string{"a light touch", "whiskers stay", "too much"}},
		{url.Values{"filter": {"experiment == woodcut"}, "sort": {"-rating"}}, []string{"whiskers stay", "too much", "a light touch"}},
		{url.Values{"filter": {`style_weight > 50 && status == running || tag == best`}}, []string{"night launch", "whiskers stay"}},
		{url.Values{"filter": {`experiment == "nothing like it"`}}, []string{}},
	} {
		page := get(t, h, "/runs?"+c.query.Encode(), http.StatusOK).Body.String()
		if got := shownRuns(page); !slices.Equal(got, c.want) {
			t.Errorf("%v: %q, want %q", c.query, got, c.want)
		}
	}
	w := get(t, h, "/runs", http.StatusOK)
	if len(shownRuns(w.Body.String())) != len(samples) {
		t.Errorf("the page shows %q", shownRuns(w.Body.String()))
	}
	wantText(t, w, "34 of 90", `<progress max="90" value="34"`, "status-failed", `datetime="2026-11-03T09:12:00Z"`, `value="5" checked`)
}

func TestPaging(t *testing.T) {
	h := handle(t, realStore(t), Options{})
	v := runsView{listing: listing{Filter: "size > 3", Page: 2, Length: 25, given: map[string]bool{"length": true}}, Total: 60, Rows: make([]row, 25)}
	if v.Newer() != "/runs?filter=size+%3E+3&length=25" || v.Older() != "/runs?filter=size+%3E+3&length=25&page=3" || v.First() != 26 || v.Last() != 50 {
		t.Errorf("page 2 lies between %q and %q, and shows %d to %d", v.Newer(), v.Older(), v.First(), v.Last())
	}
	v.Page, v.Rows = 9, nil
	if v.Newer() != "/runs?filter=size+%3E+3&length=25&page=3" || v.Older() != "" {
		t.Errorf("beyond the last page: %q and %q", v.Newer(), v.Older())
	}
	wantText(t, get(t, h, "/runs?page=7", http.StatusOK), "There is no page 7.")
}

func TestFilterError(t *testing.T) {
	h := handle(t, realStore(t), Options{})
	for filter, words := range map[string]string{
		"style_wieght > 3":            `did you mean &#34;style_weight&#34;?`,
		"size >":                      "Filter, at letter",
		`name == "<script>alert(1)//`: "&lt;script&gt;alert(1)//",
	} {
		w := get(t, h, "/runs?"+url.Values{"filter": {filter}}.Encode(), http.StatusBadRequest)
		wantText(t, w, words, `aria-invalid="true"`)
		wantNoText(t, w, "<script>alert")
	}
	wantText(t, get(t, h, "/runs?sort=nothing", http.StatusBadRequest), "unknown name")
}

func TestEmptyStore(t *testing.T) {
	h := handle(t, emptyStore(t), Options{Title: "/home/ada/gouache"})
	wantText(t, get(t, h, "/runs", http.StatusOK), "gouache stylize sample:chelsea", "/home/ada/gouache")
	for _, target := range []string{"/experiments", "/sweeps", "/compare"} {
		get(t, h, target, http.StatusOK)
	}
}

func TestColumns(t *testing.T) {
	h := handle(t, realStore(t), Options{})
	wantText(t, get(t, h, "/runs", http.StatusOK), `data-label="style_weight"`, `data-label="total"`)
	// The form has one value for each box, and an empty one so that none can be chosen.
	w := get(t, h, "/runs?columns=&columns=seed&columns=loss.tv&filter=size+%3E+3", http.StatusSeeOther)
	if at := w.Header().Get("Location"); at != "/runs?columns=seed%2Closs.tv&filter=size+%3E+3" {
		t.Errorf("the form leads to %q", at)
	}
	cookie := w.Result().Cookies()[0]
	remembered := ask(h, http.MethodGet, "/runs", nil, func(r *http.Request) { r.AddCookie(cookie) })
	wantText(t, remembered, `data-label="seed"`, `data-label="loss.tv"`)
	wantNoText(t, remembered, `data-label="total"`)
	wantNoText(t, get(t, h, "/runs?columns=", http.StatusOK), `data-label=`)
	wantNoText(t, get(t, h, "/runs?columns=nothing", http.StatusOK), `data-label=`) // of another store perhaps
}

// The order, the view and the length are remembered, unless they make no sense in this store.
func TestWaysAreRemembered(t *testing.T) {
	h := handle(t, realStore(t), Options{})
	first := get(t, h, "/runs?sort=style_weight&view=gallery&length=25&filter=experiment+%3D%3D+woodcut", http.StatusOK)
	cookie := first.Result().Cookies()[0]
	with := func(c *http.Cookie) func(*http.Request) { return func(r *http.Request) { r.AddCookie(c) } }
	again := ask(h, http.MethodGet, "/runs?filter=experiment+%3D%3D+woodcut", nil, with(cookie))
	wantText(t, again, `class="runs gallery"`, `<option value="style_weight" selected>`)
	if got := shownRuns(again.Body.String()); !slices.Equal(got, []string{"a light touch", "whiskers stay", "too much"}) {
		t.Errorf("the remembered order shows %q", got)
	}
	wantNoText(t, ask(h, http.MethodGet, "/runs?view=table", nil, with(cookie)), `class="runs gallery"`)
	cookie.Value = url.QueryEscape("sort=nothing&view=&length=7&columns=nothing")
	other := ask(h, http.MethodGet, "/runs", nil, with(cookie))
	if other.Code != http.StatusOK || len(shownRuns(other.Body.String())) != len(samples) {
		t.Errorf("what another store had gives %d", other.Code)
	}
}

// What is chosen by a filter is changed, exported and deleted, and nothing is deleted that was not shown.
func TestChosenByFilter(t *testing.T) {
	store := realStore(t)
	h := handle(t, store, Options{})
	filter := url.Values{"all": {"1"}, "filter": {"experiment == woodcut"}}
	with := func(more ...string) url.Values {
		v := maps.Clone(filter)
		for i := 0; i < len(more); i += 2 {
			v.Set(more[i], more[i+1])
		}
		return v
	}
	w := post(t, h, "/runs/change?sort=name", with("do", "tag", "tag", "wood, cat"), http.StatusSeeOther)
	if at := w.Header().Get("Location"); at != "/runs?changed=3&sort=name" {
		t.Errorf("it leads to %s", at)
	}
	post(t, h, "/runs/change", with("do", "rate", "rating", "4"), http.StatusSeeOther)
	post(t, h, "/runs/change", with("do", "untag", "tag", "cat"), http.StatusSeeOther)
	for _, name := range []string{"a light touch", "whiskers stay", "too much"} {
		if run := named(t, store, name); run.Rating != 4 || !slices.Contains(run.Tags, "wood") || slices.Contains(run.Tags, "cat") {
			t.Errorf("%s has %d stars and %q", name, run.Rating, run.Tags)
		}
	}
	for _, bad := range []url.Values{with("do", "tag"), with("do", "rate", "rating", "6"), with(), with("do", "tag", "tag", "a", "filter", "size > 9000")} {
		post(t, h, "/runs/change", bad, http.StatusBadRequest)
	}
	asked := get(t, h, "/runs/delete?"+filter.Encode(), http.StatusOK)
	wantText(t, asked, "Delete 3 runs?", `name="all"`)
	these := regexp.MustCompile(`name="these" value="(\w+)"`).FindStringSubmatch(asked.Body.String())[1]
	launch := named(t, store, "in the wind")
	name := "woodcut"
	if _, err := store.UpdateRun(t.Context(), launch.ID, tracker.Update{Experiment: &name}); err != nil {
		t.Fatal(err)
	}
	post(t, h, "/runs/delete", with("these", these), http.StatusConflict)
	asked = get(t, h, "/runs/delete?"+filter.Encode(), http.StatusOK)
	these = regexp.MustCompile(`name="these" value="(\w+)"`).FindStringSubmatch(asked.Body.String())[1]
	post(t, h, "/runs/delete", with("these", these), http.StatusSeeOther)
	if left := len(all(t, store)); left != len(samples)-4 {
		t.Errorf("%d runs are left", left)
	}
}

func TestExport(t *testing.T) {
	h := handle(t, realStore(t), Options{})
	for format, words := range map[string]string{"html": "<!doctype html>", "csv": "id,name,experiment", "curves": "run,metric,step,value", "json": `{"runs":[`, "pictures": "chelsea-woodcut-400.png"} {
		w := get(t, h, "/runs/export?all=1&filter=experiment+%3D%3D+woodcut&format="+format, http.StatusOK)
		wantText(t, w, words)
		if saved := w.Header().Get("Content-Disposition"); !strings.HasPrefix(saved, "attachment; filename=gouache-") {
			t.Errorf("%s is saved as %q", format, saved)
		}
	}
	get(t, h, "/runs/export?all=1&filter=experiment+%3D%3D+woodcut&format=xls", http.StatusBadRequest)
	get(t, h, "/runs/export?format=csv", http.StatusBadRequest)
	get(t, h, "/runs/export?run=zzzzzzzz&format=csv", http.StatusNotFound)
}

func TestColumnNames(t *testing.T) {
	names := &tracker.Names{Params: []string{"alpha", "both", "name"}, Metrics: []string{"both", "loss"}}
	got := allColumns(names)
	if want := []string{"alpha", "param.both", "param.name", "metric.both", "loss"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, name := range got {
		if _, err := names.Operand(name); err != nil {
			t.Error(err)
		}
	}
	if got, want := defaultColumns(names), []string{"alpha", "param.both", "param.name", "metric.both", "loss"}; !slices.Equal(got, want) {
		t.Errorf("the usual columns are %q, want %q", got, want)
	}
}

func TestSortedBy(t *testing.T) {
	for _, c := range []struct{ sort, name, want, order string }{
		{"", "started", "/runs?sort=started", "descending"},
		{"started", "started", "/runs?sort=-started", "ascending"},
		{"", "rating", "/runs?sort=-rating", ""},
		{"-rating", "rating", "/runs?sort=rating", "descending"},
		{"rating", "rating", "/runs?sort=-rating", "ascending"},
		{"-rating", "total", "/runs?sort=total", ""},
		{"total", "total", "/runs?sort=-total", "ascending"},
		{"total,size", "total", "/runs?sort=total", "ascending"},
	} {
		l := listing{Sort: c.sort, Page: 3, Length: defaultLength}
		if got := l.SortedBy(c.name); got != c.want || l.order(c.name) != c.order {
			t.Errorf("sorted by %q, %s leads to %q and is %q, want %q and %q", c.sort, c.name, got, l.order(c.name), c.want, c.order)
		}
	}
}

func TestToggle(t *testing.T) {
	for _, c := range []struct {
		filter, field, value, want string
		on                         bool
	}{
		{"", "status", "running", "status == running", false},
		{"status == running", "status", "running", "", true},
		{"status == running", "status", "failed", "status == failed", false},
		{"size > 3 && status == running", "status", "running", "size > 3", true},
		{"size>3 && status=='running'", "status", "running", "size>3", true},
		{"size > 3", "tag", "to show", `size > 3 && tag == "to show"`, false},
		{"size > 3 || rating == 5", "tag", "a", "(size > 3 || rating == 5) && tag == a", false},
		{"(size > 3 || rating == 5) && tag == a", "tag", "a", "size > 3 || rating == 5", true},
		{`name == "a || b && c"`, "tag", "a", `name == "a || b && c" && tag == a`, false},
		{`experiment == "say \"&&\" (twice)"`, "experiment", `say "&&" (twice)`, "", true},
		{"", "experiment", "", `experiment == ""`, false},
		{"", "experiment", `back\slash`, `experiment == "back\\slash"`, false},
	} {
		filter, err := tracker.ParseFilter(c.filter)
		if err != nil {
			t.Fatal(err)
		}
		toggled, on := toggle(filter, c.field, c.value)
		got := toggled.String()
		if got != c.want || on != c.on {
			t.Errorf("toggling %s == %s in %q gives %q and %v, want %q and %v", c.field, c.value, c.filter, got, on, c.want, c.on)
		}
		if _, err := tracker.ParseFilter(got); err != nil {
			t.Error(err)
		}
	}
}

func TestRows(t *testing.T) {
	store := realStore(t)
	h := handle(t, store, Options{})
	best, worst := named(t, store, "whiskers stay"), named(t, store, "too much")
	w := get(t, h, "/runs/rows?columns=size&run="+best.ID+"&run="+worst.ID, http.StatusOK)
	if got := shownRuns(w.Body.String()); !slices.Equal(got, []string{"too much", "whiskers stay"}) {
		t.Errorf("two rows are %q", got)
	}
	wantText(t, w, `data-id="`+best.ID+`"`, `data-label="size"`)
	wantNoText(t, w, "<html", `data-label="total"`)
	w = get(t, h, "/runs/rows?filter=rating+%3E+4+%7C%7C+size+%3E+9000&run="+best.ID+"&run="+worst.ID, http.StatusOK)
	if got := shownRuns(w.Body.String()); !slices.Equal(got, []string{"whiskers stay"}) {
		t.Errorf("the rows that pass the filter are %q", got)
	}
	get(t, h, "/runs/rows?filter=%28&run="+best.ID, http.StatusBadRequest)
	get(t, h, "/runs/rows?run=%22%29+%7C%7C+size+%3E+0", http.StatusOK) // no way out of the quotes
	if got := shownRuns(get(t, h, "/runs/rows?run=%22%29+%7C%7C+size+%3E+0", http.StatusOK).Body.String()); len(got) > 0 {
		t.Errorf("an id that is a filter gives %q", got)
	}
}

func TestGroups(t *testing.T) {
	h := handle(t, realStore(t), Options{})
	w := get(t, h, "/experiments", http.StatusOK)
	wantText(t, w, "morning coffee", "1 interrupted", "/runs?filter=experiment&#43;%3D%3D&#43;%22morning&#43;coffee%22")
	w = get(t, h, "/sweeps", http.StatusOK)
	wantText(t, w, "how much glass", "3 finished")
	wantNoText(t, w, "morning coffee")
	for _, m := range regexp.MustCompile(`href="(/runs\?[^"]*)"`).FindAllStringSubmatch(w.Body.String(), -1) {
		if n := len(shownRuns(get(t, h, html.UnescapeString(m[1]), http.StatusOK).Body.String())); n != 3 {
			t.Errorf("%s leads to %d runs, not to the sweep's 3", m[1], n)
		}
	}
}
