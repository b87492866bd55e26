package tracker

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is a piece of a filter.
type token struct {
	kind tokenKind
	text string // of an operator, or a word without its quotes
	at   int    // in bytes
}

type tokenKind int

const (
	tokenEnd      tokenKind = iota
	tokenWord               // a name, number, date or other word
	tokenQuoted             // a text in quotes
	tokenCompare            // an Op
	tokenCombine            // && || ! ( )
	tokenBadQuote           // a quote that nothing closes
	tokenBad                // a letter that begins nothing
)

// operators are tried in order, so that longer ones come before their beginnings. A single = means ==.
var operators = []struct {
	text string
	kind tokenKind
	op   string
}{
	{"&&", tokenCombine, "&&"},
	{"||", tokenCombine, "||"},
	{"==", tokenCompare, string(Equal)},
	{"!=", tokenCompare, string(NotEqual)},
	{"<=", tokenCompare, string(LessEqual)},
	{">=", tokenCompare, string(GreaterEqual)},
	{"!~", tokenCompare, string(ContainsNot)},
	{"^=", tokenCompare, string(Begins)},
	{"$=", tokenCompare, string(Ends)},
	{"<", tokenCompare, string(Less)},
	{">", tokenCompare, string(Greater)},
	{"=", tokenCompare, string(Equal)},
	{"~", tokenCompare, string(Contains)},
	{"!", tokenCombine, "!"},
	{"(", tokenCombine, "("},
	{")", tokenCombine, ")"},
}

// lex returns the token that begins at a place, after spaces, and the place after it.
func lex(text string, at int) (token, int) {
	for at < len(text) {
		r, size := utf8.DecodeRuneInString(text[at:])
		if !unicode.IsSpace(r) {
			break
		}
		at += size
	}
	rest := text[at:]
	if rest == "" {
		return token{tokenEnd, "", at}, at
	}
	for _, o := range operators {
		if strings.HasPrefix(rest, o.text) {
			return token{o.kind, o.op, at}, at + len(o.text)
		}
	}
	if rest[0] == '"' || rest[0] == '\'' {
		return lexQuoted(text, at)
	}
	end := strings.IndexFunc(rest, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`()!&|=<>~^$"'`, r) })
	switch end {
	case 0:
		_, size := utf8.DecodeRuneInString(rest)
		return token{tokenBad, rest[:size], at}, at + size
	case -1:
		end = len(rest)
	}
	return token{tokenWord, rest[:end], at}, at + end
}

// lexQuoted reads a text in double or single quotes, in which a backslash keeps the next letter as it is.
func lexQuoted(text string, at int) (token, int) {
	var b strings.Builder
	for i := at + 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == text[at]:
			return token{tokenQuoted, b.String(), at}, i + 1
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		default:
			b.WriteByte(c)
		}
	}
	return token{tokenBadQuote, text[at:], at}, len(text)
}
