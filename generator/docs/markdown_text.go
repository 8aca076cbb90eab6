package docs

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/ipcio/ipcio-go/schema"
)

// escape returns a text of one line so that Markdown shows it as it is. Only
// what could mean something inside of a line is escaped, so that the source
// stays readable.
func escape(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch r {
		case '\\', '`', '*', '_', '[', ']', '~', '|', '$', '!':
			b.WriteByte('\\')
			b.WriteRune(r)
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '&':
			b.WriteString("&amp;")
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// escapeLine escapes a text that begins a line, where more has a meaning: a
// heading, an item of a list, a ruler, the line below a heading.
func escapeLine(text string) string {
	digits := len(text) - len(strings.TrimLeft(text, "0123456789"))
	switch {
	case text == "":
	case strings.ContainsRune("#+-=:", rune(text[0])):
		return `\` + escape(text)
	case digits > 0 && digits < len(text) && (text[digits] == '.' || text[digits] == ')'):
		return text[:digits] + `\` + escape(text[digits:])
	}
	return escape(text)
}

// code returns a text as inline code, between more backquotes than it has in a
// row. Two things cannot be said so: blanks alone, and bars in a table, where
// viewers disagree about the backslash before them.
func code(text string) string {
	text = inCode(text)
	if strings.TrimSpace(text) == "" || strings.Contains(text, "|") {
		return "<code>" + entities(text) + "</code>"
	}
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") || strings.HasPrefix(text, " ") && strings.HasSuffix(text, " ") {
		text = " " + text + " " // one blank on each side is taken off again
	}
	return fence + text + fence
}

// entities returns a text in which only letters and digits of ASCII, and what is
// not ASCII, stand for themselves.
func entities(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r > unicode.MaxASCII || unicode.IsLetter(r) || unicode.IsDigit(r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "&#%d;", r)
		}
	}
	return b.String()
}

func codeList(texts []string) string {
	list := make([]string, len(texts))
	for i, t := range texts {
		list[i] = code(t)
	}
	return strings.Join(list, ", ")
}

// linkList returns names as links, each as code.
func linkList(links []link) string {
	list := make([]string, len(links))
	for i, l := range links {
		list[i] = "[" + code(l.Text) + "](#" + l.Anchor + ")"
	}
	return strings.Join(list, ", ")
}

// expression returns a type with its names as links.
func expression(links []link) string {
	var b strings.Builder
	for _, l := range links {
		if l.Anchor == "" {
			b.WriteString(escape(l.Text))
		} else {
			b.WriteString("[" + l.Text + "](#" + l.Anchor + ")")
		}
	}
	return b.String()
}

// cell returns what a declaration says about itself, for the cell of a table.
func cell(m schema.Meta) string {
	text := escape(oneLine(m.Doc))
	if m.Deprecated != "" {
		text = strings.TrimSpace("**Deprecated:** " + escape(oneLine(m.Deprecated)) + " " + text)
	}
	return text
}
