package schema

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxExprDepth is how deep list<> and map<> may be nested.
const maxExprDepth = 32

// A typeRef is a type name that stands in an expression.
type typeRef struct {
	expr *Expr
	name string
	src  *source
	node *node // the whole value
	at   int   // byte in its text
}

// An exprParser reads one type expression. It reports the first mistake only.
type exprParser struct {
	l      *loader
	n      *node
	field  bool // opt<…> is possible
	at     int
	failed bool
}

// typeExpr reads the type expression n. With field, opt<…> may stand around
// the whole of it. It returns nil after reporting a mistake.
func (l *loader) typeExpr(n *node, field bool) (e *Expr, optional bool) {
	if n.kind != textNode {
		d := l.finding(E0110, n, "expected a type, found "+n.kind.String())
		switch n.kind {
		case listNode:
			d.Hint = listTypeHint(n, false)
		case mapNode:
			d.Hint = "declare a struct under `types:` and use its name"
		case numberNode:
			d.Hint = "write a type: fields are known by their names and have no numbers"
		default:
			d.Hint = "write a type, for example string"
		}
		l.report(d)
		return nil, false
	}
	if l.foreignForm(n, n.text) {
		return nil, false
	}
	p := &exprParser{l: l, n: n, field: field}
	if rest, ok := strings.CutPrefix(n.text, "opt<"); ok && field {
		p.at = len(n.text) - len(rest)
		optional = true
	}
	mark := len(l.refs)
	e = p.expr(1)
	if optional {
		p.close(0)
	}
	if !p.failed && p.at < len(n.text) {
		p.trailing()
	}
	if p.failed {
		l.refs = l.refs[:mark]
		return nil, optional
	}
	return e, optional
}

// expr reads scalar | TypeName | list<expr> | map<expr>.
func (p *exprParser) expr(depth int) *Expr {
	start := p.at
	word := p.word()
	pos := p.l.src.valuePos(p.n, start)
	rest := p.n.text[p.at:]
	if depth > maxExprDepth {
		p.fail(E0112, start, len(word), "types are nested more than 32 deep", "declare a type for the inner part and use its name")
		return nil
	}
	switch {
	case word == "list" || word == "map" || word == "opt":
		if p.l.foreignForm(p.n, p.n.text[start:]) {
			p.failed = true
			return nil
		}
		if strings.HasPrefix(strings.TrimLeft(rest, " "), "<") && rest[0] == ' ' {
			p.trailing()
			return nil
		}
		if !strings.HasPrefix(rest, "<") {
			example := "string"
			if word == "map" {
				example = "int64"
			}
			hint := "for example " + word + "<" + example + ">"
			if m := sizedType.FindStringSubmatch(p.n.text[start:]); m != nil {
				hint = orElse(sizedHint(m[1], m[2]), hint)
			} else if of := strings.Fields(rest); len(of) > 0 && bareName.MatchString(of[len(of)-1]) && (len(of) == 1 || len(of) == 2 && of[0] == "of") {
				hint = "write " + word + "<" + scalarHint(of[len(of)-1]) + ">"
			}
			p.fail(E0205, start, len(word), quote(word)+" needs an element type", hint)
			return nil
		}
		if word == "opt" {
			p.misplacedOpt(start)
			return nil
		}
		p.at++
		if strings.HasPrefix(p.n.text[p.at:], ">") {
			p.fail(E0205, start, len(word)+2, quote(word+"<>")+" needs an element type", "for example "+word+"<string>")
			return nil
		}
		if word == "map" && p.mapKey(start) {
			return nil
		}
		e := &Expr{Kind: ListExpr, Pos: pos}
		if word == "map" {
			e.Kind = MapExpr
		}
		e.Elem = p.expr(depth + 1)
		p.close(start)
		return e
	case word == "":
		p.stray(start)
		return nil
	case strings.HasPrefix(rest, "<"):
		p.foreignGeneric(start, word)
		return nil
	}
	return p.named(start, word, pos)
}

// named reads a scalar or the name of a type.
func (p *exprParser) named(start int, word string, pos Position) *Expr {
	for s, name := range scalarNames {
		if name == word && word != "" {
			return &Expr{Kind: ScalarExpr, Scalar: Scalar(s), Pos: pos}
		}
	}
	if word == "fd" {
		p.fail(E0104, start, len(word), "`fd` is not supported by this version", laterHints["fd"])
		return nil
	}
	if strings.HasPrefix(p.n.text[p.at:], "?") {
		hint := "write opt<" + scalarHint(word) + ">"
		if start > 0 {
			hint = "leave absent elements out"
		}
		p.fail(E0207, start, len(word)+1, "`?` does not make a field optional", hint)
		return nil
	}
	e := &Expr{Kind: NamedExpr, Pos: pos}
	p.l.refs = append(p.l.refs, typeRef{expr: e, name: word, src: p.l.src, node: p.n, at: start})
	return e
}

