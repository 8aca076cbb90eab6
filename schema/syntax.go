package schema

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// syntaxError explains a failure of the YAML parser, which says what it missed
// but rarely where. A scan of the lines it has read looks for the mistakes
// people make; if there is none of them, the last line read is the best guess.
func (s *source) syntaxError(err error, read int) *Diagnostic {
	sc := scanner{src: s, block: -1}
	for n := 1; n <= min(read, len(s.lines)) && sc.cause == nil; n++ {
		sc.scanLine(n)
	}
	if d := sc.verdict(); d != nil {
		return d
	}
	text := yamlErrorPrefix.ReplaceAllString(err.Error(), "")
	what := yamlError{message: text, hint: "a text that holds YAML's punctuation must be quoted"}
	for _, e := range yamlErrors {
		if strings.Contains(text, e.yaml) {
			what = e
			break
		}
	}
	line := s.lastContent(min(read, len(s.lines)))
	if what.previous {
		line = s.lastContent(line - 1)
	}
	line = max(line, 1)
	switch {
	case strings.Contains(text, "mapping values are not allowed"):
		for n := line; n >= max(line-1, 1); n-- {
			if d := s.noColon(n); d != nil {
				return d
			}
			if d := s.tooDeep(n); d != nil {
				return d
			}
		}
	case strings.Contains(text, "could not find expected ':'"):
		if d := s.keyAlone(s.lastContent(min(read, len(s.lines)))); d != nil {
			return d
		}
	}
	indent := len(s.line(line)) - len(strings.TrimLeft(s.line(line), " \t"))
	d := s.finding(E0001, line, indent+1, 0, "YAML syntax: "+what.message)
	d.Hint = what.hint
	if missingBlank.MatchString(s.line(line - 1)) {
		d.Hint = "the line above has no blank after its colon"
	}
	return &d
}

// noColon reports the line above n if it is a name alone whose colon is
// missing, so that what is indented below it would be its value, or a name and
// its value without a colon.
func (s *source) noColon(n int) *Diagnostic {
	above := s.lastContent(n - 1)
	text := s.line(above)
	name := strings.TrimSpace(text)
	deeper := indentation(s.line(n)) - indentation(text)
	if deeper == 0 && nameAndValue.MatchString(name) {
		return s.keyAlone(above)
	}
	if !bareName.MatchString(name) || deeper <= 0 {
		return nil
	}
	d := s.finding(E0001, above, indentation(text)+1, utf8.RuneCountInString(name), "YAML syntax: a key without a colon")
	d.Hint = "write " + name + ":"
	return &d
}

// keyAlone reports line n, or else the one above, as a key without a colon if
// it has none.
func (s *source) keyAlone(n int) *Diagnostic {
	if strings.Contains(s.line(n), ":") {
		n = s.lastContent(n - 1)
	}
	text := strings.TrimSpace(s.line(n))
	if n == 0 || strings.Contains(text, ":") {
		return nil
	}
	d := s.finding(E0001, n, indentation(s.line(n))+1, 0, "YAML syntax: a key without a colon")
	d.Hint = "write a colon and a blank after a key"
	above := strings.TrimRight(s.line(s.lastContent(n-1)), " \t")
	if m := nameAndValue.FindStringSubmatch(text); m != nil {
		d.Hint = "write " + m[1] + ": " + m[2]
	}
	if strings.HasSuffix(above, "|") || strings.HasSuffix(above, ">") {
		d.Hint = "indent the text further than its key"
	}
	return &d
}

// tooDeep reports line n if it is indented below a key that has a value on its
// own line.
func (s *source) tooDeep(n int) *Diagnostic {
	text := s.line(s.lastContent(n - 1))
	m := keyAndText.FindStringSubmatch(text)
	if m == nil || indentation(s.line(n)) <= indentation(text) || !strings.Contains(s.line(n), ":") {
		return nil
	}
	d := s.finding(E0001, n, indentation(s.line(n))+1, 0, "YAML syntax: a mapping value is not allowed here")
	d.Label = quote(m[1]) + " has a value already"
	d.Hint = "begin it in the same column as " + quote(m[1]) + "; a text that holds \": \" must be quoted"
	return &d
}

