package main

import (
	"encoding/csv"
	"errors"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sqlite"
)

// someRuns makes a store of three runs, called a, b and c, and returns its folder and their ids.
func someRuns(t *testing.T) (dir string, ids []string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "store")
	store, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for i, name := range []string{"a", "b", "c"} {
		run, err := tracker.Start(t.Context(), store, tracker.NewRun{
			Name: name, Experiment: "night", Params: tracker.Params{"style_weight": 30 * (i + 1), "pooling": []string{"max", "avg", "avg"}[i], "size": 64},
		})
		if err != nil {
			t.Fatal(err)
		}
		for step := range int64(10) {
			if err := run.Log(step, tracker.Metrics{"total": float64(int64(i+1) * (10 - step))}); err != nil {
				t.Fatal(err)
			}
		}
		m := image.NewGray(image.Rect(0, 0, 8, 8))
		m.Pix[0] = uint8(i / 2) // a's and b's are the same
		if err := run.LogPicture(t.Context(), tracker.RoleResult, 9, m); err != nil {
			t.Fatal(err)
		}
		if err := run.Finish(t.Context(), tracker.Outcome{Status: tracker.StatusFinished, Reason: "done"}); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, run.ID())
	}
	return dir, ids
}

// runs executes `gouache runs …` on a store, which must go well.
func runs(t *testing.T, store string, args ...string) string {
	t.Helper()
	stdout, stderr, code := gouache(t.Context(), append(append([]string{"runs"}, args...), "--store", store)...)
	if code != 0 {
		t.Fatalf("runs %s: exit %d: %s", strings.Join(args, " "), code, stderr)
	}
	return stdout
}

func TestRunsList(t *testing.T) {
	store, _ := someRuns(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "c b a"},
		{[]string{"--filter", "style_weight>50 && pooling==avg"}, "c b"},
		{[]string{"--filter", "name==a || name==b", "--experiment", "night", "--status", "finished", "--status", "failed"}, "b a"},
		{[]string{"--experiment", "day"}, ""},
		{[]string{"--sort", "total"}, "a b c"},
		{[]string{"--sort=-pooling,style_weight"}, "a b c"},
		{[]string{"--limit", "1", "--offset", "1"}, "b"},
	} {
		var names []string
		for _, r := range decode[[]tracker.Run](t, runs(t, store, append([]string{"list", "--json"}, c.args...)...)) {
			names = append(names, r.Name)
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("list %q: %s, want %s", c.args, got, c.want)
		}
	}
	table := runs(t, store, "list", "--columns", "style_weight,total,duration")
	if lines := strings.Split(table, "\n"); len(lines) != 5 || !strings.Contains(lines[0], "STYLE_WEIGHT  TOTAL") || !strings.Contains(lines[1], "90            3") {
		t.Errorf("the table is\n%s", table)
	}
}

func TestRunsCompare(t *testing.T) {
	store, ids := someRuns(t)
	c := decode[tracker.Contrast](t, runs(t, store, "compare", ids[1], ids[2], "--json"))
	if len(c.Differs) != 1 || c.Differs[0].Name != "style_weight" || len(c.Final) != 1 || len(c.Unfair) != 0 {
		t.Errorf("got %+v", c)
	}
	text := runs(t, store, "compare", ids[0], ids[1])
	if !strings.Contains(text, "pooling") || strings.Contains(text, "size") {
		t.Errorf("got\n%s", text)
	}
}

func TestRunsEdited(t *testing.T) {
	store, ids := someRuns(t)
	runs(t, store, "tag", ids[0], "good", "to show")
	runs(t, store, "tag", ids[0], "good", "--remove")
	runs(t, store, "note", ids[0], "soft\nstrokes")
	runs(t, store, "rate", ids[0], "4")
	if r := shown(t, store, ids[0]); strings.Join(r.Tags, ",") != "to show" || r.Note != "soft\nstrokes" || r.Rating != 4 {
		t.Errorf("got %+v", r.Run)
	}
	got := decode[[]tracker.Run](t, runs(t, store, "list", "--tag", "to show", "--json"))
	if len(got) != 1 || got[0].ID != ids[0] {
		t.Errorf("got %+v", got)
	}
}

