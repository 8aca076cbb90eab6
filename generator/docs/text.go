package docs

import (
	"fmt"
	"strings"
	"unicode"
)

// visible returns a text without anything that a reader would not see or that
// would make it look like something else.
func visible(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n' || r == '\t':
			b.WriteRune(r)
		case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Bidi_Control, r), unicode.Is(unicode.Noncharacter_Code_Point, r),
			r == '\u2028', r == '\u2029', r == '\ufeff':
			fmt.Fprintf(&b, "<U+%04X>", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// paragraphs splits a text at blank lines. The lines of a paragraph are joined.
func paragraphs(text string) []string {
	var list []string
	for block := range strings.SplitSeq(blankLines(visible(text)), "\n\n") {
		if words := strings.Fields(block); len(words) > 0 {
			list = append(list, strings.Join(words, " "))
		}
	}
	return list
}

// blankLines removes what stands alone on lines and is blank.
func blankLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "\n")
}

// oneLine returns a text as one line.
func oneLine(text string) string { return strings.Join(strings.Fields(visible(text)), " ") }

// inCode returns a text as one line, blanks kept: an enum value may have any.
func inCode(text string) string {
	return strings.NewReplacer("\n", "<U+000A>", "\t", "<U+0009>").Replace(visible(text))
}

// count returns a number and a noun in the right form.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprint(n, " ", noun, "s")
}
