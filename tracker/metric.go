package tracker

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strconv"
)

// Metrics are values by name, such as the loss terms of one step. In JSON, those that are not finite are the texts
// "NaN", "+Inf" and "-Inf".
type Metrics map[string]float64

// MarshalJSON writes an object.
func (m Metrics) MarshalJSON() ([]byte, error) {
	object := make(map[string]any, len(m))
	for name, v := range m {
		object[name] = jsonNumber(v)
	}
	return json.Marshal(object)
}

func jsonNumber(v float64) any {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return v
}

// Point is a metric's value at a step. In JSON it is the pair [step, value].
type Point struct {
	Step  int64
	Value float64
}

// MarshalJSON writes the pair.
func (p Point) MarshalJSON() ([]byte, error) {
	return json.Marshal([2]any{p.Step, jsonNumber(p.Value)})
}

// Series are points of one metric.
type Series struct {
	Name   string  `json:"name"`
	Points []Point `json:"points"`
}

// Curve is one metric of a run, or as much of it as was asked for.
type Curve struct {
	Series
	// Total is how many points were logged, Last is the value at the highest step, and Min and Max are the least
	// and the greatest of all that are not NaN, or NaN if all are.
	Total int64   `json:"total"`
	Last  float64 `json:"-"`
	Min   float64 `json:"-"`
	Max   float64 `json:"-"`
}

// CheckSeries returns an error of CodeInvalid for points that cannot be kept.
func CheckSeries(series []Series) error {
	for _, s := range series {
		if err := checkName("metric", s.Name); err != nil {
			return err
		}
		for _, p := range s.Points {
			if p.Step < 0 {
				return Errorf(CodeInvalid, "metric %s at step %d: steps are 0 or more", s.Name, p.Step)
			}
		}
	}
	return nil
}

// InOrder sorts points, in place, by their steps and keeps the last that was logged of each step. Points that are in
// order already cost one look.
func InOrder(points []Point) []Point {
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

// Downsample returns at most n of the points, which must be in order, so that a curve through them looks as one
// through all: the first and the last, and of each of as many equal stretches of steps as there is room for the
// least and the greatest. Stretches that hold only NaN keep one. n is at least 4; 0 keeps all.
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
