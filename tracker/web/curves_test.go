package web

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"reflect"
	"slices"
	"testing"

	"github.com/gouache-art/gouache/tracker"
)

// answer is what the curves of a run come as.
type answer struct {
	ID, Status string
	Curves     []struct {
		Name   string
		Points [][2]any
		Total  int
	}
}

func TestCurves(t *testing.T) {
	store := realStore(t)
	h := handle(t, store, Options{})
	run := named(t, store, "whiskers stay")
	var a answer
	if err := json.Unmarshal(get(t, h, "/runs/"+run.ID+"/curves", http.StatusOK).Body.Bytes(), &a); err != nil {
		t.Fatal(err)
	}
	if a.ID != run.ID || a.Status != "finished" || len(a.Curves) != 9 {
		t.Fatalf("the curves are %v", a)
	}
	for _, c := range a.Curves {
		if c.Total != planned || len(c.Points) != planned || c.Points[planned-1][0] != float64(planned) || c.Points[planned-1][1] != run.Final[c.Name] {
			t.Errorf("the curve of %s has %d of %d points and ends in %v, not %v", c.Name, len(c.Points), c.Total, c.Points[planned-1], run.Final[c.Name])
		}
	}
	var some answer
	if err := json.Unmarshal(get(t, h, "/runs/"+run.ID+"/curves?metrics=total,style,nothing&from=41&points=10", http.StatusOK).Body.Bytes(), &some); err != nil {
		t.Fatal(err)
	}
	if len(some.Curves) != 2 || some.Curves[0].Name != "style" || len(some.Curves[0].Points) > 10 || some.Curves[0].Points[0][0] != 41.0 {
		t.Errorf("some curves are %v", some)
	}
	for _, query := range []string{"points=3", "points=1000000", "points=x", "from=-1"} {
		get(t, h, "/runs/"+run.ID+"/curves?"+query, http.StatusBadRequest)
	}
	get(t, h, "/runs/zzzzzz/curves", http.StatusNotFound)
}

// What is written by hand is what json.Marshal writes.
func TestAppendCurves(t *testing.T) {
	run := &tracker.Run{ID: "a\"b", Status: tracker.StatusRunning}
	points := []tracker.Point{{Step: 0, Value: 1e21}, {Step: 1, Value: -1.5e-9}, {Step: 7, Value: math.NaN()}, {Step: math.MaxInt64, Value: math.Inf(-1)}}
	curves := []tracker.Curve{{Series: tracker.Series{Name: "loss.</script>\u2028", Points: points}, Total: 4}, {Series: tracker.Series{Name: "none", Points: []tracker.Point{}}}}
	want, err := json.Marshal(map[string]any{"id": run.ID, "status": run.Status, "curves": curves})
	if err != nil {
		t.Fatal(err)
	}
	var a, b any
	for text, into := range map[string]*any{string(want): &a, string(appendCurves(nil, run, curves)): &b} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
	}
	if !reflect.DeepEqual(a, b) {
		t.Errorf("got\n%v, want\n%v", b, a)
	}
}

func TestPicturesOf(t *testing.T) {
	store := realStore(t)
	h := handle(t, store, Options{})
	run := named(t, store, "whiskers stay")
	var list []tracker.Picture
	if err := json.Unmarshal(get(t, h, "/runs/"+run.ID+"/pictures", http.StatusOK).Body.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	want, err := store.Pictures(t.Context(), run.ID, tracker.PictureQuery{})
	if err != nil {
		t.Fatal(err)
	}
	same := func(a, b tracker.Picture) bool { return a.Hash == b.Hash && a.Role == b.Role && a.Step == b.Step }
	if len(want) == 0 || !slices.EqualFunc(list, want, same) {
		t.Errorf("got %v, want %v", list, want)
	}
	empty, err := store.CreateRun(t.Context(), tracker.NewRun{})
	if err != nil {
		t.Fatal(err)
	}
	if text := get(t, h, "/runs/"+empty.ID+"/pictures", http.StatusOK).Body.String(); text != "[]" {
		t.Errorf("no pictures are %q", text)
	}
	if text := get(t, h, "/runs/"+empty.ID+"/curves", http.StatusOK).Body.String(); text != fmt.Sprintf(`{"id":%q,"status":"running","curves":[]}`, empty.ID) {
		t.Errorf("no curves are %q", text)
	}
}
