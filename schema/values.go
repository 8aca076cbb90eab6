package schema

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// This file reads values of one form, and says which form was expected.

// full reports whether there are as many findings as one Load collects.
func (l *loader) full() bool { return len(l.found) >= maxCollected }

func (l *loader) report(d Diagnostic) {
	const longest = 200 // runes of a hint, which may repeat a text of the file
	if hint := []rune(d.Hint); len(hint) > longest {
		d.Hint = string(hint[:longest]) + "…"
	}
	if !l.full() {
		l.found = append(l.found, d)
	}
}

// reportAt reports d about length bytes at a byte of a scalar's text. If these
// do not stand in the file as they are, because of escapes or line breaks, the
// whole value is marked.
func (l *loader) reportAt(d Diagnostic, n *node, at, length int) {
	end := min(at+length, len(n.text))
	pos := l.src.valuePos(n, min(at, len(n.text)))
	if n.style != blockStyle && strings.HasPrefix(l.src.rest(pos.Line, pos.Column), n.text[min(at, end):end]) {
		d.Pos = pos
		d.Length = clampMark(d.Excerpt, pos.Column, max(utf8.RuneCountInString(n.text[min(at, end):end]), 1))
	}
	l.report(d)
}

// finding returns a diagnostic that marks n: a scalar as a whole, else the
// first sign of it.
func (l *loader) finding(code Code, n *node, message string) Diagnostic {
	return l.src.finding(code, n.line, n.col, l.src.nodeLength(n), message)
}

func (s *source) nodeLength(n *node) int {
	if n.kind == 0 || n.kind >= listNode || n.kind == nullNode && n.text == "" || n.style == blockStyle {
		if n.kind == mapNode && n.style != flowStyle && len(n.pairs) > 0 {
			return s.nodeLength(n.pairs[0].key)
		}
		return 1
	}
	if n.style == plainStyle && strings.HasPrefix(s.rest(n.line, n.col), n.text) {
		return utf8.RuneCountInString(n.text)
	}
	return 0 // the word there
}

// twice reports a second declaration, with the place of the first.
func (l *loader) twice(code Code, n *node, firstSource *source, first *node, message, hint string) {
	d := l.finding(code, n, message)
	d.Label = "second declaration"
	d.Hint = hint
	f := firstSource.finding(code, first.line, first.col, firstSource.nodeLength(first), "")
	d.Notes = []Note{{Message: "first declared here", Pos: f.Pos, Length: f.Length, Excerpt: f.Excerpt}}
	l.report(d)
}

// mapping returns the entries of n, without repeated keys and those that are
// no text, which it reports. what names the mapping.
func (l *loader) mapping(n *node, what string) ([]pair, bool) {
	if n.kind != mapNode {
		d := l.finding(E0110, n, "expected a mapping, found "+n.kind.String())
		d.Hint = mappingHint(n, what)
		l.report(d)
		return nil, false
	}
	pairs := l.joinCut(n)
	first := make(map[string]pair, len(pairs))
	valid := pairs[:0:0]
	for _, kv := range pairs {
		switch {
		case l.full():
			return nil, false
		case kv.key.kind != textNode:
			d := l.finding(E0005, kv.key, "keys must be plain names, found "+kv.key.kind.String())
			d.Hint = "write a name before the colon"
			if kv.key.text != "" {
				d.Label = "YAML reads " + quote(kv.key.text) + " as " + kv.key.kind.String()
				d.Hint = "write a name that begins with a letter"
			}
			l.report(d)
		case first[kv.key.text].key != nil:
			f := first[kv.key.text]
			l.twice(E0004, kv.key, l.src, f.key, quote(kv.key.text)+" is declared twice", twiceHint(f.value, kv.value, what, kv.key.text))
		default:
			first[kv.key.text] = kv
			valid = append(valid, kv)
		}
	}
	return valid, true
}

// cutType matches a type with an open <, as a comma leaves it.
var cutType = regexp.MustCompile(`^(list|map|opt)<[^\s]*$`)

// joinCut reports types that a comma of YAML cut in two in a mapping in flow
// style, and returns the entries without them: m: map<string, int64> gives the
// keys m and int64>.
func (l *loader) joinCut(n *node) []pair {
	if n.style != flowStyle {
		return n.pairs
	}
	const most = 16 // pieces of one type
	var whole []pair
	for i := 0; i < len(n.pairs) && !l.full(); i++ {
		kv := n.pairs[i]
		text := kv.value.text
		balance := strings.Count(text, "<") - strings.Count(text, ">")
		if kv.value.kind != textNode || balance <= 0 || !cutType.MatchString(text) {
			whole = append(whole, kv)
			continue
		}
		j := i + 1
		for ; j < min(len(n.pairs), i+most) && balance > 0 && n.pairs[j].value.kind == nullNode && n.pairs[j].value.text == ""; j++ {
			piece := n.pairs[j].key.text
			text += ", " + piece
			balance += strings.Count(piece, "<") - strings.Count(piece, ">")
		}
		if j == i+1 || !strings.Contains(text, ">") {
			whole = append(whole, kv)
			continue
		}
		d := l.finding(E0010, n.pairs[i+1].key, "a type was cut in two by the YAML comma")
		d.Label = "YAML reads this as a second key"
		d.Hint = "maps always have string keys"
		if strings.Contains(text, "map<string, ") {
			d.Hint += ": write " + strings.ReplaceAll(text, "map<string, ", "map<")
		}
		l.report(d)
		i = j - 1
	}
	return whole
}

