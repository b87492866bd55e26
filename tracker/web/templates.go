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
)

// functions are what templates may call.
var functions = template.FuncMap{
	"icon":     icon,
	"time":     timeElement,
	"duration": format.Duration,
	"bytes":    format.Bytes[int64],
	"count":    func(n int) string { return humanize.Comma(int64(n)) },
	"plural":   format.Count[int],
	"stars":    stars,
	"join":     strings.Join,
	"sentence": sentence,
	"ranks":    func() []int { return []int{1, 2, 3, 4, 5} },
	"json":     jsonText,
	"percent":  percent,
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

// percent writes a share.
func percent(share float64) string { return strconv.FormatFloat(100*share, 'f', 0, 64) + " %" }

// sentence makes a sentence of an error's message.
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
	text := format.Stars(rating)
	if text == "" {
		return ""
	}
	return template.HTML(`<span class="stars" role="img" aria-label="` + strconv.Itoa(rating) + ` of 5 stars">` + text + `</span>`)
}

// paths draw the icons, in squares of 16×16.
var paths = map[string]string{
	"running":     `<path d="M8 2a6 6 0 1 1-6 6" fill="none" stroke-width="2" stroke-linecap="round"/><circle cx="8" cy="8" r="1.75" stroke="none"/>`,
	"finished":    `<path d="m3 8.5 3.2 3.2L13 4.8" fill="none" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"/>`,
	"interrupted": `<path d="M5.5 4v8M10.5 4v8" fill="none" stroke-width="2" stroke-linecap="round"/>`,
	"failed":      `<path d="m4 4 8 8M12 4l-8 8" fill="none" stroke-width="2" stroke-linecap="round"/>`,
	"pruned":      `<circle cx="4.5" cy="12" r="1.8" fill="none" stroke-width="1.4"/><circle cx="11.5" cy="12" r="1.8" fill="none" stroke-width="1.4"/><path d="m5.5 10.5 5-8.5M10.5 10.5 5.5 2" fill="none" stroke-width="1.6" stroke-linecap="round"/>`,
	"star":        `<path d="m8 1.5 2 4.3 4.7.6-3.5 3.2.9 4.7L8 12l-4.1 2.3.9-4.7L1.3 6.4 6 5.8z" stroke="none"/>`,
	"delete":      `<path d="M3 4.5h10M6.5 4V2.5h3V4M4.5 4.5l.6 9h5.8l.6-9" fill="none" stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round"/>`,
	"copy":        `<path d="M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z" fill="none" stroke-width="1.4" stroke-linejoin="round"/>`,
	"edit":        `<path d="m3 13 .6-2.9 7.2-7.2 2.3 2.3-7.2 7.2z" fill="none" stroke-width="1.4" stroke-linejoin="round"/>`,
	"theme":       `<circle cx="8" cy="8" r="5.3" fill="none" stroke-width="1.4"/><path d="M8 2.7a5.3 5.3 0 0 1 0 10.6z" stroke="none"/>`,
	"keys":        `<path d="M1.8 4h12.4v8H1.8zM4.5 9.7h7M4 6.6h.1M6.6 6.6h.1M9.2 6.6h.1M11.8 6.6h.1" fill="none" stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round"/>`,
	"columns":     `<path d="M2 3h12v10H2zM6 3v10M10 3v10" fill="none" stroke-width="1.4" stroke-linejoin="round"/>`,
	"table":       `<path d="M2 4h12M2 8h12M2 12h12" fill="none" stroke-width="1.6" stroke-linecap="round"/>`,
	"gallery":     `<path d="M2.5 2.5h4.3v4.3H2.5zM9.2 2.5h4.3v4.3H9.2zM2.5 9.2h4.3v4.3H2.5zM9.2 9.2h4.3v4.3H9.2z" fill="none" stroke-width="1.4" stroke-linejoin="round"/>`,
	"compare":     `<path d="M2 3h12v10H2zM8 2v12" fill="none" stroke-width="1.4" stroke-linejoin="round"/>`,
	"newer":       `<path d="M10 3 5 8l5 5" fill="none" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"/>`,
	"older":       `<path d="m6 3 5 5-5 5" fill="none" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"/>`,
	"picture":     `<path d="M2 3h12v10H2zM2 11l3.5-3.5L9 11l2-2 3 3M10.5 6h.1" fill="none" stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round"/>`,
}

// icon draws one of the paths. It is decoration: the words beside it say the same.
func icon(name string) template.HTML {
	return template.HTML(`<svg class="icon icon-` + name + `" viewBox="0 0 16 16" width="16" height="16" fill="currentColor" stroke="currentColor" aria-hidden="true">` +
		paths[name] + `</svg>`)
}
