package mlflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gouache-art/gouache/internal/postgrestest"
	"github.com/gouache-art/gouache/internal/pythontest"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/mlflow"
	"github.com/gouache-art/gouache/tracker/sqlite"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// server is MLflow's own server, which the tests of this package share: it takes seconds to start.
var server struct {
	once    sync.Once
	address string // mlflow+http://…
	stop    func()
}

func TestMain(m *testing.M) {
	code := postgrestest.Run(m)
	if server.stop != nil {
		server.stop()
	}
	os.Exit(code)
}

// address starts the server, if it was not started, and returns its address.
func address(t *testing.T) string {
	t.Helper()
	program := pythontest.Program(t, "mlflow")
	server.once.Do(func() { start(t, program) })
	if server.address == "" {
		t.Fatal("the server did not start")
	}
	return server.address
}

func start(t *testing.T, program string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	dir, err := os.MkdirTemp("", "mlflow-*")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "server", "--host", "127.0.0.1", "--port", fmt.Sprint(port), "--workers", "1",
		"--backend-store-uri", "sqlite:///"+filepath.Join(dir, "mlflow.db"), "--artifacts-destination", filepath.Join(dir, "artifacts"))
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "MLFLOW_DISABLE_TELEMETRY=true", "DO_NOT_TRACK=true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it has children
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	server.stop = func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		_ = os.RemoveAll(dir)
	}
	page := fmt.Sprintf("http://127.0.0.1:%d", port)
	for deadline := time.Now().Add(3 * time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if answer, err := http.Get(page + "/health"); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				server.address = "mlflow+" + page
				return
			}
		}
	}
	text, _ := os.ReadFile(log.Name())
	t.Fatalf("MLflow did not answer: %s", text)
}

