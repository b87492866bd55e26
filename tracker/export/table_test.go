package export

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/tracker"
)

// table reads a CSV file back: a map from the names of columns for each row.
func table(t *testing.T, text []byte) (columns []string, rows []map[string]string) {
	t.Helper()
	records, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records[1:] {
		row := map[string]string{}
		for i, name := range records[0] {
			row[name] = r[i]
		}
		rows = append(rows, row)
	}
	return records[0], rows
}

func TestCSV(t *testing.T) {
	db, _ := openStore(t)
	ids := fill(t, db)
	var b bytes.Buffer
	if err := CSV(t.Context(), &b, db, ids); err != nil {
		t.Fatal(err)
	}
	columns, rows := table(t, b.Bytes())
	want := "id name experiment sweep trial status reason started_at ended_at duration_seconds rating tags note " +
		"param.crop param.only param.pooling param.preset param.style_weight param.tv_weight " +
		"final.loss.style final.style final.total final.tv input.content input.style picture " +
		"version commit command dir go platform xla device network weights weights_sha256 seed peak_memory_bytes host"
	if got := strings.Join(columns, " "); got != want {
		t.Errorf("the columns are\n%s\nnot\n%s", got, want)
	}
	if len(rows) != len(ids) {
		t.Fatalf("%d rows, want %d", len(rows), len(ids))
	}
	run, err := db.Run(t.Context(), ids[0])
	if err != nil {
		t.Fatal(err)
	}
	pictures, err := db.Pictures(t.Context(), ids[0], tracker.PictureQuery{Roles: []string{tracker.RoleContent}})
	if err != nil {
		t.Fatal(err)
	}
	for i, cells := range []map[string]string{
		{
			"id": ids[0], "name": "tübingen", "trial": "", "status": "finished", "rating": "4", "tags": "good 'to show'",
			"started_at": run.StartedAt.Format("2006-01-02T15:04:05Z"), "ended_at": run.EndedAt.Format("2006-01-02T15:04:05Z"),
			"duration_seconds":   strconv.Itoa(int(run.EndedAt.Sub(run.StartedAt).Seconds())),
			"param.style_weight": "60", "param.tv_weight": "1e-06", "param.crop": "true", "param.only": "", "final.total": "1.5", "final.tv": "",
			"command": `gouache stylize --content 'my cat'"'"'s.jpg'`, "seed": "0", "peak_memory_bytes": "1073741824",
			"picture": run.Picture, "input.content": pictures[0].Hash, "host": run.Process.Host,
		},
		{
			"name": hostileName, "note": "'" + strings.ReplaceAll(hostileNote, "\r\n", "\n"), "reason": "'-it\nfailed", "sweep": "'+s", "trial": "2",
			"param.pooling": "'-2+3", "param.only": "</script><b>", "tags": `'"a", '"'"'b'"'"'' '@SUM(1)'`, "rating": "", "seed": "", "input.style": "",
		},
		{"final.total": "NaN", "final.style": "inf", "final.tv": "-inf", "picture": "", "input.content": "", "status": "interrupted"},
		{"status": "running", "ended_at": "", "final.total": "", "param.pooling": ""},
	} {
		for name, want := range cells {
			if rows[i][name] != want {
				t.Errorf("run %d, %s: %q, want %q", i, name, rows[i][name], want)
			}
		}
	}
}

func TestTextCell(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "plain": "plain", "a=b": "a=b", "'": "'", "-0.5": "-0.5", "+1e9": "+1e9", "ü": "ü",
		"=1+1": "'=1+1", "+1+1": "'+1+1", "-1+1": "'-1+1", "@A1": "'@A1", "\t=1": "'\t=1", "\r=1": "'\r=1", "\n=1": "'\n=1", "-": "'-",
	} {
		if got := textCell(text); got != want {
			t.Errorf("%q is written as %q, want %q", text, got, want)
		}
	}
}

func TestCurves(t *testing.T) {
	db, _ := openStore(t)
	ids := fill(t, db)
	wave := tracker.Series{Name: "wave"}
	for step := range int64(1000) {
		wave.Points = append(wave.Points, tracker.Point{Step: step, Value: math.Sin(float64(step) / 30)})
	}
	ids = append(ids, add(t, db, made{points: []tracker.Series{wave}, outcome: tracker.Outcome{Status: tracker.StatusFinished}}))
	for _, points := range []int{0, 20} {
		var b bytes.Buffer
		if err := Curves(t.Context(), &b, db, ids, points); err != nil {
			t.Fatal(err)
		}
		columns, rows := table(t, b.Bytes())
		if want := []string{"run", "metric", "step", "value"}; !slices.Equal(columns, want) {
			t.Errorf("the columns are %v, not %v", columns, want)
		}
		var want []map[string]string
		for _, id := range ids {
			curves, err := db.Curves(t.Context(), id, tracker.CurveQuery{Points: points})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range curves {
				for _, p := range c.Points {
					want = append(want, map[string]string{
						"run": id, "metric": c.Name, "step": strconv.FormatInt(p.Step, 10), "value": numberCell(p.Value),
					})
				}
			}
		}
		if !slices.EqualFunc(rows, want, maps.Equal) {
			t.Errorf("with %d points a curve there are %d rows, and not the store's %d", points, len(rows), len(want))
		}
		if points == 20 && len(rows) > 5*20 {
			t.Errorf("%d rows, although a curve has at most 20 points", len(rows))
		}
	}
}

