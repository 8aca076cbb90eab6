package schema

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// A source is the text of one schema file.
type source struct {
	file  string   // as in Schema.Files
	text  string   // without byte order mark
	lines []string // without line breaks

	// offsets holds where the runes of a line begin, for the lines that were
	// asked for and are not ASCII: with it a place is found in constant time,
	// and a file in one line costs no more than one in many.
	offsets map[int][]int
}

// newSource splits data where YAML does: at LF, CR LF and CR.
func newSource(file string, data []byte) *source {
	text := strings.TrimPrefix(string(data), "\ufeff")
	src := &source{file: file, text: text}
	for rest := text; ; {
		i := strings.IndexAny(rest, "\r\n")
		if i < 0 {
			src.lines = append(src.lines, rest)
			return src
		}
		src.lines = append(src.lines, rest[:i])
		if strings.HasPrefix(rest[i:], "\r\n") {
			i++
		}
		rest = rest[i+1:]
	}
}

func (s *source) pos(line, column int) Position {
	return Position{File: s.file, Line: line, Column: column}
}

// line returns the text of a line, counted from 1, or "".
func (s *source) line(n int) string {
	if n < 1 || n > len(s.lines) {
		return ""
	}
	return s.lines[n-1]
}

// rest returns what stands at a place and after it on its line.
func (s *source) rest(line, column int) string {
	text := s.line(line)
	return text[s.offset(line, column):]
}

// offset returns where in a line a column begins, at most its length.
func (s *source) offset(line, column int) int {
	text := s.line(line)
	i := max(column-1, 0)
	runes, ok := s.offsets[line]
	if !ok {
		if !isASCII(text) {
			runes = make([]int, 0, len(text))
			for j := range text {
				runes = append(runes, j)
			}
		}
		if s.offsets == nil {
			s.offsets = make(map[int][]int)
		}
		s.offsets[line] = runes // nil: one byte each
	}
	switch {
	case runes == nil:
		return min(i, len(text))
	case i < len(runes):
		return runes[i]
	}
	return len(text)
}

// columns returns the number of runes of a line.
func (s *source) columns(line int) int {
	s.offset(line, 1)
	if runes := s.offsets[line]; runes != nil {
		return len(runes)
	}
	return len(s.line(line))
}

// column returns the column of a byte of a line.
func (s *source) column(line, at int) int {
	return utf8.RuneCountInString(s.line(line)[:at]) + 1
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// explicitKey reports whether a key is written as `? key`.
func (s *source) explicitKey(key *node) bool {
	before, blank := strings.CutSuffix(s.line(key.line)[:s.offset(key.line, key.col)], " ")
	if !blank {
		return false
	}
	before, ok := strings.CutSuffix(strings.TrimRight(before, " \t"), "?")
	return ok && (before == "" || strings.ContainsAny(before[len(before)-1:], " \t,{["))
}

// finding returns a diagnostic about a place in s, as Schema.NewDiagnostic.
// The position is moved into the text if it is outside of it, so that whatever
// computed it, there is a line to show.
func (s *source) finding(code Code, line, column, length int, message string) Diagnostic {
	line = min(max(line, 1), len(s.lines))
	text := s.line(line)
	column = min(max(column, 1), utf8.RuneCountInString(text)+1)
	if length <= 0 {
		length = wordLength(text, column)
	}
	return Diagnostic{
		Code: code, Message: message, Pos: s.pos(line, column),
		Length: clampMark(text, column, length), Excerpt: text,
	}
}

// checkText finds what must be known before a YAML parser sees the text,
// because the parser either has no position for it or reads it in its own way.
func (s *source) checkText() (Diagnostic, bool) {
	for n, line := range s.lines {
		column := 0
		for i, r := range line {
			column++
			switch {
			case r == utf8.RuneError && !strings.HasPrefix(line[i:], string(utf8.RuneError)):
				d := s.finding(E0011, n+1, column, 1, fmt.Sprintf("not valid UTF-8 (byte 0x%02x)", line[i]))
				d.Hint = "save the file as UTF-8"
				return d, true
			case r == 0x85 || r == 0x2028 || r == 0x2029:
				d := s.finding(E0001, n+1, column, 1, fmt.Sprintf("YAML syntax: the character U+%04X is not allowed", r))
				d.Label = "a line break for YAML 1.1, and none for YAML 1.2"
				d.Hint = fmt.Sprintf(`write it as "\u%04X" in double quotes`, r)
				return d, true
			case r < ' ' && r != '\t', r >= 0x7f && r < 0xa0, r == 0xfeff, r == 0xfffe, r == 0xffff:
				d := s.finding(E0001, n+1, column, 1, fmt.Sprintf("YAML syntax: the control character U+%04X is not allowed", r))
				d.Hint = fmt.Sprintf(`delete it, or write it as "\u%04X" in double quotes`, r)
				return d, true
			}
		}
	}
	for n, line := range s.lines {
		if t := strings.TrimLeft(line, " \t"); t == "" || t[0] == '#' {
			continue
		}
		if line[0] == '%' {
			d := s.finding(E0001, n+1, 1, 0, "YAML syntax: directives are not part of the schema language")
			d.Hint = "delete this line"
			return d, true
		}
		break
	}
	return Diagnostic{}, false
}

// wordLength returns how many runes the word at a column of line has: a quoted
// text with its quotes, else what stands before a blank or YAML's punctuation.
func wordLength(line string, column int) int {
	rest := fromColumn(line, column)
	if rest == "" {
		return 1
	}
	if q := rest[0]; q == '"' || q == '\'' {
		for i := 1; i < len(rest); i++ {
			switch {
			case q == '"' && rest[i] == '\\':
				i++
			case rest[i] == q && q == '\'' && strings.HasPrefix(rest[i+1:], "'"):
				i++
			case rest[i] == q:
				return utf8.RuneCountInString(rest[:i+1])
			}
		}
		return utf8.RuneCountInString(rest)
	}
	n := strings.IndexAny(rest, " \t,[]{}")
	if n < 0 {
		n = len(rest)
	}
	if n > 1 && rest[n-1] == ':' {
		n-- // the colon after a key is not part of it
	}
	return max(utf8.RuneCountInString(rest[:n]), 1)
}

// marked returns the marked text of an excerpt.
func (d Diagnostic) marked() string {
	rest := fromColumn(d.Excerpt, d.Pos.Column)
	return rest[:len(rest)-len(fromColumn(rest, d.Length+1))]
}

// fromColumn returns what stands at a column of line, counted in runes from 1,
// and after it.
func fromColumn(line string, column int) string {
	for range column - 1 {
		if line == "" {
			break
		}
		_, n := utf8.DecodeRuneInString(line)
		line = line[n:]
	}
	return line
}

// clampMark returns length, or less if the line ends before, but at least 1: a
// mark at the end of the line shows where something is missing.
func clampMark(line string, column, length int) int {
	return max(min(length, utf8.RuneCountInString(fromColumn(line, column))), 1)
}
