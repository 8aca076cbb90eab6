package generator

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// docWidth is how wide the text of a comment may be: 80 columns less "// ".
const docWidth = 77

// docLines turns any text into the lines of a comment, without "// ": cleaned,
// wrapped at docWidth columns, without empty lines at the ends. Lines that are
// indented are code or lists and stay as they are.
func docLines(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimRightFunc(clean(line), unicode.IsSpace)
		if trimmed := strings.TrimSpace(line); strings.HasPrefix(trimmed, "+build") {
			// Before the package clause "// +build" is a constraint.
			line = strconv.Quote(trimmed)
		}
		switch {
		case line == "":
			if len(lines) > 0 && lines[len(lines)-1] != "" {
				lines = append(lines, "")
			}
		case line[0] == ' ' || line[0] == '\t':
			lines = append(lines, line)
		default:
			lines = append(lines, wrap(line)...)
		}
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// clean replaces what does not print, among them the controls that reorder
// text on a screen, and so could make a comment look like code.
func clean(line string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r':
			return -1
		case r == '\t' || unicode.IsPrint(r):
			return r
		case unicode.IsSpace(r):
			return ' '
		}
		return utf8.RuneError
	}, strings.ToValidUTF8(line, string(utf8.RuneError)))
}

// wrap breaks a line at spaces. A word that is wider than a line stays whole.
func wrap(line string) []string {
	var lines []string
	var cur strings.Builder
	width := 0
	for word := range strings.FieldsSeq(line) {
		w := utf8.RuneCountInString(word)
		if width > 0 && width+1+w > docWidth && !strings.HasPrefix(word, "+build") {
			lines = append(lines, cur.String())
			cur.Reset()
			width = 0
		}
		if width > 0 {
			cur.WriteByte(' ')
			width++
		}
		cur.WriteString(word)
		width += w
	}
	return append(lines, cur.String())
}

// oneLine returns text as a single cleaned line.
func oneLine(text string) string {
	return strings.Join(strings.Fields(clean(strings.ReplaceAll(text, "\n", " "))), " ")
}