func TestJSON(t *testing.T) {
	db, _ := openStore(t)
	ids := fill(t, db)
	var b bytes.Buffer
	if err := JSON(t.Context(), &b, db, ids, 0); err != nil {
		t.Fatal(err)
	}
	var document struct {
		Runs []struct {
			ID, Name, Note, Status string
			Params                 map[string]any
			Final                  map[string]any
			Pictures               []tracker.Picture
			Curves                 []struct {
				Name   string
				Points [][2]any
				Total  int
			}
		}
	}
	decoder := json.NewDecoder(&b)
	if err := decoder.Decode(&document); err != nil {
		t.Fatal(err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		t.Errorf("something follows the document: %v", err)
	}
	for i, r := range document.Runs {
		pictures, err := db.Pictures(t.Context(), ids[i], tracker.PictureQuery{})
		if err != nil {
			t.Fatal(err)
		}
		if r.ID != ids[i] || r.Pictures == nil || !slices.Equal(r.Pictures, pictures) || r.Curves == nil {
			t.Errorf("run %d is %s with the pictures %v and the curves %v", i, r.ID, r.Pictures, r.Curves)
		}
	}
	hostile, broken := document.Runs[1], document.Runs[2]
	if hostile.Name != hostileName || hostile.Note != hostileNote || hostile.Params["only"] != "</script><b>" {
		t.Errorf("the texts of %+v are not what was written", hostile)
	}
	if broken.Final["total"] != "NaN" || broken.Final["tv"] != "-Inf" {
		t.Errorf("last values %v", broken.Final)
	}
	if c := broken.Curves[1]; c.Name != "total" || c.Total != 2 || c.Points[0] != [2]any{1.0, 5.0} || c.Points[1] != [2]any{2.0, "NaN"} {
		t.Errorf("curve %v", c)
	}
}

// formats are all exports, for tests of what they have in common.
var formats = map[string]func(context.Context, io.Writer, tracker.Reader, []string) error{
	"csv": CSV,
	"curves": func(ctx context.Context, w io.Writer, r tracker.Reader, ids []string) error {
		return Curves(ctx, w, r, ids, 0)
	},
	"json": func(ctx context.Context, w io.Writer, r tracker.Reader, ids []string) error {
		return JSON(ctx, w, r, ids, 0)
	},
	"gallery": func(ctx context.Context, w io.Writer, r tracker.Reader, ids []string) error {
		return Gallery(ctx, w, r, ids, GalleryOptions{})
	},
}

func TestRefused(t *testing.T) {
	db, _ := openStore(t)
	ids := fill(t, db)
	for name, write := range formats {
		for _, c := range []struct {
			ids  []string
			code tracker.Code
		}{
			{nil, tracker.CodeInvalid},
			{[]string{ids[0], ids[0]}, tracker.CodeInvalid},
			{[]string{ids[0], "1nekt73r1xyr"}, tracker.CodeNotFound},
		} {
			if err := write(t.Context(), io.Discard, db, c.ids); tracker.ErrorCode(err) != c.code {
				t.Errorf("%s of %v: %v, want %s", name, c.ids, err, c.code)
			}
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := write(ended, io.Discard, db, ids); !errors.Is(err, context.Canceled) {
			t.Errorf("%s after it was called off: %v", name, err)
		}
	}
}

// full is a disk with a number of free bytes.
type full int

var errFull = errors.New("no space left on device")

func (f *full) Write(p []byte) (int, error) {
	if *f -= full(len(p)); *f < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestNoSpace(t *testing.T) {
	db, _ := openStore(t)
	ids := fill(t, db)
	for name, write := range formats {
		var whole bytes.Buffer
		if err := write(t.Context(), &whole, db, ids); err != nil {
			t.Fatal(err)
		}
		for _, room := range []int{0, whole.Len() / 2, whole.Len() - 1} {
			disk := full(room)
			err := write(t.Context(), &disk, db, ids)
			if !errors.Is(err, errFull) || tracker.ErrorCode(err) != tracker.CodeUnavailable {
				t.Errorf("%s into %d bytes: %v", name, room, err)
			}
		}
	}
}
