package schema

import (
	"regexp"
	"slices"
	"strings"
)

// An allow is a comment that silences a warning.
type allow struct {
	code   Code
	reason string
	target place // the line it is about
	at     Position
	length int
	used   bool
}

// texts goes through the files once more, for what the model does not hold.
func (l *linter) texts() {
	for _, src := range l.schema.sources {
		root, d := parse(src)
		if d != nil {
			continue // Load has accepted it
		}
		l.words(src, root)
		l.comments(src, layoutOf(src, root).comments)
	}
}

// words reports plain words that YAML 1.1 reads as truth values.
func (l *linter) words(src *source, n *node) {
	if n.kind == textNode && n.style == plainStyle && slices.Contains(truthWords, strings.ToLower(n.text)) {
		l.warn(W0602, src.valuePos(n, 0), len(n.text), quote(n.text)+" is a truth value for YAML 1.1", "quote it: '"+n.text+"'")
	}
	for _, item := range n.items {
		l.words(src, item)
	}
	for _, kv := range n.pairs {
		l.words(src, kv.key)
		l.words(src, kv.value)
	}
}

var allowComment = regexp.MustCompile(`^#\s*ipcio:allow(?:\s+(\S+))?(?:\s+(.*\S))?\s*$`)

// comments collects the allows of a file. One is about the next line that holds
// something else than a comment.
func (l *linter) comments(src *source, comments []comment) {
	for _, c := range comments {
		m := allowComment.FindStringSubmatch(c.text)
		if m == nil {
			continue
		}
		a := allow{code: Code(m[1]), reason: m[2], at: src.pos(c.line, c.col), length: len([]rune(c.text))}
		if c.own {
			a.target = place{line: c.line + 1}
			for a.target.line <= len(src.lines) && strings.HasPrefix(strings.TrimLeft(src.line(a.target.line), " \t"), "#") {
				a.target.line++
			}
		}
		l.allows = append(l.allows, a)
	}
}

// allow returns the findings without those that are silenced, and with those
// about the allows.
func (l *linter) allow() Diagnostics {
	type spot struct {
		code Code
		file string
		line int
	}
	about := make(map[spot][]*allow)
	for i := range l.allows {
		a := &l.allows[i]
		if a.reason != "" {
			key := spot{a.code, a.at.File, a.target.line}
			about[key] = append(about[key], a)
		}
	}
	kept := slices.DeleteFunc(l.found, func(d Diagnostic) bool {
		list := about[spot{d.Code, d.Pos.File, d.Pos.Line}]
		for _, a := range list {
			a.used = true
		}
		return len(list) > 0
	})
	l.found = kept
	for _, a := range l.allows {
		switch {
		case a.used:
		case a.code == "" || !strings.HasPrefix(string(a.code), "W"):
			l.warn(W0690, a.at, a.length, "`ipcio:allow` names no warning", "write # ipcio:allow W0603 and the reason")
		case a.code.Title() == "":
			l.warn(W0690, a.at, a.length, "`ipcio:allow` names "+quote(string(a.code))+", which does not exist", "ipcio-gen explain lists the codes")
		case a.reason == "":
			l.warn(W0690, a.at, a.length, "`ipcio:allow` gives no reason", "write # ipcio:allow "+string(a.code)+" and the reason")
		case a.target.line == 0:
			l.warn(W0690, a.at, a.length, "`ipcio:allow` stands behind something", "write it on the line above")
		default:
			l.warn(W0690, a.at, a.length, "`ipcio:allow` allows nothing", "there is no "+string(a.code)+" on the next line: delete the comment")
		}
	}
	return l.found
}
