package export

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
)

// hidden reports whether a reader would not see r or would see something else
// than what is there: controls, the marks that turn the direction of text, and
// runes that are no characters.
func hidden(r rune) bool {
	return unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Bidi_Control, r) ||
		unicode.Is(unicode.Noncharacter_Code_Point, r) || r == '\u2028' || r == '\u2029' || r == '\ufeff'
}

// lines splits a text at its line feeds into lines that are safe behind the
// sign of a comment: what is hidden is shown as U+202E.
func lines(text string) []string {
	var b strings.Builder
	for _, r := range strings.TrimSpace(text) {
		switch {
		case r == '\n':
			b.WriteByte('\n')
		case r == '\t':
			b.WriteByte(' ')
		case hidden(r):
			fmt.Fprintf(&b, "<U+%04X>", r)
		default:
			b.WriteRune(r)
		}
	}
	return strings.Split(b.String(), "\n")
}

// oneLine returns a text as one such line.
func oneLine(text string) string {
	return strings.Join(strings.Fields(strings.Join(lines(text), " ")), " ")
}

// quote returns s as a text literal of CDDL (RFC 8610 as updated by RFC 9682).
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case hidden(r):
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, `\u%04x`, unit)
			}
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
