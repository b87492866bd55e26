package parquet_test

import (
	"encoding/json"
	"math"
	"path/filepath"
	"testing"

	"github.com/gouache-art/gouache/internal/pythontest"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/parquet"
	"github.com/gouache-art/gouache/tracker/sqlite"
	"github.com/gouache-art/gouache/tracker/trackertest"
)

// TestParquet: DuckDB reads the columns as neptune-exporter has them, with exact numbers, and the pictures are beside.
func TestParquet(t *testing.T) {
	store, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	n := tracker.NewRun{Name: "cat", Tags: []string{"good", "to show"}, Params: tracker.Params{"style_weight": 0.1, "size": 64, "pooling": "avg", "crop": true}}
	n.AddInput(tracker.RoleContent, "content.png", "", trackertest.Picture(t, 1))
	run, err := tracker.Start(t.Context(), store, n)
	if err != nil {
		t.Fatal(err)
	}
	for step, total := range []float64{0.1, math.NaN(), math.Inf(1)} {
		if err := run.Log(int64(step), tracker.Metrics{"total": total}); err != nil {
			t.Fatal(err)
		}
	}
	if err := run.Finish(t.Context(), tracker.Outcome{Status: tracker.StatusFinished}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := parquet.Export(t.Context(), dir, store, []string{run.ID()}); err != nil {
		t.Fatal(err)
	}
	const script = `
import duckdb, json, os, sys
rows = "FROM read_parquet('" + sys.argv[1] + "/data/*/*.parquet')"
one = lambda what, path: duckdb.sql(f"SELECT {what} {rows} WHERE attribute_path = '{path}' ORDER BY step").fetchall()
file = one("file_value.path", "pictures/content")[0][0]
print(json.dumps({
    "Types": {r[0]: r[1] for r in duckdb.sql("DESCRIBE SELECT * " + rows).fetchall()},
    "Total": [[float(s), str(v)] for s, v in one("step, float_value", "metrics/total")],
    "Weight": one("float_value", "parameters/style_weight")[0][0], "Size": one("int_value", "parameters/size")[0][0],
    "Crop": one("bool_value", "parameters/crop")[0][0], "Tags": one("string_set_value", "sys/tags")[0][0],
    "Runs": [r[0] for r in duckdb.sql("SELECT DISTINCT run_id " + rows).fetchall()],
    "Bytes": os.path.getsize(os.path.join(sys.argv[1], "files", file)),
}))`
	var got struct {
		Types  map[string]string
		Total  [][2]any
		Weight float64
		Size   int
		Crop   bool
		Tags   []string
		Runs   []string
		Bytes  int
	}
	out := pythontest.Run(t, script, filepath.ToSlash(dir))
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	for column, want := range map[string]string{
		"project_id": "VARCHAR", "run_id": "VARCHAR", "attribute_path": "VARCHAR", "attribute_type": "VARCHAR", "step": "DECIMAL(18,6)",
		"timestamp": "TIMESTAMP WITH TIME ZONE", "int_value": "BIGINT", "float_value": "DOUBLE", "string_value": "VARCHAR", "bool_value": "BOOLEAN",
		"datetime_value": "TIMESTAMP WITH TIME ZONE", "string_set_value": "VARCHAR[]", "file_value": "STRUCT(path VARCHAR)",
		"histogram_value": `STRUCT("type" VARCHAR, edges DOUBLE[], "values" DOUBLE[])`,
	} {
		if got.Types[column] != want {
			t.Errorf("%s is %s, want %s", column, got.Types[column], want)
		}
	}
	if len(got.Total) != 3 || got.Total[0] != [2]any{0.0, "0.1"} || got.Total[1] != [2]any{1.0, "nan"} || got.Total[2] != [2]any{2.0, "inf"} {
		t.Errorf("the total is %v", got.Total)
	}
	if got.Weight != 0.1 || got.Size != 64 || !got.Crop || len(got.Tags) != 2 || len(got.Runs) != 1 || got.Runs[0] != run.ID() || got.Bytes != len(trackertest.Picture(t, 1)) {
		t.Errorf("%+v", got)
	}
}
