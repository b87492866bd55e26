package setting

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

func Example() {
	weight := Setting{Name: "style_weight", Kind: Float, Max: math.MaxFloat64}
	v, err := weight.Parse("6")
	fmt.Println(v, err)
	_, err = weight.Parse("-1")
	fmt.Println(err)
	_, err = Lookup([]Setting{weight}, "style-wieght")
	fmt.Println(err)
	// Output:
	// 6 <nil>
	// style-weight is -1: it must be 0 or more
	// unknown setting "style-wieght": did you mean "style_weight"?
}

func TestValue(t *testing.T) {
	size := Setting{Name: "size", Kind: Int, Min: 64, Max: 16384}
	for _, c := range []struct {
		s    Setting
		v    any
		want any    // nil for an error
		text string // in the error
	}{
		{size, 256, int64(256), ""},
		{size, 256.0, int64(256), ""},
		{size, 256.5, nil, "it must be a whole number"},
		{size, 63, nil, "size is 63: choose 64 to 16384"},
		{size, "256", nil, "it must be a whole number"},
		{Setting{Name: "tv_weight", Kind: Float}, 1, 1.0, ""},
		{Setting{Name: "tv_weight", Kind: Float}, math.NaN(), nil, "finite"},
		{Setting{Name: "tv_weight", Kind: Float}, math.Inf(1), nil, "finite"},
		{Setting{Name: "pooling", Kind: Text, Choices: []string{"max", "avg"}}, "max", "max", ""},
		{Setting{Name: "pooling", Kind: Text, Choices: []string{"max", "avg"}}, "mean", nil, "there are max, avg"},
		{Setting{Name: "noise", Kind: Bool}, true, true, ""},
		{Setting{Name: "noise", Kind: Bool}, 1, nil, "it must be true or false"},
		{Setting{Name: "x", Kind: Int, Check: func(any) error { return fmt.Errorf("not this one") }}, 1, nil, "not this one"},
	} {
		got, err := c.s.Value(c.v)
		if c.want != nil && (err != nil || got != c.want) || c.want == nil && (err == nil || !strings.Contains(err.Error(), c.text)) {
			t.Errorf("%s of %v: %v, %v", c.s.Name, c.v, got, err)
		}
	}
	if v, err := size.Parse("512"); err != nil || v != int64(512) {
		t.Errorf("%v, %v", v, err)
	}
	if _, err := size.Parse("large"); err == nil || err.Error() != `size is "large": it must be a whole number` {
		t.Error(err)
	}
}