// TestRunsFiles: files beside the pictures are shown, exported, counted, imported and deleted with their run.
func TestRunsFiles(t *testing.T) {
	dir, ids := someRuns(t)
	store, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	run, err := store.Run(t.Context(), ids[0])
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.AddFile(t.Context(), run.Claim(), tracker.NewFile{Name: "logs/out 1.txt", Type: "text/plain", Data: []byte("a log\n")})
	if err := errors.Join(err, store.Close()); err != nil {
		t.Fatal(err)
	}
	runs(t, dir, "note", ids[0], "soft")
	if text := runs(t, dir, "show", ids[0]); !strings.Contains(text, "logs/out 1.txt") || !strings.Contains(text, "6 B, text/plain") || !strings.Contains(text, "note written") {
		t.Errorf("got\n%s", text)
	}
	if text := runs(t, dir, "verify"); !strings.Contains(text, "2 pictures, 1 file, ") {
		t.Errorf("got\n%s", text)
	}
	if text := runs(t, dir, "export", ids[0], "--format", "json"); !strings.Contains(text, `"name":"logs/out 1.txt"`) {
		t.Errorf("got\n%s", text)
	}
	out := t.TempDir()
	runs(t, dir, "export", ids[0], "--format", "pictures", "--out", out)
	if data, err := os.ReadFile(filepath.Join(out, "a-"+ids[0], "files", "logs", "out 1.txt")); err != nil || string(data) != "a log\n" {
		t.Errorf("%q, %v", data, err)
	}
	into := filepath.Join(t.TempDir(), "store")
	for range 2 {
		runs(t, into, "import", dir)
		if s := shown(t, into, ids[0]); len(s.Files) != 1 || s.Files[0].Name != "logs/out 1.txt" || s.Note != "soft" || s.NoteAt.IsZero() {
			t.Errorf("got %+v", s)
		}
	}
	if text := runs(t, dir, "delete", ids[0], "--yes"); !strings.Contains(text, "1 run with 0 pictures and 1 file: frees ") || !strings.Contains(text, "1 picture or file that") {
		t.Errorf("got\n%s", text)
	}
}

// TestRunsDelete: what is deleted is said before, and pictures that others share stay.
func TestRunsDelete(t *testing.T) {
	store, ids := someRuns(t)
	type deleted struct {
		tracker.Deletion
		IDs []string `json:"ids"`
	}
	dry := decode[deleted](t, runs(t, store, "delete", ids[0], "--dry-run", "--json"))
	if dry.Runs != 1 || dry.Pictures != 0 || dry.Shared != 1 {
		t.Errorf("dry: %+v", dry)
	}
	if all := decode[[]tracker.Run](t, runs(t, store, "list", "--json")); len(all) != 3 {
		t.Errorf("a dry run left %d runs", len(all))
	}
	_, stderr, code := gouache(t.Context(), "runs", "delete", ids[0], "--store", store)
	if code != exitUsage || !strings.Contains(stderr, "--yes") {
		t.Errorf("without a terminal: exit %d: %s", code, stderr)
	}
	if done := decode[deleted](t, runs(t, store, "delete", "--filter", "name==a||name==c", "--yes", "--json")); done.Runs != 2 || done.Pictures != 1 || done.Bytes == 0 || len(done.IDs) != 2 {
		t.Errorf("done: %+v", done)
	}
	if left := decode[[]tracker.Run](t, runs(t, store, "list", "--json")); len(left) != 1 || left[0].Name != "b" {
		t.Errorf("left: %+v", left)
	}
	runs(t, store, "verify")
}

func TestRunsExport(t *testing.T) {
	store, ids := someRuns(t)
	dir := t.TempDir()
	table := filepath.Join(dir, "night.csv")
	runs(t, store, "export", "--experiment", "night", "--out", table)
	records, err := csv.NewReader(strings.NewReader(string(read(t, table)))).ReadAll()
	if err != nil || len(records) != 4 {
		t.Errorf("the table: %v, %v", records, err)
	}
	type document struct {
		Runs []struct {
			ID     string           `json:"id"`
			Curves []map[string]any `json:"curves"`
		} `json:"runs"`
	}
	if d := decode[document](t, runs(t, store, "export", ids[0], "--json")); len(d.Runs) != 1 || d.Runs[0].ID != ids[0] || len(d.Runs[0].Curves) != 1 {
		t.Errorf("the document: %+v", d)
	}
	gallery := filepath.Join(dir, "night.html")
	report := decode[map[string]any](t, runs(t, store, "export", ids[0], ids[1][:11], "--out", gallery, "--json"))
	if report["out"] != gallery || report["format"] != "html" {
		t.Errorf("the report: %v", report)
	}
	if page := string(read(t, gallery)); !strings.Contains(page, ids[0]) || !strings.Contains(page, "data:image/png;base64,") {
		t.Error("the gallery lacks the run or its picture")
	}
}

// TestRunsImport: a store that was made elsewhere is added, once.
func TestRunsImport(t *testing.T) {
	from, ids := someRuns(t)
	into := filepath.Join(t.TempDir(), "new")
	if done := decode[tracker.Imported](t, runs(t, into, "import", from, "--filter", "name!=b", "--json")); len(done.Runs) != 2 {
		t.Errorf("got %+v", done)
	}
	if text := runs(t, into, "import", from); !strings.HasPrefix(text, "added 1 run ") || !strings.Contains(text, "2 were there already") {
		t.Errorf("again: %s", text)
	}
	if shown(t, into, ids[2]).Final["total"] != 3 {
		t.Error("the losses did not come along")
	}
	runs(t, into, "verify")
	files, err := filepath.Glob(filepath.Join(from, "blobs", "??", "*"))
	if err != nil || len(files) != 2 {
		t.Fatalf("%v, %v", files, err)
	}
	write(t, files[0], []byte("altered"))
	another := filepath.Join(t.TempDir(), "another")
	stdout, stderr, code := gouache(t.Context(), "runs", "import", from, "--store", another)
	if code != exitFailed || !strings.HasPrefix(stdout, "added ") || strings.HasPrefix(stdout, "added 0") || !strings.Contains(stderr, " is refused: ") {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
	runs(t, another, "verify")
}

// TestRunsForce: a run that another machine left running can be deleted.
func TestRunsForce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	store, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	far := tracker.ThisProcess()
	far.Host += "-far"
	run, err := store.CreateRun(t.Context(), tracker.NewRun{Process: far})
	if err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := gouache(t.Context(), "runs", "delete", run.ID, "--yes", "--store", dir); code != exitFailed || !strings.Contains(stderr, "--force") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if text := runs(t, dir, "delete", run.ID, "--yes", "--force"); !strings.HasPrefix(text, "deleted 1 run ") {
		t.Errorf("with force: %s", text)
	}
}

