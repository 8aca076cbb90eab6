package schema

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// formatWidth is the number of columns beyond which a list or mapping in
// brackets is written in lines of its own.
const formatWidth = 100

// Format returns a schema file in its canonical layout, which leaves no choice
// but the ones that carry meaning for people: the order of things, what stands
// in brackets as long as it fits into 100 columns, single blank lines, and the
// style of texts of several lines. Indentation is two spaces, quotes stand
// only where they are needed, comments at the end of consecutive lines are
// aligned. Every comment is kept. Formatting a formatted file changes nothing,
// and the schema it declares is the same.
//
// src need not be a valid schema, but it must be YAML as the language allows it
// and have the form of a mapping; otherwise the error is a [Diagnostics], whose
// positions name no file. A file larger than [MaxFileSize] is refused too.
func Format(src []byte) ([]byte, error) {
	file := newSource("", src)
	if len(src) > MaxFileSize {
		return nil, Diagnostics{newSource("", nil).finding(E0112, 1, 1, 1, "the file is larger than "+strconv.Itoa(MaxFileSize>>10)+" KiB")}
	}
	root, d := parse(file)
	if d != nil {
		return nil, Diagnostics{*d}
	}
	p := &printer{layout: layoutOf(file, root)}
	if root.kind != mapNode {
		return nil, p.refuse(E0110, root, "expected a mapping, found "+root.kind.String())
	}
	var err error
	if len(root.pairs) == 0 {
		p.lines = append(p.lines, outLine{text: "{}"})
	} else {
		err = p.pairs(root, 0)
	}
	if err != nil {
		return nil, err
	}
	p.gap(place{len(file.lines) + 1, 1}, 0)
	out := p.bytes()
	if err := sameContent(p.layout, root, out); err != nil {
		return nil, err
	}
	return out, nil
}

// sameContent proves that out says what was read. It costs a second parse, and
// in return a mistake of this file can never change a schema.
func sameContent(before *layout, root *node, out []byte) error {
	file := newSource("", out)
	again, d := parse(file)
	if d != nil {
		return fmt.Errorf("schema: the formatted text would not be YAML: %s; please report this", d.Error())
	}
	after := layoutOf(file, again)
	texts := func(l *layout) []string {
		var list []string
		for _, c := range l.comments {
			list = append(list, c.text)
		}
		slices.Sort(list)
		return list
	}
	if !sameNode(root, again) || !slices.Equal(texts(before), texts(after)) {
		return errors.New("schema: formatting would change what the file says; please report this")
	}
	return nil
}

func sameNode(a, b *node) bool {
	return a.kind == b.kind && (a.text == b.text || a.kind >= listNode || a.kind == nullNode) &&
		slices.EqualFunc(a.items, b.items, sameNode) &&
		slices.EqualFunc(a.pairs, b.pairs, func(x, y pair) bool { return sameNode(x.key, y.key) && sameNode(x.value, y.value) })
}

// A printer writes the canonical layout.
type printer struct {
	*layout
	lines  []outLine
	entry  int     // the line that the last key or item begins on
	next   int     // of the comments: the first that is not written
	path   []level // of what is being written
	tail   []level // path when the last entry was written
	opened bool    // the last line opens a list or mapping
	keep   bool    // the last lines are a text to which empty lines would be added
}

type outLine struct {
	text    string
	comment string
}

// A level is a list or mapping in block style.
type level struct {
	col    int // of its entries in the source, 0 if they stood in brackets
	indent int // of its entries in the result
}

func (p *printer) refuse(code Code, n *node, message string) error {
	d := p.src.finding(code, n.line, n.col, p.src.nodeLength(n), message)
	return Diagnostics{d}
}

// enter begins a list or mapping, and returns what ends it.
func (p *printer) enter(n *node, indent int) (leave func()) {
	l := level{indent: indent, col: n.col}
	if n.style == flowStyle {
		l.col = 0
	}
	p.path = append(p.path, l)
	return func() { p.path = p.path[:len(p.path)-1] }
}

func (p *printer) pairs(n *node, indent int) error {
	defer p.enter(n, indent)()
	for _, kv := range n.pairs {
		if kv.key.kind != textNode {
			return p.refuse(E0005, kv.key, "keys must be plain names, found "+kv.key.kind.String())
		}
		p.begin(kv.key, indent)
		if err := p.value(p.scalar(kv.key)+":", kv.value, indent); err != nil {
			return err
		}
	}
	return nil
}

func (p *printer) list(n *node, indent int) error {
	defer p.enter(n, indent)()
	for _, item := range n.items {
		p.begin(item, indent)
		if item.kind >= listNode && !p.fits(item, "-", indent) {
			return p.refuse(E0110, item, "expected a text, found "+item.kind.String())
		}
		if err := p.value("-", item, indent); err != nil {
			return err
		}
	}
	return nil
}

// begin writes what stands before an entry: comments, and an empty line if
// there is one.
func (p *printer) begin(n *node, indent int) {
	p.gap(n.place(), indent)
	before := p.src.line(n.line)[:p.src.offset(n.line, n.col)]
	if strings.Trim(before, " \t-") == "" {
		p.blank(n.line)
	}
	p.entry = len(p.lines)
	p.opened, p.keep = false, false
	p.tail = append(p.tail[:0], p.path...)
}

// blank writes an empty line if the source has one above a line.
func (p *printer) blank(line int) {
	if line > 1 && strings.TrimLeft(p.src.line(line-1), " \t") == "" && len(p.lines) > 0 && !p.opened && !p.keep {
		p.lines = append(p.lines, outLine{})
	}
}

