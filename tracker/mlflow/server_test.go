package mlflow_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gouache-art/gouache/internal/postgrestest"
	"github.com/gouache-art/gouache/internal/pythontest"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/mlflow"
	"github.com/gouache-art/gouache/tracker/postgres"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// serve offers a store to MLflow's clients, and returns the server's address.
func serve(t testing.TB, store tracker.Store) string {
	t.Helper()
	handler := mlflow.NewHandler(store, mlflow.Options{})
	server := httptest.NewServer(handler)
	t.Cleanup(func() { server.Close(); handler.Close() })
	return server.URL
}

// TestServer: what a script logs with MLflow's client is in the store, and the client finds it there.
func TestServer(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { testServer(t, openStore(t)) })
	t.Run("postgres", func(t *testing.T) {
		blobs := "file://" + filepath.ToSlash(t.TempDir())
		store, err := postgres.Open(t.Context(), postgrestest.Database(t), postgres.Options{Blobs: blobs})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		testServer(t, store)
	})
}

func testServer(t *testing.T, store tracker.Store) {
	out := strings.TrimSpace(pythontest.Output(t, "python", "testdata/server.py", serve(t, store)))
	var ids struct {
		Parent, Batch, Files string
		Children             []string
	}
	if err := json.Unmarshal([]byte(out[strings.LastIndex(out, "\n")+1:]), &ids); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	parent, err := store.Run(t.Context(), ids.Parent)
	if err != nil || parent.Name != "parent" || parent.Experiment != "night" || parent.Note != "soft" || parent.Status != tracker.StatusFinished {
		t.Errorf("the parent is %+v, %v", parent, err)
	}
	for i, id := range ids.Children {
		run, err := store.Run(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		p := run.Params
		if p["layers"] != int64(i) || p["fine"] != true || p["batch_size"] != "1e-3" || p["empty"] != "" || run.Final["val_loss"] != float64(7-i) {
			t.Errorf("child %d has %v and %v", i, run.Params, run.Final)
		}
		if run.Sweep != "parent "+ids.Parent || run.Trial != i+1 {
			t.Errorf("child %d is trial %d of %q", i, run.Trial, run.Sweep)
		}
		if !slices.Contains(run.Tags, "team="+[]string{"green", "red", "red"}[i]) || !slices.Contains(run.Tags, "fine") {
			t.Errorf("child %d has the tags %v", i, run.Tags)
		}
		if slices.Contains(run.Tags, "mlflow.deleted") != (i == 2) {
			t.Errorf("child %d has the tags %v", i, run.Tags)
		}
		pictures, err := store.Pictures(t.Context(), id, tracker.PictureQuery{})
		if err != nil || len(pictures) != 6 {
			t.Fatalf("child %d has the pictures %+v, %v", i, pictures, err)
		}
		for step, p := range pictures[:2] {
			if p.Role != tracker.RoleResult || p.Name != "figures/last.png" || p.Step != int64(step) || p.Width != 9 {
				t.Errorf("picture %+v", p)
			}
		}
		for step, p := range pictures[2:] {
			if p.Role != tracker.RoleSnapshot || p.Name != "gen/fake" || p.Step != int64(step) || p.Width != 24 {
				t.Errorf("picture %+v", p)
			}
		}
	}
	files, err := store.Files(t.Context(), ids.Files)
	kinds := map[string]string{}
	for _, f := range files {
		kinds[f.Name], _, _ = strings.Cut(f.Type, ";")
	}
	for name, kind := range map[string]string{
		"notes.txt": "text/plain", "config/settings.json": "text/plain", "all of it/page.html": "text/html", "all of it/deep/er/data.bin": "application/octet-stream",
	} {
		if kinds[name] != kind {
			t.Errorf("%s is of the type %q, want %s (%v)", name, kinds[name], kind, err)
		}
	}
	if batch, err := store.Run(t.Context(), ids.Batch); err != nil || batch.Status != tracker.StatusInterrupted || len(batch.Tags) != 90 {
		t.Errorf("the batch is %+v, %v", batch, err)
	}
}

// TestAutolog: what docs/others.md says of mlflow.autolog.
func TestAutolog(t *testing.T) {
	store := openStore(t)
	out := strings.Fields(pythontest.Output(t, "python", "testdata/autolog.py", serve(t, store)))
	run, err := store.Run(t.Context(), out[len(out)-1])
	if err != nil {
		t.Fatal(err)
	}
	pictures, picturesErr := store.Pictures(t.Context(), run.ID, tracker.PictureQuery{})
	files, err := store.Files(t.Context(), run.ID)
	if run.Params["max_iter"] != int64(500) || run.Final["training_accuracy_score"] < 0.9 || len(pictures) != 1 || len(files) == 0 {
		t.Errorf("the run has %v, %v, %d pictures and the files %v (%v, %v)", run.Params, run.Final, len(pictures), files, picturesErr, err)
	}
}

// ask sends a request, with a body as JSON unless kind is another, and returns the status and the answer.
func ask(t testing.TB, method, address, kind, body string) (status int, answer string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	data, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return a.StatusCode, string(data)
}

// post sends JSON to a route, which must answer with a status, and an error with a code if that is not "".
func post(t testing.TB, server, route string, in any, status int, code string) (answer map[string]any) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	got, text := ask(t, http.MethodPost, server+"/api/2.0/mlflow/"+route, "application/json", string(body))
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatalf("%s: %s", route, text)
	}
	if got != status || code != "" && answer["error_code"] != code {
		t.Errorf("%s %.100s: %d %.300s, want %d %s", route, body, got, text, status, code)
	}
	return answer
}

