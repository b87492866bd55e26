package tracker

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestIsName(t *testing.T) {
	for _, name := range []string{"", "a", "_", "loss.tv", "a/b-c_9", "9a", ".a", "-", "é", "aé9", "a b", "<b>", "a\x00", "\xff", "a\xff", strings.Repeat("a", maxName), strings.Repeat("a", maxName+1)} {
		if want := checkName("parameter", name) == nil; isName(name) != want {
			t.Errorf("%q is a name: %v, want %v", name, !want, want)
		}
	}
}

// TestMend: what a store keeps stays as it is, and what none keeps is replaced and named.
func TestMend(t *testing.T) {
	good := func() Run {
		at := time.Date(2026, 11, 3, 9, 12, 0, 0, time.UTC)
		return Run{
			ID: "1k7q3f9abcde", Name: "a", Status: StatusFinished, Attempt: 1, StartedAt: at, SeenAt: at, EndedAt: at, Rating: 5, Tags: []string{"b"},
			Note: "two\nlines \x1b of an earlier version", Params: Params{"x": 1.5, "b": true, "n": int64(3), "t": "text"}, Final: Metrics{"total": math.NaN()},
		}
	}
	for _, test := range []struct {
		change func(*Run)
		want   []string
	}{
		{func(r *Run) {}, nil},
		{func(r *Run) { r.Status, r.EndedAt = StatusRunning, time.Time{} }, nil},
		{func(r *Run) { r.Process.StartedAt = time.Time{} }, nil},
		{func(r *Run) { r.Name = strings.Repeat("é", maxName) }, []string{"name"}},
		{func(r *Run) { r.Note = "\xff" }, []string{"note"}},
		{func(r *Run) { r.Status = "<b>" }, []string{"status"}},
		{func(r *Run) { r.EndedAt = time.Time{} }, []string{"ended"}},
		{func(r *Run) { r.Status = StatusRunning }, []string{"ended"}},
		{func(r *Run) { r.StartedAt = time.Date(70000, 1, 1, 0, 0, 0, 0, time.UTC) }, []string{"started"}},
		{func(r *Run) { r.SeenAt = time.UnixMicro(math.MinInt64) }, []string{"seen"}},
		{func(r *Run) { r.Rating, r.Trial, r.Tries, r.Attempt, r.Idle = 1<<40, -1, -1, 0, -1 }, []string{"attempt", "idle", "rating", "trial", "tries"}},
		{func(r *Run) { r.Params["x"] = math.Inf(1) }, []string{"params"}},
		{func(r *Run) { r.Params["a b"] = "x" }, []string{"params"}},
		{func(r *Run) { r.Params["x"] = []byte{1} }, []string{"params"}},
		{func(r *Run) { r.Final["<b>"] = 1 }, []string{"metrics"}},
		{func(r *Run) { r.Tags[0] = strings.Repeat("a", maxName+1) }, []string{"tags"}},
		{func(r *Run) { r.Picture = "../../x" }, []string{"picture"}},
		{func(r *Run) { r.Provenance.Command = []string{"\xff"}; r.Provenance.PeakMemory = -1 }, []string{"provenance"}},
		{func(r *Run) { r.Provenance.Labels = map[string]string{"a": "\xff", "\xff": strings.Repeat("x", 1<<20)} }, []string{"provenance"}},
		{func(r *Run) { r.Process.PID = 1 << 40 }, []string{"pid"}},
	} {
		r := good()
		test.change(&r)
		r.Mend()
		if !slices.Equal(r.Damaged, test.want) {
			t.Errorf("%v are damaged, want %v", r.Damaged, test.want)
		}
		r.Damaged = nil
		if r.Mend(); len(r.Damaged) > 0 {
			t.Errorf("after mending %v, %v are damaged", test.want, r.Damaged)
		}
	}
}