// gap writes the comments before a place. Those that stand behind something go
// behind the last entry; the others to the entry they are indented like, but
// never left of what follows.
func (p *printer) gap(until place, indent int) {
	for ; p.next < len(p.comments) && p.comments[p.next].before(until); p.next++ {
		c := p.comments[p.next]
		if !c.own && len(p.lines) > 0 && p.lines[p.entry].comment == "" && p.lines[p.entry].text != "" {
			p.lines[p.entry].comment = c.text
			continue
		}
		to := indent
		for i, l := range p.tail {
			if l.col != 0 && l.col <= c.col && (i == 0 || l.col != p.tail[i-1].col) {
				to = max(to, l.indent)
			}
		}
		p.blank(c.line)
		p.opened = false
		p.lines = append(p.lines, outLine{text: strings.Repeat(" ", to) + c.text})
	}
}

// fits reports whether a list or mapping can stand in brackets behind head.
func (p *printer) fits(n *node, head string, indent int) bool {
	if len(n.items)+len(n.pairs) == 0 {
		return true
	}
	if n.style != flowStyle {
		return false
	}
	end, ok := p.ends[n]
	if !ok {
		return true // a pair in a list, which has no brackets of its own
	}
	i, _ := slices.BinarySearchFunc(p.comments, n.place(), func(c comment, at place) int {
		if c.before(at) {
			return -1
		}
		return 1
	})
	if i < len(p.comments) && p.comments[i].before(end) {
		return false
	}
	text, ok := p.flow(n, formatWidth)
	return ok && indent+utf8.RuneCountInString(head)+1+utf8.RuneCountInString(text) <= formatWidth
}

// flow returns a value in brackets, unless that is longer than room.
func (p *printer) flow(n *node, room int) (string, bool) {
	if n.kind < listNode {
		text := p.scalar(n)
		return text, utf8.RuneCountInString(text) <= room
	}
	var b strings.Builder
	for i, item := range n.items {
		text, ok := p.flow(item, room-b.Len()/utf8.UTFMax)
		if !ok {
			return "", false
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(text)
	}
	for i, kv := range n.pairs {
		text, ok := p.flow(kv.value, room-b.Len()/utf8.UTFMax)
		if !ok || kv.key.kind != textNode {
			return "", false
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(p.scalar(kv.key) + ": " + text)
	}
	if n.kind == listNode {
		return "[" + b.String() + "]", true
	}
	return "{" + b.String() + "}", true
}

// value writes a value behind head, which is a key or a dash.
func (p *printer) value(head string, n *node, indent int) error {
	blanks := strings.Repeat(" ", indent)
	switch {
	case n.kind >= listNode && p.fits(n, head, indent):
		text, ok := p.flow(n, 1<<30)
		if !ok {
			return p.refuse(E0005, n, "keys must be plain names")
		}
		p.lines = append(p.lines, outLine{text: blanks + head + " " + text})
	case n.kind == listNode:
		p.lines = append(p.lines, outLine{text: blanks + head})
		p.opened = true
		return p.list(n, indent+2)
	case n.kind == mapNode:
		p.lines = append(p.lines, outLine{text: blanks + head})
		p.opened = true
		return p.pairs(n, indent+2)
	case n.style == blockStyle:
		p.block(blanks+head, p.blocks[n], indent)
	default:
		p.lines = append(p.lines, outLine{text: strings.TrimRight(blanks+head+" "+p.scalar(n), " ")})
	}
	return nil
}

// block writes a text in block style as it is.
func (p *printer) block(head string, b block, indent int) {
	header := b.header
	first := slices.IndexFunc(b.lines, func(s string) bool { return s != "" })
	if first >= 0 && b.lines[first][0] == ' ' {
		header = header[:1] + "2" + header[1:]
	}
	p.lines = append(p.lines, outLine{text: head + " " + header})
	for _, line := range b.lines {
		if line != "" {
			line = strings.Repeat(" ", indent+2) + line
		}
		p.lines = append(p.lines, outLine{text: line})
	}
	p.keep = strings.HasSuffix(header, "+")
}

// plainText is what needs no quotes, in brackets or not, whatever the version
// of YAML; truthWords apart.
var plainText = regexp.MustCompile(`^[A-Za-z_/][A-Za-z0-9_./<>-]*( [A-Za-z0-9_./<>-]+)*$`)

// truthWords are texts that are something else for YAML 1.1 or 1.2.
var truthWords = []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}

// scalar returns a scalar on one line.
func (p *printer) scalar(n *node) string {
	text := n.text
	if n.kind != textNode {
		return text
	}
	if n.style == plainStyle && !strings.Contains(text, "\n") && !strings.HasPrefix(text+" ", "- ") && !strings.HasPrefix(text+" ", "? ") && !strings.HasPrefix(text+" ", ": ") {
		return text
	}
	if plainText.MatchString(text) && !slices.Contains(truthWords, strings.ToLower(text)) {
		return text
	}
	if !strings.ContainsFunc(text, func(r rune) bool { return r != ' ' && !unicode.IsGraphic(r) || r == 0x2028 || r == 0x2029 || r == 0xa0 }) {
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r <= 0xff:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// bytes returns the lines, with the comments behind consecutive ones aligned.
func (p *printer) bytes() []byte {
	var b strings.Builder
	for i := 0; i < len(p.lines); {
		j, wide := i, 0
		for ; j < len(p.lines) && p.lines[j].comment != ""; j++ {
			wide = max(wide, utf8.RuneCountInString(p.lines[j].text))
		}
		for ; i < j; i++ {
			text := p.lines[i].text
			b.WriteString(text + strings.Repeat(" ", wide-utf8.RuneCountInString(text)+2) + p.lines[i].comment + "\n")
		}
		if i < len(p.lines) {
			b.WriteString(p.lines[i].text + "\n")
			i++
		}
	}
	return []byte(b.String())
}
