package tracker

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestDownsample(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		points := make([]Point, random.IntN(500))
		step := int64(0)
		for i := range points {
			step += 1 + random.Int64N(20)
			points[i] = Point{step, random.NormFloat64()}
			if random.IntN(10) == 0 {
				points[i].Value = math.NaN()
			}
		}
		n := 4 + random.IntN(100)
		got := Downsample(points, n)
		if len(got) > n {
			t.Fatalf("%d points of %d, want at most %d", len(got), len(points), n)
		}
		if len(points) <= n {
			if len(got) != len(points) {
				t.Fatalf("%d points became %d, and there was room for %d", len(points), len(got), n)
			}
			continue
		}
		if got[0].Step != points[0].Step || got[len(got)-1].Step != step {
			t.Fatal("an end is missing")
		}
		if !slices.IsSortedFunc(got, func(a, b Point) int { return int(a.Step - b.Step) }) {
			t.Fatal("not in order")
		}
		if least, greatest := extremes(points); least != extreme(got, -1) || greatest != extreme(got, 1) {
			t.Fatal("an extreme is missing")
		}
	}
}

func extremes(points []Point) (least, greatest float64) {
	return extreme(points, -1), extreme(points, 1)
}

// extreme returns the least or the greatest value that is not NaN.
func extreme(points []Point, sign float64) float64 {
	best := math.Inf(-1)
	for _, p := range points {
		if sign*p.Value > best {
			best = sign * p.Value
		}
	}
	return best
}

func TestDownsampleKeepsPeak(t *testing.T) {
	points := make([]Point, 100_000)
	for i := range points {
		points[i] = Point{int64(i), math.Sin(float64(i) / 1e4)}
	}
	points[51_234].Value = 99
	got := Downsample(points, 500)
	if !slices.Contains(got, points[51_234]) || len(got) < 250 {
		t.Errorf("%d points are left, the peak among them: %v", len(got), slices.Contains(got, points[51_234]))
	}
}

func TestInOrder(t *testing.T) {
	got := inOrder([]Point{{3, 1}, {1, 1}, {3, 2}, {2, 1}, {1, 2}, {1, 3}})
	if want := []Point{{1, 3}, {2, 1}, {3, 2}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestMetricsJSON(t *testing.T) {
	got, err := json.Marshal(map[string]any{
		"final": Metrics{"a": 1.5, "b": math.NaN(), "c": math.Inf(-1)}, "points": []Point{{1, 2}, {2, math.Inf(1)}},
	})
	const want = `{"final":{"a":1.5,"b":"NaN","c":"-Inf"},"points":[[1,2],[2,"+Inf"]]}`
	if err != nil || string(got) != want {
		t.Errorf("got  %s (%v)\nwant %s", got, err, want)
	}
}

func TestSnapshotsAreBounded(t *testing.T) {
	for _, planned := range []int{1, 2, 5, 24, 25, 100, 500, 10_000} {
		for _, o := range []RecorderOptions{{Snapshots: 24}, {Snapshots: 5}, {Snapshots: 24, Every: 1}, {Snapshots: 10, Every: 7}, {Snapshots: 2}, {Snapshots: 2, Every: 3}} {
			n := 1 // the last
			for at := 1; at < planned; at = nextSnapshot(at, planned, o) {
				n++
			}
			if n > o.Snapshots || n < min(o.Snapshots, planned)/2 && o.Every == 0 {
				t.Errorf("%d iterations with %+v: %d snapshots", planned, o, n)
			}
		}
	}
}
