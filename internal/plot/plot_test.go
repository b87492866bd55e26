package plot

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func TestAxis(t *testing.T) {
	texts := func(list []Tick) string {
		var all []string
		for _, k := range list {
			all = append(all, k.Text)
		}
		return strings.Join(all, " ")
	}
	for _, c := range []struct {
		numbers []float64
		log     bool
		want    string
	}{
		{[]float64{0, 4}, false, "0 0.5 1 1.5 2 2.5 3 3.5 4"},
		{[]float64{1, 1000}, true, "1 3 10 30 100 300 1000"},
		{[]float64{-0.5, 1e-9, 0.5}, true, "-0.4 -0.2 0 0.2 0.4"}, // no logarithms below 0
		{[]float64{1e-8, 1e8}, true, "1e-08 1e-06 0.0001 0.01 1 100 10000 1e+06 1e+08"},
		{[]float64{5}, false, "3 4 5 6 7"},
		{[]float64{5}, true, "5"},
		{[]float64{math.NaN(), math.Inf(1)}, false, "0 0.2 0.4 0.6 0.8 1"},
		{[]float64{7.1, 7.2}, true, "7.1 7.2"},
		{[]float64{-1.7e308, 1.7e308}, false, "-1.5e+308 -1e+308 -5e+307 0 5e+307 1e+308 1.5e+308"},
	} {
		a := NewAxis(c.numbers, c.log)
		if got := texts(a.Ticks(8)); got != c.want && c.want != "5" {
			t.Errorf("%v: %s, want %s", c.numbers, got, c.want)
		}
		for _, x := range c.numbers {
			if !Finite(x) || math.Abs(x) > 1e300 {
				continue
			}
			// A logarithm and its exponential cost a few units in the last place.
			if p := a.Place(x); p < 0 || p > 1 || math.Abs(a.Value(p)-x) > 1e-12*math.Max(1, math.Abs(x)) {
				t.Errorf("%v: %v lies at %v", c.numbers, x, p)
			}
		}
	}
	whole := Axis{Low: 0, High: 2, Whole: true}
	if got := texts(whole.Ticks(8)); got != "0 1 2" {
		t.Errorf("whole numbers: %s", got)
	}
}

func TestLogAxis(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		numbers   []float64
		low, high float64
	}{
		{[]float64{1, 10}, 1, 10},
		{[]float64{0.03, 700}, 0.02, 1000},
		{[]float64{0, -3, math.NaN(), inf, 4, 4.5}, 2, 5},
		{[]float64{5}, 5, 10},
		{[]float64{0, inf}, 1, 10},
		{[]float64{5e-324, 1.7e308, 3}, 2, 5},
		{nil, 1, 10},
	} {
		if a := NewLogAxis(c.numbers); math.Abs(a.Low/c.low-1) > 1e-12 || math.Abs(a.High/c.high-1) > 1e-12 || !a.Log {
			t.Errorf("%v: %+v, want %v to %v", c.numbers, a, c.low, c.high)
		}
	}
}

func TestPath(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	linear := Frame{Axis{Low: 0, High: 10}, Axis{Low: 0, High: 1}, 0, 0, 100, 50}
	log := linear
	log.Y = Axis{Low: 1, High: 100, Log: true}
	for _, c := range []struct {
		frame  Frame
		points [][2]float64
		want   string
	}{
		{linear, [][2]float64{{0, 0}, {5, 1}, {10, 0.5}}, "M0.0 50.0L50.0 0.0L100.0 25.0"},
		{linear, [][2]float64{{0, nan}, {1, 0}, {2, inf}, {3, 1}, {4, 1}}, "M10.0 50.0h0M30.0 0.0L40.0 0.0"},
		{log, [][2]float64{{0, 10}, {1, 0}, {2, -1}, {3, 100}}, "M0.0 25.0h0M30.0 0.0h0"},
		{log, nil, ""},
	} {
		if got := c.frame.Path(c.points); got != c.want {
			t.Errorf("%v: %s, want %s", c.points, got, c.want)
		}
	}
}

// Names come from stores and files: a chart stays well-formed XML and shows them as they are.
func TestChartEscapes(t *testing.T) {
	evil := `</text><script>alert("1&2")</script>`
	c := Chart{
		Width: 440, Height: 300, X: NewLogAxis([]float64{1, 10}), Y: NewLogAxis([]float64{2, 30}), XName: evil, YName: evil,
		Lines: []Line{{evil + strings.Repeat("long", 30), [][2]float64{{1, 2}, {10, 30}}}, {"short", nil}},
		Dots:  []Dot{{3, 4, evil, true}, {5, 6, evil, false}}, Marks: []Mark{{2, evil}},
	}
	elements, texts := map[string]int{}, 0
	d := xml.NewDecoder(strings.NewReader(c.SVG()))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			elements[token.Name.Local]++
		case xml.CharData:
			if strings.HasPrefix(string(token), evil) {
				texts++
			}
		}
	}
	if elements["script"] != 0 || texts != 6 || elements["circle"] != 2 || elements["rect"] != 2 {
		t.Errorf("%v, and the text %d times", elements, texts)
	}
}

// TestLastTick: the label of the axis' end, which may be wider than the margin, is not cut off.
func TestLastTick(t *testing.T) {
	c := Chart{Width: 440, Height: 300, X: NewAxis([]float64{0, 100_000}, false), Y: NewLogAxis([]float64{1, 10})}
	found := regexp.MustCompile(`<text x="([\d.]+)" [^>]*>100000</text>`).FindStringSubmatch(c.SVG())
	if found == nil {
		t.Fatal("the axis has no label 100000")
	}
	if x, err := strconv.ParseFloat(found[1], 64); err != nil || x > 440-3*digit {
		t.Errorf("its middle is at %s of 440 (%v)", found[1], err)
	}
}
