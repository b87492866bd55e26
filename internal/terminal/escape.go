// Package terminal prepares text for terminals and for people who read tables. Text may come from anyone: file names,
// other people's stores, messages of servers. What is not printable is escaped as in a Go string: control characters,
// bytes that are not UTF-8, and characters that hide or reorder others. Columns count display widths.
//
// A format is trusted, its arguments are not: [Sprintf], [Fprintf] and [Table.Printf] escape each argument, line breaks
// included. A [Writer] around standard output or standard error is the last barrier: it escapes all but line breaks
// and tabs.
package terminal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"al.essio.dev/pkg/shellescape"
)

// Line escapes everything in a text that is not printable, line breaks and tabs too.
func Line(text string) string { return escape(text, "") }

// Text escapes everything in a text that is not printable, except line breaks and tabs.
func Text(text string) string { return escape(text, "\n\t") }

// IsLine reports whether Line changes nothing.
func IsLine(text string) bool { return Line(text) == text }

func escape(text, keep string) string {
	var b strings.Builder
	before, done := rune(0), 0
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		invalid := r == utf8.RuneError && size == 1
		after, _ := utf8.DecodeRuneInString(text[i+size:])
		if invalid || !isShown(before, r, after) && !strings.ContainsRune(keep, r) {
			b.WriteString(text[done:i])
			b.WriteString(escaped(text[i:i+size], r, invalid))
			done = i + size
		}
		before = r
		i += size
	}
	if done == 0 {
		return text
	}
	b.WriteString(text[done:])
	return b.String()
}

// escaped writes one character as a Go string does.
func escaped(char string, r rune, invalid bool) string {
	named := map[rune]string{'\n': `\n`, '\t': `\t`, '\r': `\r`}
	switch {
	case invalid:
		return fmt.Sprintf(`\x%02x`, char[0])
	case named[r] != "":
		return named[r]
	case r < 0x80:
		return fmt.Sprintf(`\x%02x`, r)
	case r < 0x10000:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}

// isShown reports whether a character between two others is printable. The joiners are not, but for what they join:
// parts of an emoji, and letters of scripts that write them joined or apart.
func isShown(before, r, after rune) bool {
	const nonJoiner, joiner = '\u200c', '\u200d'
	if r == nonJoiner || r == joiner {
		return isJoined(before) && isJoined(after)
	}
	return unicode.IsGraphic(r)
}

func isJoined(r rune) bool {
	const emojiStyle = '\ufe0f'
	return r == emojiStyle || unicode.In(r, unicode.So, unicode.Sk, unicode.Arabic, unicode.Syriac, unicode.Mongolian, unicode.Devanagari,
		unicode.Bengali, unicode.Gurmukhi, unicode.Gujarati, unicode.Oriya, unicode.Tamil, unicode.Telugu, unicode.Kannada,
		unicode.Malayalam, unicode.Sinhala, unicode.Khmer, unicode.Myanmar)
}

// ShellWord quotes a word for a POSIX shell, if that is needed, so that all of it is printable. A word that ends in a line
// break stays as it is.
func ShellWord(word string) string {
	if IsLine(word) || strings.HasSuffix(word, "\n") {
		return shellescape.Quote(word)
	}
	var format strings.Builder
	for i := 0; i < len(word); {
		r, size := utf8.DecodeRuneInString(word[i:])
		char := word[i : i+size]
		switch {
		case r == '%' || r == '\\':
			format.WriteString(char + char)
		case IsLine(char) && (i > 0 || r != '-'): // a format that begins with - is an option
			format.WriteString(char)
		default:
			for _, b := range []byte(char) {
				fmt.Fprintf(&format, `\%03o`, b)
			}
		}
		i += size
	}
	return `"$(printf ` + shellescape.Quote(format.String()) + `)"`
}

// JSON escapes what is not printable in JSON, which json.Marshal has written. It means the same as before.
func JSON(data []byte) []byte {
	if !bytes.ContainsFunc(data, func(r rune) bool { return r >= 0x7f }) { // most has none, and its control characters are escaped
		return data
	}
	return escapeJSON(data)
}

// escapeJSON escapes what is not printable in JSON.
func escapeJSON(data []byte) []byte {
	var b bytes.Buffer
	before := rune(0)
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		data = data[size:]
		after, _ := utf8.DecodeRune(data)
		if first, second := utf16.EncodeRune(r); r == '\n' || r == '\t' || isShown(before, r, after) {
			b.WriteRune(r)
		} else if first != unicode.ReplacementChar {
			fmt.Fprintf(&b, `\u%04x\u%04x`, first, second)
		} else {
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		before = r
	}
	return b.Bytes()
}

// Error returns the text of an error in lines: one for each of those that errors.Join has joined, which is one for most
// errors. Each is escaped.
func Error(err error) string {
	lines := errorLines(err)
	for i := range lines {
		lines[i] = Line(lines[i])
	}
	return strings.Join(lines, "\n")
}

// OneLine returns an error with the text of err in one line: those of drivers have many.
func OneLine(err error) error { return oneLine{err} }

type oneLine struct{ error }

func (e oneLine) Error() string { return strings.Join(strings.Fields(e.error.Error()), " ") }

func (e oneLine) Unwrap() error { return e.error }

func errorLines(err error) []string {
	text := err.Error()
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var texts, lines []string
		for _, e := range joined.Unwrap() {
			texts = append(texts, e.Error())
			lines = append(lines, errorLines(e)...)
		}
		if strings.Join(texts, "\n") == text {
			return lines
		}
	} else if inner := errors.Unwrap(err); inner != nil && inner.Error() != "" {
		if prefix, ok := strings.CutSuffix(text, inner.Error()); ok {
			lines := errorLines(inner)
			lines[0] = prefix + lines[0]
			return lines
		}
	}
	return []string{text}
}

// untrusted is an argument of a format.
type untrusted struct{ value any }

// Format writes the value as fmt does, escaped.
func (u untrusted) Format(f fmt.State, verb rune) {
	if err, ok := u.value.(error); ok && verb == 'v' {
		io.WriteString(f, Error(err))
		return
	}
	io.WriteString(f, Line(fmt.Sprintf(fmt.FormatString(f, verb), u.value)))
}

func escapeAll(args []any) []any {
	escaped := make([]any, len(args))
	for i, arg := range args {
		escaped[i] = untrusted{arg}
	}
	return escaped
}

// Sprintf is fmt.Sprintf with each argument escaped. Widths are numbers in the format: there is no %*d.
func Sprintf(format string, args ...any) string { return fmt.Sprintf(format, escapeAll(args)...) }

// Fprintf is fmt.Fprintf with each argument escaped, as in Sprintf.
func Fprintf(w io.Writer, format string, args ...any) (int, error) {
	return fmt.Fprintf(w, format, escapeAll(args)...)
}