func newClient(t *testing.T) *mlflow.Client {
	t.Helper()
	client, err := mlflow.NewClient(address(t))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func openStore(t testing.TB) tracker.Store {
	t.Helper()
	store, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// log logs a number of iterations and a picture.
func log(t testing.TB, run *tracker.ActiveRun, from, to int64) {
	t.Helper()
	for step := from; step <= to; step++ {
		values := tracker.Metrics{"total": 100 - float64(step), "loss.style": math.Inf(1), "tv": math.NaN(), "seconds": float64(step) / 1000}
		if err := run.Log(step, values); err != nil {
			t.Fatal(err)
		}
	}
	if err := run.LogPicture(t.Context(), tracker.RoleSnapshot, to, image.NewGray(image.Rect(0, 0, 300, int(to)))); err != nil {
		t.Fatal(err)
	}
}

func finish(t testing.TB, run *tracker.ActiveRun) {
	t.Helper()
	if err := run.Finish(t.Context(), tracker.Outcome{Status: tracker.StatusFinished}); err != nil {
		t.Fatal(err)
	}
}

// look runs a script with MLflow's own client, c, and decodes what it prints.
func look[T any](t *testing.T, script string, args ...string) (got T) {
	t.Helper()
	const head = "import json, sys, mlflow\nfrom mlflow import MlflowClient\nmlflow.set_tracking_uri(sys.argv[1])\nc = MlflowClient()\n"
	out := pythontest.Run(t, head+script, append([]string{strings.TrimPrefix(address(t), "mlflow+")}, args...)...)
	lines := strings.Split(strings.TrimSpace(out), "\n") // MLflow prints links before
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &got); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	return got
}

// TestSend: MLflow's client finds what was sent, in two parts, with trials below their sweep and pictures by step.
func TestSend(t *testing.T) {
	client, store := newClient(t), openStore(t)
	if _, err := store.CreateSweep(t.Context(), tracker.Sweep{Name: "it's night", Text: "name: night", Trials: 2}); err != nil {
		t.Fatal(err)
	}
	n := tracker.NewRun{
		Name: "cat", Experiment: "send", Note: "soft", Tags: []string{"good one"}, Sweep: "it's night", Trial: 1,
		Params: tracker.Params{"style_weight": 60.5, "größe": 64, "a//b": "x"}, Provenance: tracker.Provenance{Commit: "abc+changes"},
	}
	n.AddInput(tracker.RoleContent, "content.png", "", trackertest.Picture(t, 1))
	run, err := tracker.Start(t.Context(), store, n)
	if err != nil {
		t.Fatal(err)
	}
	send := func() {
		t.Helper()
		if page, err := client.Send(t.Context(), store, run.ID()); err != nil || !strings.HasPrefix(page, "http://127.0.0.1:") {
			t.Fatal(page, err)
		}
	}
	log(t, run, 1, 1500)
	addFile := func(text string) {
		t.Helper()
		if _, err := run.AddFile(t.Context(), tracker.NewFile{Name: "logs/out.txt", Type: "text/plain", Data: []byte(text)}); err != nil {
			t.Fatal(err)
		}
	}
	addFile("one")
	send()
	addFile("two")
	log(t, run, 1501, 1600)
	finish(t, run)
	for range 2 {
		send() // the second has nothing to send
	}
	got := look[struct {
		Runs    []string
		Params  map[string]string
		Tags    map[string]string
		Status  string
		Parent  string
		Total   [][2]float64
		Times   float64
		Special []string
		Images  []string
		File    string
	}](t, `
e = c.get_experiment_by_name("send").experiment_id
runs = c.search_runs([e], "tags.`+"`gouache.run`"+` != ''")
r = runs[0]
total = c.get_metric_history(r.info.run_id, "total")
print(json.dumps({
    "Runs": [x.info.run_name for x in runs], "Params": r.data.params, "Tags": r.data.tags, "Status": r.info.status,
    "Parent": c.get_run(r.data.tags["mlflow.parentRunId"]).info.run_name,
    "Total": [[m.step, m.value] for m in sorted(total, key=lambda m: m.step)], "Times": (total[-1].timestamp - total[0].timestamp),
    "Special": [str(r.data.metrics["loss.style"]), str(r.data.metrics["tv"])],
    "Images": [f.path for f in c.list_artifacts(r.info.run_id, "images")],
    "File": mlflow.artifacts.load_text(f"runs:/{r.info.run_id}/logs/out.txt"),
}))`)
	if len(got.Runs) != 1 || got.Runs[0] != "cat" || got.Status != "FINISHED" || got.Parent != "it's night" {
		t.Errorf("runs %v, %s, below %q", got.Runs, got.Status, got.Parent)
	}
	if len(got.Params) != 4 || got.Params["style_weight"] != "60.5" || got.Params["gr__e"] != "64" && got.Params["gr___e"] != "64" && got.Params["gr____e"] != "64" {
		t.Errorf("the parameters are %v", got.Params)
	}
	for key, want := range map[string]string{"gouache.run": run.ID(), "mlflow.note.content": "soft", "good one": "true", "mlflow.source.git.commit": "abc", "mlflow.loggedImages": "True"} {
		if got.Tags[key] != want {
			t.Errorf("the tag %s is %q, want %q", key, got.Tags[key], want)
		}
	}
	if len(got.Total) != 1600 || got.Total[0] != [2]float64{1, 99} || got.Total[1599] != [2]float64{1600, -1500} {
		t.Errorf("the total has %d points", len(got.Total))
	}
	if got.Special[1] != "nan" || got.Special[0] != "inf" && !strings.HasPrefix(got.Special[0], "1.797") {
		t.Errorf("not finite: %v", got.Special)
	}
	if got.File != "two" {
		t.Errorf("the file is %q", got.File)
	}
	if len(got.Images) != 6 { // the content and two snapshots, each with a small one
		t.Errorf("the images are %v", got.Images)
	}
}

// TestOpen: runs of MLflow's client come in, with images, nested ones as trials, and only once.
func TestOpen(t *testing.T) {
	client, store := newClient(t), openStore(t)
	look[int](t, `
import numpy, io, os, tempfile
mlflow.set_experiment("open")
with mlflow.start_run(run_name="parent"):
    for i in range(2):
        with mlflow.start_run(run_name=f"child {i}", nested=True):
            mlflow.log_params({"lr": 0.1, "layers": 3, "fine": True, "name with blanks": "x"})
            for step in range(3):
                mlflow.log_metric("val loss", float("inf") if step == 2 else step, step=step)
                mlflow.log_image(numpy.full((8, 8 + step, 3), 100 + i, dtype="uint8"), key="gen/fake", step=step)
            mlflow.set_tag("team", "red")
            mlflow.log_image(numpy.full((9, 9, 3), 50 + i, dtype="uint8"), "figures/last.png")
            mlflow.log_text("a log", "logs/out.txt")
            mlflow.log_text("no picture", "wrong.png")
print(0)`)
	open := func() *tracker.Imported {
		t.Helper()
		source, err := client.Open(t.Context(), func(err error) { t.Error(err) })
		if err != nil {
			t.Fatal(err)
		}
		done, err := tracker.Import(t.Context(), store, source, nil)
		if err != nil || len(done.Refused) > 0 {
			t.Fatalf("%+v, %v", done, err)
		}
		return done
	}
	if done := open(); len(done.Runs) != 3 {
		t.Fatalf("%+v", done)
	}
	if again := open(); len(again.Present) != 3 || len(again.Runs) > 0 {
		t.Errorf("again: %+v", again)
	}
	page, err := store.Runs(t.Context(), tracker.RunQuery{Filter: tracker.Where("sweep", tracker.Equal, "parent")})
	if err != nil || page.Total != 2 {
		t.Fatalf("%+v, %v", page, err)
	}
	for _, run := range page.Runs {
		p := run.Params
		if p["lr"] != 0.1 || p["layers"] != int64(3) || p["fine"] != true || p["name_with_blanks"] != "x" || run.Experiment != "open" || run.Trial == 0 {
			t.Errorf("%+v", run)
		}
		if run.Status != tracker.StatusFinished || !math.IsInf(run.Final["val_loss"], 1) || len(run.Tags) != 1 || run.Tags[0] != "team=red" {
			t.Errorf("%+v", run)
		}
		pictures, err := store.Pictures(t.Context(), run.ID, tracker.PictureQuery{})
		if err != nil || len(pictures) != 4 || pictures[0].Role != tracker.RoleResult || pictures[3].Name != "gen/fake" || pictures[3].Step != 2 {
			t.Errorf("%+v, %v", pictures, err)
		}
		files, err := store.Files(t.Context(), run.ID)
		if err != nil || len(files) != 2 || files[0].Name != "logs/out.txt" || files[0].Bytes != 5 || files[1].Name != "wrong.png" {
			t.Errorf("%+v, %v", files, err)
		}
	}
}

// TestForward: a run is there while it is painted, and whole soon after its end.
func TestForward(t *testing.T) {
	client, store := newClient(t), openStore(t)
	forwarder := mlflow.NewForwarder(client, store, func(err error) { t.Error(err) })
	run, err := tracker.Start(t.Context(), tracker.Follow(store, forwarder), tracker.NewRun{Name: "live", Experiment: "forward"})
	if err != nil {
		t.Fatal(err)
	}
	log(t, run, 1, 20)
	finish(t, run)
	forwarder.Close()
	got := look[struct {
		Status string
		Points int
	}](t, `
r = c.search_runs([c.get_experiment_by_name("forward").experiment_id])[0]
print(json.dumps({"Status": r.info.status, "Points": len(c.get_metric_history(r.info.run_id, "total"))}))`)
	if got.Status != "FINISHED" || got.Points != 20 {
		t.Errorf("%+v", got)
	}
}

// TestAway: a server that hangs delays nothing but the end, and that by seconds; one warning says so.
func TestAway(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err := mlflow.NewClient("mlflow+http://" + listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	var warnings []error
	store := openStore(t)
	forwarder := mlflow.NewForwarder(client, store, func(err error) { warnings = append(warnings, err) })
	began := time.Now()
	run, err := tracker.Start(t.Context(), tracker.Follow(store, forwarder), tracker.NewRun{})
	if err != nil {
		t.Fatal(err)
	}
	log(t, run, 1, 1000)
	finish(t, run)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("logging took %v", took)
	}
	forwarder.Close()
	if took := time.Since(began); took > 20*time.Second || len(warnings) != 1 {
		t.Errorf("closing took %v, with %v", took, warnings)
	}
}

// TestAddress: what is no address is refused, and no error shows a password.
func TestAddress(t *testing.T) {
	for _, bad := range []string{"", "http://127.0.0.1", "mlflow+http://", "mlflow+http://me:s3cret@host", "mlflow+http://host?x=1"} {
		if _, err := mlflow.NewClient(bad); tracker.ErrorCode(err) != tracker.CodeInvalid || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	client, err := mlflow.NewClient("mlflow+http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := client.Open(ctx, nil); tracker.ErrorCode(err) != tracker.CodeUnavailable || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("nobody there: %v", err)
	}
}