var (
	// nameAndValue matches a key and its value without a colon, or with another
	// sign between them.
	nameAndValue = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_.]*)\s*(?:\s|=|:=|->)\s*([^\s=:]+)$`)
	// keyAndText matches a key with a plain text as its value.
	keyAndText = regexp.MustCompile(`^\s*([A-Za-z_][A-Za-z0-9_.]*):\s+[^\s#|>&*!'"{\[].*$`)
)

func indentation(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// bareName matches a name alone.
var bareName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`)

// lastContent returns the last line up to n that is not empty or a comment,
// or 0.
func (s *source) lastContent(n int) int {
	for ; n > 0; n-- {
		if t := strings.TrimLeft(s.line(n), " \t"); t != "" && t[0] != '#' {
			return n
		}
	}
	return 0
}

var (
	yamlErrorPrefix = regexp.MustCompile(`^yaml: (line \d+: )?`)
	missingBlank    = regexp.MustCompile(`^\s*[A-Za-z0-9_.]+:[^\s:][^:]*$`)
	typeWord        = regexp.MustCompile(`^[A-Za-z0-9_<>]+$`)
)

type yamlError struct {
	yaml     string // part of the library's text; it has no other identity
	message  string
	hint     string
	previous bool // the mistake is on the line before the one read last
}

var yamlErrors = []yamlError{
	{yaml: "mapping values are not allowed", message: "a mapping value is not allowed here", hint: "keys of one mapping begin in the same column; a text that holds \": \" must be quoted"},
	{yaml: "did not find expected key", message: "this does not belong to the mapping before it", hint: "keys of one mapping begin in the same column"},
	{yaml: "could not find expected ':'", message: "a key without a colon", hint: "write a colon and a blank after a key", previous: true},
	{yaml: "block sequence entries are not allowed", message: "a list item is not allowed here", hint: "items of one list begin with `-` in the same column"},
	{yaml: "did not find expected '-' indicator", message: "this does not belong to the list before it", hint: "items of one list begin with `-` in the same column"},
	{yaml: "did not find expected ',' or", message: "a comma or the closing bracket is missing here", hint: "a text that holds YAML's punctuation must be quoted"},
	{yaml: "did not find expected <document start>", message: "the file should end here", hint: "keys of one mapping begin in the same column"},
	{yaml: "did not find expected node content", message: "a value is missing here", hint: "write a value, or delete the punctuation before it"},
	{yaml: "did not find expected comment or line break", message: "nothing may follow `|` or `>` on its line", hint: "begin the text on the next line; one that begins with `|` or `>` must be quoted"},
	{yaml: "exceeded max depth", message: "values are nested too deeply", hint: "declare types under `types:` and use their names"},
}

// A scanner reads lines roughly as YAML does: well enough to know what is
// inside quotes, brackets and block scalars.
type scanner struct {
	src   *source
	cause *Diagnostic // the first mistake found
	weak  bool        // cause may be the consequence of an open bracket

	open    []bracket
	quote   byte   // of the quoted text that is open, or 0
	quoteAt [2]int // its line and byte
	block   int    // the indentation a block scalar's text must exceed, or -1 if none is open

	line       int
	text       string // of the line
	colons     bool   // the entry has its colon
	key        string // the plain text before that colon
	lastKey    string // the last one there was
	filled     bool   // the entry of a list or mapping in flow style has begun
	tokenAt    int    // byte where the current plain text begins, or -1
	quoteEnded bool   // only a separator may follow
	afterClose bool   // quoteEnded, by a closing bracket
}

type bracket struct {
	char     byte
	line, at int // at: the byte in the line
}

func (b bracket) finding(s *source) *Diagnostic {
	what, closer := "list", "]"
	if b.char == '{' {
		what, closer = "mapping", "}"
	}
	d := s.finding(E0012, b.line, s.column(b.line, b.at), 1, "the "+what+" is not closed")
	d.Hint = "close it with `" + closer + "`"
	return &d
}

func (sc *scanner) verdict() *Diagnostic {
	if sc.cause != nil && !(sc.weak && len(sc.open) > 0 && sc.open[0].line < sc.cause.Pos.Line) {
		return sc.cause
	}
	if sc.quote != 0 {
		d := sc.src.finding(E0001, sc.quoteAt[0], sc.src.column(sc.quoteAt[0], sc.quoteAt[1]), 1, "YAML syntax: the quoted text is not closed")
		d.Hint = "close it with `" + string(sc.quote) + "`"
		if sc.quote == '\'' {
			d.Hint += "; inside single quotes a single quote is written twice"
		}
		return &d
	}
	if n := len(sc.open); n > 0 {
		return sc.open[n-1].finding(sc.src)
	}
	return nil
}

func (sc *scanner) report(code Code, at, length int, message, hint string) {
	if sc.cause == nil {
		d := sc.src.finding(code, sc.line, sc.src.column(sc.line, at), length, message)
		d.Hint = hint
		sc.cause = &d
	}
}

func (sc *scanner) scanLine(n int) {
	sc.line, sc.text = n, sc.src.line(n)
	content := strings.TrimLeft(sc.text, " \t")
	if content == "" {
		return
	}
	indent := len(sc.text) - len(strings.TrimLeft(sc.text, " "))
	i := len(sc.text) - len(content)
	switch {
	case sc.quote != 0:
		i = 0
	case sc.block >= 0 && indent > sc.block:
		return
	case len(sc.open) == 0 && indent < i && content[0] != '#':
		sc.report(E0002, indent, 1, "a tab is used for indentation", "YAML indents with spaces")
		return
	}
	sc.block = -1
	if len(sc.open) == 0 {
		sc.colons, sc.key = false, ""
	}
	sc.tokenAt = -1
	for i < len(sc.text) && sc.cause == nil {
		i = sc.scanByte(i, indent)
	}
	sc.quoteEnded = false
}

// scanByte handles the byte at i and returns where to go on.
func (sc *scanner) scanByte(i, indent int) int {
	c := sc.text[i]
	next := byte(' ')
	if i+1 < len(sc.text) {
		next = sc.text[i+1]
	}
	blankNext := next == ' ' || next == '\t'
	inFlow := len(sc.open) > 0
	switch {
	case sc.quote != 0:
		return sc.scanQuoted(i, next)
	case c == ' ' || c == '\t':
		return i + 1
	case c == '#' && (i == 0 || sc.text[i-1] == ' ' || sc.text[i-1] == '\t'):
		return len(sc.text)
	case c == ':' && (blankNext || inFlow && strings.IndexByte(",[]{}", next) >= 0 || sc.quoteEnded && inFlow):
		if sc.colons {
			sc.weak = inFlow
			sc.report(E0001, i, 1, "YAML syntax: a mapping value is not allowed here", sc.secondColon(i))
		}
		if sc.tokenAt >= 0 {
			sc.key = sc.text[sc.tokenAt:i]
			sc.lastKey = sc.key
		}
		sc.colons, sc.tokenAt, sc.quoteEnded = true, -1, false
	case inFlow && c == ',':
		if !sc.filled {
			sc.report(E0001, i, 1, "YAML syntax: a value is missing before this comma", "delete the comma")
		}
		sc.colons, sc.key, sc.tokenAt, sc.quoteEnded, sc.filled = false, "", -1, false, false
	case (c == '[' || c == '{') && (inFlow || sc.tokenAt < 0):
		sc.scanOpen(i, inFlow)
	case (c == ']' || c == '}') && (inFlow || sc.tokenAt < 0):
		sc.scanClose(i, next)
	case sc.quoteEnded && strings.HasPrefix(sc.text[i:], "//"), sc.tokenAt < 0 && strings.HasPrefix(sc.text[i:], "// "):
		sc.report(E0001, i, 2, "YAML syntax: `//` does not begin a comment", "comments begin with #")
	case sc.quoteEnded && sc.afterClose && c == ';' || sc.quoteEnded && inFlow && c == ';':
		sc.report(E0001, i, 1, "YAML syntax: a semicolon separates nothing", "write a comma inside { } and [ ], and nothing at the end of a line")
	case sc.quoteEnded && sc.afterClose && sc.lastKey == "pattern":
		sc.report(E0001, i, 0, "YAML syntax: something follows the closing bracket", "write the pattern in single quotes: '…'")
	case sc.quoteEnded && inFlow && sc.afterClose:
		sc.report(E0001, i, 0, "YAML syntax: something follows the closing bracket", "put a comma before it; a text that begins with a bracket must be quoted")
	case sc.quoteEnded && sc.afterClose:
		sc.report(E0001, i, 0, "YAML syntax: something follows the closing bracket", "put it on a line of its own; a text that begins with a bracket must be quoted")
	case sc.quoteEnded && inFlow:
		sc.report(E0001, i, 0, "YAML syntax: a text goes on after its closing quote", "put a comma before it, or the whole text in quotes of the other kind")
	case sc.quoteEnded:
		sc.report(E0001, i, 0, "YAML syntax: a text goes on after its closing quote", "put the whole text in quotes of the other kind")
	case sc.tokenAt < 0:
		return sc.scanStart(i, indent, blankNext)
	case inFlow && c == '?' && (blankNext || strings.IndexByte(",[]{}:", next) >= 0):
		sc.questionMark(i)
	}
	return i + 1
}

