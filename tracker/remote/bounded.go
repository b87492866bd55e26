package remote

import (
	"io"

	"github.com/gouache-art/gouache/tracker"
)

// maxValues is how many texts, objects and nulls the JSON of a request has at most, outside of points. In memory each may
// be a hundred times as large: a request of 180 MB of empty objects took 7 GB. All judgements of a large store have as many.
const maxValues = 2_000_000

// pointDepth is how deep the texts in points lie: in an object, its series, one of them, its points, one of those.
const pointDepth = 5

// boundedJSON is the JSON of a request, which ends with an error of CodeInvalid at its maxValues-th value.
type boundedJSON struct {
	from    io.Reader
	depth   int  // arrays and objects that have not ended
	text    bool // inside a text
	escaped bool // after a backslash
	values  int
}

func (j *boundedJSON) Read(b []byte) (int, error) {
	n, err := j.from.Read(b)
	for _, c := range b[:n] {
		switch {
		case j.escaped:
			j.escaped = false
		case j.text:
			j.text, j.escaped = c != '"', c == '\\'
		case c == '"', c == '{', c == 'n':
			if j.depth < pointDepth {
				j.values++
			}
			j.text = c == '"'
		}
		if !j.text {
			switch c {
			case '{', '[':
				j.depth++
			case '}', ']':
				j.depth--
			}
		}
	}
	if j.values > maxValues {
		return 0, tracker.Errorf(tracker.CodeInvalid, "the request has more than %d texts and objects: send less at once", maxValues)
	}
	return n, err
}