// create begins a run and returns its id.
func create(t testing.TB, server string, tags ...map[string]string) string {
	t.Helper()
	answer := post(t, server, "runs/create", map[string]any{"experiment_id": "0", "run_name": "r", "tags": tags}, 200, "")
	return answer["run"].(map[string]any)["info"].(map[string]any)["run_id"].(string)
}

// TestRefused: what makes no sense is refused in MLflow's form, and changes nothing.
func TestRefused(t *testing.T) {
	store := openStore(t)
	server := serve(t, store)
	id := create(t, server)
	before, err := store.Run(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	type m = map[string]any
	pairs := func(n int) (list []m) {
		for i := range n {
			list = append(list, m{"key": fmt.Sprint("k", i), "value": "v"})
		}
		return list
	}
	long := strings.Repeat("x", 9000)
	for _, c := range []struct {
		route  string
		in     any
		status int
		code   string
	}{
		{"runs/set-tag", m{"run_id": "../../x", "key": "a", "value": "b"}, 404, "RESOURCE_DOES_NOT_EXIST"},
		{"runs/set-tag", m{"run_id": "1ngtt00vscrx", "key": "a", "value": "b"}, 404, "RESOURCE_DOES_NOT_EXIST"},
		{"runs/set-tag", m{"run_id": id, "key": "", "value": "b"}, 400, "INVALID_PARAMETER_VALUE"},
		{"runs/set-tag", m{"run_id": id, "key": "a\x1b", "value": "b"}, 400, "INVALID_PARAMETER_VALUE"},
		{"runs/set-tag", m{"run_id": id, "key": "gouache.name.x", "value": "b"}, 400, "INVALID_PARAMETER_VALUE"},
		{"runs/set-tag", m{"run_id": id, "key": "a", "value": long}, 400, "INVALID_PARAMETER_VALUE"},
		{"runs/set-tag", m{"run_id": id, "key": "a", "value": "\x00"}, 400, "INVALID_PARAMETER_VALUE"},
		{"runs/set-tag", m{"run_id": id, "key": "mlflow.note.content", "value": strings.Repeat(long, 10)}, 400, "INVALID_PARAMETER_VALUE"},
		{"runs/log-parameter", m{"run_id": id, "key": "a", "value": long}, 400, "INVALID_PARAMETER_VALUE"},
		{"runs/log-parameter", m{"run_id": id, "key": strings.Repeat("k", 300), "value": "v"}, 400, "INVALID_PARAMETER_VALUE"},
		{"runs/log-batch", m{"run_id": id, "params": []m{{"key": "a b", "value": "1"}, {"key": "a_b", "value": "1"}}}, 400, "INVALID_PARAMETER_VALUE"},
		{"runs/log-batch", m{"run_id": id, "params": []m{{"key": "a", "value": "1"}, {"key": "a", "value": "2"}}}, 400, "INVALID_PARAMETER_VALUE"},
		{"runs/log-batch", m{"run_id": id, "params": pairs(101)}, 400, "INVALID_PARAMETER_VALUE"},
		{"runs/log-batch", m{"run_id": id, "tags": pairs(2), "metrics": []m{{"key": "x", "value": 1, "step": -1}}}, 400, "INVALID_PARAMETER_VALUE"},
		{"runs/log-metric", m{"run_id": id, "key": "x", "value": "much"}, 400, "INVALID_PARAMETER_VALUE"},
		{"runs/update", m{"run_id": id, "status": "SLEEPING"}, 400, "INVALID_PARAMETER_VALUE"},
		{"runs/create", m{"experiment_id": "12"}, 404, "RESOURCE_DOES_NOT_EXIST"},
		{"experiments/create", m{"name": "a\nb"}, 400, "INVALID_PARAMETER_VALUE"},
		{"experiments/create", m{"name": "Default"}, 400, "RESOURCE_ALREADY_EXISTS"},
		{"runs/search", m{"experiment_ids": []string{"0"}, "max_results": -1}, 400, "INVALID_PARAMETER_VALUE"},
		{"runs/search", m{"experiment_ids": []string{"0"}, "page_token": "-7"}, 400, "INVALID_PARAMETER_VALUE"},
		{"runs/search", m{"experiment_ids": []string{"0"}, "order_by": []string{"tags.x"}}, 400, "INVALID_PARAMETER_VALUE"},
		{"runs/search", m{"experiment_ids": []string{"0"}, "order_by": []string{"metrics.x SIDEWAYS"}}, 400, "INVALID_PARAMETER_VALUE"},
		{"runs/log-inputs", m{"run_id": id}, 501, "NOT_IMPLEMENTED"},
		{"runs/search", strings.Repeat(long, 500), 413, "INVALID_PARAMETER_VALUE"},
		{"runs/search", "x", 400, "INVALID_PARAMETER_VALUE"},
	} {
		post(t, server, c.route, c.in, c.status, c.code)
	}
	for _, c := range [][3]string{
		{"POST", "/api/2.0/mlflow/runs/delete", "text/plain"}, // which a form of another site could send
		{"GET", "/api/2.0/mlflow/runs/get?run_id=" + strings.Repeat("x", 1000), ""},
		{"GET", "/api/2.0/mlflow/metrics/get-history?run_id=" + id + "&metric_key=x&max_results=many", ""},
		{"GET", "/api/3.0/mlflow/traces", ""},
		{"GET", "/api/2.0/mlflow-artifacts/artifacts/" + id + "/..%2f..%2fetc/passwd", ""},
		{"PUT", "/api/2.0/mlflow-artifacts/artifacts/" + id + "/a%00.png", "image/png"},
		{"PUT", "/api/2.0/mlflow-artifacts/artifacts/" + id + "/../x.png", "image/png"},
		{"PUT", "/api/2.0/mlflow-artifacts/artifacts/" + id, "image/png"},
		{"PUT", "/api/2.0/mlflow-artifacts/artifacts/nobody/x.png", "image/png"},
		{"PUT", "/api/2.0/mlflow-artifacts/artifacts/" + id + "/a%5Cb.txt", "text/plain"},
		{"PUT", "/api/2.0/mlflow-artifacts/artifacts/" + id + "/" + strings.Repeat("x", 501), "text/plain"},
		{"DELETE", "/api/2.0/mlflow-artifacts/artifacts/" + id + "/x.png", ""},
	} {
		status, text := ask(t, c[0], server+c[1], c[2], `{"run_id": "`+id+`"}`)
		var problem struct {
			Code    string `json:"error_code"`
			Message string
		}
		if err := json.Unmarshal([]byte(text), &problem); err != nil || status < 400 || status == 500 || problem.Code == "" || problem.Message == "" {
			t.Errorf("%s %.80s: %d %s", c[0], c[1], status, text)
		}
	}
	after, err := store.Run(t.Context(), id)
	if err != nil || len(after.Params)+len(after.Tags)+len(after.Final) > 0 || after.Note != before.Note || len(after.Provenance.Labels) > 0 {
		t.Errorf("the run is %+v, %v", after, err)
	}
	if pictures, err := store.Pictures(t.Context(), id, tracker.PictureQuery{}); err != nil || len(pictures) > 0 {
		t.Errorf("%+v, %v", pictures, err)
	}
	if files, err := store.Files(t.Context(), id); err != nil || len(files) > 0 {
		t.Errorf("%+v, %v", files, err)
	}
}

// TestFiles: a file that is sent again is replaced, a page is sent so that no browser shows it, and notes have the name of
// the token's person.
func TestFiles(t *testing.T) {
	store := openStore(t)
	handler := mlflow.NewHandler(store, mlflow.Options{Admit: func(*http.Request, bool) (string, int, error) { return "anna", 0, nil }})
	server := httptest.NewServer(handler)
	t.Cleanup(func() { server.Close(); handler.Close() })
	id := create(t, server.URL, map[string]string{"key": "mlflow.note.content", "value": "soft"})
	if run, err := store.Run(t.Context(), id); err != nil || run.Note != "soft" || run.NoteBy != "anna" {
		t.Errorf("%+v, %v", run, err)
	}
	post(t, server.URL, "runs/set-tag", map[string]any{"run_id": id, "key": "mlflow.note.content", "value": "dark"}, 200, "")
	if run, err := store.Run(t.Context(), id); err != nil || run.Note != "dark" || run.NoteBy != "anna" {
		t.Errorf("%+v, %v", run, err)
	}
	address := server.URL + "/api/2.0/mlflow-artifacts/artifacts/" + id + "/a/page.html"
	for _, text := range []string{"<p>one", "<script>two", "<script>two"} {
		if status, answer := ask(t, http.MethodPut, address, "text/html", text); status != 200 {
			t.Errorf("%d %s", status, answer)
		}
	}
	if status, answer := ask(t, http.MethodPut, server.URL+"/api/2.0/mlflow-artifacts/artifacts/"+id+"/b.png", "picture", "no picture"); status != 200 {
		t.Errorf("%d %s", status, answer)
	}
	files, err := store.Files(t.Context(), id)
	if err != nil || len(files) != 2 || files[0].Name != "a/page.html" || files[0].Type != "text/html" || files[1].Name != "b.png" || !strings.HasPrefix(files[1].Type, "text/plain") {
		t.Errorf("%+v, %v", files, err)
	}
	answer, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil || string(data) != "<script>two" {
		t.Errorf("%q, %v", data, err)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/octet-stream", "Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox",
	} {
		if got := answer.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestAtOnce: of what several write at once into one run nothing is lost, and nested runs have numbers of their own.
func TestAtOnce(t *testing.T) {
	store := openStore(t)
	server := serve(t, store)
	parent := create(t, server)
	const n = 12
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			post(t, server, "runs/set-tag", map[string]any{"run_id": parent, "key": fmt.Sprint("mlflow.x", i), "value": "v"}, 200, "")
			post(t, server, "runs/log-metric", map[string]any{"run_id": parent, "key": "a b", "value": i, "step": i, "timestamp": 1}, 200, "")
			create(t, server, map[string]string{"key": "mlflow.parentRunId", "value": parent})
		})
	}
	all.Wait()
	run, err := store.Run(t.Context(), parent)
	if err != nil || len(run.Provenance.Labels) != n+1 || run.Final["a_b"] != n-1 {
		t.Errorf("the run is %+v, %v", run, err)
	}
	page, err := store.Runs(t.Context(), tracker.RunQuery{Filter: tracker.Where("sweep", tracker.Equal, "r "+parent)})
	if err != nil || page.Total != n {
		t.Fatalf("%d nested runs, %v", page.Total, err)
	}
	trials := map[int]bool{}
	for _, r := range page.Runs {
		trials[r.Trial] = true
	}
	if len(trials) != n || !trials[1] || !trials[n] {
		t.Errorf("the trials are %v", trials)
	}
}

