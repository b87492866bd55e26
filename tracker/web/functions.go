package web

import (
	"encoding/json"
	"html/template"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
	"github.com/gouache-art/gouache/tracker"
)

// functions are what templates may call.
var functions = template.FuncMap{
	"icon":     icon,
	"time":     timeElement,
	"duration": duration,
	"bytes":    func(n int64) string { return humanize.Bytes(uint64(max(n, 0))) },
	"count":    func(n int) string { return humanize.Comma(int64(n)) },
	"plural":   plural,
	"stars":    stars,
	"join":     strings.Join,
	"sentence": sentence,
	"ranks":    func() []int { return []int{1, 2, 3, 4, 5} },
	"json":     jsonText,
	"percent":  percent,
}

// timeElement writes a time in UTC; app.js writes it anew as it is where the viewer is.
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

// percent writes a share.
func percent(share float64) string { return strconv.FormatFloat(100*share, 'f', 0, 64) + " %" }

// duration writes how long something took as people say it: 0.8 s, 42 s, 3 min 20 s, 2 h 5 min.
func duration(d time.Duration) string {
	switch {
	case d < 0:
		return "–"
	case d < 10*time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	case d < time.Minute:
		return strconv.Itoa(int(d.Seconds())) + " s"
	case d < time.Hour:
		return two(int(d.Minutes()), "min", int(d.Seconds())%60, "s")
	case d < 48*time.Hour:
		return two(int(d.Hours()), "h", int(d.Minutes())%60, "min")
	}
	return two(int(d.Hours())/24, "days", int(d.Hours())%24, "h")
}

func two(n int, unit string, rest int, smaller string) string {
	text := strconv.Itoa(n) + " " + unit
	if rest > 0 {
		text += " " + strconv.Itoa(rest) + " " + smaller
	}
	return text
}

// plural writes a number of things.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return humanize.Comma(int64(n)) + " " + many
}

// cellText writes a value for a table: numbers to five digits, since more hide which is greater.
func cellText(v any) string {
	f, ok := v.(float64)
	if !ok || math.IsNaN(f) || math.IsInf(f, 0) {
		return tracker.FormatValue(v)
	}
	return strconv.FormatFloat(f, 'g', 5, 64)
}

// sentence makes a sentence of an error's text.
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

// stars writes a rating.
func stars(rating int) template.HTML {
	rating = min(max(rating, 0), 5)
	if rating == 0 {
		return ""
	}
	n := strconv.Itoa(rating)
	return template.HTML(`<span class="stars" role="img" aria-label="` + n + ` of 5 stars">` + strings.Repeat("★", rating) + `<span class="rest">` +
		strings.Repeat("★", 5-rating) + `</span></span>`)
}
