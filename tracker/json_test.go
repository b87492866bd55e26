package tracker

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
)

// TestJSON: what is written as JSON is read as it was: integers as integers, and values that are not finite.
func TestJSON(t *testing.T) {
	params := Params{"i": int64(1), "f": 1.0, "seed": int64(1)<<62 + 1, "small": 1e-300, "large": 1e300, "whole": float64(1 << 60), "zero": math.Copysign(0, -1), "t": "1", "b": true}
	metrics := Metrics{"a": 1, "inf": math.Inf(1), "less": math.Inf(-1), "b": -0.1}
	series := Series{"x", []Point{{0, 1.5}, {1 << 60, math.Inf(-1)}, {2, 1e-9}}}
	roundTrip(t, params)
	roundTrip(t, metrics)
	roundTrip(t, series)
	var nan Metrics
	if err := json.Unmarshal([]byte(`{"a":"NaN"}`), &nan); err != nil || !math.IsNaN(nan["a"]) {
		t.Errorf("NaN is %v (%v)", nan, err)
	}
	for _, text := range []string{`{"a":"1"}`, `{"a":null}`, `{"a":[1]}`, `[1]`, `{"a":1e999}`} {
		if err := json.Unmarshal([]byte(text), new(Metrics)); err == nil {
			t.Errorf("metrics are read from %s", text)
		}
	}
	for _, text := range []string{`[]`, `[1]`, `[1,2,3]`, `[1.5,2]`, `["1",2]`, `[1,[2]]`, `{"1":2}`, `1`, `[1,"x"]`} {
		if err := json.Unmarshal([]byte(text), new(Point)); err == nil {
			t.Errorf("a point is read from %s", text)
		}
	}
}

func roundTrip[T any](t *testing.T, want T) {
	t.Helper()
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got T
	if err := json.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s is read as %v (%v)", text, got, err)
	}
}

// TestTexts: orders and filters that a program builds are read from their texts, also when nobody would type so much.
func TestTexts(t *testing.T) {
	for _, text := range []string{"", "-rating,total", "name"} {
		if order, err := ParseSort(text); err != nil || order.String() != text {
			t.Errorf("%q is %q (%v)", text, order, err)
		}
	}
	var list []*Filter
	for range 500 {
		list = append(list, Where("name", Equal, `a "b"`))
	}
	text := Any(list...).String()
	if _, err := ParseFilter(text); ErrorCode(err) != CodeInvalid {
		t.Errorf("a filter of %d bytes: %v", len(text), err)
	}
	if again, err := ReadFilter(text); err != nil || again.String() != text {
		t.Errorf("it is not read: %v", err)
	}
	if _, err := ReadFilter(strings.Repeat("x ", 100_000)); ErrorCode(err) != CodeInvalid {
		t.Errorf("a filter without end: %v", err)
	}
}
