package schema

import (
	"bufio"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxExcerptWidth is the number of columns of a source line that are shown. A
// longer line, such as a whole file in flow style, is cut around the mark.
const maxExcerptWidth = 120

// String returns file:line:column, or as much of it as there is.
func (p Position) String() string {
	if !p.IsValid() {
		return printable(p.File)
	}
	return printable(p.File) + ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column)
}

// Render is WriteText without colours.
func (ds Diagnostics) Render(w io.Writer) error { return ds.WriteText(w, false) }

// WriteText writes the findings for a person to read: each with its source
// line, a caret under the wrong text, notes and a hint, and an empty line
// between them. With color, errors are red, warnings yellow, and notes and
// hints cyan, by ANSI escape sequences; else it is plain text. What a terminal
// would not show as one ordinary character is replaced. It returns the first
// error of w.
//
//	commands.yaml:5:11: error[E0201]: unknown type `JobSate`
//	5 |   state: JobSate
//	  |          ^^^^^^^ not declared under `types:`
//	  = hint: did you mean `JobState`?
func (ds Diagnostics) WriteText(w io.Writer, color bool) error {
	p := painter{b: bufio.NewWriter(w), color: color}
	for i, d := range ds {
		if i > 0 {
			p.text("\n")
		}
		p.diagnostic(d)
	}
	if more := ds.leftOut(); more != "" {
		p.text("\n" + more + "\n")
	}
	return p.b.Flush()
}

// The colours, as ANSI escape sequences.
const (
	bold   = "\x1b[1m"
	red    = "\x1b[1;31m"
	yellow = "\x1b[1;33m"
	cyan   = "\x1b[36m"
	reset  = "\x1b[0m"
)

// A painter writes text, perhaps in colours. Errors stay with the writer.
type painter struct {
	b     *bufio.Writer
	color bool
}

func (p painter) text(s string) { _, _ = p.b.WriteString(s) }

func (p painter) in(color, s string) {
	if p.color {
		s = color + s + reset
	}
	p.text(s)
}

func (p painter) diagnostic(d Diagnostic) {
	gutter := len(strconv.Itoa(max(d.Pos.Line, 1)))
	for _, n := range d.Notes {
		gutter = max(gutter, len(strconv.Itoa(max(n.Pos.Line, 1))))
	}
	color := red
	if d.Severity == SeverityWarning {
		color = yellow
	}
	p.in(bold, d.Pos.String()+":")
	p.text(" ")
	p.in(color, d.Severity.String()+"["+string(d.Code)+"]")
	p.in(bold, ": "+printable(d.Message))
	p.text("\n")
	p.excerpt(d.Pos, d.Length, d.Excerpt, "^", d.Label, gutter, color)
	for _, n := range d.Notes {
		p.in(bold, n.Pos.String()+":")
		p.text(" ")
		p.in(cyan, "note")
		p.text(": " + printable(n.Message) + "\n")
		p.excerpt(n.Pos, n.Length, n.Excerpt, "-", "", gutter, cyan)
	}
	if d.Hint != "" {
		p.text(strings.Repeat(" ", gutter) + " = ")
		p.in(cyan, "hint")
		p.text(": " + printable(d.Hint) + "\n")
	}
}

func (p painter) excerpt(pos Position, length int, line, caret, label string, gutter int, color string) {
	if line == "" || !pos.IsValid() {
		return
	}
	text, before, marked := excerpt(line, pos.Column, length)
	number := strconv.Itoa(pos.Line)
	p.text(strings.Repeat(" ", max(0, gutter-len(number))) + number + " | " + text + "\n")
	mark := strings.Repeat(caret, marked)
	if label != "" {
		mark += " " + printable(label)
	}
	p.text(strings.Repeat(" ", gutter) + " | " + strings.Repeat(" ", before))
	p.in(color, mark)
	p.text("\n")
}

