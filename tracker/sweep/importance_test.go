package sweep

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/stylelib/setting"
)

// TestImportancesAgainstOptuna compares with Optuna's PED-ANOVA on the same trials.
func TestImportancesAgainstOptuna(t *testing.T) {
	space := Space{
		{Name: "x", Kind: setting.Float, High: 1},
		{Name: "y", Kind: setting.Float, Low: 1, High: 1000, Log: true},
		{Name: "z", Kind: setting.Float, Low: -1, High: 1},
		{Name: "n", Kind: setting.Int, Low: 1, High: 8},
		{Name: "c", Kind: setting.Text, Values: []any{"a", "b", "c"}},
		{Name: "d", Kind: setting.Float, High: 1, When: []Condition{{"c", []any{"b"}}}},
	}
	var seen []Observation
	for i, trial := range golden.Importance.Trials {
		seen = append(seen, Observation{i + 1, trial.Params, trial.Value, Finished})
	}
	shares, warning := Importances(space, seen)
	if warning != "" || len(shares) != len(space) {
		t.Fatalf("got %v, %q", shares, warning)
	}
	last := math.Inf(1)
	for _, s := range shares {
		want := golden.Importance.Shares[s.Name]
		if math.Abs(s.Share-want) > 1e-9 { // both compute the same sums, in another order
			t.Errorf("%s: got %.12f, want %.12f", s.Name, s.Share, want)
		}
		if s.Share > last {
			t.Errorf("%s is not in order", s.Name)
		}
		last = s.Share
	}
}

// linear are trials of 3x + y, to which z does not matter.
func linear(seed int64, trials int) (Space, []Observation) {
	space := Space{
		{Name: "x", Kind: setting.Float, High: 1}, {Name: "y", Kind: setting.Float, High: 1}, {Name: "z", Kind: setting.Float, High: 1},
	}
	var seen []Observation
	for n := 1; n <= trials; n++ {
		p, _ := random{space, seed}.Ask(n, nil)
		seen = append(seen, Observation{n, p, 3*p["x"].(float64) + p["y"].(float64), Finished})
	}
	return space, seen
}

// TestImportancesOrder: what matters most comes first in nearly all sweeps of 200 trials, and the
// shares are one in all.
func TestImportancesOrder(t *testing.T) {
	right := 0
	for seed := range int64(50) {
		shares, warning := Importances(linear(seed, 200))
		sum := 0.0
		for _, s := range shares {
			sum += s.Share
		}
		if warning != "" || math.Abs(sum-1) > 1e-12 {
			t.Errorf("%v, %q: the shares add up to %v", shares, warning, sum)
		}
		if shares[0].Name == "x" && shares[1].Name == "y" && shares[0].Share > 0.5 {
			right++
		}
	}
	t.Logf("%d of 50 are right", right)
	if right < 45 {
		t.Errorf("%d of 50 are right", right)
	}
}

func TestImportancesWarn(t *testing.T) {
	space, seen := linear(1, 60)
	seen[3].Value, seen[4].State = math.NaN(), Running
	same := make([]Observation, 20)
	for i := range same {
		same[i] = Observation{i + 1, seen[i].Params, 1, Finished}
	}
	for _, c := range []struct {
		space  Space
		seen   []Observation
		shares int
		want   string
	}{
		{space, seen, 3, ""},
		{space, seen[:51], 3, "49 trials show what matters most"},
		{space, seen[:11], 0, "9 trials are too few"},
		{space, nil, 0, "0 trials are too few"},
		{space, same, 0, "the same value"},
		{Space{{Name: "x", Kind: setting.Text, Values: []any{"a"}}}, seen, 0, "no setting has more than one value"},
	} {
		shares, warning := Importances(c.space, c.seen)
		if len(shares) != c.shares || !strings.Contains(warning, c.want) || (c.want == "") != (warning == "") {
			t.Errorf("got %v, %q, want %d shares and %q", shares, warning, c.shares, c.want)
		}
	}
}

// BenchmarkImportancesRight reports in how many of 200 sweeps the order is right, by the number of
// trials.
func BenchmarkImportancesRight(b *testing.B) {
	for _, trials := range []int{10, 20, 30, 40, 50, 100} {
		b.Run(fmt.Sprint(trials), func(b *testing.B) {
			for b.Loop() {
				first, all := 0.0, 0.0
				for seed := range int64(200) {
					if shares, _ := Importances(linear(seed, trials)); shares != nil && shares[0].Name == "x" {
						first++
						if shares[1].Name == "y" {
							all++
						}
					}
				}
				b.ReportMetric(first/200, "first")
				b.ReportMetric(all/200, "all")
			}
		})
	}
}