// escapes are the characters that may follow a backslash in double quotes.
const escapes = "0abt\tnvfre \"'/\\N_LPxuU"

func (sc *scanner) scanQuoted(i int, next byte) int {
	c := sc.text[i]
	switch {
	case sc.quote == '"' && c == '\\' && i+1 < len(sc.text) && strings.IndexByte(escapes, next) < 0:
		sc.report(E0001, i, 2, "YAML syntax: an unknown escape in a text in double quotes", "write the text in single quotes: they have no escapes")
	case sc.quote == '"' && c == '\\', sc.quote == '\'' && c == '\'' && next == '\'':
		return i + 2
	case c == sc.quote:
		sc.quote, sc.quoteEnded, sc.afterClose = 0, true, false
	}
	return i + 1
}

func (sc *scanner) scanOpen(i int, inFlow bool) {
	if c := sc.text[i]; inFlow && sc.tokenAt >= 0 && c == '[' {
		word := sc.text[sc.tokenAt:i]
		if word == "map" {
			sc.report(E0203, sc.tokenAt, len(word), "`map[…]` is a Go type", "write "+sc.goMap(i))
		} else if m := sizedType.FindStringSubmatch(sc.text[sc.tokenAt:min(sc.end(i), len(sc.text))]); m != nil {
			sc.report(E0203, sc.tokenAt, sc.end(i)-sc.tokenAt, quote(m[0])+" is a type of another language", orElse(sizedHint(m[1], m[2]), "write "+scalarHint(m[1])))
		} else if strings.HasPrefix(sc.text[i:], "[]") && typeWord.MatchString(word) {
			sc.report(E0203, sc.tokenAt, len(word)+2, quote(word+"[]")+" is a type of another language", "write list<"+scalarHint(word)+">")
		}
	}
	sc.open = append(sc.open, bracket{sc.text[i], sc.line, i})
	sc.colons, sc.key, sc.tokenAt, sc.filled = false, "", -1, false
}

