package optuna_test

import (
	"encoding/json"
	"fmt"
	"image"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gouache-art/gouache/internal/pythontest"
	"github.com/gouache-art/gouache/stylelib/setting"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/optuna"
	"github.com/gouache-art/gouache/tracker/sqlite"
	"github.com/gouache-art/gouache/tracker/sweep"
)

func openStore(t testing.TB) tracker.Store {
	t.Helper()
	store, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

const sweepText = `
name: night
trials: 3
search:
  weight: {log: [1, 1000]}
  size: {linear: [64, 128]}
  pooling: [max, avg]
sampler: random
minimise: content
`

func readSweep(s *tracker.Sweep) (*sweep.File, error) {
	return sweep.Parse([]byte(s.Text), "night.yaml", sweep.Schema{Settings: []setting.Setting{
		{Name: "weight", Kind: setting.Float, Min: 0, Max: 1e6}, {Name: "size", Kind: setting.Int, Min: 1, Max: 1000},
		{Name: "pooling", Kind: setting.Text, Choices: []string{"max", "avg"}},
	}, Terms: []string{"content"}})
}

// search runs a sweep of three trials, of which the second fails, and returns their ids.
func search(t testing.TB, store tracker.Store) (ids []string) {
	t.Helper()
	record, err := store.CreateSweep(t.Context(), tracker.Sweep{Name: "night", Experiment: "e", Text: sweepText, Trials: 3})
	if err != nil {
		t.Fatal(err)
	}
	file, err := readSweep(record)
	if err != nil {
		t.Fatal(err)
	}
	sampler, err := sweep.NewSampler(file)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		params, err := sampler.Ask(n+1, nil)
		if err != nil {
			t.Fatal(err)
		}
		run, err := tracker.Start(t.Context(), store, tracker.NewRun{Name: fmt.Sprint("trial ", n+1), Sweep: "night", Trial: n + 1, Params: params})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, run.ID())
		for step := range int64(4) {
			if err := run.Log(step, tracker.Metrics{sweep.ObjectiveMetric: 10 - float64(step) - float64(n)}); err != nil {
				t.Fatal(err)
			}
		}
		o := tracker.Outcome{Status: tracker.StatusFinished}
		if n == 1 {
			o = tracker.Outcome{Status: tracker.StatusFailed, Reason: "no memory"}
		} else if err := run.LogPicture(t.Context(), tracker.RoleResult, 3, image.NewGray(image.Rect(0, 0, 8, 8+n))); err != nil {
			t.Fatal(err)
		}
		if err := run.Finish(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	return ids
}

func export(t testing.TB, store tracker.Store, ids []string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "night.db")
	if err := optuna.Export(t.Context(), path, store, ids, readSweep); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestDashboard: optuna-dashboard shows the study, its trials and their pictures.
func TestDashboard(t *testing.T) {
	store := openStore(t)
	path := export(t, store, search(t, store))
	const script = `
import io, json, sys
from wsgiref.util import setup_testing_defaults
from optuna.artifacts import FileSystemArtifactStore
from optuna.storages import RDBStorage
from optuna_dashboard import wsgi
app = wsgi(RDBStorage("sqlite:///" + sys.argv[1]), artifact_store=FileSystemArtifactStore(sys.argv[2]))
def get(path):
    said = []
    environ = {"PATH_INFO": path, "QUERY_STRING": "after=0"}
    setup_testing_defaults(environ)
    body = b"".join(app(environ, lambda status, headers, exc_info=None: said.append(status)))
    assert said == ["200 OK"], (path, said, body)
    return body
study = json.loads(get("/api/studies"))["study_summaries"][0]
trials = json.loads(get(f"/api/studies/{study['study_id']}"))["trials"]
pictures = [get(f"/artifacts/{study['study_id']}/{t['trial_id']}/{a['artifact_id']}")[:4].hex() for t in trials for a in t["artifacts"]]
print(json.dumps({"Name": study["study_name"], "States": [t["state"] for t in trials], "Pictures": pictures}))`
	var got struct {
		Name             string
		States, Pictures []string
	}
	out := pythontest.Run(t, script, path, optuna.ArtifactFolder(path))
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	if got.Name != "night" || !slices.Equal(got.States, []string{"Complete", "Fail", "Complete"}) || len(got.Pictures) == 0 {
		t.Errorf("the dashboard shows %+v", got)
	}
	for _, magic := range got.Pictures {
		if magic != "89504e47" {
			t.Errorf("a picture begins with %s", magic)
		}
	}
}

// TestOptuna: Optuna loads the study, with distributions from which it can go on, and finds the best trial and its picture.
func TestOptuna(t *testing.T) {
	store := openStore(t)
	ids := search(t, store)
	path := export(t, store, ids)
	const script = `
import json, sys, optuna
from optuna.artifacts import FileSystemArtifactStore, get_all_artifact_meta
storage = "sqlite:///" + sys.argv[1]
study = optuna.load_study(study_name="night", storage=storage)
best = study.best_trial
meta = get_all_artifact_meta(best, storage=study._storage)
data = FileSystemArtifactStore(sys.argv[2]).open_reader(meta[0].artifact_id).read()
trials = study.get_trials()
study.ask({k: d for k, d in best.distributions.items()})
print(json.dumps({
    "Best": best.number, "Value": best.value, "Params": best.params, "States": [t.state.name for t in trials],
    "Steps": len(best.intermediate_values), "Run": best.user_attrs["run"], "Kind": meta[0].mimetype, "Picture": data[:4].hex(),
    "Log": best.distributions["weight"].log,
}))`
	var got struct {
		Best          int
		Value         float64
		Params        map[string]any
		States        []string
		Steps         int
		Run           string
		Kind, Picture string
		Log           bool
	}
	out := pythontest.Run(t, script, path, optuna.ArtifactFolder(path))
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	if got.Best != 2 || got.Value != 5 || got.Steps != 4 || got.Run != ids[2] || got.Kind != "image/png" || got.Picture != "89504e47" || !got.Log {
		t.Errorf("the best is %+v", got)
	}
	if want := []string{"COMPLETE", "FAIL", "COMPLETE"}; !slices.Equal(got.States, want) {
		t.Errorf("the trials are %v, want %v", got.States, want)
	}
	run, err := store.Run(t.Context(), ids[2])
	if err != nil || got.Params["pooling"] != run.Params["pooling"] || got.Params["weight"] != run.Params["weight"] ||
		got.Params["size"] != float64(run.Params["size"].(int64)) {
		t.Errorf("%v is not %v, %v", got.Params, run.Params, err)
	}
}

// TestSchema: the database has the tables and columns that Optuna makes.
func TestSchema(t *testing.T) {
	store := openStore(t)
	path := export(t, store, search(t, store))
	const script = `
import sqlite3, sys, optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
optuna.create_study(storage="sqlite:///" + sys.argv[2])
def columns(path):
    db = sqlite3.connect(path)
    tables = [r[0] for r in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    versions = db.execute("SELECT schema_version FROM version_info").fetchall() + db.execute("SELECT * FROM alembic_version").fetchall()
    return {t: sorted(r[1:4] for r in db.execute(f"PRAGMA table_info({t})")) for t in tables}, versions
ours, theirs = columns(sys.argv[1]), columns(sys.argv[2])
assert ours == theirs, f"{ours}\n{theirs}"`
	pythontest.Run(t, script, path, filepath.Join(t.TempDir(), "theirs.db"))
}

// TestImport: a study comes in with its pictures, and only once.
func TestImport(t *testing.T) {
	from, into := openStore(t), openStore(t)
	path := export(t, from, search(t, from))
	for try := range 2 {
		source, err := optuna.Open(t.Context(), path, "", func(err error) { t.Error(err) })
		if err != nil {
			t.Fatal(err)
		}
		done, err := tracker.Import(t.Context(), into, source, nil)
		if err != nil || len(done.Refused) > 0 || try == 0 && len(done.Runs) != 3 || try == 1 && len(done.Present) != 3 {
			t.Fatalf("%+v, %v", done, err)
		}
	}
	trials, err := sweep.Trials(t.Context(), into, "night")
	if err != nil || len(trials) != 3 {
		t.Fatal(trials, err)
	}
	was, err := sweep.Trials(t.Context(), from, "night")
	if err != nil {
		t.Fatal(err)
	}
	for i, run := range trials {
		for _, name := range []string{"weight", "size", "pooling"} {
			if run.Params[name] != was[i].Params[name] {
				t.Errorf("trial %d: %s is %v, want %v", i+1, name, run.Params[name], was[i].Params[name])
			}
		}
		if run.Status != was[i].Status || run.Picture != was[i].Picture || run.Trial != i+1 || run.StartedAt.Sub(was[i].StartedAt).Abs() > 0 {
			t.Errorf("%+v is not %+v", run, was[i])
		}
		if i != 1 && run.Final[sweep.ObjectiveMetric] != was[i].Final[sweep.ObjectiveMetric] {
			t.Errorf("trial %d: objective %v", i+1, run.Final)
		}
	}
}

// TestRefused: what is no trial of a sweep, and what is no database of Optuna.
func TestRefused(t *testing.T) {
	store := openStore(t)
	run, err := store.CreateRun(t.Context(), tracker.NewRun{})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.db")
	if err := optuna.Export(t.Context(), path, store, []string{run.ID}, readSweep); tracker.ErrorCode(err) != tracker.CodeInvalid {
		t.Errorf("a run without a sweep: %v", err)
	}
	for _, other := range []string{path, "optuna_test.go"} {
		if _, err := optuna.Open(t.Context(), other, "", nil); tracker.ErrorCode(err) != tracker.CodeInvalid {
			t.Errorf("%s: %v", other, err)
		}
	}
}
