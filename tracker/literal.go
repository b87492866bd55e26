package tracker

import (
	"strconv"
	"strings"
	"time"
)

// Literal is the right side of a comparison.
type Literal struct {
	Text string
	// Number is an int64 or a float64 if the text is a number, else nil.
	Number any
	// From and Until are the times that a date means, the second not among them: a whole day, minute or second.
	// They are set where the left side is a time.
	From, Until time.Time
}

func newLiteral(text string) Literal {
	l := Literal{Text: text}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		l.Number = n
	} else if f, ok := parseNumber(text); ok {
		l.Number = f
	}
	return l
}

// times are the forms of dates that a filter takes, and how long what they name is. Those without a zone are local.
var times = []struct {
	layout string
	long   time.Duration
}{
	{"2006-01-02T15:04", time.Minute},
	{"2006-01-02 15:04", time.Minute},
	{"2006-01-02T15:04:05", time.Second},
	{"2006-01-02 15:04:05", time.Second},
	{time.RFC3339Nano, time.Microsecond},
	{"2006-01-02T15:04:05Z07:00", time.Second},
}

func (l *Literal) readTime() error {
	if day, err := time.ParseInLocation(time.DateOnly, l.Text, time.Local); err == nil {
		l.From, l.Until = day, day.AddDate(0, 0, 1) // not always 24 hours
		return nil
	}
	for _, form := range times {
		at, err := time.ParseInLocation(form.layout, l.Text, time.Local)
		if err == nil {
			l.From = at.Truncate(time.Microsecond)
			l.Until = l.From.Add(form.long)
			return nil
		}
	}
	return errNoTime
}

// QuoteText writes a text so that a filter reads it as that text: as it is if it is a plain word, else in quotes.
func QuoteText(text string) string {
	plain := text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return r != '_' && r != '-' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
	if plain {
		return text
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