// end returns where the bracket at i is closed on its line, or where the line
// ends.
func (sc *scanner) end(i int) int {
	if n := strings.IndexByte(sc.text[i:], ']'); n >= 0 {
		return i + n + 1
	}
	return len(sc.text)
}

// goMap returns the map that a Go map type with its bracket at i stands for.
func (sc *scanner) goMap(i int) string {
	value := sc.text[sc.end(i):]
	if n := strings.IndexFunc(value, func(r rune) bool { return !typeWord.MatchString(string(r)) }); n >= 0 {
		value = value[:n]
	}
	return "map<" + scalarHint(orElse(value, "string")) + ">: map keys are always strings"
}

// secondColon says what to do about the second colon of an entry, at i.
func (sc *scanner) secondColon(i int) string {
	const quoted = `a text that holds ": " must be quoted: doc: "use x: y"`
	if sc.tokenAt < 0 {
		return quoted
	}
	if r, _ := utf8.DecodeRuneInString(sc.text[sc.tokenAt:]); strings.ContainsRune(curlyQuotes, r) {
		return `quote the text with straight quotes: "…"`
	}
	if sc.key == "doc" || sc.key == "deprecated" {
		return quoted
	}
	text := sc.text[sc.tokenAt:i]
	if strings.HasPrefix(text, "(") {
		return "write { } instead of ( )"
	}
	if strings.Contains(text, ";") {
		return "write a comma instead of the semicolon, inside { }"
	}
	if words := strings.Fields(text); len(words) > 1 && len(sc.open) > 0 && bareName.MatchString(words[len(words)-1]) {
		return "put a comma before " + quote(words[len(words)-1]) + "; a text that holds \": \" must be quoted"
	}
	if len(sc.open) == 0 && typeWord.MatchString(text) {
		return "write { } around it, or begin a new line for " + quote(text)
	}
	return quoted
}