// word reads letters, digits, _ and dots: whatever may be meant as a name.
func (p *exprParser) word() string {
	rest := p.n.text[p.at:]
	n := strings.IndexFunc(rest, func(r rune) bool {
		return strings.ContainsRune("<>,?[]*(){}| \t\n", r)
	})
	if n < 0 {
		n = len(rest)
	}
	p.at += n
	return rest[:n]
}

func (p *exprParser) close(open int) {
	if p.failed {
		return
	}
	if !strings.HasPrefix(p.n.text[p.at:], ">") {
		if p.at < len(p.n.text) {
			p.trailing()
			return
		}
		d := p.l.finding(E0204, p.n, quote(p.n.text[open:])+" has no closing `>`")
		d.Hint = "write " + closed(p.n.text)
		p.failWith(d, open, len(p.n.text)-open)
		return
	}
	p.at++
}

// trailing reports what stands where the expression should have ended.
func (p *exprParser) trailing() {
	rest := p.n.text[p.at:]
	switch {
	case strings.HasPrefix(rest, "?"):
		hint := "write opt<" + scalarHint(p.n.text[:p.at]) + ">"
		if strings.HasPrefix(p.n.text, "opt<") {
			hint = "delete the `?`"
		}
		p.fail(E0207, 0, p.at+1, "`?` does not make a field optional", hint)
	case strings.HasPrefix(rest, ">"):
		p.fail(E0219, p.at, 1, "this `>` closes nothing", "delete it")
	default:
		length := len(rest)
		if strings.ContainsAny(rest[:1], " \n\t") {
			length = 1
		}
		p.fail(E0219, p.at, length, quote(p.n.text)+" is not a type", notTypeHint(p.n.text))
	}
}

// stray reports an expression that does not begin with a word.
func (p *exprParser) stray(start int) {
	rest := p.n.text[start:]
	switch {
	case rest == "" && start > 0:
		p.fail(E0204, 0, len(p.n.text), quote(p.n.text)+" has no closing `>`", "for example "+closed(p.n.text+"string"))
	case rest == "":
		p.fail(E0219, 0, 1, "the type is empty", "for example string")
	case p.l.foreignForm(p.n, rest):
		p.failed = true
	case strings.HasPrefix(p.n.text, "opt<>"):
		p.fail(E0205, 0, len("opt<>"), "`opt<>` needs a type", "for example opt<string>")
	default:
		_, n := utf8.DecodeRuneInString(rest)
		p.fail(E0219, start, n, quote(p.n.text)+" is not a type", notTypeHint(p.n.text))
	}
}

// mapKey reports map<string, int64>.
func (p *exprParser) mapKey(start int) bool {
	text := p.n.text[start:]
	text = text[:closing(text)]
	inner := strings.TrimSuffix(text[len("map<"):], ">")
	cut := strings.IndexAny(inner, ",:")
	if cut < 0 {
		return false
	}
	key, value := inner[:cut], inner[cut+1:]
	if strings.ContainsAny(key, "<>") {
		return false
	}
	key, value = strings.TrimSpace(key), orElse(strings.TrimSpace(value), "string")
	hint := "write map<" + stringKeys.ReplaceAllString(value, "map<") + ">"
	if key != "string" {
		hint += ", or a list of structs"
	}
	p.fail(E0206, start, len(text), quote(text)+": map keys are always strings", hint)
	return true
}

// stringKeys matches the beginning of a map that names the type of its keys.
var stringKeys = regexp.MustCompile(`map<\s*string\s*,\s*`)