// excerpt returns what to show of line, and in display columns how far right
// the mark begins and how long it is.
func excerpt(line string, column, length int) (text string, before, marked int) {
	runes := []rune(line)
	start := min(max(column-1, 0), len(runes))
	end := min(start+max(length, 1), len(runes))

	// No more than this can be shown, whatever the width of its characters.
	from, to := max(0, start-maxExcerptWidth), min(len(runes), start+maxExcerptWidth)
	for i := from; i < to; i++ {
		runes[i] = visible(runes[i])
	}
	if from > 0 || to < len(runes) || width(runes) > maxExcerptWidth {
		from, to = window(runes, start)
		end = min(end, to)
	}
	var b strings.Builder
	if from > 0 {
		b.WriteString("…")
		before = 1
	}
	b.WriteString(string(runes[from:to]))
	if to < len(runes) {
		b.WriteString("…")
	}
	before += width(runes[from:start])
	return strings.TrimRight(b.String(), " "), before, max(width(runes[start:max(start, end)]), 1)
}

// window returns the part of a line around start that fits, a third of it at
// most before start unless there is nothing after it.
func window(runes []rune, start int) (from, to int) {
	from, to = start, start
	for room := maxExcerptWidth; room > 0; {
		switch {
		case from > 0 && (start-from < maxExcerptWidth/3 || to == len(runes)):
			from--
			room -= max(runeWidth(runes[from]), 1)
		case to < len(runes):
			room -= max(runeWidth(runes[to]), 1)
			to++
		default:
			return from, to
		}
	}
	return from, to
}

func width(runes []rune) (n int) {
	for _, r := range runes {
		n += runeWidth(r)
	}
	return n
}

// printable makes one line of s that a terminal shows as it is.
func printable(s string) string {
	return strings.Map(visible, s)
}

// visible returns what to show instead of r. Formatting characters are
// replaced too: some of them reverse the order of what follows.
func visible(r rune) rune {
	switch {
	case r == '\t' || r == '\n' || r == '\r':
		return ' '
	case r == utf8.RuneError || !unicode.IsPrint(r) && !unicode.Is(unicode.Zs, r):
		return utf8.RuneError
	}
	return r
}

// runeWidth returns how many columns of a terminal r takes.
func runeWidth(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case unicode.Is(wide, r):
		return 2
	}
	return 1
}

// wide holds the blocks whose characters East Asian Width (Unicode Standard
// Annex 11) calls wide, rounded to whole blocks.
var wide = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x1100, Hi: 0x115f, Stride: 1}, // Hangul Jamo, leading
		{Lo: 0x231a, Hi: 0x231b, Stride: 1}, // watch, hourglass
		{Lo: 0x2e80, Hi: 0x303e, Stride: 1}, // CJK radicals and punctuation
		{Lo: 0x3041, Hi: 0x33ff, Stride: 1}, // kana to CJK compatibility
		{Lo: 0x3400, Hi: 0x4dbf, Stride: 1}, // CJK extension A
		{Lo: 0x4e00, Hi: 0x9fff, Stride: 1}, // CJK
		{Lo: 0xa000, Hi: 0xa4cf, Stride: 1}, // Yi
		{Lo: 0xa960, Hi: 0xa97f, Stride: 1}, // Hangul Jamo, extended A
		{Lo: 0xac00, Hi: 0xd7a3, Stride: 1}, // Hangul syllables
		{Lo: 0xf900, Hi: 0xfaff, Stride: 1}, // CJK compatibility
		{Lo: 0xfe30, Hi: 0xfe6f, Stride: 1}, // CJK compatibility forms
		{Lo: 0xff01, Hi: 0xff60, Stride: 1}, // fullwidth forms
		{Lo: 0xffe0, Hi: 0xffe6, Stride: 1}, // fullwidth signs
	},
	R32: []unicode.Range32{
		{Lo: 0x16fe0, Hi: 0x18cff, Stride: 1}, // Tangut, Khitan
		{Lo: 0x1b000, Hi: 0x1b2ff, Stride: 1}, // kana supplement
		{Lo: 0x1f300, Hi: 0x1f64f, Stride: 1}, // pictographs, emoticons
		{Lo: 0x1f680, Hi: 0x1f6ff, Stride: 1}, // transport
		{Lo: 0x1f900, Hi: 0x1faff, Stride: 1}, // more pictographs
		{Lo: 0x20000, Hi: 0x3fffd, Stride: 1}, // CJK extensions B and later
	},
}