func (sc *scanner) scanClose(i int, next byte) {
	c := sc.text[i]
	if len(sc.open) == 0 {
		sc.report(E0001, i, 1, "YAML syntax: `"+string(c)+"` closes nothing", "delete it, or quote the text")
		return
	}
	last := sc.open[len(sc.open)-1]
	if c-last.char != 2 { // in ASCII, [ and ], { and } are two apart
		sc.cause = last.finding(sc.src)
		return
	}
	sc.open = sc.open[:len(sc.open)-1]
	if c == ']' && i > 0 && sc.text[i-1] == '[' {
		n := strings.IndexFunc(sc.text[i+1:], func(r rune) bool { return !typeWord.MatchString(string(r)) })
		if n < 0 {
			n = len(sc.text) - i - 1
		}
		if n > 0 {
			word := sc.text[i+1 : i+1+n]
			hint := "write list<" + scalarHint(word) + ">"
			if word == "byte" || word == "uint8" {
				hint = "write bytes"
			}
			sc.report(E0203, i-1, n+2, quote("[]"+word)+" is a Go type", hint)
		}
	}
	// The rest of the enclosing entry may only be a separator, and its colon
	// has been seen unless the bracket was a key.
	sc.colons, sc.key, sc.tokenAt, sc.quoteEnded, sc.filled, sc.afterClose = true, "", -1, true, true, true
	if next == ':' {
		sc.colons = false
	}
}

// scanStart handles the first byte of a token.
func (sc *scanner) scanStart(i, indent int, blankNext bool) int {
	c := sc.text[i]
	inFlow := len(sc.open) > 0
	sc.filled = true
	switch {
	case c == '"' || c == '\'':
		sc.quote, sc.quoteAt = c, [2]int{sc.line, i}
	case c == '*' || c == '&':
		sc.report(E0006, i, 0, "anchors, aliases and merge keys are not part of the schema language",
			"declare a type and use its name; a text that begins with `"+string(c)+"` must be quoted")
	case c == '!':
		sc.report(E0007, i, 0, "YAML tags are not allowed", "delete the tag; a text that begins with `!` must be quoted")
	case c == '@' || c == '`' || c == '%':
		sc.report(E0001, i, 1, "YAML syntax: a plain text cannot begin with "+quoteByte(c), "quote the text")
	case (c == '|' || c == '>') && !inFlow:
		sc.block = indent
		return len(sc.text)
	case c == '-' && blankNext && !inFlow && sc.colons:
		sc.report(E0001, i, 1, "YAML syntax: a list item is not allowed here", "begin the list on the next line, or write [a, b]")
	case (c == '-' || c == '?') && blankNext && !inFlow:
		return i + 1
	default:
		sc.tokenAt = i
	}
	return i + 1
}

// questionMark handles a ? at the end of a word in flow style, where YAML
// takes it for the sign of an explicit key.
func (sc *scanner) questionMark(i int) {
	word := strings.TrimSpace(sc.text[sc.tokenAt:i])
	switch {
	case !typeWord.MatchString(word) || sc.key == "doc" || sc.key == "deprecated":
		sc.report(E0001, i, 1, "YAML syntax: `?` inside { } or [ ] means a key", "quote the text")
	case sc.colons:
		sc.report(E0207, sc.tokenAt, utf8.RuneCountInString(word)+1, "`?` does not make a field optional", "write opt<"+scalarHint(word)+">")
	default:
		sc.report(E0207, sc.tokenAt, utf8.RuneCountInString(word)+1, "`?` does not make a field optional", "write "+word+": opt<…>")
	}
}

func quoteByte(c byte) string {
	if c == '`' {
		return "a backquote"
	}
	return "`" + string(c) + "`"
}