func (l *loader) list(n *node) ([]*node, bool) {
	if n.kind != listNode {
		d := l.finding(E0110, n, "expected a list, found "+n.kind.String())
		d.Hint = "write a list, for example [a, b]"
		switch n.kind {
		case textNode:
			d.Hint = "write [" + n.text + "]"
		case mapNode:
			keys := &node{kind: listNode}
			for _, kv := range n.pairs {
				keys.items = append(keys.items, kv.key)
			}
			if names, ok := plainTexts(keys); ok {
				d.Hint = "write [" + strings.Join(names, ", ") + "]"
			}
		}
		l.report(d)
		return nil, false
	}
	return n.items, true
}

// text returns a text without the line breaks at its end.
func (l *loader) text(n *node) (string, bool) {
	if n.kind != textNode {
		d := l.finding(E0110, n, "expected a text, found "+n.kind.String())
		switch n.kind {
		case boolNode, numberNode, dateNode:
			d.Hint = `quote it: "` + n.text + `"`
		case nullNode:
			d.Hint = "write a text behind the colon"
			if strings.HasPrefix(strings.TrimLeft(l.src.rest(n.line, n.col), " \t"), "#") {
				d.Hint = "a text that begins with # must be quoted"
			}
		default:
			d.Hint = "write one text; what holds [ ], { } or \": \" must be quoted"
		}
		l.report(d)
		return "", false
	}
	return strings.TrimRight(n.text, "\r\n"), true
}

// truth returns true or false.
func (l *loader) truth(n *node, key string) (value, ok bool) {
	if n.kind == boolNode && (n.text == "true" || n.text == "false") {
		return n.text == "true", true
	}
	d := l.finding(E0113, n, quote(key)+" must be true or false")
	d.Hint = "write true or false"
	switch word := strings.ToLower(n.text); {
	case n.kind != textNode && n.kind != boolNode:
	case n.style == quotedStyle && (word == "true" || word == "false"):
		d.Hint = "write it without quotes: " + word
	default:
		d.Label = "YAML versions do not agree on other words"
		switch word {
		case "true", "yes", "on", "y":
			d.Hint = "write true"
		case "false", "no", "off", "n":
			d.Hint = "write false, or leave it out"
		}
	}
	l.report(d)
	return false, false
}

// plainInteger is how a whole number is written: as in JSON.
var plainInteger = regexp.MustCompile(`^(0|-?[1-9][0-9]*)$`)

// ambiguousNumber is a number in another base, with a leading zero, a plus
// sign or a separator.
var ambiguousNumber = regexp.MustCompile(`^([+]|-?0[0-9box_]|[^.]*_)`)

// integer returns a whole number of at least low.
func (l *loader) integer(n *node, key string, low int) (int, bool) {
	if n.kind == numberNode && ambiguousNumber.MatchString(n.text) {
		l.ambiguous(n)
		return 0, false
	}
	v, err := strconv.ParseInt(n.text, 10, 32)
	if n.kind != numberNode || err != nil || !plainInteger.MatchString(n.text) || int(v) < low {
		d := l.finding(E0113, n, fmt.Sprintf("%s must be a whole number from %d to %d", quote(key), low, math.MaxInt32))
		d.Hint = "write " + key + ": 1"
		switch m := firstNumber.FindStringSubmatch(n.text); {
		case n.kind == textNode && plainInteger.MatchString(n.text):
			d.Hint = "write it without quotes: " + n.text
		case key == "version" && m != nil:
			d.Hint = "write version: " + m[1]
		}
		l.report(d)
		return 0, false
	}
	return int(v), true
}

// firstNumber matches a version as it is written elsewhere: 1.0, v2, 3.1.4.
var firstNumber = regexp.MustCompile(`^v?([1-9][0-9]{0,8})\b`)