// TestEnds: a run that is stopped by hand ends with an error for its script, and one whose server is gone is continued.
func TestEnds(t *testing.T) {
	store := openStore(t)
	server := serve(t, store)
	stopped := create(t, server)
	if _, err := store.StopRun(t.Context(), stopped); err != nil {
		t.Fatal(err)
	}
	point := func(id string) map[string]any { return map[string]any{"run_id": id, "key": "x", "value": 1, "step": 0} }
	post(t, server, "runs/log-metric", point(stopped), 409, "INVALID_STATE")
	if run, err := store.Run(t.Context(), stopped); err != nil || run.Status != tracker.StatusInterrupted || run.Reason != tracker.ReasonStopped {
		t.Errorf("stopped by hand: %+v, %v", run, err)
	}
	process := tracker.ThisProcess()
	process.PID, process.StartedAt = 1<<22+1, time.Now().Add(-time.Hour) // no process has this number
	left, err := store.CreateRun(t.Context(), tracker.NewRun{Process: process})
	if err != nil {
		t.Fatal(err)
	}
	post(t, server, "runs/log-metric", point(left.ID), 200, "")
	if run, err := store.Run(t.Context(), left.ID); err != nil || run.Status != tracker.StatusRunning || run.Final["x"] != 1 || run.Attempt != 2 {
		t.Errorf("left by its server: %+v, %v", run, err)
	}
	post(t, server, "runs/update", map[string]any{"run_id": left.ID, "status": "FINISHED", "end_time": 1}, 200, "")
	post(t, server, "runs/update", map[string]any{"run_id": left.ID, "status": "FINISHED"}, 200, "")
	post(t, server, "runs/update", map[string]any{"run_id": left.ID, "status": "RUNNING"}, 409, "INVALID_STATE")
}