// TestRunsVerify: what is wrong is named, and repaired where nothing can be lost.
func TestRunsVerify(t *testing.T) {
	store, _ := someRuns(t)
	files, err := filepath.Glob(filepath.Join(store, "blobs", "??", "*"))
	if err != nil || len(files) != 2 {
		t.Fatalf("%v, %v", files, err)
	}
	stray := filepath.Join(store, "blobs", "ab", "ab"+strings.Repeat("0", 62))
	if err := os.MkdirAll(filepath.Dir(stray), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, stray, []byte("stray"))
	if err := os.Chtimes(stray, time.Time{}, time.Now().Add(-48*time.Hour)); err != nil {
		t.Fatal(err)
	}
	stdout, _, code := gouache(t.Context(), "runs", "verify", "--store", store, "--json")
	if report := decode[tracker.Report](t, stdout); code != exitFailed || len(report.Problems) != 1 || report.Problems[0].Kind != tracker.ProblemOrphaned {
		t.Errorf("exit %d: %+v", code, report)
	}
	if text := runs(t, store, "verify", "--repair"); !strings.Contains(text, "removed 1 file") {
		t.Errorf("repairing: %s", text)
	}
	runs(t, store, "verify")
	write(t, files[0], []byte("altered"))
	stdout, stderr, code := gouache(t.Context(), "runs", "verify", "--store", store)
	if code != exitFailed || !strings.Contains(stdout, "altered: ") || !strings.Contains(stderr, "1 problem") {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
}

// TestRunsMistakes: each gets one sentence that says what is wrong and what to do.
func TestRunsMistakes(t *testing.T) {
	store, ids := someRuns(t)
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"list --filter size>", 2, "--filter"},
		{"list --filter style_wight>3", 2, `did you mean "style_weight"?`},
		{"list --sort totl", 2, `did you mean "total"?`},
		{"list --columns totl", 2, `did you mean "total"?`},
		{"list --status finishd", 2, `did you mean "finished"?`},
		{"list --limit 0", 2, "choose 1 to"},
		{"list more", 2, "takes flags only"},
		{"show", 2, "takes the ID of a run"},
		{"show zz", 1, `no run "zz"`},
		{"show zz/..", 2, "is no run"},
		{"compare " + ids[0], 2, "2 to 12 runs"},
		{"compare " + ids[0] + " " + ids[0], 2, "named twice"},
		{"tag " + ids[0], 2, "one or more tags"},
		{"rate " + ids[0] + " six", 2, "0 to 5"},
		{"rate " + ids[0] + " 6", 2, "choose 1 to 5"},
		{"delete", 2, "--yes"},
		{"delete --yes", 2, "takes the ids of runs"},
		{"delete --yes --experiment day", 1, "no run passes"},
		{"export " + ids[0] + " --out x.txt", 2, "give --format"},
		{"export " + ids[0] + " --format htnl", 2, `did you mean "html"?`},
		{"export " + ids[0] + " --experiment night", 2, "not both"},
		{"export " + ids[0] + " --format pictures", 2, "--out"},
		{"import nowhere", 1, "no store in nowhere"},
		{"import", 2, "takes the SOURCE"},
		{"lst", 2, `did you mean "list"?`},
	} {
		t.Run(c.args, func(t *testing.T) {
			stdout, stderr, code := gouache(t.Context(), append(append([]string{"runs"}, strings.Fields(c.args)...), storeOf(c.args, store)...)...)
			if code != c.code || !strings.Contains(stderr, c.says) || strings.Count(stderr, "\n") != 1 || stdout != "" {
				t.Errorf("exit %d: %s%s; want %d and %s", code, stdout, stderr, c.code, c.says)
			}
		})
	}
	missing := filepath.Join(t.TempDir(), "none")
	if _, stderr, code := gouache(t.Context(), "runs", "list", "--store", missing); code != 1 || !strings.Contains(stderr, "there is no store in "+missing) {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if _, err := os.Stat(missing); err == nil {
		t.Error("listing made a store")
	}
}

// storeOf returns the flag for a store, which the parent command does not know.
func storeOf(args, store string) []string {
	if args == "lst" {
		return nil
	}
	return []string{"--store", store}
}