// ambiguous reports such a number.
func (l *loader) ambiguous(n *node) {
	d := l.finding(E0009, n, quote(n.text)+" is a number that YAML versions read differently")
	d.Hint = "write a whole number, in decimal and without leading zeros"
	if digits, octal := strings.CutPrefix(n.text, "0"); octal {
		old, err1 := strconv.ParseUint(digits, 8, 31)
		now, err2 := strconv.ParseUint(digits, 10, 31)
		switch {
		case err1 == nil && err2 == nil && old != now:
			d.Message = fmt.Sprintf("%s is %d for YAML 1.1 and %d for YAML 1.2", quote(n.text), old, now)
			d.Hint = fmt.Sprintf("write %d or %d", old, now)
		case err2 == nil:
			d.Hint = fmt.Sprintf("write %d", now)
		}
	} else if digits := strings.ReplaceAll(n.text, "_", ""); plainInteger.MatchString(digits) {
		d.Hint = "write " + digits
	}
	l.report(d)
}

// nameLength reports a name that is too long.
func (l *loader) nameLength(n *node, what string, limit int) bool {
	if len(n.text) <= limit {
		return true
	}
	d := l.finding(E0112, n, fmt.Sprintf("%s is %d bytes long; at most %d are possible", what, len(n.text), limit))
	d.Hint = "take a shorter one"
	l.report(d)
	return false
}

// laterKeys are the words kept for later versions in every declaration.
var laterKeys = []string{"roles", "auth", "upload", "keys", "example", "bits"}

// unknownKey reports a key that is not one of known: as not supported if it is
// one of later, else as unknown. kind selects the words of other languages and
// what names the declaration.
func (l *loader) unknownKey(kv pair, kind, what string, known []string, later ...string) {
	key := kv.key.text
	if slices.Contains(later, key) || slices.Contains(laterKeys, key) {
		d := l.finding(E0104, kv.key, quote(key)+" is not supported by this version")
		d.Hint = laterHints[key]
		l.report(d)
		return
	}
	d := l.finding(E0103, kv.key, "unknown key "+quote(key)+" in "+what)
	d.Hint = l.unknownKeyHint(kv, kind, known, later)
	if d.Hint == "" {
		d.Hint = "possible keys: " + strings.Join(known, ", ")
	} else if slices.ContainsFunc(l.beside.pairs, func(other pair) bool { return other.key == kv.key }) {
		// Two words for one thing, such as min and max, are one mistake.
		if slices.Contains(l.beside.hints, d.Hint) {
			return
		}
		l.beside.hints = append(l.beside.hints, d.Hint)
	}
	l.report(d)
}

// unknownKeyHint returns what to write instead of an unknown key, or "".
func (l *loader) unknownKeyHint(kv pair, kind string, known, later []string) string {
	key := kv.key.text
	word := strings.ToLower(key)
	foreign := orElse(foreignKeys[kind][word], foreignKeys[""][word])
	if kind == "type" {
		foreign = orElse(foreign, foreignKeys["field"][word])
	}
	if name, rest, ok := strings.Cut(key, "="); ok && rest != "" {
		return "write a colon and a blank: " + strings.TrimSpace(name) + ": …"
	}
	if strings.Contains(key, "\u00a0") {
		return noBreakSpace
	}
	if kv.value.kind == nullNode {
		if hint := blankHint(key); hint != "" {
			return hint
		}
		if l.afterText(kv) || strings.Contains(key, " ") {
			return "a text that holds a comma must be quoted inside { }"
		}
	}
	switch {
	case (foreign == "range" || foreign == "len") && slices.Contains(known, foreign):
		if hint := boundsHint(l.beside.pairs, foreign); hint != "" {
			return hint
		}
		return "did you mean " + quote(foreign) + "?"
	case foreign != "" && slices.Contains(known, foreign):
		return "did you mean " + quote(foreign) + "?"
	case kind == "type" && (key == "default" || key == "secret" || key == "borrow"):
		return "say it at the fields of this type"
	}
	if hint := keyHint(kind, key); hint != "" {
		return hint
	}
	if hint := didYouMean(key, slices.Concat(known, later)); hint != "" {
		return hint
	}
	// A misspelt word of another language.
	for _, words := range []map[string]string{foreignKeys[kind], foreignKeys[""]} {
		if near := nearest(word, slices.Sorted(maps.Keys(words))); near != "" && slices.Contains(known, words[near]) {
			return "did you mean " + quote(words[near]) + "?"
		}
	}
	return ""
}

// afterText reports whether a key without a value follows a text in a mapping
// in flow style: a comma has cut the text.
func (l *loader) afterText(kv pair) bool {
	i := slices.IndexFunc(l.beside.pairs, func(other pair) bool { return other.key == kv.key })
	if i < 1 || kv.value.text != "" {
		return false
	}
	before := l.beside.pairs[i-1]
	return before.key.line == kv.key.line && before.value.style == plainStyle && (before.key.text == "doc" || before.key.text == "deprecated")
}

func orElse(s, other string) string {
	if s != "" {
		return s
	}
	return other
}
