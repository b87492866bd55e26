package remote

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// TestBoundedJSON: texts, objects and nulls are counted, and neither what is in a text nor points.
func TestBoundedJSON(t *testing.T) {
	for text, want := range map[string]int{
		`{}`:                        1,
		`{"a":null,"b":[1,2,true]}`: 4,
		`{"a{\"{":"\\","b":"{"}`:    5,
		`{"series":[{"name":"x","points":[[1,"NaN"],[2,"+Inf"],[3,4]]}]}`: 6,
		`{"series":[{"name":"x","points":[null]}]}`:                       7,
		`{"run":{"provenance":{"labels":{"a":"b"}}}}`:                     9,
	} {
		j := &boundedJSON{from: iotest.HalfReader(strings.NewReader(text))}
		if got, err := io.ReadAll(j); err != nil || string(got) != text || j.values != want || j.depth != 0 {
			t.Errorf("%s: %d values at depth %d, %v; want %d", text, j.values, j.depth, err, want)
		}
	}
}