// closing returns where the first < of text is closed, or its length.
func closing(text string) int {
	depth := 0
	for i := range len(text) {
		switch text[i] {
		case '<':
			depth++
		case '>':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(text)
}

// misplacedOpt reports opt<…> that is not the whole type of a field.
func (p *exprParser) misplacedOpt(start int) {
	d := p.l.finding(E0207, p.n, "`opt<>` is allowed only around a whole field type")
	switch {
	case !p.field:
		d.Hint = "say at the fields of this type which of them are optional"
	case strings.HasPrefix(p.n.text, "opt<opt<"):
		d.Hint = "write opt<> once"
	default:
		d.Hint = "leave absent elements out"
	}
	p.failWith(d, start, closing(p.n.text[start:]))
}

func (p *exprParser) foreignGeneric(start int, word string) {
	ours, ok := foreignGenerics[strings.ToLower(word)]
	if !ok {
		for _, w := range genericNames {
			if strings.EqualFold(w, word) {
				ours, ok = w, true
			}
		}
	}
	if ok {
		inner := p.n.text[start:]
		inner = strings.TrimSuffix(inner[len(word)+1:max(closing(inner), len(word)+1)], ">")
		if i := strings.LastIndexByte(inner, ','); i >= 0 && ours == "map" {
			inner = strings.TrimSpace(inner[i+1:])
		}
		hint := "write " + ours + "<…>"
		switch {
		case ours == "list" && slices.Contains([]string{"u8", "byte", "uint8"}, strings.ToLower(inner)):
			hint = "write bytes"
		case typeWord.MatchString(inner) && !strings.Contains(inner, "<"):
			hint = "write " + ours + "<" + scalarHint(inner) + ">"
		}
		p.fail(E0203, start, len(word), "there is no type "+quote(word+"<>"), hint)
		return
	}
	hint := didYouMean(word, genericNames)
	if m := sizedType.FindStringSubmatch(p.n.text[start : start+closing(p.n.text[start:])]); hint == "" && m != nil {
		hint = sizedHint(m[1], m[2])
	}
	if scalar := scalarHint(word); hint == "" && slices.Contains(scalarNames[1:], scalar) {
		hint = "write " + scalar
	}
	p.fail(E0219, start, len(word), quote(word)+" takes no type in `<>`", orElse(hint, "only list, map and opt do"))
}

// foreignForm reports []T, map[K]V, *T, T[] and T | null.
func (l *loader) foreignForm(n *node, text string) bool {
	at := len(n.text) - len(text)
	for strings.HasSuffix(text, ">") && strings.Count(text, ">") > strings.Count(text, "<") {
		text = text[:len(text)-1] // closes what stands before
	}
	say := func(length int, message, hint string) bool {
		d := l.finding(E0203, n, message)
		d.Hint = hint
		l.reportAt(d, n, at, length)
		return true
	}
	switch {
	case fixedArray.MatchString(text):
		m := fixedArray.FindStringSubmatch(text)
		elem := "list<" + scalarHint(m[2]) + ">"
		if m[2] == "byte" || m[2] == "uint8" {
			elem = "bytes"
		}
		return say(len(text), quote(text)+" is a Go type", "write {type: "+elem+", len: "+m[1]+"}")
	case text == "interface{}":
		return say(len(text), "`interface{}` is a Go type", "write any")
	case text == "[]byte" || text == "[]uint8":
		return say(len(text), quote(text)+" is a Go type", "write bytes")
	case strings.HasPrefix(text, "[]"):
		return say(len(text), quote(text)+" is a Go type", "write list<"+scalarHint(text[2:])+">")
	case strings.HasPrefix(text, "map["):
		if _, value, ok := strings.Cut(text, "]"); ok && value != "" {
			return say(len(text), quote(text)+" is a Go type", "write map<"+scalarHint(value)+">: map keys are always strings")
		}
		return say(len(text), quote(text)+" is a Go type", "write map<string>: map keys are always strings")
	case strings.HasPrefix(text, "*") && len(text) > 1:
		return say(len(text), quote(text)+" is a Go type", "write opt<"+scalarHint(text[1:])+">")
	case strings.HasSuffix(text, "[]") && len(text) > 2:
		return say(len(text), quote(text)+" is a type of another language", "write list<"+scalarHint(text[:len(text)-2])+">")
	case strings.HasSuffix(text, "| null"), strings.HasSuffix(text, "| undefined"), strings.HasSuffix(text, "| None"):
		return say(len(text), quote(text)+" is a type of another language", "write opt<"+scalarHint(strings.TrimSpace(text[:strings.LastIndexByte(text, '|')]))+">")
	}
	return false
}

// fixedArray matches a Go array.
var fixedArray = regexp.MustCompile(`^\[([0-9]+)\]([A-Za-z][A-Za-z0-9_]*)$`)

func (p *exprParser) fail(code Code, at, length int, message, hint string) {
	d := p.l.finding(code, p.n, message)
	d.Hint = hint
	p.failWith(d, at, length)
}

func (p *exprParser) failWith(d Diagnostic, at, length int) {
	if !p.failed {
		p.failed = true
		p.l.reportAt(d, p.n, at, length)
	}
}

// valuePos returns the position of a byte of a scalar's text. Inside a text
// with escapes or line breaks it is the nearest place on its first line.
func (s *source) valuePos(n *node, at int) Position {
	column := n.col + utf8.RuneCountInString(n.text[:at])
	if n.style == quotedStyle {
		column++
	}
	if n.style == blockStyle {
		column = n.col
	}
	return s.pos(n.line, min(column, max(s.columns(n.line), 1)))
}