// TestPictures: a picture under the path or the step of another is kept beside it, and one that is sent again is known.
func TestPictures(t *testing.T) {
	store := openStore(t)
	server := serve(t, store)
	id := create(t, server)
	put := func(name string, seed int) {
		t.Helper()
		address := server + "/api/2.0/mlflow-artifacts/artifacts/" + id + "/" + name
		if status, text := ask(t, http.MethodPut, address, "image/png", string(trackertest.Picture(t, seed))); status != http.StatusOK {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	for _, seed := range []int{1, 2, 2, 1} { // the last is the first again
		put("plots/a.png", seed)
	}
	put("images/key+step+3+timestamp+1+aaaa.png", 1)
	put("images/key+step+3+timestamp+2+bbbb.png", 2)
	put("images/key+step+3+timestamp+2+bbbb.png", 2)
	put("images/key+step+3+timestamp+2+bbbb+compressed.webp", 3)
	put("images/style+step+0+timestamp+2+cccc.png", 4)
	pictures, err := store.Pictures(t.Context(), id, tracker.PictureQuery{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range pictures {
		got = append(got, fmt.Sprintf("%s %d %.4s", p.Role, p.Step, p.Name))
	}
	if want := []string{"result 0 plot", "result 1 plot", "result 2 plot", "snapshot 3 key", "snapshot 3 key ", "style 0 "}; !slices.Equal(got, want) {
		t.Errorf("the pictures are %q, want %q", got, want)
	}
	status, text := ask(t, http.MethodGet, server+"/api/2.0/mlflow/artifacts/list?path=images&run_id="+id, "", "")
	if status != 200 || strings.Count(text, `"path":"images/`) != 3 {
		t.Errorf("%d %s", status, text)
	}
	status, text = ask(t, http.MethodGet, server+"/api/2.0/mlflow-artifacts/artifacts/"+id+"/plots/a.png", "", "")
	if status != 200 || text != string(trackertest.Picture(t, 1)) {
		t.Errorf("the picture is %d, %d bytes", status, len(text))
	}
}

// TestSendHere: a run that is sent to a server of this package is there as it was, and comes back by Open.
func TestSendHere(t *testing.T) {
	from, to, back := openStore(t), openStore(t), openStore(t)
	n := tracker.NewRun{
		Name: "cat", Experiment: "send", Note: "soft\nand dark", Tags: []string{"good one", "team=red"}, Sweep: "it's night", Trial: 1,
		Params: tracker.Params{"style_weight": 60.5, "size": 64, "fine": true, "x": "y"}, Provenance: tracker.Provenance{Commit: "abc"},
	}
	n.AddInput(tracker.RoleContent, "content.png", "", trackertest.Picture(t, 1))
	active, err := tracker.Start(t.Context(), from, n)
	if err != nil {
		t.Fatal(err)
	}
	log(t, active, 1, 1200)
	for name, text := range map[string]string{"logs/out 100%.txt": "a log", "wrong.png": "no picture"} {
		if _, err := active.AddFile(t.Context(), tracker.NewFile{Name: name, Type: "text/plain", Data: []byte(text)}); err != nil {
			t.Fatal(err)
		}
	}
	finish(t, active)
	client, err := mlflow.NewClient("mlflow+" + serve(t, to))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing to send
		if _, err := client.Send(t.Context(), from, active.ID()); err != nil {
			t.Fatal(err)
		}
	}
	page, err := to.Runs(t.Context(), tracker.RunQuery{Filter: tracker.Where("name", tracker.Equal, "cat")})
	if err != nil || page.Total != 1 {
		t.Fatalf("%+v, %v", page, err)
	}
	want, err := from.Run(t.Context(), active.ID())
	if err != nil {
		t.Fatal(err)
	}
	got := page.Runs[0]
	if got.Experiment != "send" || got.Note != want.Note || got.Status != want.Status || got.Provenance.Commit != "abc" || got.Trial != 1 ||
		!slices.Contains(got.Tags, "good one") || !slices.Contains(got.Tags, "team=red") {
		t.Errorf("%+v", got)
	}
	if p := got.Params; len(p) != len(want.Params) || p["style_weight"] != 60.5 || p["size"] != int64(64) || p["x"] != "y" {
		t.Errorf("the parameters are %v, want %v", p, want.Params)
	}
	curves, err := to.Curves(t.Context(), got.ID, tracker.CurveQuery{})
	if err != nil || len(curves) != 4 || len(curves[3].Points) != 1200 || curves[1].Last != 1.2 {
		t.Errorf("%d curves, %v", len(curves), err)
	}
	pictures, err := to.Pictures(t.Context(), got.ID, tracker.PictureQuery{})
	if err != nil || len(pictures) != 2 || pictures[0].Role != tracker.RoleContent || pictures[1].Role != tracker.RoleSnapshot || pictures[1].Step != 1200 {
		t.Errorf("%+v, %v", pictures, err)
	}
	post(t, strings.TrimPrefix(client.String(), "mlflow+"), "runs/delete-tag", map[string]any{"run_id": got.ID, "key": "gouache.run"}, 200, "")
	source, err := client.Open(t.Context(), func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	done, err := tracker.Import(t.Context(), back, source, nil)
	if err != nil || len(done.Runs) != 1 || len(done.Refused) > 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	if done, err := tracker.Import(t.Context(), back, source, nil); err != nil || len(done.Present) != 1 {
		t.Errorf("%+v, %v", done, err)
	}
	for store, id := range map[tracker.Store]string{to: got.ID, back: done.Runs[0]} {
		files, err := store.Files(t.Context(), id)
		if err != nil || len(files) != 2 || files[0].Name != "logs/out 100%.txt" || files[0].Bytes != 5 || files[1].Name != "wrong.png" {
			t.Errorf("%+v, %v", files, err)
		}
	}
}
