package web

import (
	"encoding/json"
	"html/template"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/tracker"
)

// functions are what templates may call.
var functions = template.FuncMap{
	"time":     timeElement,
	"duration": format.Duration,
	"roughly":  roughly,
	"bytes":    format.Bytes[int64],
	"count":    func(n int) string { return humanize.Comma(int64(n)) },
	"plural":   format.Count[int],
	"stars":    stars,
	"join":     strings.Join,
	"sentence": sentence,
	"ranks":    func() []int { return []int{1, 2, 3, 4, 5} },
	"json":     jsonText,
	"percent":  percent,
	"statuses": func() []tracker.Status { return tracker.Statuses },
	"rounded":  rounded,
	"exports":  func() []exported { return exports },
	"value":    format.Value,
	// mostCompared is how many runs can be compared.
	"mostCompared": func() int { return tracker.MaxContrast },
}

// timeElement writes a time in UTC; app.js replaces it with the viewer's local time.
func timeElement(at time.Time) template.HTML {
	if at.IsZero() {
		return "–"
	}
	at = at.UTC()
	return template.HTML(`<time datetime="` + at.Format(time.RFC3339) + `">` + at.Format("2006-01-02 15:04") + ` UTC</time>`)
}

// jsonText writes a value for an attribute that scripts read.
func jsonText(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}

// roughly writes a duration that is known only about.
func roughly(d time.Duration) string {
	for _, unit := range []time.Duration{time.Hour, 10 * time.Minute, time.Minute, 10 * time.Second} {
		if d > 8*unit {
			return format.Duration(d.Round(unit))
		}
	}
	return format.Duration(max(d.Round(time.Second), time.Second))
}

func percent(share float64) string { return strconv.FormatFloat(100*share, 'f', 0, 64) + " %" }

func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return ""
	}
	text = string(unicode.ToUpper(first)) + text[size:]
	if strings.HasSuffix(text, ".") || strings.HasSuffix(text, "?") {
		return text
	}
	return text + "."
}

func stars(rating int) template.HTML {
	text := format.Stars(rating)
	if text == "" {
		return ""
	}
	return template.HTML(`<span class="stars" role="img" aria-label="` + strconv.Itoa(rating) + ` of 5 stars">` + text + `</span>`)
}

// rounded writes a value of a setting or metric where it is one of many.
func rounded(v any) string { return format.Rounded(v, 5) }
