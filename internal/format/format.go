// Package format writes values for people: numbers, durations, sizes, times, counts and ratings. Programs, pages,
// notebooks and exports write them alike.
package format

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// Value writes a value of a parameter or a metric without losing anything, and – for nil, a missing value.
func Value(v any) string {
	switch v := v.(type) {
	case nil:
		return "–"
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return fmt.Sprint(v)
}

// Rounded is Value, with a float64 rounded to the given number of significant digits. Below a million, all digits
// before the point are written: 12346, and from there 1.235e6.
func Rounded(v any, digits int) string {
	x, ok := v.(float64)
	if !ok {
		return Value(v)
	}
	if a := math.Abs(x); a >= math.Pow10(digits) && a < 1e6 {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	text := strconv.FormatFloat(x, 'g', digits, 64)
	mantissa, exponent, ok := strings.Cut(text, "e")
	if !ok {
		return text
	}
	sign := strings.TrimLeft(exponent[:1], "+")
	return mantissa + "e" + sign + strings.TrimLeft(exponent[1:], "0")
}

// Duration writes a duration: 0.8 s, 42 s, 3 min 20 s, 2 h 5 min, 3 days 3 h. A negative one is unknown: –.
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "–"
	case d < 10*time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	case d < time.Minute:
		return strconv.Itoa(int(d.Seconds())) + " s"
	case d < time.Hour:
		return parts(int(d.Minutes()), "min", int(d.Seconds())%60, "s")
	case d < 48*time.Hour:
		return parts(int(d.Hours()), "h", int(d.Minutes())%60, "min")
	}
	return parts(int(d.Hours())/24, "days", int(d.Hours())%24, "h")
}

func parts(n int, unit string, rest int, smaller string) string {
	if rest == 0 {
		return fmt.Sprintf("%d %s", n, unit)
	}
	return fmt.Sprintf("%d %s %d %s", n, unit, rest, smaller)
}

// Bytes writes a size in decimal units: 83 MB.
func Bytes[T int64 | uint64](n T) string { return humanize.Bytes(uint64(max(n, 0))) }

// Progress writes how much of a total in bytes is done: 12 MB of 83 MB.
func Progress(done, total int64) string { return Bytes(done) + " of " + Bytes(total) }

// Count writes a number of things, with commas: 1 run, 1,234 runs.
func Count[T int | int64](n T, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return humanize.Comma(int64(n)) + " " + many
}

// Stars writes a rating of 1 to 5: ★★★☆☆. Without a rating, 0, it is "".
func Stars(rating int) string {
	if rating <= 0 {
		return ""
	}
	rating = min(rating, 5)
	return strings.Repeat("★", rating) + strings.Repeat("☆", 5-rating)
}

// Time writes a time where the user is, to the minute: 2026-11-03 09:12.
func Time(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }
