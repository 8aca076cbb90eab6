package schema

import (
	"strings"
	"unicode/utf8"
)

// A layout is what a file holds beside its values: the comments, and where
// lists and mappings in flow style end. The YAML library guesses to which value
// a comment belongs, and drops some; here every one has its place.
type layout struct {
	src      *source
	comments []comment
	ends     map[*node]place // of lists and mappings in brackets: the closing one
	blocks   map[*node]block // of texts in block style

	starts map[place]*node // of what the scan must know: quotes, brackets, block texts
	holder map[*node]int   // columns left of the list or mapping that a block text is in
	open   []*node         // brackets
}

// A place is a line and a column, both from 1.
type place struct{ line, col int }

func (p place) before(q place) bool { return p.line < q.line || p.line == q.line && p.col < q.col }

func (n *node) place() place { return place{n.line, n.col} }

type comment struct {
	place
	text string // from the # on, without blanks at its end
	own  bool   // nothing stands before it on its line
}

// A block is a text in block style as it stands in the file.
type block struct {
	header string   // | or >, and how to treat the line breaks at the end
	lines  []string // without indentation; empty ones at the end only if they count
}

// layoutOf scans the text from which root was parsed.
func layoutOf(src *source, root *node) *layout {
	l := &layout{
		src: src, ends: make(map[*node]place), blocks: make(map[*node]block),
		starts: make(map[place]*node), holder: make(map[*node]int),
	}
	l.note(root, 0)
	for line := 1; line <= len(src.lines); {
		line = l.line(line, 1)
	}
	return l
}

func (l *layout) note(n *node, holder int) {
	if n == nil {
		return
	}
	if n.style != plainStyle {
		l.starts[n.place()] = n
		l.holder[n] = holder
	}
	for _, item := range n.items {
		l.note(item, n.col-1)
	}
	for _, kv := range n.pairs {
		// A mapping begins where its first key does. Inside brackets a pair
		// may be a mapping of its own, which has no sign in the text.
		l.note(kv.key, n.col-1)
		l.note(kv.value, n.col-1)
	}
	if n.style == flowStyle {
		l.starts[n.place()] = n
		if text := l.src.rest(n.line, n.col); text == "" || text[0] != '[' && text[0] != '{' {
			delete(l.starts, n.place())
			if len(n.pairs) > 0 && n.pairs[0].key.style != plainStyle {
				l.starts[n.place()] = n.pairs[0].key
			}
		}
	}
}

// line scans a line from a column on and returns the line to go on with.
func (l *layout) line(line, col int) int {
	text := l.src.rest(line, col)
	boundary := true // a # here is a comment
	for text != "" {
		n := l.starts[place{line, col}]
		switch {
		case text[0] == '#' && boundary:
			before := l.src.line(line)[:l.src.offset(line, col)]
			l.comments = append(l.comments, comment{place{line, col}, strings.TrimRight(text, " \t"), strings.TrimLeft(before, " \t") == ""})
			return line + 1
		case n != nil && n.style == quotedStyle:
			end, col := l.quoted(line, col)
			if end > line {
				return l.line(end, col)
			}
			return l.line(line, col)
		case n != nil && n.style == blockStyle:
			return l.block(n, line, text)
		case n != nil && n.style == flowStyle:
			l.open = append(l.open, n)
			boundary = true
		case len(l.open) > 0 && (text[0] == ']' || text[0] == '}'):
			l.ends[l.open[len(l.open)-1]] = place{line, col}
			l.open = l.open[:len(l.open)-1]
			boundary = true
		default:
			boundary = text[0] == ' ' || text[0] == '\t' || len(l.open) > 0 && text[0] == ','
		}
		_, size := utf8.DecodeRuneInString(text)
		text = text[size:]
		col++
	}
	return line + 1
}

// quoted returns the place behind the closing quote of the text at a place.
func (l *layout) quoted(line, col int) (int, int) {
	quote := l.src.rest(line, col)[0]
	col++
	for line <= len(l.src.lines) {
		for text := l.src.rest(line, col); text != ""; {
			_, size := utf8.DecodeRuneInString(text)
			switch {
			case quote == '"' && text[0] == '\\' && len(text) > 1:
				text = text[1:]
				_, size = utf8.DecodeRuneInString(text)
				col++
			case quote == '\'' && strings.HasPrefix(text, "''"):
				text = text[1:]
				col++
			case text[0] == quote:
				return line, col + 1
			}
			text = text[size:]
			col++
		}
		line, col = line+1, 1
	}
	return line, 1
}

// block reads a text in block style whose header is text, and returns the line
// behind it.
func (l *layout) block(n *node, line int, text string) int {
	end := 1
	for end < len(text) && strings.IndexByte("+-0123456789", text[end]) >= 0 {
		end++
	}
	header, rest := text[:end], text[end:]
	if i := strings.IndexByte(rest, '#'); i >= 0 {
		l.comments = append(l.comments, comment{
			place{line, n.col + end + i}, strings.TrimRight(rest[i:], " \t"), false,
		})
	}
	indent := -1
	for _, c := range []byte(header) {
		if '1' <= c && c <= '9' {
			indent = l.holder[n] + int(c-'0')
		}
	}
	var b block
	for line++; line <= len(l.src.lines); line++ {
		text := l.src.line(line)
		blanks := len(text) - len(strings.TrimLeft(text, " "))
		switch {
		case blanks == len(text) && (indent < 0 || blanks <= indent):
			b.lines = append(b.lines, "")
			continue
		case indent < 0 && blanks > l.holder[n]:
			indent = blanks
		}
		if indent < 0 || blanks < indent {
			break
		}
		b.lines = append(b.lines, text[indent:])
	}
	b.header = header[:1]
	if i := strings.IndexAny(header, "+-"); i >= 0 {
		b.header += header[i : i+1]
	}
	empty := len(b.lines)
	for empty > 0 && b.lines[empty-1] == "" {
		empty--
	}
	if !strings.HasSuffix(b.header, "+") {
		b.lines = b.lines[:empty]
	} else if line > len(l.src.lines) && len(b.lines) > empty {
		b.lines = b.lines[:len(b.lines)-1] // what follows the last line break is no line
	}
	l.blocks[n] = b
	return line
}
