package tracker

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"
)

// Bounds on texts, in bytes. They keep pages and indexes small, not people from writing.
const (
	maxName   = 200
	maxText   = 4 << 10
	maxNote   = 64 << 10
	maxParams = 1000
)

// checkName refuses names of parameters and metrics that the filter language cannot say: they begin with a letter or
// _ and go on with letters, digits and _ . / -
func checkName(kind, name string) error {
	for i, r := range name {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !isNameRune(r)) || r == utf8.RuneError {
			return Errorf(CodeInvalid, "%s %q: a name begins with a letter and goes on with letters, digits, _ . / or -", kind, name)
		}
	}
	if name == "" || len(name) > maxName {
		return Errorf(CodeInvalid, "the name of a %s has %d bytes: choose 1 to %d", kind, len(name), maxName)
	}
	return nil
}

func isNameRune(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("./-", r)
}

// nearestName makes a name that a filter can say out of any text, for names that are not this package's to refuse.
func nearestName(text string) string {
	name := strings.Map(func(r rune) rune {
		if isNameRune(r) && r != utf8.RuneError {
			return r
		}
		return '_'
	}, text)
	if r, _ := utf8.DecodeRuneInString(name); r != '_' && !unicode.IsLetter(r) {
		name = "_" + name
	}
	const room = 20 // for what is put before it
	return strings.ToValidUTF8(name[:min(len(name), maxName-room)], "")
}

// checkLine refuses texts that would break a table: one line of at most maxName bytes.
func checkLine(kind, text string) error {
	if strings.ContainsFunc(text, unicode.IsControl) {
		return Errorf(CodeInvalid, "%s %q: it must be one line without control characters", kind, text)
	}
	return checkText(kind, text, maxName)
}

func checkText(kind, text string, most int) error {
	if len(text) > most {
		return Errorf(CodeInvalid, "%s has %d bytes: at most %d are kept", kind, len(text), most)
	}
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return Errorf(CodeInvalid, "%s %q: it must be UTF-8 without zero bytes", kind, text)
	}
	return nil
}

// fitText makes any text one that checkText accepts: valid UTF-8 without zero bytes, cut between runes.
func fitText(text string, most int) string {
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "")
	if len(text) <= most {
		return text
	}
	for !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

// unknown is the error for a name that is none of the known ones.
func unknown(kind, name string, known []string) *Error {
	best, fewest := "", 0
	for _, k := range known {
		d := levenshtein.ComputeDistance(strings.ToLower(name), strings.ToLower(k))
		if d <= max(1, (len(k)+1)/3) && (best == "" || d < fewest) {
			best, fewest = k, d
		}
	}
	if best != "" {
		return Errorf(CodeInvalid, "unknown %s %q: did you mean %s?", kind, name, best)
	}
	const most = 20
	if len(known) > most {
		return Errorf(CodeInvalid, "unknown %s %q: there are %s and %d more", kind, name, strings.Join(known[:most], ", "), len(known)-most)
	}
	return Errorf(CodeInvalid, "unknown %s %q: there are %s", kind, name, strings.Join(known, ", "))
}
