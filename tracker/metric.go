package tracker

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Metrics are values by name, such as the loss terms of one step. In JSON, values that are not
// finite are the strings "NaN", "+Inf" and "-Inf".
type Metrics map[string]float64

// MarshalJSON writes an object.
func (m Metrics) MarshalJSON() ([]byte, error) {
	object := make(map[string]any, len(m))
	for name, v := range m {
		object[name] = jsonNumber(v)
	}
	return json.Marshal(object)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (m *Metrics) UnmarshalJSON(b []byte) error {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(b, &object); err != nil {
		return err
	}
	*m = make(Metrics, len(object))
	for name, text := range object {
		v, err := parseJSONNumber(text)
		if err != nil {
			return Errorf(CodeInvalid, "metric %s: %w", name, err)
		}
		(*m)[name] = v
	}
	return nil
}

// parseJSONNumber reads a number, or one of the strings for values that are not finite.
func parseJSONNumber(text []byte) (float64, error) {
	switch string(text) {
	case `"NaN"`:
		return math.NaN(), nil
	case `"+Inf"`:
		return math.Inf(1), nil
	case `"-Inf"`:
		return math.Inf(-1), nil
	}
	v, ok := parseNumber(string(text))
	if !ok {
		return 0, Errorf(CodeInvalid, "%.40s is no number", text)
	}
	return v, nil
}

func jsonNumber(v float64) any {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return v
}

// unweighted begins the names of metrics that are loss terms before their weights.
const unweighted = "loss."

// Unweighted returns the name of the metric of a loss term before its weight, loss.NAME. The
// weighted term is logged under the term's own name.
func Unweighted(term string) string { return unweighted + term }

// UnweightedTerm returns the term of a metric that Unweighted names, and whether the metric has such a name.
func UnweightedTerm(metric string) (term string, ok bool) {
	return strings.CutPrefix(metric, unweighted)
}

// SystemPrefix begins the names of metrics that measure the machine and not the run's result: system/cpu_percent and so on.
const SystemPrefix = "system/"

// CompareMetrics orders metrics by their names, with those of SystemPrefix last: a program that chooses a metric chooses
// one of the result.
func CompareMetrics(a, b string) int {
	last := func(name string) int {
		if strings.HasPrefix(name, SystemPrefix) {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(last(a), last(b)), cmp.Compare(a, b))
}

// Point is a metric's value at a step. In JSON it is the pair [step, value], with the strings of
// Metrics for values that are not finite.
type Point struct {
	Step  int64
	Value float64
}

// MarshalJSON writes the pair.
func (p Point) MarshalJSON() ([]byte, error) { return p.AppendJSON(nil), nil }

// AppendJSON appends the pair to b. Numbers have the form that encoding/json gives them.
func (p Point) AppendJSON(b []byte) []byte {
	b = strconv.AppendInt(append(b, '['), p.Step, 10)
	b = append(b, ',')
	switch a := math.Abs(p.Value); {
	case math.IsNaN(a) || math.IsInf(a, 0):
		b = strconv.AppendQuote(b, strconv.FormatFloat(p.Value, 'g', -1, 64))
	case a != 0 && (a < 1e-6 || a >= 1e21):
		b = strconv.AppendFloat(b, p.Value, 'e', -1, 64)
		if n := len(b); b[n-4] == 'e' && b[n-2] == '0' { // e-09 becomes e-9
			b = append(b[:n-2], b[n-1])
		}
	default:
		b = strconv.AppendFloat(b, p.Value, 'f', -1, 64)
	}
	return append(b, ']')
}

// UnmarshalJSON reads the pair.
func (p *Point) UnmarshalJSON(b []byte) error {
	step, value, ok := bytes.Cut(bytes.TrimSuffix(bytes.TrimPrefix(b, []byte("[")), []byte("]")), []byte(","))
	n, err := strconv.ParseInt(string(bytes.TrimSpace(step)), 10, 64)
	if !ok || err != nil {
		return Errorf(CodeInvalid, "%.40s is no point: write [step, value]", b)
	}
	p.Step = n
	p.Value, err = parseJSONNumber(bytes.TrimSpace(value))
	return err
}

// Series are points of one metric.
type Series struct {
	Name   string  `json:"name"`
	Points []Point `json:"points"`
}

// CheckSeries returns an error of CodeInvalid for points that cannot be kept.
func CheckSeries(series []Series) error {
	for _, s := range series {
		if err := checkName("metric", s.Name); err != nil {
			return err
		}
		if k := slices.IndexFunc(s.Points, func(p Point) bool { return p.Step < 0 }); k >= 0 {
			return Errorf(CodeInvalid, "metric %s at step %d: steps are 0 or more", s.Name, s.Points[k].Step)
		}
	}
	return nil
}

// Curve is one metric of a run, or the part of it that was asked for.
type Curve struct {
	Series
	// Total is the number of points that were logged, Last the value at the highest step, and Min
	// and Max are the least and the greatest of all values that are not NaN, or NaN if all are.
	Total int64   `json:"total"`
	Last  float64 `json:"-"`
	Min   float64 `json:"-"`
	Max   float64 `json:"-"`
}

// Summary is what lists need to know of a metric without its points. The zero value is not ready to
// use; see NewSummary.
type Summary struct {
	Points, LastStep int64
	Last, Min, Max   float64 // as in Curve
}

// NewSummary returns the summary of a metric without points.
func NewSummary() Summary { return Summary{Last: math.NaN(), Min: math.NaN(), Max: math.NaN()} }

// Add adds points.
func (s *Summary) Add(points []Point) {
	for _, p := range points {
		if s.Points == 0 || p.Step >= s.LastStep {
			s.LastStep, s.Last = p.Step, p.Value
		}
		s.Points++
		if math.IsNaN(p.Value) {
			continue
		}
		if !(s.Min <= p.Value) {
			s.Min = p.Value
		}
		if !(s.Max >= p.Value) {
			s.Max = p.Value
		}
	}
}

// NewCurve returns the part of a metric that a query asks for. points are all of its points in the
// order in which they were logged, and s is their summary. NewCurve changes points.
func NewCurve(name string, points []Point, s Summary, q CurveQuery) Curve {
	if points = inOrder(points); int64(len(points)) < s.Points {
		s = NewSummary() // some were replaced
		s.Add(points)
	}
	first, _ := slices.BinarySearchFunc(points, q.From, func(p Point, from int64) int { return cmp.Compare(p.Step, from) })
	points = Downsample(points[first:], q.Points)
	return Curve{Series: Series{Name: name, Points: points}, Total: s.Points, Last: s.Last, Min: s.Min, Max: s.Max}
}

// inOrder sorts points by their steps, in place, and keeps the last that was logged of each step.
// Points that are in order already cost one pass.
func inOrder(points []Point) []Point {
	ordered := true
	for i := 1; i < len(points) && ordered; i++ {
		ordered = points[i-1].Step < points[i].Step
	}
	if ordered {
		return points
	}
	slices.SortStableFunc(points, func(a, b Point) int { return cmp.Compare(a.Step, b.Step) })
	kept := points[:0]
	for i, p := range points {
		if i+1 == len(points) || points[i+1].Step != p.Step {
			kept = append(kept, p)
		}
	}
	return kept
}

// Downsample returns at most n of the points, which must be in order, so that a curve through them looks like one
// through all: the first and the last, and the least and the greatest of each of (n-2)/2 intervals of equal length.
// Intervals that hold only NaN keep one point. n is at least 4; 0 keeps all.
func Downsample(points []Point, n int) []Point {
	if n <= 0 || len(points) <= n {
		return points
	}
	n = max(n, 4)
	first, last := points[0], points[len(points)-1]
	buckets := float64((n - 2) / 2)
	perStep := buckets / float64(last.Step-first.Step)
	kept := append(make([]Point, 0, n), first)
	inner := points[1 : len(points)-1]
	for len(inner) > 0 {
		bucket := math.Floor(float64(inner[0].Step-first.Step) * perStep)
		end := 1
		for end < len(inner) && math.Floor(float64(inner[end].Step-first.Step)*perStep) == bucket {
			end++
		}
		kept = appendExtremes(kept, inner[:end])
		inner = inner[end:]
	}
	return append(kept, last)
}

// appendExtremes appends the least and the greatest of the points, in the order of their steps.
func appendExtremes(kept, points []Point) []Point {
	least, greatest := -1, -1
	for i, p := range points {
		if math.IsNaN(p.Value) {
			continue
		}
		if least < 0 || p.Value < points[least].Value {
			least = i
		}
		if greatest < 0 || p.Value > points[greatest].Value {
			greatest = i
		}
	}
	if least < 0 {
		return append(kept, points[0])
	}
	if least == greatest {
		return append(kept, points[least])
	}
	return append(kept, points[min(least, greatest)], points[max(least, greatest)])
}
